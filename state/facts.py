"""The facts that a history stands for: what it adds to which series, and in which hour.

These enumerators are the only definition of the numbers. Folding an event compares the facts that
it can have changed before and after (`state/difference.py`); lists and re-evaluations enumerate
them whole. A fact is a series' base with an hour in its low bits (`state/plans.py`).

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
from typing import Protocol, cast

from wayfold.models.events import END_OF_TIME_MS
from wayfold.models.zone import Zone
from wayfold.state.dwell import bucket_of
from wayfold.state.history import QUALIFIED, SENT, Arrival, Entry, Goal, History, MessageEvent, event_order
from wayfold.state.plans import ArrivalKind, MessageKind, Plans
from wayfold.state.rules import first_conversion, qualifies

LAST_MS = END_OF_TIME_MS - 1  # a window without end, as good as, closes with the year 9999

Fact = int
Money = dict[Fact, int]
Dwell = tuple[Fact, int]


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
    """Facts of a history's entries but for their arrivals and messages.

    `users` are those facts whose users are a number of their own: a person is in the user set of a
    series and hour while one of them says so. They count as `facts` do. `closings` says per key of
    a closing row whether the entry converted.
    """

    __slots__ = ("closings", "facts", "money", "users")

    def __init__(self, scope: Scope, history: History, goals: list[Goal]) -> None:
        self.facts: list[Fact] = []
        self.users: list[Fact] = []
        self.closings: dict[bytes, bool] = {}
        self.money: Money = {}
        for entry_id, entry in history.entries.items():
            if entry.entered_at_ms >= 0:
                self._add(scope, history.person, entry_id, entry, goals)
        if goals:
            self._add_conversions(scope, history.entries.values(), goals)

    def _add(self, scope: Scope, person: int, entry_id: str, entry: Entry, goals: list[Goal]) -> None:
        plan = scope.plans.version(entry.version)
        hour_of = scope.zone.hour
        facts, users = self.facts, self.users
        entered = hour_of(entry.entered_at_ms)
        users.append(plan.total | entered)
        goal = first_conversion(entry, goals, plan.rules) if goals else None
        if goal is not None:
            users.append(plan.converted_event | hour_of(goal.at_ms))
            users.append(plan.converted_entry | entered)
        if entry.exited_at_ms < 0:
            facts.append(plan.active | entered)
        else:
            exited = hour_of(entry.exited_at_ms)
            users.append(plan.exited_event | exited)
            users.append(plan.exited_entry | entered)
            closes_at_ms = min(entry.exited_at_ms + plan.rules.window_ms, LAST_MS)
            key = scope.closing_key(entry_id, person, entry.version, closes_at_ms, entered)
            self.closings[key] = goal is not None
            if goal is None:
                facts.append(plan.exits_event | exited)
                facts.append(plan.exits_entry | entered)
        tail_facts(scope, entry, goal is not None, facts, users)

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


def tail_facts(scope: Scope, entry: Entry, converted: bool, facts: list[Fact], users: list[Fact]) -> None:
    """Add what a known entry counts at its latest step: current, or dropped when it has exited."""
    if not entry.arrivals:
        return
    kind = cast("ArrivalKind", scope.plans.kinds[entry.arrivals[-1].kind])
    entered = scope.zone.hour(entry.entered_at_ms)
    if entry.exited_at_ms < 0:
        facts.append(kind.current | entered)
    elif not converted:
        users.append(kind.dropped_event | scope.zone.hour(entry.exited_at_ms))
        users.append(kind.dropped_entry | entered)


def is_converted(scope: Scope, entry: Entry, goals: list[Goal]) -> bool:
    """True when a goal event converts the entry."""
    return (
        bool(goals) and first_conversion(entry, goals, scope.plans.version(entry.version).rules) is not None
    )


def first_arrival(scope: Scope, entry: Entry, place: int) -> Arrival | None:
    """The entry's first arrival at a place (a version's step)."""
    kinds = scope.plans.kinds
    for arrival in entry.arrivals:
        if cast("ArrivalKind", kinds[arrival.kind]).place == place:
            return arrival
    return None


def entered_fact(scope: Scope, arrival: Arrival) -> Fact:
    """The fact that an entry entered a step: at its first arrival there, with that one's variant."""
    kind = cast("ArrivalKind", scope.plans.kinds[arrival.kind])
    return kind.entered | scope.zone.hour(arrival.at_ms)


def entered_facts(scope: Scope, entry: Entry) -> list[Fact]:
    """The steps that an entry entered."""
    first: dict[int, Arrival] = {}
    for arrival in entry.arrivals:
        first.setdefault(cast("ArrivalKind", scope.plans.kinds[arrival.kind]).place, arrival)
    return [entered_fact(scope, arrival) for arrival in first.values()]


def dwell_fact(scope: Scope, entry: Entry, index: int) -> Dwell | None:
    """How long the entry stayed after its arrival number `index`: to the next one or the exit."""
    arrivals = entry.arrivals
    arrival = arrivals[index]
    end_ms = arrivals[index + 1].at_ms if index + 1 < len(arrivals) else -1
    if entry.exited_at_ms >= arrival.at_ms and (end_ms < 0 or entry.exited_at_ms < end_ms):
        end_ms = entry.exited_at_ms
    if end_ms < 0:
        return None
    kind = cast("ArrivalKind", scope.plans.kinds[arrival.kind])
    return kind.dwell | scope.zone.hour(arrival.at_ms), bucket_of(end_ms - arrival.at_ms)


def dwell_facts(scope: Scope, entry: Entry, since_ms: int = -1) -> list[Dwell | None]:
    """All dwell facts of an entry, or those that an exit at `since_ms` or later can touch."""
    arrivals = entry.arrivals
    index = len(arrivals) - 1
    facts = []
    while index >= 0:
        facts.append(dwell_fact(scope, entry, index))
        if arrivals[index].at_ms <= since_ms:
            break
        index -= 1
    return facts


def step_goal_facts(scope: Scope, entry: Entry) -> tuple[list[Fact], Money]:
    """Goals that named a step of this entry; they wait for the entry, which gives their version."""
    facts: list[Fact] = []
    money: Money = {}
    if entry.entered_at_ms < 0:
        return facts, money
    base = scope.plans.base
    for goal in entry.goals:
        hour = scope.zone.hour(goal.at_ms)
        facts.append(base(("goals", entry.version, goal.step_id, goal.name)) | hour)
        if goal.value:
            fact = base(("goal_values", entry.version, goal.step_id, goal.name, goal.currency)) | hour
            money[fact] = money.get(fact, 0) + int(goal.value)
    return facts, money


def variant_at(scope: Scope, entry: Entry | None, place: int) -> str:
    """Variant of the entry's first arrival at a place, "" while there is none."""
    if entry is None or place not in scope.plans.split_places:
        return ""
    arrival = first_arrival(scope, entry, place)
    return "" if arrival is None else cast("ArrivalKind", scope.plans.kinds[arrival.kind]).variant


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
    kinds = scope.plans.kinds
    group = [
        event
        for event in events
        if event.message_id == message_id
        and event.entry_id == entry_id
        and cast("MessageKind", kinds[event.kind]).at_step == at_step
    ]
    return min(group, key=event_order, default=None)


class MessageFacts:
    """Facts of message events: events, messages, interactions of active users, costs.

    Of all events of a history, or of those of one entry or at one place.
    """

    __slots__ = ("active", "cost", "events", "messages")

    def __init__(
        self, scope: Scope, history: History, *, entry_id: str | None = None, place: int | None = None
    ) -> None:
        self.events: list[Fact] = []
        self.messages: list[Fact] = []
        self.active: list[Fact] = []
        self.cost: Money = {}
        qualified = history.flags & QUALIFIED == QUALIFIED
        events = history.message_events()
        for event in events:
            kind = cast("MessageKind", scope.plans.kinds[event.kind])
            if (entry_id is not None and event.entry_id != entry_id) or place not in (None, kind.place):
                continue
            variant = variant_at(scope, history.entries.get(event.entry_id), kind.place)
            hour = scope.zone.hour(event.at_ms)
            base, active = kind.bases(scope.plans.base, variant)
            self.events.append(base | hour)
            if event is first_of_group(scope, events, event.entry_id, event.message_id, kind.at_step):
                self.messages.append(base | hour)
            if qualified and active >= 0:
                self.active.append(active | hour)
            if event.detail and kind.status == SENT:
                fact, amount = cost_fact(scope, kind, variant, event, hour)
                self.cost[fact] = self.cost.get(fact, 0) + amount


def all_facts(scope: Scope, history: History, goals: list[Goal]) -> set[Fact]:
    """Every fact that a history stands for: series and hour of all it is counted in."""
    entries = EntryFacts(scope, history, goals)
    messages = MessageFacts(scope, history)
    facts = {*entries.facts, *entries.users, *entries.money}
    for entry in history.entries.values():
        facts.update(entered_facts(scope, entry))
        facts.update(dwell[0] for dwell in dwell_facts(scope, entry) if dwell is not None)
        facts.update(step_goal_facts(scope, entry)[0])
    return facts | {*messages.events, *messages.active, *messages.cost}
