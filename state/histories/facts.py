"""The facts that a history stands for: what it adds to which series, and in which hour.

These enumerators are the only definition of the numbers. Folding an event compares the facts that
it can have changed before and after (`state/histories/difference.py`); lists and re-evaluations enumerate
them whole. A fact is a series' base with an hour in its low bits (`state/names/plans.py`).

| series | rest of its name | counts |
|---|---|---|
| total_entries, active_entries | version | entries |
| exited_entries, converted_entries, total_exits (@event, @entry) | version | entries |
| conversion_events (@event, @entry) | version, 0 for all | goal events |
| conversion_values (@event, @entry) | version, 0 for all, currency | money |
| entered, current, dropped (@event, @entry) | version, step, variant | entries |
| dwell | version, step, variant | arrivals, by dwell time |
| goals, goal_values | version, step, name [, currency] | goal events, money |
| a status | version, step, channel, platform, variant | events and messages |
| cost | version, step, channel, platform, variant, currency | money |
| active_users | version, step, channel, platform, variant | interactions |
"""

from collections.abc import Iterable
from typing import Protocol

from wayfold.models.events import END_OF_TIME_MS
from wayfold.models.zone import SLOT_MS, Zone
from wayfold.state.histories.history import (
    QUALIFIED,
    SENT,
    Arrival,
    Entry,
    Goal,
    History,
    MessageEvent,
    event_order,
)
from wayfold.state.histories.rules import first_conversion, qualifies
from wayfold.state.names.plans import MessageKind, Plans

LAST_MS = END_OF_TIME_MS - 1  # a window without end, as good as, closes with the year 9999

Fact = int
Money = dict[Fact, int]
Group = tuple[str, str, int]
"""(entry id, message id, series of the status at the step)."""
Dwell = tuple[Fact, int]
"""An arrival's series and hour, and how long the entry stayed, in milliseconds."""


class Scope(Protocol):
    """What the facts of a journey need to know: its calendar and its plans."""

    @property
    def zone(self) -> Zone:
        """Calendar of the journey's account."""

    @property
    def plans(self) -> Plans:
        """Kinds, versions and series of the journey."""

    def closing_key(self, entry_id: str, person: int, version: int, closes_at_ms: int, hour: int) -> bytes:
        """Store key of the row that says when the window of an exited entry closes."""


class EntryFacts:
    """Facts of a history's entries: all that it stands for but for its messages.

    `facts` count, and put the person into the user set of the series and hour where users of the
    series are a number of their own. `dwells` are times from arrivals to what came next; `closings`
    says per key of a closing row whether the entry converted.
    """

    __slots__ = ("closings", "dwells", "facts", "money")

    def __init__(self, scope: Scope, history: History, goals: list[Goal]) -> None:
        self.facts: list[Fact] = []
        self.dwells: list[Dwell] = []
        self.closings: dict[bytes, bool] = {}
        self.money: Money = {}
        for entry_id, entry in history.entries.items():
            if entry.arrivals:
                self._add_arrivals(scope, entry)
            if entry.entered_at_ms >= 0:
                self._add_entry(scope, history.person, entry_id, entry, goals)
                if entry.goals:
                    self._add_step_goals(scope, entry)
        if goals:
            self._add_conversions(scope, history.entries.values(), goals)

    def _add_arrivals(self, scope: Scope, entry: Entry) -> None:
        """Add the steps that the entry entered, each at its first arrival, and how long it stayed."""
        kinds, zone = scope.plans.arrival_kinds, scope.zone
        hours = zone.hours
        facts, dwells = self.facts, self.dwells
        exited_at_ms = entry.exited_at_ms
        places = set()
        fact, since_ms = 0, -1
        for arrival in entry.arrivals:
            kind = kinds[arrival.kind]
            at_ms = arrival.at_ms
            hour = hours.get(at_ms // SLOT_MS) or zone.hour(at_ms)
            if kind.place not in places:
                places.add(kind.place)
                facts.append(kind.entered | hour)
            if since_ms >= 0:
                dwells.append(
                    (fact, (exited_at_ms if since_ms <= exited_at_ms < at_ms else at_ms) - since_ms)
                )
            fact, since_ms = kind.dwell | hour, at_ms
        if exited_at_ms >= since_ms:
            dwells.append((fact, exited_at_ms - since_ms))

    def _add_entry(self, scope: Scope, person: int, entry_id: str, entry: Entry, goals: list[Goal]) -> None:
        """Add what a known entry counts in its version, and at its latest step."""
        plan = scope.plans.version(entry.version)
        hour_of = scope.zone.hour
        facts = self.facts
        entered = hour_of(entry.entered_at_ms)
        facts.append(plan.total | entered)
        goal = first_conversion(entry, goals, plan.rules) if goals else None
        if goal is not None:
            facts.append(plan.converted_event | hour_of(goal.at_ms))
            facts.append(plan.converted_entry | entered)
        latest = scope.plans.arrival_kinds[entry.arrivals[-1].kind] if entry.arrivals else None
        if entry.exited_at_ms < 0:
            facts.append(plan.active | entered)
            if latest is not None:
                facts.append(latest.current | entered)
            return
        exited = hour_of(entry.exited_at_ms)
        facts.append(plan.exited_event | exited)
        facts.append(plan.exited_entry | entered)
        if plan.rules.may_convert:
            closes_at_ms = min(entry.exited_at_ms + plan.rules.window_ms, LAST_MS)
            key = scope.closing_key(entry_id, person, entry.version, closes_at_ms, entered)
            self.closings[key] = goal is not None
        if goal is None:
            facts.append(plan.exits_event | exited)
            facts.append(plan.exits_entry | entered)
            if latest is not None:
                facts.append(latest.dropped_event | exited)
                facts.append(latest.dropped_entry | entered)

    def _add_step_goals(self, scope: Scope, entry: Entry) -> None:
        """Add goals that named a step of a known entry, which gives them their version."""
        base = scope.plans.base
        for goal in entry.goals:
            hour = scope.zone.hour(goal.at_ms)
            self.facts.append(base(("goals", entry.version, goal.step_id, goal.name)) | hour)
            if goal.value:
                fact = base(("goal_values", entry.version, goal.step_id, goal.name, goal.currency)) | hour
                self.money[fact] = self.money.get(fact, 0) + int(goal.value)

    def _add_conversions(self, scope: Scope, entries: Iterable[Entry], goals: list[Goal]) -> None:
        """Add the goal events that qualify for at least one entry, and their values.

        Each stands under every version it qualifies in, and once under version 0 for the journey.
        """
        base, hour_of = scope.plans.base, scope.zone.hour
        for goal in goals:
            earliest: dict[int, int] = {}
            for entry in entries:
                if qualifies(entry, goal, scope.plans.version(entry.version).rules):
                    at_ms = entry.entered_at_ms
                    for version in (entry.version, 0):
                        earliest[version] = min(at_ms, earliest.get(version, at_ms))
            for version, entered_at_ms in earliest.items():
                for clock, at_ms in (("event", goal.at_ms), ("entry", entered_at_ms)):
                    hour = hour_of(at_ms)
                    self.facts.append(base((f"conversion_events@{clock}", version)) | hour)
                    if goal.value:
                        fact = base((f"conversion_values@{clock}", version, goal.currency)) | hour
                        self.money[fact] = self.money.get(fact, 0) + int(goal.value)


def first_arrival(scope: Scope, entry: Entry, place: int) -> Arrival | None:
    """The entry's first arrival at a place (a version's step)."""
    kinds = scope.plans.arrival_kinds
    for arrival in entry.arrivals:
        if kinds[arrival.kind].place == place:
            return arrival
    return None


def variant_at(scope: Scope, entry: Entry | None, place: int) -> str:
    """Variant of the entry's first arrival at a place, "" while there is none."""
    if entry is None or place not in scope.plans.split_places:
        return ""
    arrival = first_arrival(scope, entry, place)
    return "" if arrival is None else scope.plans.arrival_kinds[arrival.kind].variant


def cost_fact(
    scope: Scope, kind: MessageKind, variant: str, event: MessageEvent, hour: int
) -> tuple[Fact, int]:
    """The cost that a sent message's event adds."""
    amount, _, currency = event.detail.partition(" ")
    return kind.cost(scope.plans.base, variant, currency) | hour, int(amount)


def first_of_group(
    scope: Scope, events: Iterable[MessageEvent], entry_id: str, message_id: str, at_step: int
) -> MessageEvent | None:
    """The event at which a message counts for a status: its earliest of it at that step."""
    kinds = scope.plans.message_kinds
    wanted = (entry_id, message_id, at_step)
    group = [event for event in events if group_of(event, kinds[event.kind]) == wanted]
    return min(group, key=event_order, default=None)


def group_of(event: MessageEvent, kind: MessageKind) -> Group:
    """What a message is counted once by: a message at a step counts once for each status."""
    return event.entry_id, event.message_id, kind.at_step


class MessageFacts:
    """Facts of a history's message events: events, messages, interactions of active users, costs.

    Of all events, or of those at one place.
    """

    __slots__ = ("active", "cost", "events", "messages")

    def __init__(self, scope: Scope, history: History, *, place: int | None = None) -> None:
        self.events: list[Fact] = []
        self.messages: list[Fact] = []
        self.active: list[Fact] = []
        self.cost: Money = {}
        qualified = history.flags & QUALIFIED == QUALIFIED
        firsts: dict[Group, tuple[tuple[int, str], Fact]] = {}
        for event in history.message_events():
            kind = scope.plans.message_kinds[event.kind]
            if place not in (None, kind.place):
                continue
            variant = variant_at(scope, history.entries.get(event.entry_id), kind.place)
            hour = scope.zone.hour(event.at_ms)
            base, active = kind.bases(scope.plans.base, variant)
            self.events.append(base | hour)
            group = group_of(event, kind)
            first = (event_order(event), base | hour)
            firsts[group] = min(firsts.get(group, first), first)
            if qualified and active >= 0:
                self.active.append(active | hour)
            if event.detail and kind.status == SENT:
                fact, amount = cost_fact(scope, kind, variant, event, hour)
                self.cost[fact] = self.cost.get(fact, 0) + amount
        self.messages = [fact for _, fact in firsts.values()]
