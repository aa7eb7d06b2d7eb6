"""Totals: what every series comes to over all time, in memory and as rows."""

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from wayfold.state.cells.changes import Changes
from wayfold.state.cells.values import (
    FIRST_BYTES,
    SECOND_BYTES,
    Histogram,
    Row,
    add_histogram,
    decode_histogram,
    encode_histogram,
    pack,
    unpack,
)
from wayfold.state.names.plans import HOUR_BITS
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader


class Change(msgspec.Struct, gc=False):
    """What a batch adds to a series over all time: two counts and users."""

    first: int = 0
    second: int = 0
    users: int = 0


class Totals:
    """All-time numbers of every series, in memory: (first count, second count, users), histograms.

    Rows of the store may be behind by the batches in the journal (`state/cells/recent.py`); which series
    that concerns is remembered.
    """

    def __init__(self) -> None:
        self.values: dict[int, tuple[int, int, int]] = {}
        self.dwells: dict[int, Histogram] = {}
        self._unwritten: set[int] = set()
        self._unwritten_dwells: set[int] = set()

    def load(self, store: StoreReader) -> None:
        """Read the totals that earlier batches wrote."""
        for key, value in store.scan(keys.TOTAL, keys.after(keys.TOTAL)):
            series = int.from_bytes(key[1:5], "big")
            if len(key) > 5:
                self.dwells[series] = decode_histogram(value)
                continue
            first, second = unpack(value)
            users = int.from_bytes(value[FIRST_BYTES + SECOND_BYTES :], "little", signed=True)
            self.values[series] = (first, second, users)

    def rows(self, changed: Mapping[int, Change], dwells: Mapping[int, Histogram]) -> Iterator[Row]:
        """Rows of all that is not written, with what a batch changes; `apply` makes them the totals."""
        nothing = Change()
        for series in self._unwritten | changed.keys():
            first, second, users = self._sum(series, changed.get(series, nothing))
            value = pack(first, second) + users.to_bytes(SECOND_BYTES, "little", signed=True)
            yield keys.number_key(keys.TOTAL, series), value
        for series in self._unwritten_dwells | dwells.keys():
            total = dict(self.dwells.get(series, {}))
            add_histogram(total, dwells.get(series, {}))
            yield keys.number_key(keys.TOTAL, series) + keys.DWELL, encode_histogram(total)

    def apply(self, changed: Mapping[int, Change], dwells: Mapping[int, Histogram], *, written: bool) -> None:
        """Take in what a batch changed, once it is committed; `written` when the rows were."""
        for series, change in changed.items():
            self.values[series] = self._sum(series, change)
        for series, histogram in dwells.items():
            add_histogram(self.dwells.setdefault(series, {}), histogram)
        if written:
            self._unwritten.clear()
            self._unwritten_dwells.clear()
        else:
            self._unwritten.update(changed)
            self._unwritten_dwells.update(dwells)

    def _sum(self, series: int, change: Change) -> tuple[int, int, int]:
        first, second, users = self.values.get(series, (0, 0, 0))
        return first + change.first, second + change.second, users + change.users


def totals_of(changes: Changes) -> dict[int, Change]:
    """What a batch adds over all time, by series."""
    totals: dict[int, Change] = {}
    for fact, (first, second, _) in changes.tallies.items():
        if first or second:
            series = fact >> HOUR_BITS
            change = totals.get(series)
            if change is None:
                change = totals[series] = Change()
            change.first += first
            change.second += second
    for series, users in Counter(changes.new_users).items():
        totals.setdefault(series, Change()).users += users
    for series, users in changes.users.items():
        if users:
            totals.setdefault(series, Change()).users += users
    return totals


def dwells_of(changes: Changes) -> dict[int, Histogram]:
    """Dwell times that a batch adds over all time, by series."""
    totals: dict[int, Histogram] = {}
    for fact, histogram in changes.dwells.items():
        add_histogram(totals.setdefault(fact >> HOUR_BITS, {}), histogram)
    return totals
