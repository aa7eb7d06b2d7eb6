"""The all-time views of a partition, kept in memory and changed by what each batch adds."""

from collections.abc import Mapping

from wayfold.state.cells.totals import Change, Totals
from wayfold.state.cells.values import Histogram
from wayfold.state.names.catalog import Catalog, JourneyScope
from wayfold.state.names.plans import Name
from wayfold.state.reading.views import Parts, Views, add, parts_of

EVENT_CLOCK = "event"  # over all time both clocks agree; the one of the entry is shown


class LiveViews:
    """All-time numbers by view and field; `changed` names the views changed since it was taken."""

    def __init__(self, catalog: Catalog, totals: Totals) -> None:
        self._catalog = catalog
        self._parts: dict[int, Parts] = {}
        self._views: dict[int, Views] = {}
        self._changed: dict[int, set[str]] = {}
        for series, (first, second, users) in totals.values.items():
            self._add(series, first, second, users)
        for series, histogram in totals.dwells.items():
            self._add_dwell(series, histogram)
        self._changed.clear()

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
        return {view: dict(fields) for view, fields in self._views.get(scope.number, {}).items()}

    def apply(self, changed: Mapping[int, Change], dwells: Mapping[int, Histogram]) -> None:
        """Take in what a committed batch added."""
        for series, change in changed.items():
            self._add(series, change.first, change.second, change.users)
        for series, histogram in dwells.items():
            self._add_dwell(series, histogram)

    def take_changed(self) -> list[tuple[JourneyScope, Views]]:
        """Views that changed since the last call, by scope."""
        changed, self._changed = self._changed, {}
        return [
            (
                self._catalog.numbered[number],
                {name: dict(views[name]) for name in names if name in (views := self._views[number])},
            )
            for number, names in changed.items()
        ]

    def _add(self, series: int, first: int, second: int, users: int) -> None:
        parts = self.parts(series)
        if parts.clock == EVENT_CLOCK:
            return
        number = self._catalog.series[series][0].number
        views = self._views.setdefault(number, {})
        for fields, amount in ((parts.first, first), (parts.second, second), (parts.users, users)):
            if amount and fields:
                add(views, fields, amount)
                self._changed.setdefault(number, set()).update(part.view for part in fields)

    def _add_dwell(self, series: int, histogram: Histogram) -> None:
        number = self._catalog.series[series][0].number
        for view, field in self.parts(series).first:
            fields = self._views.setdefault(number, {}).setdefault(view, {})
            for bucket, count in histogram.items():
                name = f"{field}:{bucket}"
                fields[name] = fields.get(name, 0) + count
            self._changed.setdefault(number, set()).add(view)
