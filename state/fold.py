"""The fold of one partition in memory: one accepted event after another into pending changes.

Nothing here writes: `state/partition.py` commits what has gathered.
"""

from collections.abc import Callable
from typing import Any

from xxhash import xxh3_64_digest

from wayfold.models import events
from wayfold.models.definition import JourneyDefinition
from wayfold.models.events import Event
from wayfold.models.refusal import Reason, Refusal
from wayfold.state import difference
from wayfold.state.catalog import Catalog, JourneyScope
from wayfold.state.changes import Changes
from wayfold.state.engagement import Engagement
from wayfold.state.facts import EntryFacts
from wayfold.state.history import (
    FAILED,
    INTERACTIONS,
    MACHINE_SHIFT,
    MARK_BYTES,
    SENT,
    Arrival,
    Goal,
    History,
    MessageEvent,
    StepGoal,
    User,
    add_goal,
    holds,
)
from wayfold.state.people import People
from wayfold.state.rules import VersionRules, rules_of

STATUS_OF_CLASS: dict[type[Event], int] = {
    events.MessageSent: 0,
    events.MessageDelivered: 1,
    events.MessageViewed: 2,
    events.MessageOpened: 3,
    events.MessageClicked: 4,
    events.MessageFailed: 5,
    events.MessageUnsubscribed: 6,
}
DUPLICATE = "duplicate"
Verdict = Refusal | str | None
Handler = Callable[[Any, int, int], Any]


class Fold:
    """Folds accepted events into `changes`; each handler answers None, a duplicate, or a refusal."""

    def __init__(self, catalog: Catalog, people: People, changes: Changes, engagement: Engagement) -> None:
        self.catalog = catalog
        self.scopes = catalog.scopes
        self.people = people
        self.changes = changes
        self.engagement = engagement
        self.handlers: dict[type[Event], Handler] = {
            events.JourneyEntered: self.entered,
            events.JourneyExited: self.exited,
            events.StepEntered: self.step_entered,
            events.GoalReached: self.goal_reached,
            events.CallStarted: self.call,
            events.CallMenuReached: self.call,
            events.CallInputCollected: self.call,
            events.CallEnded: self.call,
        }
        self.handlers.update(dict.fromkeys(STATUS_OF_CLASS, self.message))

    def entered(self, event: events.JourneyEntered, at_ms: int, timestamp_ms: int) -> Verdict:
        """Fold a `journey.entered`: the entry exists from now on, the person engages."""
        scope = self.catalog.scope(event.account_id, event.journey_id)
        history = self.people.history(scope, event.user_id)
        if not _is_new(history, event.event_id):
            return DUPLICATE
        scope.dirty[event.user_id] = history
        user = self.people.user(scope.account, event.user_id)
        self._visited(scope, user, event.user_id)
        difference.entered(
            self.changes,
            scope,
            history,
            user.goals,
            history.entry(event.entry_id),
            (at_ms, event.event_id, event.journey_version),
        )
        if self.engagement.entered(scope, user, at_ms, event.event_id, timestamp_ms):
            self.people.changed(scope.account, event.user_id, user)
        return None

    def exited(self, event: events.JourneyExited, at_ms: int, _timestamp_ms: int) -> Verdict:
        """Fold a `journey.exited`."""
        scope = self.catalog.scope(event.account_id, event.journey_id)
        history = self.people.history(scope, event.user_id)
        if not _is_new(history, event.event_id):
            return DUPLICATE
        scope.dirty[event.user_id] = history
        difference.exited(
            self.changes,
            scope,
            history,
            self.people.user(scope.account, event.user_id).goals,
            history.entry(event.entry_id),
            (at_ms, event.event_id, event.reason),
        )
        return None

    def step_entered(self, event: events.StepEntered, at_ms: int, _timestamp_ms: int) -> Verdict:
        """Fold a `step.entered`."""
        scope = self.catalog.scope(event.account_id, event.journey_id)
        history = self.people.history(scope, event.user_id)
        if not _is_new(history, event.event_id):
            return DUPLICATE
        scope.dirty[event.user_id] = history
        # Goals matter to a step only as "not converted" of an entry that has exited.
        goals = self.people.user(scope.account, event.user_id).goals if _has_exit(history) else []
        kind = scope.plans.arrival(event.journey_version, event.step_id, event.variant)
        arrival = Arrival(at_ms, event.event_id, kind.number)
        difference.arrived(self.changes, scope, history, goals, event.entry_id, arrival)
        return None

    def call(self, event: events.CallEvent, _at_ms: int, _timestamp_ms: int) -> Verdict:
        """Note a call event as seen; numbers of calls are not kept yet."""
        scope = self.catalog.scope(event.account_id, event.journey_id)
        history = self.people.history(scope, event.user_id)
        if not _is_new(history, event.event_id):
            return DUPLICATE
        scope.dirty[event.user_id] = history
        return None

    def goal_reached(self, event: events.GoalReached, at_ms: int, _timestamp_ms: int) -> Verdict:
        """Fold a goal event into every journey that the user is in."""
        account = self.catalog.account(event.account_id)
        user = self.people.user(account, event.user_id)
        mark = xxh3_64_digest(event.event_id.encode())
        if holds(user.seen, mark, MARK_BYTES):
            return DUPLICATE
        user.seen += mark
        self.people.changed(account, event.user_id, user)
        value = "" if event.value is None else str(int(event.value))
        currency = event.currency or ""
        goal = Goal(at_ms, event.event_id, event.name, value, currency, event.properties)
        if event.journey_id is not None and event.entry_id is not None and event.step_id is not None:
            scope = self.catalog.scope(event.account_id, event.journey_id)
            history = self.people.history(scope, event.user_id)
            scope.dirty[event.user_id] = history
            step_goal = StepGoal(at_ms, event.event_id, event.step_id, event.name, value, currency)
            difference.step_goal(self.changes, scope, history.entry(event.entry_id), step_goal)
        histories = [
            (scope, self.people.history(scope, event.user_id))
            for journey_id in user.journeys
            if _concerns(scope := self.catalog.scope(event.account_id, journey_id), event.name)
        ]
        before = [EntryFacts(scope, history, user.goals) for scope, history in histories]
        add_goal(user, goal)
        for (scope, history), view in zip(histories, before, strict=True):
            after = EntryFacts(scope, history, user.goals)
            difference.compare(self.changes, history.person, view, after)
        return None

    def message(self, event: Any, at_ms: int, _timestamp_ms: int) -> Verdict:
        """Fold an event of a message, inside a journey or outside of any.

        Most events are of messages: what every one of them needs stands here in one piece.
        """
        journey_id = event.journey_id or ""
        scope = self.scopes.get((event.account_id, journey_id)) or self.catalog.scope(
            event.account_id, journey_id
        )
        user_id = event.user_id
        history = scope.recent.get(user_id) or self.people.history(scope, user_id)
        event_id = event.event_id
        mark = xxh3_64_digest(event_id.encode())
        if mark in history.seen and holds(history.seen, mark, MARK_BYTES):
            return DUPLICATE
        history.seen += mark
        scope.dirty[user_id] = history
        status, detail = _status_of(event)
        words = (status, event.journey_version or 0, event.step_id or "", event.channel, event.platform)
        kind = scope.plans.messages.get(words) or scope.plans.message(words)
        entry_id, message_id = event.entry_id or "", event.message_id
        group = xxh3_64_digest(f"{entry_id}\0{message_id}".encode()) + kind.at_step_mark
        fact = MessageEvent(entry_id, message_id, at_ms, event_id, kind.number, detail)
        difference.message(self.changes, scope, history, fact, kind, group)
        return None

    def define(self, definition: JourneyDefinition) -> Verdict:
        """Take in a version's definition and re-evaluate the histories that it touches."""
        scope = self.catalog.scope(definition.account_id, definition.journey_id)
        version = definition.journey_version
        known = scope.definitions.get(version)
        if known is not None:
            if known == definition:
                return DUPLICATE
            return Refusal(
                Reason.DEFINITION_CONFLICT,
                "journey_version",
                f"version {version} of journey {definition.journey_id!r} is defined already with other "
                "content: a version never changes; publish the change as the next version",
            )
        self._redefine(scope, version, rules_of(definition))
        scope.definitions[version] = definition
        return None

    def _redefine(self, scope: JourneyScope, version: int, rules: VersionRules) -> None:
        plan = scope.plans.version(version)
        old_rules = plan.rules
        if rules == old_rules:
            return
        for user_id, history in self.people.histories_of(scope):
            if any(entry.version == version for entry in history.entries.values()):
                goals = self.people.user(scope.account, user_id).goals
                plan.rules = old_rules
                before = EntryFacts(scope, history, goals)
                plan.rules = rules
                difference.compare(self.changes, history.person, before, EntryFacts(scope, history, goals))
        plan.rules = rules

    def _visited(self, scope: JourneyScope, user: User, user_id: str) -> None:
        if scope.journey_id not in user.journeys:
            user.journeys.append(scope.journey_id)
            self.people.changed(scope.account, user_id, user)


def _is_new(history: History, event_id: str) -> bool:
    """Note an event id as merged; False when it was before."""
    mark = xxh3_64_digest(event_id.encode())
    if holds(history.seen, mark, MARK_BYTES):
        return False
    history.seen += mark
    return True


def _status_of(event: Any) -> tuple[int, str]:
    """Number of the status that a message event counts in, and what is kept of it besides."""
    status = STATUS_OF_CLASS[event.__class__]
    if status == SENT:
        return status, "" if event.cost is None else f"{int(event.cost)} {event.currency}"
    if status in INTERACTIONS:
        return (status + MACHINE_SHIFT if event.machine else status), ""
    return status, event.reason if status == FAILED else ""


def _has_exit(history: History) -> bool:
    return any(entry.exited_at_ms >= 0 for entry in history.entries.values())


def _concerns(scope: JourneyScope, goal_name: str) -> bool:
    goals = (plan.rules.goal for plan in scope.plans.versions.values())
    return any(goal is not None and goal.name == goal_name for goal in goals)
