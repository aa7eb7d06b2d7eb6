"""Who is behind a number: the users whose histories hold the facts that it counts."""

from collections.abc import Callable, Iterable, Iterator

from pyroaring import BitMap

from wayfold.models.zone import MINUTE_MS, Span
from wayfold.state.histories.facts import EntryFacts, Fact, MessageFacts
from wayfold.state.histories.history import STATUSES, Goal, History
from wayfold.state.histories.people import People
from wayfold.state.names.catalog import JourneyScope
from wayfold.state.names.plans import HOUR_BITS, HOUR_MASK
from wayfold.state.reading.live_views import LiveViews
from wayfold.state.reading.query import Query
from wayfold.state.reading.reader import Reader, answers, filters_of
from wayfold.state.reading.views import Parts
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

FactsOf = Callable[[JourneyScope, History, list[Goal]], Iterable[Fact]]

# Numbers of a journey and of a step, and the metric that each counts; `_users` numbers count the
# users of the metric of their entries.
JOURNEY_NUMBERS = {
    "total_entries": "total_entries",
    "entered_users": "total_entries",
    "active_entries": "active_entries",
    "exited_entries": "exited_entries",
    "exited_users": "exited_entries",
    "converted_entries": "converted_entries",
    "converted_users": "converted_entries",
    "conversion_events": "conversion_events",
    "total_exits": "total_exits",
    "active_users": "active_users",
}
STEP_NUMBERS = {
    "entered": "entered",
    "entered_users": "entered",
    "current": "current",
    "dropped": "dropped",
    "dropped_users": "dropped",
}
GOAL_PREFIX = "goals:"
MESSAGES_SUFFIX = ".messages"


class UnknownNumberError(ValueError):
    """A number that has no list, or none of that name; the text says which there are."""


class Lists:
    """Finds the users behind the numbers of a partition, as of its last commit."""

    def __init__(self, store: StoreReader, reader: Reader, live: LiveViews, people: People) -> None:
        self._store = store
        self._reader = reader
        self._live = live
        self._people = people

    def users(self, scope: JourneyScope, query: Query, number: str) -> list[str]:
        """User ids behind a number of a journey, sorted.

        Raises `UnknownNumberError` for a number without a list, `RangeError` for a bad range.
        """
        span = scope.zone.span(query.start, query.end)
        metric, facts_of = metric_of(number, at_step=query.step_id is not None)
        chosen = {
            series for series in scope.series.values() if self._counts(series, metric, number, query, scope)
        }
        sets = {series for series in chosen if self._live.parts(series).sets}
        if chosen == sets and not number.endswith(MESSAGES_SUFFIX):
            persons = BitMap()
            for series in sets:
                persons |= self._reader.users(series, span)
            return sorted(self._names(persons))
        return sorted(self._scan(scope, chosen, span, facts_of))

    def _counts(self, series: int, metric: str, number: str, query: Query, scope: JourneyScope) -> bool:
        """True when a series is one that the number of this query counts."""
        parts: Parts = self._live.parts(series)
        if parts.metric != metric or not answers(parts.dimensions, filters_of(query)):
            return False
        if parts.clock and parts.clock != query.clock:
            return False
        if metric == "goals":
            return self._live.name(series)[3] == number.removeprefix(GOAL_PREFIX)
        if metric == "conversion_events":
            return bool(parts.dimensions["version"]) == (query.version is not None)
        return True

    def _names(self, persons: BitMap) -> Iterator[str]:
        for person in persons:
            row = self._store.get(keys.number_key(keys.PERSON, person))
            if row is not None:
                yield keys.decode_person(row)[1]

    def _scan(
        self, scope: JourneyScope, chosen: set[int], span: Span | None, facts_of: FactsOf
    ) -> Iterator[str]:
        if not chosen:
            return
        for user_id, history, goals in self._people.committed(scope):
            if any(
                fact >> HOUR_BITS in chosen
                and (span is None or span.start_ms <= (fact & HOUR_MASK) * MINUTE_MS < span.end_ms)
                for fact in facts_of(scope, history, goals)
            ):
                yield user_id


def metric_of(number: str, *, at_step: bool) -> tuple[str, FactsOf]:
    """The metric that a number counts, and the facts of a history that can be counted in it."""
    if number.startswith(GOAL_PREFIX):
        return "goals", _entries
    status, _, counter = number.partition(".")
    if status in STATUSES and counter in ("events", "messages", "users"):
        return status, _messages if counter == "messages" else _message_events
    names = STEP_NUMBERS if at_step and number in STEP_NUMBERS else JOURNEY_NUMBERS
    metric = names.get(number) or STEP_NUMBERS.get(number)
    if metric is None:
        known = ", ".join((*JOURNEY_NUMBERS, *STEP_NUMBERS))
        raise UnknownNumberError(
            f"number: {number!r} is none of {known}, goals:<name>, <status>.events, .messages or .users"
        )
    if metric == "active_users":
        return metric, _interactions
    return metric, _entries


def _entries(scope: JourneyScope, history: History, goals: list[Goal]) -> Iterable[Fact]:
    return EntryFacts(scope, history, goals).facts


def _message_events(scope: JourneyScope, history: History, _goals: list[Goal]) -> Iterable[Fact]:
    return MessageFacts(scope, history).events


def _messages(scope: JourneyScope, history: History, _goals: list[Goal]) -> Iterable[Fact]:
    return MessageFacts(scope, history).messages


def _interactions(scope: JourneyScope, history: History, _goals: list[Goal]) -> Iterable[Fact]:
    return MessageFacts(scope, history).active
