"""Open windows: entries that a goal could still convert, at a watermark."""

from struct import unpack_from
from typing import NamedTuple

from wayfold.models.zone import MINUTE_MS, Span
from wayfold.state import keys
from wayfold.state.catalog import JourneyScope
from wayfold.state.cells import unpack
from wayfold.state.store_reader import StoreReader

LAST_MS = 2**63


class Open(NamedTuple):
    """Exited entries whose window is open: all, those not converted, and the latest closing of each."""

    exited: int = 0
    unconverted: int = 0
    exited_closes_at_ms: int = -1
    unconverted_closes_at_ms: int = -1


def open_exits(
    store: StoreReader, scope: JourneyScope, version: int, watermark_ms: int, span: Span | None
) -> Open:
    """Exited entries of a version still inside their window at a watermark.

    With a `span`, only those entered in it. The watermark's own hour, and every span, is read from
    the rows; whole hours behind it from their cells.
    """
    watermark_ms = max(0, watermark_ms)
    if span is not None:
        return _from_rows(store, scope, version, (watermark_ms, LAST_MS), span)
    series = scope.series.get(("closing", version))
    if series is None:
        return Open()
    place = scope.zone.place(watermark_ms).hour
    unconverted = scope.series.get(("closing_unconverted", version))
    all_hours = _hours(store, series, place + 1)
    open_hours = {} if unconverted is None else _hours(store, unconverted, place + 1)
    found = _from_rows(store, scope, version, (watermark_ms, _end_of(scope, watermark_ms)), None)
    closes_at, unconverted_closes_at = found.exited_closes_at_ms, found.unconverted_closes_at_ms
    if all_hours:
        hour_ms = max(all_hours) * MINUTE_MS
        closes_at = _from_rows(store, scope, version, (hour_ms, LAST_MS), None).exited_closes_at_ms
    if open_hours:
        hour_ms = max(open_hours) * MINUTE_MS
        unconverted_closes_at = _from_rows(
            store, scope, version, (hour_ms, LAST_MS), None
        ).unconverted_closes_at_ms
    return Open(
        found.exited + sum(all_hours.values()),
        found.unconverted + sum(open_hours.values()),
        closes_at,
        unconverted_closes_at,
    )


def _hours(store: StoreReader, series: int, first: int) -> dict[int, int]:
    start = keys.cell_key(keys.CELL, series, keys.HOUR_GRAIN, first)
    end = keys.cell_key(keys.CELL, series, keys.HOUR_GRAIN + 1, 0)
    hours = {}
    for key, value in store.scan(start, end):
        count = unpack(value)[0]
        if count:
            hours[unpack_from(">I", key, 6)[0]] = count
    return hours


def _end_of(scope: JourneyScope, watermark_ms: int) -> int:
    """First instant after the local hour that holds the watermark."""
    hour = scope.zone.place(watermark_ms).hour
    end_ms = hour * MINUTE_MS + 60 * MINUTE_MS
    while scope.zone.place(end_ms).hour == hour:
        end_ms += 30 * MINUTE_MS
    return end_ms


def _from_rows(
    store: StoreReader, scope: JourneyScope, version: int, times: tuple[int, int], span: Span | None
) -> Open:
    low, high = (keys.closing_key(keys.CLOSING, scope.number, version, at_ms, 0, 0, 0) for at_ms in times)
    exited = unconverted = 0
    exited_at_ms = unconverted_at_ms = -1
    for key, value in store.scan(low, high):
        closes_at_ms, hour = unpack_from(">QI", key, 13)
        if span is not None and not span.start_ms <= hour * MINUTE_MS < span.end_ms:
            continue
        exited += 1
        exited_at_ms = closes_at_ms
        if value == b"0":
            unconverted += 1
            unconverted_at_ms = closes_at_ms
    return Open(exited, unconverted, exited_at_ms, unconverted_at_ms)
