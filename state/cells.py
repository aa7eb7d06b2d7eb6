"""Cells and totals: a batch's tallies rolled up to hours, days and all time, and their rows."""

from collections.abc import Iterator

from wayfold.models.zone import MINUTE_MS
from wayfold.state import keys
from wayfold.state.catalog import Catalog
from wayfold.state.changes import HOUR_BITS, Changes
from wayfold.state.history import STATUSES
from wayfold.state.store_reader import StoreReader
from wayfold.state.usersets import UserSetWriter

FIRST_BYTES = 16  # money in 10⁻⁹ units outgrows 64 bits
SECOND_BYTES = 8
CACHED_LIMIT = 100_000
HOUR_MASK = (1 << HOUR_BITS) - 1
_STATUSES = frozenset(STATUSES)

Row = tuple[bytes, bytes | None]


class Totals:
    """All-time numbers of every series, in memory: (first count, second count, users)."""

    def __init__(self) -> None:
        self.values: dict[int, tuple[int, int, int]] = {}

    def load(self, store: StoreReader) -> None:
        """Read the totals that earlier batches wrote."""
        for key, value in store.scan(keys.TOTAL, keys.after(keys.TOTAL)):
            first, second = unpack(value)
            users = int.from_bytes(value[FIRST_BYTES + SECOND_BYTES :], "little", signed=True)
            self.values[int.from_bytes(key[1:], "big")] = (first, second, users)

    def add(self, changed: dict[int, list[int]]) -> Iterator[Row]:
        """Add what a batch changed, {series: [first, second, users]}; give the rows to write."""
        for series, (first, second, users) in changed.items():
            old = self.values.get(series, (0, 0, 0))
            new = (old[0] + first, old[1] + second, old[2] + users)
            self.values[series] = new
            value = pack(new[0], new[1]) + new[2].to_bytes(SECOND_BYTES, "little", signed=True)
            yield keys.number_key(keys.TOTAL, series), value


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
        for key, (first, second, persons) in changes.tallies.items():
            series, hour = key >> HOUR_BITS, key & HOUR_MASK
            zone = self._catalog.series[series][0].zone
            day = series << HOUR_BITS | zone.place(hour * MINUTE_MS).day
            tally = days.get(day)
            if tally is None:
                days[day] = [first, second, list(persons)]
            else:
                tally[0] += first
                tally[1] += second
                tally[2] += persons
            yield from self._rows(series, keys.HOUR_GRAIN, hour, first, second, persons, batch)
        for key, (first, second, persons) in days.items():
            yield from self._rows(
                key >> HOUR_BITS, keys.DAY_GRAIN, key & HOUR_MASK, first, second, persons, batch
            )
        if len(self._cached) > CACHED_LIMIT:
            self._cached.clear()

    def roll_up_accounts(self, changes: Changes) -> None:
        """Add the message tallies of journeys to the channel totals of their accounts."""
        for key, (first, second, persons) in list(changes.tallies.items()):
            series = self._account_series_of(key >> HOUR_BITS)
            if series >= 0:
                tally = changes.tally(series, key & HOUR_MASK)
                tally[0] += first
                tally[1] += second
                # Who leaves one variant is in another: nobody ever leaves the account's set.
                tally[2] += [person for person in persons if person >= 0]

    def forget(self) -> None:
        """Drop the cache; what is committed is in the store."""
        self._cached.clear()

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


def totals_of(changes: Changes) -> dict[int, list[int]]:
    """What a batch adds over all time: {series: [first, second, users]}."""
    totals: dict[int, list[int]] = {}
    for key, (first, second, _) in changes.tallies.items():
        series = key >> HOUR_BITS
        total = totals.get(series)
        if total is None:
            totals[series] = [first, second, 0]
        else:
            total[0] += first
            total[1] += second
    for series, users in changes.users.items():
        totals.setdefault(series, [0, 0, 0])[2] += users
    return totals
