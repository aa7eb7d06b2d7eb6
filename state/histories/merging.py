"""The fold of one partition in memory: accepted events are gathered, then merged history by history.

Nothing here writes: `state/partition.py` commits what has gathered.
"""

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from wayfold.models import events
from wayfold.models.record import Record
from wayfold.models.refusal import Refusal
from wayfold.state.cells.changes import Changes
from wayfold.state.histories import difference
from wayfold.state.histories import history as merge
from wayfold.state.histories.engagement import Engagement
from wayfold.state.histories.facts import EntryFacts, MessageFacts
from wayfold.state.histories.history import (
    KNOWN,
    Arrival,
    Goal,
    History,
    StepGoal,
    User,
)
from wayfold.state.histories.judging import Judging
from wayfold.state.histories.marks import (
    CODES,
    ID_BYTES,
    MARK_BYTES,
    count_of_type,
    holds,
    id_bytes,
    mark_of_event,
)
from wayfold.state.histories.messages import STATUS_OF_CLASS, may_have_messages, merge_messages, raise_flag
from wayfold.state.histories.pending import Item, Pending
from wayfold.state.histories.people import People, WrongPartitionError
from wayfold.state.limits import too_many_events
from wayfold.state.names.catalog import AccountScope, Catalog, JourneyScope
from wayfold.state.names.plans import ArrivalKind

MERGED_PIECE = 8  # how many histories, or users with goals, are merged in one piece
BOUNDS = frozenset((events.JourneyEntered, events.JourneyExited))  # of an entry


class Fold:
    """Merges the events that wait in the catalog's `pending` into histories, and those into `changes`.

    All events of a history are merged together: it is looked up, compared and written once, however
    many they are. `accepted` and `duplicates` count events that were merged, `refused` holds records that
    were found to be in the wrong partition, or too many of a user; the intake takes these three over. `moved`
    are the accounts with events since the last commit, whose topic times may have changed.
    """

    def __init__(
        self,
        catalog: Catalog,
        people: People,
        changes: Changes,
        engagement: Engagement,
        judging: Judging,
        user_events: int,
    ) -> None:
        self.catalog = catalog
        self.people = people
        self.changes = changes
        self.engagement = engagement
        self.judging = judging
        self._user_events = user_events
        self._most_bytes = user_events * MARK_BYTES
        self.moved: set[AccountScope] = set()
        self.accepted = 0
        self.duplicates = 0
        self.refused: list[tuple[str, Record, Refusal]] = []
        # Of the entries topic, what was merged: offset, journey, event, its time and the log's.
        self._bounds: list[tuple[int, JourneyScope, Any, int, int]] = []

    def merge(self) -> Iterator[None]:
        """Merge what waits, in pieces; starting again goes on where another left off."""
        yield from self.judging.work()
        self.people.expect(self._waiting(), sum(len(scope.pending) for scope in self.catalog.numbered))
        for scope in list(self.catalog.numbered):
            for piece in _pieces(scope.pending):
                for user_id, items in piece:
                    self._merge(scope, user_id, items)
                yield
        self._engage()
        for account in list(self.catalog.accounts.values()):
            for piece in _pieces(account.pending):
                for user_id, items in piece:
                    self._merge_goals(account, user_id, items)
                yield
        self.people.expect_nothing()

    def _waiting(self) -> Iterator[tuple[JourneyScope, str, bool]]:
        """Whose events wait, in the order of their merge, and if the user's own record matters to them."""
        for scope in list(self.catalog.numbered):
            for user_id in reversed(list(scope.pending)):
                items = scope.pending.get(user_id, ())  # none when they were merged in the meantime
                if items:
                    yield scope, user_id, not all(event.__class__ in STATUS_OF_CLASS for event, _, _ in items)

    def _merge(self, scope: JourneyScope, user_id: str, items: list[Item]) -> None:
        """Merge the events of one history: those that are new, the others are duplicates."""
        try:
            history = scope.recent.get(user_id) or self.people.history(scope, user_id)
        except WrongPartitionError as error:
            self.refused += [(event.TOPIC, record, error.refusal) for event, _, record in items]
            return
        if len(history.seen) + len(items) * MARK_BYTES > self._most_bytes:
            items = self._within_limit(history.seen, items)
        fresh, messages, others = _sort(history.seen, items, scope.account.topic_times)
        self.accepted += len(fresh)
        self.duplicates += len(items) - len(fresh)
        if not fresh:
            return
        self.moved.add(scope.account)
        history.seen += b"".join(fresh)
        scope.dirty[user_id] = history
        if others:
            self._merge_entries(scope, user_id, history, others)
        if messages:
            merge_messages(self.changes, scope, history, messages)

    def _within_limit(self, seen: bytes, items: list[Item]) -> list[Item]:
        """Those of a user's events that are no more than are taken of a type; the others are refused."""
        kept: list[Item] = []
        marks = bytearray(seen)
        for item in items:
            event, _, record = item
            mark = mark_of_event(event)
            if not holds(marks, mark, MARK_BYTES):
                if count_of_type(marks, CODES[event.__class__]) >= self._user_events:
                    refusal = too_many_events(event.TYPE, self._user_events)
                    self.refused.append((event.TOPIC, record, refusal))
                    continue
                marks += mark
            kept.append(item)
        return kept

    def _merge_entries(self, scope: JourneyScope, user_id: str, history: History, items: list[Item]) -> None:
        """Merge entries, arrivals at steps and exits."""
        user = self.people.user(scope.account, user_id)
        arrivals, bounds = _arrivals(scope, items)
        split_places = scope.plans.split_places
        places = {
            kind.place
            for entry_id, _, kind in arrivals
            if kind.place in split_places and may_have_messages(scope, history, entry_id, kind.place)
        }
        messages = {place: MessageFacts(scope, history, place=place) for place in places}
        ruled = scope.of_user(user_id)
        before = history.facts or EntryFacts(ruled, history, user.goals)
        for entry_id, arrival, _ in arrivals:
            merge.add_arrival(history.entry(entry_id), arrival)
        known = False
        for event, at_ms, record in bounds:
            entry = history.entry(event.entry_id)
            self._bounds.append((record.offset, scope, event, at_ms, record.timestamp))
            if event.__class__ is events.JourneyEntered:
                known = True
                merge.merge_entered(entry, at_ms, event.event_id, event.journey_version)
            else:
                merge.merge_exited(entry, at_ms, event.event_id, event.reason)
        after = history.facts = EntryFacts(ruled, history, user.goals)
        difference.compare_entries(self.changes, history.person, before, after)
        for place, facts in messages.items():
            moved = MessageFacts(scope, history, place=place)
            difference.compare_messages(self.changes, history.person, facts, moved)
        if known:
            raise_flag(self.changes, scope, history, KNOWN)

    def _engage(self) -> None:
        """Let persons who entered journeys be known there, and count in the month.

        In the order of the log: whether a month had closed follows from the events at smaller offsets.
        """
        for _, scope, event, at_ms, timestamp_ms in sorted(self._bounds, key=itemgetter(0)):
            account = scope.account
            if event.__class__ is events.JourneyEntered:
                user = self.people.user(account, event.user_id)
                changed = self.engagement.entered(scope, user, at_ms, event.event_id, timestamp_ms)
                if scope.journey_id not in user.journeys:
                    user.journeys.append(scope.journey_id)
                    changed = True
                if changed:
                    self.people.changed(account, event.user_id, user)
            account.engaged_ms = max(account.engaged_ms, at_ms)
        self._bounds = []

    def _merge_goals(self, account: AccountScope, user_id: str, items: list[Item]) -> None:
        """Merge goal events of a user into every journey that the user is in."""
        try:
            user = self.people.user(account, user_id)
        except WrongPartitionError as error:
            self.refused += [(event.TOPIC, record, error.refusal) for event, _, record in items]
            return
        if len(user.seen) + len(items) * MARK_BYTES > self._most_bytes:
            items = self._within_limit(user.seen, items)
        fresh: list[tuple[events.GoalReached, Goal]] = []
        topic_times = account.topic_times
        for event, at_ms, _ in items:
            mark = mark_of_event(event)
            if holds(user.seen, mark, MARK_BYTES):
                self.duplicates += 1
                continue
            user.seen += mark
            topic_times[event.TOPIC] = max(topic_times[event.TOPIC], at_ms)
            fresh.append((event, _goal(event, at_ms)))
        self.accepted += len(fresh)
        if not fresh:
            return
        self.moved.add(account)
        self.people.changed(account, user_id, user)
        at_steps = [pair for pair in fresh if pair[0].step_id is not None]
        scopes = {
            *self._concerned(account, user_id, user, {event.name for event, _ in fresh}),
            *(self._scope_of(event) for event, _ in at_steps),
        }
        histories = [(scope, self.people.history(scope, user_id)) for scope in scopes]
        before = [
            history.facts or EntryFacts(scope.of_user(user_id), history, user.goals)
            for scope, history in histories
        ]
        for _, goal in fresh:
            merge.add_goal(user, goal)
        for event, goal in at_steps:
            scope = self._scope_of(event)
            history = self.people.history(scope, user_id)
            scope.dirty[user_id] = history
            merge.add_step_goal(history.entry(event.entry_id or ""), _step_goal(event, goal))
        for (scope, history), facts in zip(histories, before, strict=True):
            after = history.facts = EntryFacts(scope.of_user(user_id), history, user.goals)
            difference.compare_entries(self.changes, history.person, facts, after)

    def _scope_of(self, event: Any) -> JourneyScope:
        return self.catalog.scope(event.account_id, event.journey_id)

    def _concerned(
        self, account: AccountScope, user_id: str, user: User, names: set[str]
    ) -> Iterator[JourneyScope]:
        """Journeys of a user with a goal of one of the names."""
        for journey_id in user.journeys:
            scope = self.catalog.scope(account.account_id, journey_id)
            ruled = scope.of_user(user_id)
            goals = (plan.rules.goal for plan in ruled.plans.versions.values())
            if any(goal is not None and goal.name in names for goal in goals):
                yield scope


def _sort(
    seen: bytes, items: list[Item], topic_times: dict[str, int]
) -> tuple[dict[bytes, None], list[Item], list[Item]]:
    """Marks of the events that are new, and of these the messages' and the others; they move topic times."""
    fresh: dict[bytes, None] = {}
    messages: list[Item] = []
    others: list[Item] = []
    find, codes = seen.find, CODES
    for item in items:
        event, at_ms, _ = item
        cls = event.__class__
        mark = codes[cls] + id_bytes(event.event_id.encode())[:ID_BYTES]  # `mark_of_event` without a call
        if mark in fresh or (find(mark) >= 0 and holds(seen, mark, MARK_BYTES)):
            continue
        fresh[mark] = None
        if at_ms > topic_times[cls.TOPIC]:
            topic_times[cls.TOPIC] = at_ms
        (messages if cls in STATUS_OF_CLASS else others).append(item)
    return fresh, messages, others


def _pieces(pending: Pending) -> Iterator[list[tuple[str, list[Item]]]]:
    """Take out what waits, a piece at a time."""
    while pending:
        yield [pending.popitem() for _ in range(min(len(pending), MERGED_PIECE))]


def _arrivals(
    scope: JourneyScope, items: list[Item]
) -> tuple[list[tuple[str, Arrival, ArrivalKind]], list[Item]]:
    """Arrivals at steps with the entry's id, and the events that begin or end an entry."""
    arrivals: list[tuple[str, Arrival, ArrivalKind]] = []
    bounds: list[Item] = []
    plans = scope.plans
    for item in items:
        event, at_ms, _ = item
        cls = event.__class__
        if cls is events.StepEntered:
            words = (event.journey_version, event.step_id, event.variant)
            kind = plans.arrivals.get(words) or plans.arrival(*words)
            arrivals.append((event.entry_id, Arrival(at_ms, event.event_id, kind.number), kind))
        elif cls in BOUNDS:
            bounds.append(item)
    return arrivals, bounds


def _goal(event: events.GoalReached, at_ms: int) -> Goal:
    value = "" if event.value is None else str(int(event.value))
    return Goal(at_ms, event.event_id, event.name, value, event.currency or "", event.properties)


def _step_goal(event: events.GoalReached, goal: Goal) -> StepGoal:
    return StepGoal(goal.at_ms, goal.event_id, event.step_id or "", goal.name, goal.value, goal.currency)
