"""Journey numbers from the events of one journey: entries, exits, conversions, open windows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wayfold.audit.oracle.definitions import DEFAULT_WINDOW_MS, OracleDefinition
from wayfold.audit.oracle.events import OracleEvent
from wayfold.audit.oracle.facts import Fact, Filter, event_row, money, nano, ratio, users_of
from wayfold.audit.oracle.times import instant_text


@dataclass(slots=True)
class Entry:
    """One pass of one user: everything the events say of it. Times in milliseconds UTC.

    `entered_at` and `version` are None while no journey.entered is known; `can_convert` says whether its
    version has a goal, or no definition yet; `goals` are those that qualify.
    """

    account: str
    user: str
    journey: str
    entry: str
    entered_at: int | None = None
    version: int | None = None
    exited_at: int | None = None
    window_ms: int = DEFAULT_WINDOW_MS
    can_convert: bool = True
    arrivals: list[OracleEvent] = field(default_factory=list)
    goals: list[OracleEvent] = field(default_factory=list)

    @property
    def row(self) -> tuple[Any, ...]:
        """The entry's identity."""
        return (self.account, self.user, self.journey, self.entry)

    @property
    def known(self) -> bool:
        """Whether its journey.entered is known."""
        return self.entered_at is not None

    def is_open(self, watermark_ms: int) -> bool:
        """Whether a goal at the watermark could still convert it."""
        if not self.can_convert:
            return False
        return self.exited_at is None or self.exited_at + self.window_ms >= watermark_ms

    def first_arrival(self, version: int, step: str) -> OracleEvent | None:
        """Its first step.entered at this step of this version."""
        here = [a for a in self.arrivals if a.version == version and a.step == step]
        return min(here, key=lambda arrival: arrival.order, default=None)


def entries_of(
    events: Sequence[OracleEvent],
    goals: Mapping[str, Sequence[OracleEvent]],
    definitions: Mapping[int, OracleDefinition],
) -> dict[tuple[str, str], Entry]:
    """All entries of one journey by (user, entry id), known or not.

    `events` are the journey's own, `goals` the account's goal events by user, `definitions` the journey's.
    """
    by_kind: dict[tuple[str, str], dict[str, list[OracleEvent]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        if event.user is not None and event.entry is not None:
            by_kind[event.user, event.entry][event.kind].append(event)
    entries = {}
    for (user, entry_id), kinds in by_kind.items():
        some = next(iter(kinds.values()))[0]
        entry = Entry(some.account, user, some.journey or "", entry_id)
        entered = min(kinds["journey.entered"], key=lambda event: event.order, default=None)
        exited = min(kinds["journey.exited"], key=lambda event: event.order, default=None)
        entry.exited_at = None if exited is None else exited.at
        entry.arrivals = sorted(kinds["step.entered"], key=lambda event: event.order)
        if entered is not None:
            entry.entered_at, entry.version = entered.at, entered.version
            definition = definitions.get(entered.version or 0)
            if definition is not None:
                entry.window_ms = definition.window_ms
                entry.can_convert = definition.goal_name is not None
                entry.goals = sorted(
                    (goal for goal in goals.get(user, ()) if _qualifies(goal, entry, definition)),
                    key=lambda event: event.order,
                )
        entries[user, entry_id] = entry
    return entries


def _qualifies(goal: OracleEvent, entry: Entry, definition: OracleDefinition) -> bool:
    """Whether this goal event converts this entry: both ends of the window inclusive."""
    return (
        definition.goal_name is not None
        and definition.is_goal(goal.name, goal.properties)
        and entry.entered_at is not None
        and entry.entered_at <= goal.at
        and (entry.exited_at is None or goal.at <= entry.exited_at + entry.window_ms)
    )


def entry_facts(
    entries: Iterable[Entry], active: Iterable[Fact], where: Filter, watermark_ms: int
) -> dict[str, list[Fact]]:
    """The facts behind each journey number, filtered. `active` are the journey's active_users facts."""
    known = [entry for entry in entries if entry.known and where.version in (None, entry.version)]
    exited = [entry for entry in known if entry.exited_at is not None]
    converted = [entry for entry in known if entry.goals]
    unconverted = [entry for entry in exited if not entry.goals]
    still_open = [entry for entry in known if entry.is_open(watermark_ms)]

    def at_entry(chosen: Iterable[Entry]) -> list[Fact]:
        return where.keep(_fact(entry, entry.entered_at) for entry in chosen)

    def at_exit(chosen: Iterable[Entry]) -> list[Fact]:
        return where.keep(
            _fact(entry, entry.entered_at if where.by_entry else entry.exited_at) for entry in chosen
        )

    return {
        "total_entries": at_entry(known),
        "active_entries": at_entry(entry for entry in known if entry.exited_at is None),
        "exited_entries": at_exit(exited),
        "converted_entries": where.keep(
            _fact(entry, entry.entered_at if where.by_entry else entry.goals[0].at) for entry in converted
        ),
        "converted_cohort": at_entry(converted),
        "conversion_events": where.keep(_conversion_facts(converted, where)),
        "total_exits": at_exit(unconverted),
        "conversion_rate_open": at_entry(still_open),
        "total_exits_open": at_entry(entry for entry in unconverted if entry.is_open(watermark_ms)),
        "active_users": where.keep(active),
    }


def _fact(entry: Entry, at: int | None) -> Fact:
    if at is None:
        raise ValueError("an entry without the time that its number needs")
    return Fact(entry.row, entry.user, at, version=entry.version)


def _conversion_facts(converted: Iterable[Entry], where: Filter) -> list[Fact]:
    """One fact per goal event that qualifies for at least one of the entries, under the query's version."""
    entry_times: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    events: dict[tuple[Any, ...], OracleEvent] = {}
    for entry in converted:
        for goal in entry.goals:
            entry_times[event_row(goal)].append(entry.entered_at or 0)
            events[event_row(goal)] = goal
    return [
        Fact(
            row,
            goal.user or "",
            min(entry_times[row]) if where.by_entry else goal.at,
            version=where.version,
            amount_nano=nano(goal),
            currency=goal.currency,
        )
        for row, goal in events.items()
    ]


def journey_numbers(
    facts: Mapping[str, list[Fact]], entries: Mapping[tuple[str, str], Entry]
) -> dict[str, Any]:
    """The JOURNEY object of the numbers document, from the facts of `entry_facts`."""
    entered_users = users_of(facts["total_entries"])
    return {
        "total_entries": len(facts["total_entries"]),
        "entered_users": len(entered_users),
        "active_entries": len(facts["active_entries"]),
        "exited_entries": len(facts["exited_entries"]),
        "exited_users": len(users_of(facts["exited_entries"])),
        "converted_entries": len(facts["converted_entries"]),
        "converted_users": len(users_of(facts["converted_entries"])),
        "conversion_events": len(facts["conversion_events"]),
        "conversion_values": money(facts["conversion_events"]),
        "conversion_rate": ratio(len(users_of(facts["converted_cohort"])), len(entered_users)),
        "conversion_rate_open": _open(facts["conversion_rate_open"], entries),
        "total_exits": len(facts["total_exits"]),
        "total_exits_open": _open(facts["total_exits_open"], entries),
        "active_users": len(users_of(facts["active_users"])),
    }


def _open(facts: Sequence[Fact], entries: Mapping[tuple[str, str], Entry]) -> dict[str, Any]:
    """How many are open, and when the last of them closes: None while one has not exited."""
    closing = []
    for fact in facts:
        entry = entries[fact.user, fact.row[-1]]
        if entry.exited_at is None:
            return {"entries": len(facts), "closes_at": None}
        closing.append(entry.exited_at + entry.window_ms)
    return {"entries": len(facts), "closes_at": instant_text(max(closing)) if closing else None}
