"""Reads a partition's numbers: all-time from the totals, a slice or a range from cells and sets."""

from collections.abc import Iterator, Mapping

from pyroaring import BitMap

from wayfold.models.zone import Span
from wayfold.state.cells.recent import Recent
from wayfold.state.cells.totals import Totals
from wayfold.state.cells.user_sets import read_users
from wayfold.state.cells.values import Histogram, add_histogram, decode_histogram, unpack
from wayfold.state.histories.closings import Closings
from wayfold.state.names.catalog import JourneyScope
from wayfold.state.reading.live_views import LiveViews
from wayfold.state.reading.query import Query
from wayfold.state.reading.views import (
    ENTRIES_CLOSE,
    EXITS_CLOSE,
    JOURNEY,
    Part,
    Parts,
    Views,
    add,
    version_view,
)
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

LAST_BUCKET = 2**32 - 1
DIMENSIONS = ("version", "step_id", "channel", "platform", "variant")
STATE_METRICS = frozenset(("active_entries", "current"))


class Reader:
    """Reads the committed numbers of one partition: what the rows say, and what is recent."""

    def __init__(
        self, store: StoreReader, totals: Totals, recent: Recent, live: LiveViews, closings: Closings
    ) -> None:
        self._store = store
        self._recent = recent
        self._closings = closings
        self._totals = totals
        self._live = live

    def all_time(self, scope: JourneyScope, watermark_ms: int) -> Views:
        """Unfiltered views of a scope."""
        views = self._live.of(scope)
        if scope.journey_id:
            self.add_open(views, scope, None, None, watermark_ms)
        return views

    def views(self, scope: JourneyScope, query: Query, watermark_ms: int) -> Views:
        """Views of a scope for a query: filtered, in a range, by a clock."""
        span = scope.zone.span(query.start, query.end)
        filters = filters_of(query)
        if span is None and not filters and scope.journey_id:
            return self.all_time(scope, watermark_ms)
        views: Views = {}
        sets: dict[Part, list[int]] = {}
        for series in scope.series.values():
            parts = self._live.parts(series)
            if not scope.journey_id and parts.metric == "persons" and not filters and span is None:
                add(views, parts.users, self._totals.values.get(series, (0, 0, 0))[2])
            if not answers(parts.dimensions, filters):
                continue
            self._add_series(views, sets, parts, series, query.clock, span)
        for part, members in sets.items():
            users = BitMap()
            for series in members:
                users |= self.users(series, span)
            if users:
                add(views, (part,), len(users))
        if scope.journey_id and not filters.keys() - {"version"}:
            self.add_open(views, scope, query.version, span, watermark_ms)
        return views

    def users(self, series: int, span: Span | None) -> BitMap:
        """Users of a series, in a range or ever."""
        users = BitMap()
        for grain, buckets in _ranges(span):
            recent = {bucket: tally[2] for bucket, tally in self._recent.tallies(series, grain, buckets)}
            users |= read_users(self._store, series, grain, buckets, recent)
        return users

    def counts(self, series: int, span: Span | None) -> tuple[int, int]:
        """The two counts of a series, in a range or ever."""
        if span is None:
            return self._totals.values.get(series, (0, 0, 0))[:2]
        first = second = 0
        for grain, buckets in _ranges(span):
            for value in self._rows(keys.CELL, series, grain, buckets):
                counts = unpack(value)
                first += counts[0]
                second += counts[1]
            for _, tally in self._recent.tallies(series, grain, buckets):
                first += tally[0]
                second += tally[1]
        return first, second

    def _histogram(self, series: int, span: Span | None) -> Histogram:
        """Dwell times of a series, in a range or ever."""
        if span is None:
            return self._totals.dwells.get(series, {})
        histogram: Histogram = {}
        for grain, buckets in _ranges(span):
            for value in self._rows(keys.DWELL, series, grain, buckets):
                add_histogram(histogram, decode_histogram(value))
            for recent in self._recent.histograms(series, grain, buckets):
                add_histogram(histogram, recent)
        return histogram

    def _rows(self, kind: bytes, series: int, grain: int, buckets: tuple[int, int]) -> Iterator[bytes]:
        start, end = (keys.cell_key(kind, series, grain, bucket) for bucket in buckets)
        for _, value in self._store.scan(start, end):
            yield value

    def _add_series(
        self,
        views: Views,
        sets: dict[Part, list[int]],
        parts: Parts,
        series: int,
        clock: str,
        span: Span | None,
    ) -> None:
        # The conversion rate is on the entry clock whatever the query's.
        cohort = parts.metric == "converted_entries" and parts.clock == "entry"
        if parts.clock and parts.clock != clock:
            if cohort:
                for part in parts.sets:
                    sets.setdefault(Part(part.view, "cohort_converted_users"), []).append(series)
            return
        self._add_counts(views, parts, series, span)
        for part in parts.sets:
            sets.setdefault(part, []).append(series)
            if cohort:
                sets.setdefault(Part(part.view, "cohort_converted_users"), []).append(series)

    def _add_counts(self, views: Views, parts: Parts, series: int, span: Span | None) -> None:
        if parts.metric == "dwell":
            for bucket, count in self._histogram(series, span).items():
                add(views, tuple(Part(view, str(bucket)) for view, _ in parts.first), count)
        elif parts.first or parts.second:
            first, second = self.counts(series, span)
            if first:
                add(views, parts.first, first)
            if second:
                add(views, parts.second, second)

    def add_open(
        self, views: Views, scope: JourneyScope, only: int | None, span: Span | None, watermark_ms: int
    ) -> None:
        """Add to the views how many windows are open at a watermark, and when the last closes."""
        for version, series in list(scope.entered.items()):
            if only is not None and version != only:
                continue
            if not scope.plans.version(version).committed_rules.may_convert:
                continue
            active_series = scope.series.get(("active_entries", version))
            active = 0 if active_series is None else self.counts(active_series, span)[0]
            found = self._closings.read(scope, version, watermark_ms, span)
            if not self.counts(series, span)[0]:
                continue
            for view in (version_view(version), JOURNEY):
                fields = views.setdefault(view, {})
                for field, amount in (
                    ("open_entries", active + found.exited),
                    ("open_exits", found.unconverted),
                ):
                    fields[field] = fields.get(field, 0) + amount
                for field, at_ms in (
                    (ENTRIES_CLOSE, found.exited_closes_at_ms),
                    (EXITS_CLOSE, found.unconverted_closes_at_ms),
                ):
                    if at_ms >= 0:
                        fields[field] = max(at_ms, fields.get(field, -1))


def _ranges(span: Span | None) -> Iterator[tuple[int, tuple[int, int]]]:
    """The grains, and buckets [first, end) of each, that a range comes to; without one all days."""
    if span is None:
        yield keys.DAY_GRAIN, (0, LAST_BUCKET)
        return
    if span.days[0] < span.days[1]:
        yield keys.DAY_GRAIN, span.days
    for hours in span.hours:
        if hours[0] < hours[1]:
            yield keys.HOUR_GRAIN, hours


def filters_of(query: Query) -> dict[str, str | int]:
    """The dimensions that a query filters by."""
    return {name: value for name in DIMENSIONS if (value := getattr(query, name)) is not None}


def answers(dimensions: Mapping[str, str | int], filters: Mapping[str, str | int]) -> bool:
    """True when a series has every filtered dimension and stands in the slice."""
    return bool(dimensions) and all(dimensions.get(name) == value for name, value in filters.items())
