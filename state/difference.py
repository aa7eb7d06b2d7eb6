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
    INTERACTED,
    KNOWN,
    QUALIFIED,
    REACHED,
    SENT,
    SENT_OR_DELIVERED,
    Arrival,
    Entry,
    Goal,
    History,
    MessageEvent,
    StepGoal,
    event_order,
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
        changes.rows.update(dict.fromkeys(before.closings))
        for key, converted in after.closings.items():
            changes.rows[key] = b"1" if converted else b"0"


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
    old_dwells = dwell_facts(scope, entry)
    if merge.merge_exited(entry, *at):
        compare(changes, history.person, before, EntryFacts(scope, history, goals))
        changes.dwell(old_dwells, dwell_facts(scope, entry))


def arrived(
    changes: Changes, scope: Scope, history: History, goals: list[Goal], entry: Entry, arrival: Arrival
) -> None:
    """Fold a `step.entered`: the step is entered, the one before is left, the latest may move."""
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
    if users[0] or users[1]:
        changes.count(*users)
        others = _users_of_others(scope, history, goals, entry) if len(history.entries) > 1 else []
        changes.members(history.person, users[0] + others, users[1] + others)
    if is_first and entry.messages and kind.variant != _variant(scope, first):
        _move_messages(changes, scope, history, entry, arrival)


def step_goal(changes: Changes, scope: Scope, entry: Entry, goal: StepGoal) -> None:
    """Fold a goal whose publisher named the entry and step."""
    before, before_money = step_goal_facts(scope, entry)
    entry.goals.append(goal)
    entry.goals.sort(key=event_order)
    after, after_money = step_goal_facts(scope, entry)
    changes.count(before, after)
    changes.money(before_money, after_money)


def message(
    changes: Changes,
    scope: Scope,
    history: History,
    entry: Entry,
    message_id: str,
    event: MessageEvent,
    kind: MessageKind,
) -> None:
    """Fold an event of a message: always one event; one message at its first event of the status."""
    variant = variant_at(scope, entry, kind.place) if entry.arrivals else ""
    base, active = kind.bases(scope.plans.base, variant)
    hour = scope.zone.place(event.at_ms).hour
    tally = changes.tally(base | hour)
    tally[0] += 1
    changes.put(history.person, base | hour)
    counted = history.counted
    if kind.at_channel not in counted:
        counted.add(kind.at_channel)
        changes.add_users(kind.at_channel, 1)
        if kind.at_step not in counted:
            counted.add(kind.at_step)
            changes.add_users(kind.at_step, 1)
    events = entry.messages.get(message_id)
    if events is None:
        entry.messages[message_id] = [event]
        tally[1] += 1
    else:
        first = first_of_group(scope, events, kind.at_step)
        events.append(event)
        if first is None:
            tally[1] += 1
        elif (event.at_ms, event.event_id) < (first.at_ms, first.event_id):
            tally[1] += 1
            old_kind = cast("MessageKind", scope.plans.kinds[first.kind])
            old_base = old_kind.bases(scope.plans.base, variant)[0]
            changes.tally(old_base | scope.zone.place(first.at_ms).hour)[1] -= 1
    if event.detail and kind.status == SENT:
        fact, amount = cost_fact(scope, kind, variant, event, hour)
        changes.tally(fact)[0] += amount
    if active >= 0:
        history.flags |= INTERACTED
        if history.flags & QUALIFIED == QUALIFIED:
            changes.put(history.person, active | hour)
            _count_active(changes, history, kind)
    elif kind.status in SENT_OR_DELIVERED and not history.flags & REACHED:
        raise_flag(changes, scope, history, REACHED)


def raise_flag(changes: Changes, scope: Scope, history: History, flag: int) -> None:
    """Note that a history is known or reached; when it now qualifies, its interactions count."""
    if history.flags & flag:
        return
    history.flags |= flag
    if history.flags & (QUALIFIED | INTERACTED) != QUALIFIED | INTERACTED:
        return
    facts = MessageFacts()
    for entry in history.entries.values():
        facts.add(scope, entry, True)
        for events in entry.messages.values():
            for event in events:
                _count_active(changes, history, cast("MessageKind", scope.plans.kinds[event.kind]))
    changes.move(history.person, set(), set(facts.active))


def _count_active(changes: Changes, history: History, kind: MessageKind) -> None:
    """Count an active user in the version and the journey, once over all time."""
    for series in kind.active:
        if series not in history.counted:
            history.counted.add(series)
            changes.add_users(series, 1)


def _users_of_others(scope: Scope, history: History, goals: list[Goal], entry: Entry) -> list[Fact]:
    """User facts, at steps, of the history's other entries."""
    users: list[Fact] = []
    for other in history.entries.values():
        if other is not entry:
            users += entered_facts(scope, other)
            if other.entered_at_ms >= 0:
                tail_facts(scope, other, is_converted(scope, other, goals), [], users)
    return users


def _variant(scope: Scope, arrival: Arrival | None) -> str:
    return "" if arrival is None else cast("ArrivalKind", scope.plans.kinds[arrival.kind]).variant


def _move_messages(changes: Changes, scope: Scope, history: History, entry: Entry, arrival: Arrival) -> None:
    """Move the messages of a step to the variant that its first arrival now gives."""
    place = cast("ArrivalKind", scope.plans.kinds[arrival.kind]).place
    qualified = history.flags & QUALIFIED == QUALIFIED
    before, after, others = MessageFacts(), MessageFacts(), MessageFacts()
    after.add(scope, entry, qualified, place)
    arrivals, entry.arrivals = entry.arrivals, [other for other in entry.arrivals if other is not arrival]
    before.add(scope, entry, qualified, place)
    entry.arrivals = arrivals
    for other in history.entries.values():
        if other is not entry:
            others.add(scope, other, qualified, place)
    changes.count(before.events, after.events)
    changes.count(before.messages, after.messages, slot=1)
    changes.money(before.cost, after.cost)
    for kept, old, new in (
        (others.events, before.events, after.events),
        (others.active, before.active, after.active),
    ):
        changes.move(history.person, {*kept, *old}, {*kept, *new})
