"""The facts that a history stands for: what it adds to which number, and in which hour.

These enumerators are the only definition of the numbers. Folding an event compares the facts that
it can have changed before and after (`state/difference.py`); lists and re-evaluations enumerate
them whole. A fact is a series name and an hour; the first word of the name is the metric.

| metric | rest of the name | counts |
|---|---|---|
| total_entries, active_entries | version | entries |
| exited_entries, converted_entries, total_exits (@event, @entry) | version | entries |
| conversion_events (@event, @entry) | version, 0 for all | goal events |
| conversion_values (@event, @entry) | version, 0 for all, currency | money |
| closing | version | exits by the hour in which their window closes |
| entered, current, dropped (@event, @entry) | version, step, variant | entries |
| dwell | version, step, variant, bucket | arrivals |
| goals, goal_values | version, step, name [, currency] | goal events, money |
| a status | version, step, channel, platform, variant | events, messages |
| cost | version, step, channel, platform, variant, currency | money |
| active_users | version, step, channel, platform, variant | interactions |
"""

from collections.abc import Iterable, Iterator

from wayfold.models.zone import Zone
from wayfold.state.dwell import bucket_of
from wayfold.state.history import (
    INTERACTIONS,
    QUALIFIED,
    SENT,
    STATUSES,
    Arrival,
    Entry,
    Goal,
    History,
    MessageEvent,
    event_order,
)
from wayfold.state.rules import Rules, first_conversion, qualifies

Name = tuple[str | int, ...]
Fact = tuple[Name, int]
Money = dict[Fact, int]

# Metrics whose users are a number of their own: a user is in the set of a series and hour while
# any fact of the history says so.
USER_METRICS = frozenset(
    (
        "total_entries",
        "exited_entries@event",
        "exited_entries@entry",
        "converted_entries@event",
        "converted_entries@entry",
        "entered",
        "dropped@event",
        "dropped@entry",
    )
)


def entry_facts(entry: Entry, goals: list[Goal], rules: Rules, zone: Zone) -> list[Fact]:
    """Facts of a known entry but for its arrivals and messages; none while it is unknown."""
    if entry.entered_at_ms < 0:
        return []
    version = entry.version
    entered = zone.place(entry.entered_at_ms).hour
    facts: list[Fact] = [(("total_entries", version), entered)]
    latest = entry.arrivals[-1] if entry.arrivals else None
    version_rules = rules(version)
    goal = first_conversion(entry, goals, version_rules) if goals else None
    if goal is not None:
        facts.append((("converted_entries@event", version), zone.place(goal.at_ms).hour))
        facts.append((("converted_entries@entry", version), entered))
    if entry.exited_at_ms < 0:
        facts.append((("active_entries", version), entered))
        if latest is not None:
            facts.append((("current", latest.version, latest.step_id, latest.variant), entered))
        return facts
    exited = zone.place(entry.exited_at_ms).hour
    facts.append((("exited_entries@event", version), exited))
    facts.append((("exited_entries@entry", version), entered))
    if goal is None:
        facts.append((("total_exits@event", version), exited))
        facts.append((("total_exits@entry", version), entered))
        if latest is not None:
            step = (latest.version, latest.step_id, latest.variant)
            facts.append((("dropped@event", *step), exited))
            facts.append((("dropped@entry", *step), entered))
    return facts


def closing_row(
    entry: Entry, goals: list[Goal], rules: Rules, zone: Zone
) -> tuple[int, int, int, bool] | None:
    """When the window of an exited entry closes: (version, closes_at_ms, hour of entry, converted)."""
    if entry.entered_at_ms < 0 or entry.exited_at_ms < 0:
        return None
    version_rules = rules(entry.version)
    converted = first_conversion(entry, goals, version_rules) is not None
    closes_at_ms = entry.exited_at_ms + version_rules.window_ms
    return entry.version, closes_at_ms, zone.place(entry.entered_at_ms).hour, converted


def conversion_facts(
    entries: Iterable[Entry], goals: list[Goal], rules: Rules, zone: Zone
) -> tuple[list[Fact], Money]:
    """Goal events that qualify for at least one entry of the history, and their values.

    Each stands under every version it qualifies in, and once under version 0 for the journey.
    """
    facts: list[Fact] = []
    money: Money = {}
    for goal in goals:
        earliest: dict[int, int] = {}
        for entry in entries:
            if entry.entered_at_ms >= 0 and qualifies(entry, goal, rules(entry.version)):
                at_ms = entry.entered_at_ms
                for version in (entry.version, 0):
                    earliest[version] = min(at_ms, earliest.get(version, at_ms))
        for version, entered_at_ms in earliest.items():
            for clock, at_ms in (("event", goal.at_ms), ("entry", entered_at_ms)):
                hour = zone.place(at_ms).hour
                facts.append(((f"conversion_events@{clock}", version), hour))
                if goal.value:
                    key = ((f"conversion_values@{clock}", version, goal.currency), hour)
                    money[key] = money.get(key, 0) + int(goal.value)
    return facts, money


def entered_fact(arrivals: list[Arrival], version: int, step_id: str, zone: Zone) -> list[Fact]:
    """The fact that an entry entered a step: at its first arrival there, with that one's variant."""
    for arrival in arrivals:
        if arrival.step_id == step_id and arrival.version == version:
            return [(("entered", version, step_id, arrival.variant), zone.place(arrival.at_ms).hour)]
    return []


def dwell_fact(entry: Entry, index: int, zone: Zone) -> list[Fact]:
    """How long the entry stayed after its arrival number `index`: to the next one or the exit."""
    arrival = entry.arrivals[index]
    following = index + 1
    end_ms = entry.arrivals[following].at_ms if following < len(entry.arrivals) else -1
    if entry.exited_at_ms >= arrival.at_ms and (end_ms < 0 or entry.exited_at_ms < end_ms):
        end_ms = entry.exited_at_ms
    if end_ms < 0:
        return []
    name = ("dwell", arrival.version, arrival.step_id, arrival.variant, bucket_of(end_ms - arrival.at_ms))
    return [(name, zone.place(arrival.at_ms).hour)]


def dwell_facts(entry: Entry, zone: Zone) -> list[Fact]:
    """All dwell facts of an entry."""
    return [fact for index in range(len(entry.arrivals)) for fact in dwell_fact(entry, index, zone)]


def step_goal_facts(entry: Entry, zone: Zone) -> tuple[list[Fact], Money]:
    """Goals that named a step of this entry; they wait for the entry, which gives their version."""
    facts: list[Fact] = []
    money: Money = {}
    if entry.entered_at_ms < 0:
        return facts, money
    for goal in entry.goals:
        hour = zone.place(goal.at_ms).hour
        facts.append((("goals", entry.version, goal.step_id, goal.name), hour))
        if goal.value:
            key: Fact = (("goal_values", entry.version, goal.step_id, goal.name, goal.currency), hour)
            money[key] = money.get(key, 0) + int(goal.value)
    return facts, money


def message_name(event: MessageEvent, variant: str) -> Name:
    """Series of a message event."""
    return STATUSES[event.status], event.version, event.step_id, event.channel, event.platform, variant


def first_of_status(
    events: list[MessageEvent], status: int, version: int, step_id: str
) -> MessageEvent | None:
    """The event at which a message counts for a status: its earliest of it at that step."""
    found = [e for e in events if e.status == status and e.version == version and e.step_id == step_id]
    return min(found, key=event_order) if found else None


def active_name(event: MessageEvent, variant: str) -> Name:
    """Series of an interaction in active_users."""
    return "active_users", event.version, event.step_id, event.channel, event.platform, variant


class MessageFacts:
    """Message facts of the events of one entry at one step, or of all: counts, users, costs."""

    __slots__ = ("active", "cost", "events", "messages")

    def __init__(self) -> None:
        self.events: list[Fact] = []
        self.messages: list[Fact] = []
        self.active: list[Fact] = []
        self.cost: Money = {}

    def add(self, entry: Entry, zone: Zone, qualified: bool, only: tuple[int, str] | None = None) -> None:
        """Add the facts of an entry's message events, of all or those at one (version, step id)."""
        for events in entry.messages.values():
            for event in events:
                if only is not None and (event.version, event.step_id) != only:
                    continue
                variant = entry.variant_at(event.version, event.step_id)
                hour = zone.place(event.at_ms).hour
                name = message_name(event, variant)
                self.events.append((name, hour))
                if event is first_of_status(events, event.status, event.version, event.step_id):
                    self.messages.append((name, hour))
                if qualified and event.status in INTERACTIONS:
                    self.active.append((active_name(event, variant), hour))
                if event.status == SENT and event.cost:
                    key = (("cost", *name[1:], event.currency), hour)
                    self.cost[key] = self.cost.get(key, 0) + int(event.cost)


def message_facts(history: History, zone: Zone, entries: Iterable[Entry] | None = None) -> MessageFacts:
    """Message facts of a history, or of some of its entries."""
    found = MessageFacts()
    qualified = history.flags & QUALIFIED == QUALIFIED
    for entry in history.entries.values() if entries is None else entries:
        found.add(entry, zone, qualified)
    return found


def interactions(history: History) -> Iterator[tuple[Entry, MessageEvent]]:
    """Events in which the person viewed, opened or clicked."""
    for _, entry, _, event in history.message_events():
        if event.status in INTERACTIONS:
            yield entry, event
