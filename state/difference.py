"""How an event changes the numbers: merge it into the history, compare the facts it can touch.

Every function takes the history as it was, merges one event, and hands the difference of the
facts before and after to `Changes`. There is no other way by which a number changes; a definition
that comes late compares the same facts under its old and new rules.
"""

from collections.abc import Callable
from typing import Protocol

from wayfold.models.zone import Zone
from wayfold.state import history as merge
from wayfold.state.changes import Changes, SeriesIds, user_facts
from wayfold.state.facts import (
    Fact,
    MessageFacts,
    Money,
    active_name,
    closing_row,
    conversion_facts,
    dwell_fact,
    dwell_facts,
    entered_fact,
    entry_facts,
    interactions,
    step_goal_facts,
)
from wayfold.state.history import (
    INTERACTED,
    KNOWN,
    QUALIFIED,
    Arrival,
    Entry,
    Goal,
    History,
    StepGoal,
    event_order,
)
from wayfold.state.rules import Rules


class Scope(SeriesIds, Protocol):
    """What the difference needs to know of a journey: its zone, its rules, its series."""

    @property
    def zone(self) -> Zone:
        """Calendar of the journey's account."""

    @property
    def rules(self) -> Rules:
        """Rules of the journey's versions."""

    def closing_key(self, entry_id: str, person: int, version: int, closes_at_ms: int, hour: int) -> bytes:
        """Store key of the row that says when the window of an exited entry closes."""


class EntryView:
    """All facts of a history that depend on its entries, exits, goals and rules, at one moment."""

    __slots__ = ("closings", "conversions", "facts", "money", "users")

    def __init__(self, scope: Scope, history: History, goals: list[Goal]) -> None:
        zone, rules = scope.zone, scope.rules
        self.facts: list[Fact] = []
        self.closings: dict[bytes, bool] = {}
        for entry_id, entry in history.entries.items():
            self.facts += entry_facts(entry, goals, rules, zone)
            row = closing_row(entry, goals, rules, zone)
            if row is not None:
                version, closes_at_ms, hour, converted = row
                key = scope.closing_key(entry_id, history.person, version, closes_at_ms, hour)
                self.closings[key] = converted
                closing = (("closing", version), zone.place(closes_at_ms).hour)
                self.facts.append(closing)
                if not converted:
                    self.facts.append((("closing_unconverted", version), closing[1]))
        self.money: Money = {}
        if goals:
            conversions, self.money = conversion_facts(history.entries.values(), goals, rules, zone)
            self.facts += conversions
        self.users = user_facts(self.facts)


def compare(changes: Changes, scope: Scope, person: int, before: EntryView, after: EntryView) -> None:
    """Hand the difference of two views of a history to the pending changes."""
    changes.count(scope, before.facts, after.facts)
    changes.members(scope, person, before.users, after.users)
    if before.money != after.money:
        changes.money(scope, before.money, after.money)
    if before.closings != after.closings:
        for key in before.closings:
            changes.rows[key] = None
        for key, converted in after.closings.items():
            changes.rows[key] = b"1" if converted else b"0"


def revise(
    changes: Changes, scope: Scope, history: History, goals: list[Goal], merge_event: Callable[[], object]
) -> None:
    """Merge an event that can change entries, exits or goals, and account for what it changed."""
    before = EntryView(scope, history, goals)
    merge_event()
    compare(changes, scope, history.person, before, EntryView(scope, history, goals))


def entered(
    changes: Changes,
    scope: Scope,
    history: History,
    goals: list[Goal],
    entry: Entry,
    *,
    at_ms: int,
    event_id: str,
    version: int,
) -> None:
    """Fold a `journey.entered`."""
    old_goals = step_goal_facts(entry, scope.zone)
    revise(changes, scope, history, goals, lambda: merge.merge_entered(entry, at_ms, event_id, version))
    if entry.goals:
        new_goals = step_goal_facts(entry, scope.zone)
        changes.count(scope, old_goals[0], new_goals[0])
        changes.money(scope, old_goals[1], new_goals[1])
    raise_flag(changes, scope, history, KNOWN)


def exited(
    changes: Changes,
    scope: Scope,
    history: History,
    goals: list[Goal],
    entry: Entry,
    *,
    at_ms: int,
    event_id: str,
    reason: str,
) -> None:
    """Fold a `journey.exited`."""
    before = dwell_facts(entry, scope.zone)
    revise(changes, scope, history, goals, lambda: merge.merge_exited(entry, at_ms, event_id, reason))
    changes.count(scope, before, dwell_facts(entry, scope.zone))


def arrived(
    changes: Changes, scope: Scope, history: History, goals: list[Goal], entry: Entry, arrival: Arrival
) -> None:
    """Fold a `step.entered`: the step is entered, the one before is left, the latest may move."""
    zone, arrivals = scope.zone, entry.arrivals
    version, step_id = arrival.version, arrival.step_id
    index = merge.arrival_index(entry, arrival.at_ms, arrival.event_id)
    latest = index == len(arrivals)
    old_variant = entry.variant_at(version, step_id)
    before = entered_fact(arrivals, version, step_id, zone)
    before_tail = _tail(scope, entry, goals) if latest else []
    before_dwell = dwell_fact(entry, index - 1, zone) if index else []
    arrivals.insert(index, arrival)
    after = entered_fact(arrivals, version, step_id, zone)
    after_tail = _tail(scope, entry, goals) if latest else []
    after_dwell = dwell_fact(entry, index, zone)
    if index:
        after_dwell += dwell_fact(entry, index - 1, zone)
    changes.count(scope, before + before_tail + before_dwell, after + after_tail + after_dwell)
    others: set[Fact] = set()
    if len(history.entries) > 1:
        others = _users_of_others(scope, history, goals, entry)
    changes.members(
        scope,
        history.person,
        others | user_facts(before + before_tail),
        others | user_facts(after + after_tail),
    )
    new_variant = entry.variant_at(version, step_id)
    if new_variant != old_variant and entry.messages:
        _move_variant(changes, scope, history, entry, arrival)


def step_goal(changes: Changes, scope: Scope, entry: Entry, goal: StepGoal) -> None:
    """Fold a goal whose publisher named the entry and step."""
    before, before_money = step_goal_facts(entry, scope.zone)
    entry.goals.append(goal)
    entry.goals.sort(key=event_order)
    after, after_money = step_goal_facts(entry, scope.zone)
    changes.count(scope, before, after)
    changes.money(scope, before_money, after_money)


def raise_flag(changes: Changes, scope: Scope, history: History, flag: int) -> None:
    """Note that a history is known or reached; when it now qualifies, its interactions count."""
    if history.flags & flag:
        return
    history.flags |= flag
    if flag & QUALIFIED and history.flags & (QUALIFIED | INTERACTED) == (QUALIFIED | INTERACTED):
        versions: set[int] = set()
        for entry, event in interactions(history):
            variant = entry.variant_at(event.version, event.step_id)
            series = scope.series_id(active_name(event, variant))
            changes.tally(series, scope.zone.place(event.at_ms).hour)[2].append(history.person)
            versions.add(event.version)
        for version in (*versions, 0):
            changes.add_users(scope.series_id(("active_users", version)), 1)


def _tail(scope: Scope, entry: Entry, goals: list[Goal]) -> list[Fact]:
    """Facts that stand at the entry's latest step."""
    return [fact for fact in entry_facts(entry, goals, scope.rules, scope.zone) if len(fact[0]) > 2]


def _users_of_others(scope: Scope, history: History, goals: list[Goal], entry: Entry) -> set[Fact]:
    """User facts, at steps, of the history's other entries."""
    facts: list[Fact] = []
    for other in history.entries.values():
        if other is not entry:
            facts += _tail(scope, other, goals)
            for arrival in other.arrivals:
                facts += entered_fact(other.arrivals, arrival.version, arrival.step_id, scope.zone)
    return user_facts(facts)


def _move_variant(changes: Changes, scope: Scope, history: History, entry: Entry, arrival: Arrival) -> None:
    """Move the messages of a step to the variant that its first arrival now gives."""
    step = (arrival.version, arrival.step_id)
    after = _step_messages(scope, history, entry, step)
    arrivals, entry.arrivals = entry.arrivals, [a for a in entry.arrivals if a is not arrival]
    before = _step_messages(scope, history, entry, step)
    entry.arrivals = arrivals
    others = MessageFacts()
    qualified = history.flags & QUALIFIED == QUALIFIED
    for other in history.entries.values():
        if other is not entry:
            others.add(other, scope.zone, qualified, step)
    changes.count(scope, before.events, after.events)
    changes.count(scope, before.messages, after.messages, slot=1)
    changes.money(scope, before.cost, after.cost)
    for kept, old, new in (
        (others.events, before.events, after.events),
        (others.active, before.active, after.active),
    ):
        _move_members(changes, scope, history.person, set(kept) | set(old), set(kept) | set(new))


def _move_members(changes: Changes, scope: Scope, person: int, before: set[Fact], after: set[Fact]) -> None:
    """Move a person between sets of variants; over all variants nothing changes."""
    for name, hour in after - before:
        changes.tally(scope.series_id(name), hour)[2].append(person)
    for name, hour in before - after:
        changes.tally(scope.series_id(name), hour)[2].append(~person)


def _step_messages(scope: Scope, history: History, entry: Entry, step: tuple[int, str]) -> MessageFacts:
    facts = MessageFacts()
    facts.add(entry, scope.zone, history.flags & QUALIFIED == QUALIFIED, step)
    return facts
