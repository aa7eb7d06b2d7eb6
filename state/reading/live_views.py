"""The all-time views of a partition, kept in memory and changed by what each batch adds."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from wayfold.state.cells.totals import Change, Totals
from wayfold.state.cells.values import Histogram
from wayfold.state.names.catalog import Catalog, JourneyScope
from wayfold.state.names.plans import Name
from wayfold.state.reading.views import JOURNEY, SUMMARY_STATUSES, Part, Parts, Views, parts_of

EVENT_CLOCK = "event"  # over all time both clocks agree; the one of the entry is shown

SUMMARY_FIELDS = tuple(
    f"{status}_{counter}" for status in SUMMARY_STATUSES for counter in ("events", "messages")
)

Place = tuple[dict[str, int], str]
"""The fields of a view, and which of them."""


class _Target(NamedTuple):
    """Where a series adds to: places of its first and second count and its users, and their views.

    `changed` are the names of the changed views of its scope.
    """

    first: list[Place]
    second: list[Place]
    users: list[Place]
    views: frozenset[str]
    changed: set[str]


class LiveViews:
    """All-time numbers by view and field; `changed` names the views changed since it was taken."""

    def __init__(self, catalog: Catalog, totals: Totals) -> None:
        self._catalog = catalog
        self._parts: dict[int, Parts] = {}
        self._targets: dict[int, _Target] = {}
        self._views: dict[int, Views] = {}
        self._changed: dict[int, set[str]] = {}
        self._versions: dict[int, set[int]] = {}
        self._by_metric: dict[int, dict[str, list[int]]] = {}
        self._sorted: dict[int, int] = {}
        self.apply({series: Change(*values) for series, values in totals.values.items()}, totals.dwells)
        self.take_changed()

    def parts(self, series: int) -> Parts:
        """What a series adds to."""
        found = self._parts.get(series)
        if found is None:
            scope, name = self._catalog.series[series]
            found = self._parts[series] = parts_of(name, account=not scope.journey_id)
        return found

    def name(self, series: int) -> Name:
        """The words of a series."""
        return self._catalog.series[series][1]

    def of(self, scope: JourneyScope) -> Views:
        """The views of a scope; the caller may change what it gets."""
        return {view: dict(fields) for view, fields in self._views.get(scope.number, {}).items() if fields}

    def summary(self, scope: JourneyScope) -> Views:
        """The view of a journey as a whole, with what a summary shows of its messages; the caller's own."""
        return summary_of(self._views.get(scope.number, {}))

    def versions(self, scope: JourneyScope) -> set[int]:
        """Versions of a journey that events have counted in."""
        return self._versions.get(scope.number, set())

    def by_metric(self, scope: JourneyScope) -> Mapping[str, Sequence[int]]:
        """The series of a scope that ranges are read from, by metric, without what is kept of steps only."""
        found = self._by_metric.setdefault(scope.number, {})
        done = self._sorted.get(scope.number, 0)
        if done < len(scope.series):
            for series in islice(scope.series.values(), done, None):
                parts = self.parts(series)
                if parts.first or parts.sets:
                    found.setdefault(parts.metric, []).append(series)
            self._sorted[scope.number] = len(scope.series)
        return found

    def apply(self, changed: Mapping[int, Change], dwells: Mapping[int, Histogram]) -> None:
        """Take in what a committed batch added."""
        targets = self._targets
        for series, change in changed.items():
            first, second, users, views, names = targets.get(series) or self._target(series)
            # Most series change in one of the three.
            if change.first:
                _add(first, change.first)
            if change.second:
                _add(second, change.second)
            if change.users:
                _add(users, change.users)
            names |= views
        for series, histogram in dwells.items():
            self._add_dwell(series, histogram)

    def take_changed(
        self, is_wanted: Callable[[JourneyScope], bool] = lambda _: True
    ) -> list[tuple[JourneyScope, Views]]:
        """Views that changed since they were last given, by scope; those of unwanted scopes wait."""
        taken = []
        for number, names in self._changed.items():
            if names and is_wanted(self._catalog.numbered[number]):
                views = self._views[number]
                found = {name: dict(views[name]) for name in names if views[name]}
                taken.append((self._catalog.numbered[number], found))
                names.clear()
        return taken

    def _target(self, series: int) -> _Target:
        """Look up, once per series, where it adds to."""
        parts = self.parts(series)
        if parts.clock == EVENT_CLOCK:
            parts = Parts()
        scope, name = self._catalog.series[series]
        number = scope.number
        if scope.journey_id and name[1]:
            self._versions.setdefault(number, set()).add(int(name[1]))
        found = self._targets[series] = _Target(
            [self._place(number, part) for part in parts.first],
            [self._place(number, part) for part in parts.second],
            [self._place(number, part) for part in parts.users],
            frozenset(part.view for part in (*parts.first, *parts.second, *parts.users)),
            self._changed.setdefault(number, set()),
        )
        return found

    def _place(self, number: int, part: Part) -> Place:
        return self._views.setdefault(number, {}).setdefault(part.view, {}), part.field

    def _add_dwell(self, series: int, histogram: Histogram) -> None:
        first, _, _, views, names = self._targets.get(series) or self._target(series)
        for fields, _ in first:
            for bucket, count in histogram.items():
                name = str(bucket)
                fields[name] = fields.get(name, 0) + count
        names |= views


def summary_of(views: Mapping[str, Mapping[str, int]], own: str = JOURNEY) -> Views:
    """A journey's own view, with the events and messages of its steps that a summary shows."""
    fields = dict(views.get(own, {}))
    for view, of_step in views.items():
        if view.startswith("step:"):
            for field in SUMMARY_FIELDS:
                amount = of_step.get(field)
                if amount:
                    fields[field] = fields.get(field, 0) + amount
    return {own: fields}


def _add(places: list[Place], amount: int) -> None:
    for fields, field in places:
        fields[field] = fields.get(field, 0) + amount
