"""Events of messages: merged into their history, and what they change.

A message event adds facts and takes none back, so that what it changes is found from the event and the
history's marks alone. It comes to what `state.histories.facts.MessageFacts` enumerates.
"""

from typing import Any

from xxhash import xxh3_64_digest

from wayfold.models import events
from wayfold.models.events import Event
from wayfold.models.zone import SLOT_MS
from wayfold.state.cells.changes import Changes
from wayfold.state.histories.facts import Fact, MessageFacts, Scope, cost_fact, first_of_group, variant_at
from wayfold.state.histories.history import (
    FAILED,
    GROUP_BYTES,
    INTERACTED,
    INTERACTIONS,
    MACHINE_SHIFT,
    QUALIFIED,
    REACHED,
    SENT,
    SENT_OR_DELIVERED,
    STATUSES,
    History,
    MessageEvent,
    event_order,
)
from wayfold.state.histories.marks import holds
from wayfold.state.histories.pending import Item
from wayfold.state.names.plans import MessageKind

STATUS_OF_CLASS: dict[type[Event], int] = {
    cls: STATUSES.index(cls.STATUS) for cls in events.EVENT_CLASSES if issubclass(cls, events.MessageEvent)
}
SAYS_MORE = INTERACTIONS | {SENT, FAILED}
"""Statuses whose events say more than the status: a machine, a cost, a reason."""


def may_have_messages(scope: Scope, history: History, entry_id: str, place: int) -> bool:
    """False when an entry surely had no message at a place."""
    return history.messages.find(entry_id.encode()) >= 0 and any(
        mark in history.counted for mark in scope.plans.marks_at.get(place, ())
    )


def merge_messages(changes: Changes, scope: Scope, history: History, items: list[Item]) -> None:
    """Fold events of messages: each is one event; a message counts at its first event of the status."""
    plans, zone, tallies = scope.plans, scope.zone, changes.tallies
    base_of, kinds, split_places, hours = plans.base, plans.messages, plans.split_places, zone.hours
    person = history.person
    added: list[MessageEvent] = []
    entry_id = message_id = ""
    message_mark = b""
    for event, at_ms, _ in items:
        status = STATUS_OF_CLASS[event.__class__]
        status, detail = _said(event, status) if status in SAYS_MORE else (status, "")
        words = (status, event.journey_version or 0, event.step_id or "", event.channel, event.platform)
        kind = kinds.get(words) or plans.message(words)
        if event.message_id != message_id or (event.entry_id or "") != entry_id:
            entry_id, message_id = event.entry_id or "", event.message_id
            message_mark = xxh3_64_digest(f"{entry_id}\0{message_id}".encode())
        entry = history.entries.get(entry_id) if kind.place in split_places else None
        variant = "" if entry is None else variant_at(scope, entry, kind.place)
        base, active = kind.variants.get(variant) or kind.bases(base_of, variant)
        hour = hours.get(at_ms // SLOT_MS) or zone.hour(at_ms)
        fact = base | hour
        tally = tallies.get(fact) or changes.tally(fact)
        tally[0] += 1
        tally[2].append(person)
        if person in changes.movers:
            changes.stays(person, fact)
        if kind.at_channel_mark not in history.counted:
            _count_user(changes, history, kind.at_channel, kind.at_channel_mark)
            _count_user(changes, history, kind.at_step, kind.at_step_mark)
        group = message_mark + kind.at_step_bytes
        stored = MessageEvent(entry_id, message_id, at_ms, event.event_id, kind.number, detail)
        groups = history.groups
        if groups.find(group) < 0 or not holds(groups, group, GROUP_BYTES):
            history.groups += group
            tally[1] += 1
        else:
            # What follows looks at the messages that the history holds.
            history.add_message_events(added)
            added = []
            _count_at_first(changes, scope, history, stored, kind, variant, fact)
        added.append(stored)
        if active >= 0:
            _interacted(changes, history, kind, active | hour)
        elif status in SENT_OR_DELIVERED:
            if detail:
                cost, amount = cost_fact(scope, kind, variant, stored, hour)
                changes.tally(cost)[0] += amount
            if not history.flags & REACHED:
                history.add_message_events(added)
                added = []
                raise_flag(changes, scope, history, REACHED)
    history.add_message_events(added)


def _said(event: Any, status: int) -> tuple[int, str]:
    """Number of the status that a message event counts in, and what is kept of it besides."""
    if status in INTERACTIONS:
        return (status + MACHINE_SHIFT if event.machine else status), ""
    if status == SENT:
        return status, "" if event.cost is None else f"{int(event.cost)} {event.currency}"
    return status, event.reason


def _interacted(changes: Changes, history: History, kind: MessageKind, fact: Fact) -> None:
    """Count an interaction towards active users, when the user qualifies."""
    history.flags |= INTERACTED
    if history.flags & QUALIFIED == QUALIFIED:
        changes.tally(fact)[2].append(history.person)
        if history.person in changes.movers:
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
    old_kind = scope.plans.message_kinds[first.kind]
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
        for series, mark in scope.plans.message_kinds[event.kind].active:
            _count_user(changes, history, series, mark)


def _count_user(changes: Changes, history: History, series: int, mark: str) -> None:
    """Count the user in a series over all time, once."""
    if mark not in history.counted:
        history.counted += mark
        changes.new_users.append(series)
