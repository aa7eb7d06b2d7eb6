"""Reads a partition's numbers: all-time from the totals, slices and ranges from cells and sets."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pyroaring import BitMap

from wayfold.models.zone import Span
from wayfold.state.cells.recent import Recent
from wayfold.state.cells.totals import Totals
from wayfold.state.cells.user_sets import read_users
from wayfold.state.histories.closings import Closings, Open, open_at, open_within
from wayfold.state.histories.history import STATUSES
from wayfold.state.names.catalog import JourneyScope
from wayfold.state.reading.live_views import LiveViews
from wayfold.state.reading.query import Query
from wayfold.state.reading.spans import SpanRows, Spans, ranges_of
from wayfold.state.reading.views import (
    COUNT_METRICS,
    ENTRIES_CLOSE,
    ENTRY_METRICS,
    EXITS_CLOSE,
    JOURNEY,
    SUMMARY_STATUSES,
    Part,
    Parts,
    Views,
    add,
    own_view,
    version_view,
)
from wayfold.state.store.reader import StoreReader

DIMENSIONS = ("version", "step_id", "channel", "platform", "variant")
COHORT = "cohort_converted_users"
SUMMARY_METRICS = (*ENTRY_METRICS, *SUMMARY_STATUSES)
JOURNEY_METRICS = (*ENTRY_METRICS, *STATUSES, "cost")


class ChosenSeries(NamedTuple):
    """A series that is to be read: its number, what it adds to, its two counts over all time.

    `counts` says whether it counts by the clock that is asked for; one that does not is read for the
    conversion rate, which is on the entry clock whatever the query's.
    """

    series: int
    parts: Parts
    total: tuple[int, int]
    counts: bool


class ChosenVersion(NamedTuple):
    """A version in which entries may convert: its active entries and open windows over all time."""

    version: int
    active: int
    open: tuple[int, int]


class Chosen(NamedTuple):
    """What is to be read of a scope, as of one moment."""

    scope: JourneyScope
    series: list[ChosenSeries]
    versions: list[ChosenVersion]
    watermark_ms: int


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
            self.add_open(views, scope, watermark_ms)
        return views

    def views(self, scope: JourneyScope, query: Query, watermark_ms: int) -> Views:
        """Views of a scope for a query: filtered, in a range, by a clock."""
        span = scope.zone.span(query.start, query.end)
        filters = filters_of(query)
        if span is None and not filters and scope.journey_id:
            return self.all_time(scope, watermark_ms)
        chosen = self.choose(scope, query, watermark_ms)
        views = self.read(chosen, query, self.rows([chosen], Spans([span])))[0]
        if not scope.journey_id and not filters and span is None:
            for series in scope.series.values():
                parts = self._live.parts(series)
                if parts.metric == "persons":
                    add(views, parts.users, self._totals.values.get(series, (0, 0, 0))[2])
        return views

    def users(self, series: int, span: Span | None) -> BitMap:
        """Users of a series, in a range or ever."""
        users = BitMap()
        for grain, *buckets in ranges_of(span):
            within = (buckets[0], buckets[1])
            recent = {bucket: tally[2] for bucket, tally in self._recent.tallies(series, grain, within)}
            users |= read_users(self._store, series, grain, within, recent)
        return users

    def choose(self, scope: JourneyScope, query: Query, watermark_ms: int) -> Chosen:
        """Find what a query needs to be read of a scope, as of now."""
        filters = filters_of(query)
        found = []
        for series in self._candidates(scope, query):
            parts = self._live.parts(series)
            if not (parts.first or parts.sets) or not answers(parts.dimensions, filters):
                continue
            first, second, _ = self._totals.values.get(series, (0, 0, 0))
            if not (first or second) and parts.metric in COUNT_METRICS:
                continue
            counts = parts.clock in ("", query.clock)
            if counts or _is_cohort(parts):
                found.append(ChosenSeries(series, parts, (first, second), counts))
        versions = []
        if scope.journey_id and not filters.keys() - {"version"}:
            versions = self._versions(scope, query.version)
        return Chosen(scope, found, versions, watermark_ms)

    def rows(self, chosen: Sequence[Chosen], spans: Spans) -> SpanRows:
        """The rows of what was chosen, as of now."""
        series = [each.series for one in chosen for each in one.series]
        return SpanRows(self._store.moment(), self._recent, series, spans)

    def read(self, chosen: Chosen, query: Query, rows: SpanRows) -> list[Views]:
        """Read what was chosen: its views in each of the spans."""
        spans = rows.spans
        found: list[Views] = [{} for _ in range(spans.count)]
        sets: list[dict[Part, list[BitMap]]] = [{} for _ in range(spans.count)]
        for series, parts, total, counts in chosen.series:
            if counts:
                self._add_counts(found, parts, series, total, rows)
            wanted = _sets_of(parts, query, counts=counts)
            if wanted:
                for place, users in rows.users(series):
                    for part in wanted:
                        sets[place].setdefault(part, []).append(users)
        for views, unions in zip(found, sets, strict=True):
            for part, members in unions.items():
                count = len(BitMap.union(*members)) if len(members) > 1 else len(members[0])
                if count:
                    add(views, (part,), count)
        for version in chosen.versions:
            self._add_open_within(found, chosen, version, rows)
        return found

    def counts(self, chosen: Chosen, slot: int, rows: SpanRows) -> list[int]:
        """Add up one of the two counts of all series that were chosen, in each of the spans."""
        found = [0] * rows.spans.count
        for each in chosen.series:
            for place, *counts in rows.counts(each.series):
                found[place] += counts[slot]
        return found

    def choose_counted(self, scope: JourneyScope, query: Query, metric: str) -> Chosen:
        """Find the series that a number of a journey is counted in, as of now."""
        filters, found = filters_of(query), []
        for series in self._live.by_metric(scope).get(metric, ()):
            parts = self._live.parts(series)
            first, second, _ = self._totals.values.get(series, (0, 0, 0))
            if not (first or second) or not answers(parts.dimensions, filters):
                continue
            # What counts in the journey and in its versions apart is counted in one of them.
            if metric == "conversion_events" and bool(parts.dimensions["version"]) == (query.version is None):
                continue
            if parts.clock in ("", query.clock):
                found.append(ChosenSeries(series, parts, (first, second), counts=True))
        return Chosen(scope, found, [], 0)

    def summary(self, scope: JourneyScope, watermark_ms: int) -> tuple[Views, Chosen]:
        """The view of a journey as a whole over all time, but for its open windows, which are chosen."""
        return self._live.summary(scope), Chosen(scope, [], self._versions(scope, None), watermark_ms)

    def add_open_windows(self, views: Views, chosen: Chosen, rows: SpanRows) -> None:
        """Add the open windows of all time to what `summary` gave."""
        for version in chosen.versions:
            self._add_open_within([views], chosen, version, rows)

    def add_open(self, views: Views, scope: JourneyScope, watermark_ms: int) -> None:
        """Add to the views how many windows are open at a watermark, and when the last closes."""
        for version, active, _ in self._versions(scope, None):
            _put_open(views, version, active, self._closings.read(scope, version, watermark_ms))

    def _candidates(self, scope: JourneyScope, query: Query) -> list[int]:
        """The series of a scope that may say something about what a query asks for."""
        if query.detail == "all" and (query.step_id is not None or not query.ranges):
            return list(scope.series.values())
        by_metric = self._live.by_metric(scope)
        wanted = SUMMARY_METRICS if query.detail == "summary" else JOURNEY_METRICS
        return [series for metric in wanted for series in by_metric.get(metric, ())]

    def _versions(self, scope: JourneyScope, only: int | None) -> list[ChosenVersion]:
        """Versions with entries in which something may convert."""
        values, found = self._totals.values, []
        for version, series in list(scope.entered.items()):
            if (only is not None and version != only) or not values.get(series, (0, 0, 0))[0]:
                continue
            if scope.plans.version(version).committed_rules.may_convert:
                active_series = scope.series.get(("active_entries", version), -1)
                active = values.get(active_series, (0, 0, 0))[0]
                found.append(ChosenVersion(version, active, self._closings.totals(scope, version)))
        return found

    def _add_counts(
        self, found: list[Views], parts: Parts, series: int, total: tuple[int, int], rows: SpanRows
    ) -> None:
        if parts.metric == "dwell":
            histograms = (
                [(0, self._totals.dwells.get(series, {}))]
                if rows.spans.is_all_time
                else rows.histograms(series)
            )
            for place, histogram in histograms:
                for bucket, count in histogram.items():
                    add(found[place], tuple(Part(view, str(bucket)) for view, _ in parts.first), count)
        elif parts.first or parts.second:
            for place, first, second in [(0, *total)] if rows.spans.is_all_time else rows.counts(series):
                if first:
                    add(found[place], parts.first, first)
                if second:
                    add(found[place], parts.second, second)

    def _add_open_within(
        self, found: list[Views], chosen: Chosen, version: ChosenVersion, rows: SpanRows
    ) -> None:
        number, scope = version.version, chosen.scope.number
        if rows.spans.is_all_time:
            at_ms = chosen.watermark_ms
            now = open_at(lambda: rows.moment, scope, number, at_ms, version.open)
            _put_open(found[0], number, version.active, now)
            return
        windows = open_within(rows.moment, scope, number, chosen.watermark_ms, rows.spans.place_of_hour)
        for place, views in enumerate(found):
            fields = views.get(version_view(number), {})
            if fields.get("total_entries"):
                _put_open(views, number, fields.get("active_entries", 0), windows.get(place, Open()))


def _put_open(views: Views, version: int, active: int, found: Open) -> None:
    for view in (version_view(version), JOURNEY):
        fields = views.setdefault(view, {})
        for field, amount in (
            ("open_entries", active + found.exited),
            ("open_active_entries", active),
            ("open_exits", found.unconverted),
        ):
            fields[field] = fields.get(field, 0) + amount
        for field, at_ms in (
            (ENTRIES_CLOSE, found.exited_closes_at_ms),
            (EXITS_CLOSE, found.unconverted_closes_at_ms),
        ):
            if at_ms >= 0:
                fields[field] = max(at_ms, fields.get(field, -1))


def _is_cohort(parts: Parts) -> bool:
    # The conversion rate is on the entry clock whatever the query's.
    return parts.metric == "converted_entries" and parts.clock == "entry"


def _sets_of(parts: Parts, query: Query, *, counts: bool) -> tuple[Part, ...]:
    """The fields for which the users of a series are united, of those that the answer shows."""
    found = parts.sets if counts else ()
    if _is_cohort(parts):
        found += tuple(Part(view, COHORT) for view, _ in parts.sets)
    if query.detail == "all" and (query.step_id is not None or not query.ranges):
        return found
    own = own_view(query)
    return tuple(part for part in found if part.view == own)


def filters_of(query: Query) -> dict[str, str | int]:
    """The dimensions that a query filters by."""
    return {name: value for name in DIMENSIONS if (value := getattr(query, name)) is not None}


def answers(dimensions: Mapping[str, str | int], filters: Mapping[str, str | int]) -> bool:
    """True when a series has every filtered dimension and stands in the slice."""
    return bool(dimensions) and all(dimensions.get(name) == value for name, value in filters.items())
