"""Cells and totals: a batch's tallies rolled up to hours, days and all time, and their rows."""

from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from wayfold.state.cells.changes import Changes
from wayfold.state.cells.user_sets import UserSetWriter
from wayfold.state.histories.history import STATUSES
from wayfold.state.names.catalog import Catalog
from wayfold.state.names.plans import HOUR_BITS, HOUR_MASK
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

FIRST_BYTES = 16  # money in 10⁻⁹ units outgrows 64 bits
SECOND_BYTES = 8
CACHED_LIMIT = 100_000
_STATUSES = frozenset(STATUSES)

Row = tuple[bytes, bytes | None]
Histogram = dict[int, int]

encode_histogram = msgspec.msgpack.Encoder().encode
decode_histogram = msgspec.msgpack.Decoder(dict[int, int]).decode


class Change(msgspec.Struct, gc=False):
    """What a batch adds to a series over all time: two counts and users."""

    first: int = 0
    second: int = 0
    users: int = 0


class Totals:
    """All-time numbers of every series, in memory: (first count, second count, users), histograms."""

    def __init__(self) -> None:
        self.values: dict[int, tuple[int, int, int]] = {}
        self.dwells: dict[int, Histogram] = {}

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
        """Rows of the totals with what a batch changed; `apply` then makes them the totals."""
        for series, change in changed.items():
            first, second, users = self._sum(series, change)
            value = pack(first, second) + users.to_bytes(SECOND_BYTES, "little", signed=True)
            yield keys.number_key(keys.TOTAL, series), value
        for series, histogram in dwells.items():
            total = dict(self.dwells.get(series, {}))
            add_histogram(total, histogram)
            yield keys.number_key(keys.TOTAL, series) + keys.DWELL, encode_histogram(total)

    def apply(self, changed: Mapping[int, Change], dwells: Mapping[int, Histogram]) -> None:
        """Take in what a batch changed, once it is written."""
        for series, change in changed.items():
            self.values[series] = self._sum(series, change)
        for series, histogram in dwells.items():
            add_histogram(self.dwells.setdefault(series, {}), histogram)

    def _sum(self, series: int, change: Change) -> tuple[int, int, int]:
        first, second, users = self.values.get(series, (0, 0, 0))
        return first + change.first, second + change.second, users + change.users


class CellWriter:
    """Rolls the tallies of a batch up and turns them into rows."""

    def __init__(self, store: StoreReader, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._sets = UserSetWriter(store)
        self._cached: dict[bytes, tuple[int, int]] = {}
        self._account_series: dict[int, int] = {}

    def rows(self, changes: Changes, batch: int) -> Iterator[Row]:
        """Rows of hour and day cells and of user sets."""
        days: dict[int, list] = {}  # type: ignore[type-arg]  # tallies as in Changes, by day
        for fact, (first, second, persons) in changes.tallies.items():
            series, hour = fact >> HOUR_BITS, fact & HOUR_MASK
            day = self._catalog.day_of(fact)
            tally = days.get(day)
            if tally is None:
                tally = days[day] = [0, 0, []]
            tally[0] += first
            tally[1] += second
            tally[2] += persons if not changes.days else [person for person in persons if person >= 0]
            yield from self._rows(series, keys.HOUR_GRAIN, hour, first, second, persons, batch)
        for day, moved in changes.days.items():
            days[day][2] += [person if inside else ~person for person, inside in moved.items()]
        for key, (first, second, persons) in days.items():
            yield from self._rows(
                key >> HOUR_BITS, keys.DAY_GRAIN, key & HOUR_MASK, first, second, persons, batch
            )
        if len(self._cached) > CACHED_LIMIT:
            self._cached.clear()

    def dwell_rows(self, changes: Changes) -> Iterator[Row]:
        """Rows of the histograms of hours and days."""
        days: dict[int, Histogram] = {}
        for fact, histogram in changes.dwells.items():
            add_histogram(days.setdefault(self._catalog.day_of(fact), {}), histogram)
            yield from self._dwell_row(keys.HOUR_GRAIN, fact, histogram)
        for key, histogram in days.items():
            yield from self._dwell_row(keys.DAY_GRAIN, key, histogram)

    def roll_up_accounts(self, changes: Changes) -> None:
        """Add the message tallies of journeys to the channel totals of their accounts."""
        for fact, (first, second, persons) in list(changes.tallies.items()):
            series = self._account_series_of(fact >> HOUR_BITS)
            if series >= 0:
                tally = changes.tally(series << HOUR_BITS | (fact & HOUR_MASK))
                tally[0] += first
                tally[1] += second
                # Who leaves one variant is in another: nobody ever leaves the account's set.
                tally[2] += persons if not changes.days else [person for person in persons if person >= 0]

    def _account_series_of(self, series: int) -> int:
        found = self._account_series.get(series)
        if found is None:
            scope, name = self._catalog.series[series]
            found = -1
            if scope.journey_id and name[0] in _STATUSES:
                account = self._catalog.scope(scope.account_id, "")
                found = account.series_id((name[0], 0, "", name[3], name[4], ""))
            self._account_series[series] = found
        return found

    def _dwell_row(self, grain: int, key: int, histogram: Histogram) -> Iterator[Row]:
        row = keys.cell_key(keys.DWELL, key >> HOUR_BITS, grain, key & HOUR_MASK)
        value = self._store.get(row)
        total = decode_histogram(value) if value else {}
        add_histogram(total, histogram)
        yield row, encode_histogram(total)

    def _rows(
        self, series: int, grain: int, bucket: int, first: int, second: int, persons: list[int], batch: int
    ) -> Iterator[Row]:
        if first or second:
            key = keys.cell_key(keys.CELL, series, grain, bucket)
            old = self._cached.get(key)
            if old is None:
                value = self._store.get(key)
                old = (0, 0) if value is None else unpack(value)
            new = (old[0] + first, old[1] + second)
            self._cached[key] = new
            yield key, pack(*new)
        if persons:
            yield from self._sets.rows(series, grain, bucket, persons, batch)


def pack(first: int, second: int) -> bytes:
    """Two counts as a cell's value; the first may be money."""
    return first.to_bytes(FIRST_BYTES, "little", signed=True) + second.to_bytes(
        SECOND_BYTES, "little", signed=True
    )


def unpack(value: bytes) -> tuple[int, int]:
    """The two counts of a cell's value."""
    return (
        int.from_bytes(value[:FIRST_BYTES], "little", signed=True),
        int.from_bytes(value[FIRST_BYTES : FIRST_BYTES + SECOND_BYTES], "little", signed=True),
    )


def add_histogram(total: Histogram, other: Histogram) -> None:
    """Add a histogram to another in place; empty buckets go."""
    for bucket, count in other.items():
        amount = total.get(bucket, 0) + count
        if amount:
            total[bucket] = amount
        else:
            total.pop(bucket, None)


def totals_of(changes: Changes) -> dict[int, Change]:
    """What a batch adds over all time, by series."""
    totals: dict[int, Change] = {}
    for fact, (first, second, _) in changes.tallies.items():
        if first or second:
            change = totals.setdefault(fact >> HOUR_BITS, Change())
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
