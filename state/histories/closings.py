"""Open windows: exited entries that a goal could still convert, at a watermark.

A row stands for each exited entry whose window is open, in the order in which the windows close; it
goes when the account's watermark in the partition has passed it. What the rows come to is kept in the
totals of the series ("open", version): first count all, second count those not converted. So a reader only
looks at rows between the account's watermark in the partition and the one it is asked for. Versions in
which nothing can convert have no rows.
"""

from collections.abc import Callable, Generator, Mapping
from struct import unpack_from
from typing import NamedTuple

from wayfold.state.cells.changes import Changes
from wayfold.state.cells.totals import Change, Totals
from wayfold.state.names.catalog import OPEN, AccountScope, Catalog, JourneyScope
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreMoment, StoreReader

LAST_MS = 2**63
PIECE_ROWS = 64
CONVERTED, UNCONVERTED = b"1", b"0"

Row = tuple[bytes, bytes | None]
Range = tuple[bytes, bytes]


class Open(NamedTuple):
    """Exited entries whose window is open: all, those not converted, and the latest closing of each."""

    exited: int = 0
    unconverted: int = 0
    exited_closes_at_ms: int = -1
    unconverted_closes_at_ms: int = -1


NONE_OPEN = Open()


class Closings:
    """Keeps the rows of open windows and their totals, and reads them."""

    def __init__(self, store: StoreReader, catalog: Catalog, totals: Totals) -> None:
        self._store = store
        self._catalog = catalog
        self._totals = totals

    def rows(
        self, changes: Changes, moved: Mapping[AccountScope, int], changed: dict[int, Change]
    ) -> Generator[None, None, tuple[list[Row], list[Range]]]:
        """Find in pieces what to write or delete, and ranges to delete, when watermarks move on.

        `moved` has the new watermarks of accounts that had events. Adds to `changed` what becomes of the
        totals.
        """
        rows: list[Row] = []
        for count, (key, converted) in enumerate(changes.closings.items(), 1):
            if not count % PIECE_ROWS:
                yield
            scope_number, version, closes_at_ms = unpack_from(">IQQ", key, 1)
            change = self._change(changed, scope_number, version)
            old = self._store.get(key)
            new = None
            account = self._catalog.numbered[scope_number].account
            if converted is not None and closes_at_ms >= moved.get(account, account.watermark_ms):
                new = CONVERTED if converted else UNCONVERTED
            change.first += (new is not None) - (old is not None)
            change.second += (new == UNCONVERTED) - (old == UNCONVERTED)
            if new != old:
                rows.append((key, new))
        return rows, self._expire(changes, moved, changed)

    def totals(self, scope: JourneyScope, version: int) -> tuple[int, int]:
        """How many windows of a version are open at the watermark of its account, all and not converted."""
        series = scope.series.get((OPEN, version))
        return (0, 0) if series is None else self._totals.values.get(series, (0, 0, 0))[:2]

    def read(self, scope: JourneyScope, version: int, watermark_ms: int) -> Open:
        """Exited entries of a version inside their window at a watermark: the account's, or a later one."""
        return open_at(self._store.moment, scope.number, version, watermark_ms, self.totals(scope, version))

    def _expire(
        self, changes: Changes, moved: Mapping[AccountScope, int], changed: dict[int, Change]
    ) -> list[Range]:
        ranges = []
        for scope, version, series in self._catalog.open_series:
            before_ms, after_ms = max(0, scope.account.watermark_ms), moved.get(scope.account, -1)
            if after_ms <= before_ms or not self._totals.values.get(series, (0, 0, 0))[0]:
                continue
            low, high = _bounds(scope.number, version, before_ms, after_ms)
            change = self._change(changed, scope.number, version)
            for key, value in self._store.scan(low, high):
                if key not in changes.closings:
                    change.first -= 1
                    change.second -= value == UNCONVERTED
            ranges.append((low, high))
        return ranges

    def _change(self, changed: dict[int, Change], scope_number: int, version: int) -> Change:
        series = self._catalog.numbered[scope_number].series_id((OPEN, version))
        return changed.setdefault(series, Change())


def open_at(
    moment: Callable[[], StoreMoment],
    scope_number: int,
    version: int,
    watermark_ms: int,
    totals: tuple[int, int],
) -> Open:
    """Exited entries of a version inside their window at a watermark, from the totals of the same moment."""
    exited, unconverted = totals
    if not exited:
        return Open()
    rows, watermark_ms = moment(), max(0, watermark_ms)
    passed = Open()
    for _, value in rows.scan(*_bounds(scope_number, version, 0, watermark_ms)):
        passed = _one_more(passed, 0, value)
    exited, unconverted = exited - passed.exited, unconverted - passed.unconverted
    bounds = _bounds(scope_number, version, watermark_ms, LAST_MS)
    return Open(
        exited,
        unconverted,
        _latest(rows, *bounds, unconverted=False) if exited else -1,
        _latest(rows, *bounds, unconverted=True) if unconverted else -1,
    )


def open_within(
    rows: StoreMoment,
    scope_number: int,
    version: int,
    watermark_ms: int,
    place_of: Callable[[int], int | None],
) -> dict[int, Open]:
    """The same by the place of the hour of entry; entries of hours that have none are left out."""
    found: dict[int, Open] = {}
    for key, value in rows.scan(*_bounds(scope_number, version, max(0, watermark_ms), LAST_MS)):
        closes_at_ms, hour = unpack_from(">QI", key, 13)
        place = place_of(hour)
        if place is not None:
            found[place] = _one_more(found.get(place, NONE_OPEN), closes_at_ms, value)
    return found


def _one_more(found: Open, closes_at_ms: int, value: bytes) -> Open:
    """What rows come to with one that closes later than they."""
    exited, unconverted, _, unconverted_at_ms = found
    if value == UNCONVERTED:
        return Open(exited + 1, unconverted + 1, closes_at_ms, closes_at_ms)
    return Open(exited + 1, unconverted, closes_at_ms, unconverted_at_ms)


def _latest(rows: StoreMoment, low: bytes, high: bytes, *, unconverted: bool) -> int:
    """When the last window of the rows in [low, high) closes."""
    row = rows.last(low, high)
    while row is not None and unconverted and row[1] != UNCONVERTED:
        row = rows.last(low, row[0])
    return -1 if row is None else _closes_at_ms(row[0])


def _bounds(scope_number: int, version: int, from_ms: int, to_ms: int) -> tuple[bytes, bytes]:
    """Bounds of the rows of a version whose windows close in [from_ms, to_ms)."""
    return (
        keys.closing_key(keys.CLOSING, scope_number, version, from_ms, 0, 0, 0),
        keys.closing_key(keys.CLOSING, scope_number, version, to_ms, 0, 0, 0),
    )


def _closes_at_ms(key: bytes) -> int:
    closes_at_ms: int = unpack_from(">Q", key, 13)[0]
    return closes_at_ms
