"""The fold of one partition in memory: accepted events are gathered, then merged history by history.

Nothing here writes: `state/partition.py` commits what has gathered.
"""

from collections import deque
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from xxhash import xxh3_64_digest

from wayfold.models import events
from wayfold.models.definition import JourneyDefinition
from wayfold.models.record import Record
from wayfold.models.refusal import Reason, Refusal
from wayfold.state.cells.changes import Changes
from wayfold.state.histories import difference
from wayfold.state.histories import history as merge
from wayfold.state.histories.engagement import Engagement
from wayfold.state.histories.facts import EntryFacts, MessageFacts
from wayfold.state.histories.history import (
    KNOWN,
    MARK_BYTES,
    Arrival,
    Goal,
    History,
    StepGoal,
    User,
    holds,
)
from wayfold.state.histories.messages import STATUS_OF_CLASS, may_have_messages, merge_messages, raise_flag
from wayfold.state.histories.pending import Item, Pending
from wayfold.state.histories.people import People, WrongPartitionError
from wayfold.state.histories.redefining import redefine
from wayfold.state.histories.rules import rules_of
from wayfold.state.names.catalog import AccountScope, Catalog, JourneyScope
from wayfold.state.names.plans import ArrivalKind

MERGED_PIECE = 8  # how many histories, or users with goals, are merged in one piece
BOUNDS = frozenset((events.JourneyEntered, events.JourneyExited))  # of an entry
DUPLICATE = "duplicate"
DONE = object()
Verdict = Refusal | str | None


class Fold:
    """Merges the events that wait in the catalog's `pending` into histories, and those into `changes`.

    All events of a history are merged together: it is looked up, compared and written once, however
    many they are. `watermark_ms` is the greatest time of an accepted event that was merged, `accepted`
    and `duplicates` count events that were merged, `refused` holds records that were found to be in the
    wrong partition; the intake takes these three over.
    """

    def __init__(
        self,
        catalog: Catalog,
        people: People,
        changes: Changes,
        engagement: Engagement,
        watermark_ms: int,
    ) -> None:
        self.catalog = catalog
        self.people = people
        self.changes = changes
        self.engagement = engagement
        self.watermark_ms = engagement.watermark_ms = watermark_ms
        self.accepted = 0
        self.duplicates = 0
        self.refused: list[tuple[str, Record, Refusal]] = []
        # Those that came since the partition was opened, committed or not; scopes have the committed ones.
        self._defined: dict[tuple[int, int], JourneyDefinition] = {}
        self._redefining: deque[Iterator[None]] = deque()
        # Of the entries that were merged: offset, journey, event, its time and the log's.
        self._entered: list[tuple[int, JourneyScope, events.JourneyEntered, int, int]] = []

    def merge(self) -> Iterator[None]:
        """Merge what waits, in pieces; starting again goes on where another left off."""
        yield from self._redefine()
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
        # Of the watermark at an event's arrival the months want to know no more than `take` made sure of.
        self.engagement.watermark_ms = self.watermark_ms

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
        fresh, messages, others = self._sort(history.seen, items)
        self.accepted += len(fresh)
        self.duplicates += len(items) - len(fresh)
        if not fresh:
            return
        history.seen += b"".join(fresh)
        scope.dirty[user_id] = history
        if others:
            self._merge_entries(scope, user_id, history, others)
        if messages:
            merge_messages(self.changes, scope, history, messages)

    def _sort(self, seen: bytes, items: list[Item]) -> tuple[dict[bytes, None], list[Item], list[Item]]:
        """Marks of the event ids that are new, and of these events the messages' and the others."""
        fresh: dict[bytes, None] = {}
        messages: list[Item] = []
        others: list[Item] = []
        find, latest_ms = seen.find, self.watermark_ms
        for item in items:
            event, at_ms, _ = item
            mark = xxh3_64_digest(event.event_id.encode())
            if mark in fresh or (find(mark) >= 0 and holds(seen, mark, MARK_BYTES)):
                continue
            fresh[mark] = None
            if at_ms > latest_ms:
                latest_ms = self.watermark_ms = at_ms
            (messages if event.__class__ in STATUS_OF_CLASS else others).append(item)
        return fresh, messages, others

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
        before = history.facts or EntryFacts(scope, history, user.goals)
        for entry_id, arrival, _ in arrivals:
            merge.add_arrival(history.entry(entry_id), arrival)
        known = False
        for event, at_ms, record in bounds:
            entry = history.entry(event.entry_id)
            if event.__class__ is events.JourneyEntered:
                known = True
                merge.merge_entered(entry, at_ms, event.event_id, event.journey_version)
                self._entered.append((record.offset, scope, event, at_ms, record.timestamp))
            else:
                merge.merge_exited(entry, at_ms, event.event_id, event.reason)
        after = history.facts = EntryFacts(scope, history, user.goals)
        difference.compare_entries(self.changes, history.person, before, after)
        for place, facts in messages.items():
            moved = MessageFacts(scope, history, place=place)
            difference.compare_messages(self.changes, history.person, facts, moved)
        if known:
            raise_flag(self.changes, scope, history, KNOWN)

    def _engage(self) -> None:
        """Let persons who entered journeys be known there, and count in the month.

        In the order of the log: what a person's month looked like when it closed depends on it.
        """
        for _, scope, event, at_ms, timestamp_ms in sorted(self._entered, key=itemgetter(0)):
            user = self.people.user(scope.account, event.user_id)
            changed = self.engagement.entered(scope, user, at_ms, event.event_id, timestamp_ms)
            if scope.journey_id not in user.journeys:
                user.journeys.append(scope.journey_id)
                changed = True
            if changed:
                self.people.changed(scope.account, event.user_id, user)
        self._entered = []

    def _merge_goals(self, account: AccountScope, user_id: str, items: list[Item]) -> None:
        """Merge goal events of a user into every journey that the user is in."""
        try:
            user = self.people.user(account, user_id)
        except WrongPartitionError as error:
            self.refused += [(event.TOPIC, record, error.refusal) for event, _, record in items]
            return
        fresh: list[tuple[events.GoalReached, Goal]] = []
        for event, at_ms, _ in items:
            mark = xxh3_64_digest(event.event_id.encode())
            if holds(user.seen, mark, MARK_BYTES):
                self.duplicates += 1
                continue
            user.seen += mark
            self.watermark_ms = max(self.watermark_ms, at_ms)
            fresh.append((event, _goal(event, at_ms)))
        self.accepted += len(fresh)
        if not fresh:
            return
        self.people.changed(account, user_id, user)
        at_steps = [pair for pair in fresh if pair[0].step_id is not None]
        scopes = {
            *self._concerned(account, user, {event.name for event, _ in fresh}),
            *(self._scope_of(event) for event, _ in at_steps),
        }
        histories = [(scope, self.people.history(scope, user_id)) for scope in scopes]
        before = [history.facts or EntryFacts(scope, history, user.goals) for scope, history in histories]
        for _, goal in fresh:
            merge.add_goal(user, goal)
        for event, goal in at_steps:
            scope = self._scope_of(event)
            history = self.people.history(scope, user_id)
            scope.dirty[user_id] = history
            merge.add_step_goal(history.entry(event.entry_id or ""), _step_goal(event, goal))
        for (scope, history), facts in zip(histories, before, strict=True):
            after = history.facts = EntryFacts(scope, history, user.goals)
            difference.compare_entries(self.changes, history.person, facts, after)

    def _scope_of(self, event: Any) -> JourneyScope:
        return self.catalog.scope(event.account_id, event.journey_id)

    def _concerned(self, account: AccountScope, user: User, names: set[str]) -> Iterator[JourneyScope]:
        """Journeys of a user with a goal of one of the names."""
        for journey_id in user.journeys:
            scope = self.catalog.scope(account.account_id, journey_id)
            goals = (plan.rules.goal for plan in scope.plans.versions.values())
            if any(goal is not None and goal.name in names for goal in goals):
                yield scope

    def define(self, definition: JourneyDefinition) -> Verdict:
        """Take in a version's definition; histories that it touches are judged anew with the next merge."""
        scope = self.catalog.scope(definition.account_id, definition.journey_id)
        version = definition.journey_version
        known = scope.definitions.get(version) or self._defined.get((scope.number, version))
        if known is not None:
            if known == definition:
                return DUPLICATE
            return Refusal(
                Reason.DEFINITION_CONFLICT,
                "journey_version",
                f"version {version} of journey {definition.journey_id!r} is defined already with other "
                "content: a version never changes; publish the change as the next version",
            )
        self._defined[scope.number, version] = definition
        self._redefining.append(redefine(self.changes, self.people, scope, version, rules_of(definition)))
        return None

    def _redefine(self) -> Iterator[None]:
        """Judge histories by the definitions that came: before events are merged, which go by them."""
        while self._redefining:
            if next(self._redefining[0], DONE) is DONE:
                self._redefining.popleft()
            else:
                yield


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
