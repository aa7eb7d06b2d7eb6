"""Cells: what batches did to series in hours and days, as rows."""

from collections.abc import Iterator

from wayfold.state.cells.changes import Changes
from wayfold.state.cells.recent import GRAINS, Rolled
from wayfold.state.cells.user_sets import UserSetWriter
from wayfold.state.cells.values import (
    Histogram,
    Row,
    add_histogram,
    decode_histogram,
    encode_histogram,
    pack,
    unpack,
)
from wayfold.state.histories.history import STATUSES
from wayfold.state.names.catalog import Catalog
from wayfold.state.names.plans import HOUR_BITS, HOUR_MASK
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

CACHED_LIMIT = 100_000
_STATUSES = frozenset(STATUSES)


class CellWriter:
    """Rolls messages up to their accounts, and turns what is settled into rows."""

    def __init__(self, store: StoreReader, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog
        self._sets = UserSetWriter(store)
        self._cached: dict[bytes, tuple[int, int]] = {}
        self._account_series: dict[int, int] = {}

    def rows(self, rolled: Rolled, batch: int) -> Iterator[Row]:
        """Rows of hour and day cells and of user sets, and of the histograms of hours and days."""
        for grain in GRAINS:
            for fact, (first, second, persons) in rolled.tallies[grain].items():
                yield from self._rows(
                    fact >> HOUR_BITS, grain, fact & HOUR_MASK, first, second, persons, batch
                )
            for fact, histogram in rolled.dwells[grain].items():
                yield self._dwell_row(grain, fact, histogram)
        if len(self._cached) > CACHED_LIMIT:
            self._cached.clear()

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

    def _dwell_row(self, grain: int, key: int, histogram: Histogram) -> Row:
        row = keys.cell_key(keys.DWELL, key >> HOUR_BITS, grain, key & HOUR_MASK)
        value = self._store.get(row)
        total = decode_histogram(value) if value else {}
        add_histogram(total, histogram)
        return row, encode_histogram(total)

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
