"""How an event changes the numbers: merge it into the history, compare the facts it can touch.

Every function takes the history as it was, merges one event, and hands the difference of the
facts before and after to `Changes`. There is no other way by which a number changes; a definition
that comes late compares the same facts under its old and new rules.
"""

from typing import cast

from wayfold.state import history as merge
from wayfold.state.changes import Changes
from wayfold.state.facts import (
    EntryFacts,
    Fact,
    MessageFacts,
    Scope,
    cost_fact,
    dwell_fact,
    dwell_facts,
    entered_fact,
    entered_facts,
    first_arrival,
    first_of_group,
    is_converted,
    step_goal_facts,
    tail_facts,
    variant_at,
)
from wayfold.state.history import (
    GROUP_BYTES,
    INTERACTED,
    KNOWN,
    QUALIFIED,
    REACHED,
    SENT,
    SENT_OR_DELIVERED,
    SERIES_BYTES,
    Arrival,
    Entry,
    Goal,
    History,
    MessageEvent,
    StepGoal,
    event_order,
    holds,
)
from wayfold.state.plans import ArrivalKind, MessageKind


def compare(changes: Changes, person: int, before: EntryFacts, after: EntryFacts) -> None:
    """Hand the difference of a history's entry facts to the pending changes."""
    changes.count(before.facts, after.facts)
    changes.count(before.users, after.users)
    changes.members(person, before.users, after.users)
    if before.money != after.money:
        changes.money(before.money, after.money)
    if before.closings != after.closings:
        changes.closings.update(dict.fromkeys(before.closings))
        changes.closings.update(after.closings)


def entered(
    changes: Changes,
    scope: Scope,
    history: History,
    goals: list[Goal],
    entry: Entry,
    at: tuple[int, str, int],
) -> None:
    """Fold a `journey.entered`; `at` is its (time, event id, version)."""
    before = EntryFacts(scope, history, goals)
    old_facts, old_money = step_goal_facts(scope, entry)
    if merge.merge_entered(entry, *at):
        compare(changes, history.person, before, EntryFacts(scope, history, goals))
        if entry.goals:
            new_facts, new_money = step_goal_facts(scope, entry)
            changes.count(old_facts, new_facts)
            changes.money(old_money, new_money)
    raise_flag(changes, scope, history, KNOWN)


def exited(
    changes: Changes,
    scope: Scope,
    history: History,
    goals: list[Goal],
    entry: Entry,
    at: tuple[int, str, str],
) -> None:
    """Fold a `journey.exited`; `at` is its (time, event id, reason)."""
    before = EntryFacts(scope, history, goals)
    old_dwells = dwell_facts(scope, entry, at[0])
    if merge.merge_exited(entry, *at):
        compare(changes, history.person, before, EntryFacts(scope, history, goals))
        changes.dwell(old_dwells, dwell_facts(scope, entry, at[0]))


def arrived(
    changes: Changes, scope: Scope, history: History, goals: list[Goal], entry_id: str, arrival: Arrival
) -> None:
    """Fold a `step.entered`: the step is entered, the one before is left, the latest may move."""
    entry = history.entry(entry_id)
    kind = cast("ArrivalKind", scope.plans.kinds[arrival.kind])
    index = merge.arrival_index(entry, arrival.at_ms, arrival.event_id)
    first = first_arrival(scope, entry, kind.place)
    is_first = first is None or (arrival.at_ms, arrival.event_id) < (first.at_ms, first.event_id)
    latest = entry.entered_at_ms >= 0 and index == len(entry.arrivals)
    converted = latest and is_converted(scope, entry, goals)
    facts: tuple[list[Fact], list[Fact]] = ([], [])
    users: tuple[list[Fact], list[Fact]] = ([], [])
    if is_first and first is not None:
        users[0].append(entered_fact(scope, first))
    if latest:
        tail_facts(scope, entry, converted, facts[0], users[0])
    old_dwell = dwell_fact(scope, entry, index - 1) if index else None
    entry.arrivals.insert(index, arrival)
    if is_first:
        users[1].append(entered_fact(scope, arrival))
    if latest:
        tail_facts(scope, entry, converted, facts[1], users[1])
    new_dwell = dwell_fact(scope, entry, index - 1) if index else None
    changes.dwell((old_dwell,), (new_dwell, dwell_fact(scope, entry, index)))
    changes.count(*facts)
    if len(history.entries) == 1 and not users[0] and len(users[1]) == 1:
        changes.enter(history.person, users[1][0])
    elif users[0] or users[1]:
        changes.count(*users)
        others = _users_of_others(scope, history, goals, entry) if len(history.entries) > 1 else []
        changes.members(history.person, users[0] + others, users[1] + others)
    if is_first and kind.variant != _variant(scope, first) and _has_messages(scope, history, kind.place):
        _move_messages(changes, scope, history, entry_id, entry, arrival)


def step_goal(changes: Changes, scope: Scope, entry: Entry, goal: StepGoal) -> None:
    """Fold a goal whose publisher named the entry and step."""
    before, before_money = step_goal_facts(scope, entry)
    entry.goals.append(goal)
    entry.goals.sort(key=event_order)
    after, after_money = step_goal_facts(scope, entry)
    changes.count(before, after)
    changes.money(before_money, after_money)


def message(
    changes: Changes, scope: Scope, history: History, event: MessageEvent, kind: MessageKind, group: bytes
) -> None:
    """Fold an event of a message: always one event; one message at its first event of the status.

    `group` is the mark of the message and status at the step in the history's groups.
    """
    variant = ""
    if kind.place in scope.plans.split_places:
        variant = variant_at(scope, history.entries.get(event.entry_id), kind.place)
    base, active = kind.variants.get(variant) or kind.bases(scope.plans.base, variant)
    hour = scope.zone.hour(event.at_ms)
    tally = changes.tallies.get(base | hour) or changes.tally(base | hour)
    tally[0] += 1
    tally[2].append(history.person)
    if changes.days:
        changes.stays(history.person, base | hour)
    counted = history.counted
    if kind.at_channel_mark not in counted or not holds(counted, kind.at_channel_mark, SERIES_BYTES):
        history.counted = counted + kind.at_channel_mark
        changes.new_users.append(kind.at_channel)
        _count_user(changes, history, kind.at_step, kind.at_step_mark)
    if group not in history.groups or not holds(history.groups, group, GROUP_BYTES):
        history.groups += group
        tally[1] += 1
    else:
        _count_at_first(changes, scope, history, event, kind, variant, base | hour)
    history.add_message_event(event)
    if event.detail and kind.status == SENT:
        fact, amount = cost_fact(scope, kind, variant, event, hour)
        changes.tally(fact)[0] += amount
    if active >= 0:
        _interacted(changes, history, kind, active | hour)
    elif kind.status in SENT_OR_DELIVERED and not history.flags & REACHED:
        raise_flag(changes, scope, history, REACHED)


def _interacted(changes: Changes, history: History, kind: MessageKind, fact: Fact) -> None:
    """Count an interaction towards active users, when the user qualifies."""
    history.flags |= INTERACTED
    if history.flags & QUALIFIED == QUALIFIED:
        changes.tally(fact)[2].append(history.person)
        if changes.days:
            changes.stays(history.person, fact)
        for series, mark in kind.active:
            _count_user(changes, history, series, mark)


def _count_at_first(
    changes: Changes,
    scope: Scope,
    history: History,
    event: MessageEvent,
    kind: MessageKind,
    variant: str,
    fact: Fact,
) -> None:
    """Move the message to this event when it is earlier than the one at which it counts."""
    first = first_of_group(scope, history.message_events(), event.entry_id, event.message_id, kind.at_step)
    if first is None or event_order(first) < event_order(event):
        return
    old_kind = cast("MessageKind", scope.plans.kinds[first.kind])
    old_base = old_kind.bases(scope.plans.base, variant)[0]
    changes.tally(fact)[1] += 1
    changes.tally(old_base | scope.zone.hour(first.at_ms))[1] -= 1


def raise_flag(changes: Changes, scope: Scope, history: History, flag: int) -> None:
    """Note that a history is known or reached; when it now qualifies, its interactions count."""
    if history.flags & flag:
        return
    history.flags |= flag
    if history.flags & (QUALIFIED | INTERACTED) != QUALIFIED | INTERACTED:
        return
    changes.move(history.person, set(), set(MessageFacts(scope, history).active))
    for event in history.message_events():
        for series, mark in cast("MessageKind", scope.plans.kinds[event.kind]).active:
            _count_user(changes, history, series, mark)


def _count_user(changes: Changes, history: History, series: int, mark: bytes) -> None:
    """Count the user in a series over all time, once."""
    if not holds(history.counted, mark, SERIES_BYTES):
        history.counted += mark
        changes.new_users.append(series)


def _users_of_others(scope: Scope, history: History, goals: list[Goal], entry: Entry) -> list[Fact]:
    """User facts, at steps, of the history's other entries."""
    users: list[Fact] = []
    for other in history.entries.values():
        if other is not entry:
            users += entered_facts(scope, other)
            if other.entered_at_ms >= 0:
                tail_facts(scope, other, is_converted(scope, other, goals), [], users)
    return users


def _has_messages(scope: Scope, history: History, place: int) -> bool:
    """True when the user has had a message at a place: it is counted there in some status."""
    marks = scope.plans.marks_at.get(place, ())
    return any(holds(history.counted, mark, SERIES_BYTES) for mark in marks)


def _variant(scope: Scope, arrival: Arrival | None) -> str:
    return "" if arrival is None else cast("ArrivalKind", scope.plans.kinds[arrival.kind]).variant


def _move_messages(
    changes: Changes, scope: Scope, history: History, entry_id: str, entry: Entry, arrival: Arrival
) -> None:
    """Move the messages of a step to the variant that its first arrival now gives."""
    place = cast("ArrivalKind", scope.plans.kinds[arrival.kind]).place
    after = MessageFacts(scope, history, entry_id=entry_id, place=place)
    all_after = MessageFacts(scope, history, place=place)
    arrivals, entry.arrivals = entry.arrivals, [other for other in entry.arrivals if other is not arrival]
    before = MessageFacts(scope, history, entry_id=entry_id, place=place)
    all_before = MessageFacts(scope, history, place=place)
    entry.arrivals = arrivals
    changes.count(before.events, after.events)
    changes.count(before.messages, after.messages, slot=1)
    changes.money(before.cost, after.cost)
    changes.move(history.person, set(all_before.events), set(all_after.events))
    changes.move(history.person, set(all_before.active), set(all_after.active))
