"""Who is behind a number: the users whose histories hold the facts that it counts."""

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial

from pyroaring import BitMap

from wayfold.models.zone import Span
from wayfold.state.histories.facts import EntryFacts, Fact, MessageFacts, Scope
from wayfold.state.histories.history import STATUSES, Goal, History
from wayfold.state.histories.people import People
from wayfold.state.names.catalog import CommittedScope, JourneyScope
from wayfold.state.names.plans import HOUR_BITS, HOUR_MASK
from wayfold.state.reading.live_views import LiveViews
from wayfold.state.reading.query import Query
from wayfold.state.reading.reader import DIMENSIONS, Reader, answers, filters_of
from wayfold.state.reading.views import Parts, parts_of
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

FactsOf = Callable[[Scope, History, list[Goal]], Iterable[Fact]]
Found = Generator[None, None, list[str]]
"""Finds user ids in pieces, between which others may work; returns them, sorted."""

PIECE_ROWS = 16

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


class NoListError(ValueError):
    """A question that has no list: of an unknown number, or with a filter that does not apply to it.

    `dimension` is the filter's, "" when it is about the number; the text says what there is.
    """

    def __init__(self, message: str, dimension: str = "") -> None:
        super().__init__(message)
        self.dimension = dimension


class Lists:
    """Finds the users behind the numbers of a partition, as of its last commit before they were asked for."""

    def __init__(self, store: StoreReader, reader: Reader, live: LiveViews, people: People) -> None:
        self._store = store
        self._reader = reader
        self._live = live
        self._people = people

    def users(self, scope: JourneyScope, query: Query, number: str) -> Found:
        """Find the user ids behind a number of a journey, as of this moment.

        Raises `NoListError` for a number without a list, or for a filter that does not apply to it, and
        `RangeError` for a bad range.
        """
        span = scope.zone.span(query.start, query.end)
        metric, facts_of = metric_of(number, at_step=query.step_id is not None)
        _require_filters(metric, number, query, account=not scope.journey_id)
        chosen = {
            series for series in scope.series.values() if self._counts(series, metric, number, query, scope)
        }
        sets = {series for series in chosen if self._live.parts(series).sets}
        if chosen == sets and not number.endswith(MESSAGES_SUFFIX):
            persons = BitMap()
            for series in sets:
                persons |= self._reader.users(series, span)
            return self._names(persons)
        # Both are as of this moment, however late their rows are taken.
        histories, judged_by = self._people.committed(scope), CommittedScope(scope)
        return _matching(histories if chosen else iter(()), chosen, span, partial(facts_of, judged_by))

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

    def _names(self, persons: BitMap) -> Found:
        found: list[str] = []
        for count, person in enumerate(persons, 1):
            row = self._store.get(keys.number_key(keys.PERSON, person))
            if row is not None:
                found.append(keys.decode_person(row)[1])
            if not count % PIECE_ROWS:
                yield
        return sorted(found)


def _matching(
    histories: Iterator[tuple[str, History, list[Goal]]],
    chosen: set[int],
    span: Span | None,
    facts_of: Callable[[History, list[Goal]], Iterable[Fact]],
) -> Found:
    """Users whose histories hold a fact of one of the series, in the range."""
    found: list[str] = []
    for count, (user_id, history, goals) in enumerate(histories, 1):
        if any(
            fact >> HOUR_BITS in chosen and (span is None or span.has_hour(fact & HOUR_MASK))
            for fact in facts_of(history, goals)
        ):
            found.append(user_id)
        if not count % PIECE_ROWS:
            yield
    return sorted(found)


def _require_filters(metric: str, number: str, query: Query, *, account: bool) -> None:
    """Raise `NoListError` for a filter by something that the number's facts do not have."""
    dimensions = parts_of((metric, 1, *[""] * len(DIMENSIONS)), account=account).dimensions
    for name in filters_of(query):
        if name not in dimensions:
            raise NoListError(f"does not apply to {number}; leave it out", name)


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
        raise NoListError(
            f"{number!r} is none of {known}, goals:<name>, <status>.events, .messages or .users"
        )
    if metric == "active_users":
        return metric, _interactions
    return metric, _entries


def _entries(scope: Scope, history: History, goals: list[Goal]) -> Iterable[Fact]:
    return EntryFacts(scope, history, goals).facts


def _message_events(scope: Scope, history: History, _goals: list[Goal]) -> Iterable[Fact]:
    return MessageFacts(scope, history).events


def _messages(scope: Scope, history: History, _goals: list[Goal]) -> Iterable[Fact]:
    return MessageFacts(scope, history).messages


def _interactions(scope: Scope, history: History, _goals: list[Goal]) -> Iterable[Fact]:
    return MessageFacts(scope, history).active
