"""The audit's picture of each account: its event set taken apart by journey, and monthly engaged persons."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from wayfold.audit.oracle.definitions import OracleDefinition
from wayfold.audit.oracle.events import GOAL, OF_JOURNEYS, OracleEvent
from wayfold.audit.oracle.facts import Fact, Filter
from wayfold.audit.oracle.journeys import Entry, entries_of, entry_facts
from wayfold.audit.oracle.steps import Facts, active_facts, arrival_facts, goal_facts, message_facts
from wayfold.audit.oracle.times import month_of
from wayfold.audit.oracle.versions import conflicts, held_definitions


@dataclass
class Journey:
    """One journey of one account: its events, entries and definitions by version.

    `conflicts` says with how many other contents versions were defined, of those that were.
    """

    account: str
    journey: str
    events: list[OracleEvent]
    entries: dict[tuple[str, str], Entry]
    definitions: dict[int, OracleDefinition]
    goals: list[OracleEvent]
    conflicts: dict[int, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name in its greatest defined version, else its id."""
        return self.definitions[max(self.definitions)].name if self.definitions else self.journey

    @cached_property
    def messages(self) -> Facts:
        """Facts of the journey's message events."""
        messages = [event for event in self.events if event.kind.startswith("message.")]
        return message_facts(messages, {self.journey: self.entries})

    @cached_property
    def active(self) -> list[Fact]:
        """Facts of its active users."""
        return active_facts(self.messages, self.entries.values())

    @cached_property
    def goals_here(self) -> Facts:
        """Facts of goal events that name a step of this journey."""
        return goal_facts(self.goals, self.entries)

    def entry_facts(self, where: Filter, watermark_ms: int) -> Facts:
        """Facts of the journey numbers, filtered."""
        return entry_facts(self.entries.values(), self.active, where, watermark_ms)

    def step_facts(self, where: Filter) -> Facts:
        """Facts of the step numbers of all its steps, unfiltered, on the filter's clock."""
        return {**arrival_facts(self.entries.values(), where), **self.messages, **self.goals_here}

    def versions(self) -> list[int]:
        """Versions that are defined or that an event of the journey names."""
        named = {event.version for event in self.events if event.version is not None}
        return sorted(named | set(self.definitions))

    def steps(self, version: int, seen: Iterable[tuple[int, str]]) -> list[dict[str, Any]]:
        """The steps without numbers: as the version's definition lists them, then others seen, by id."""
        definition = self.definitions.get(version)
        defined = (
            []
            if definition is None
            else [
                {
                    "step_id": step,
                    "name": name,
                    "type": kind,
                    "channel": channel,
                    "next": definition.leads_to(place),
                    "nodes": definition.nodes(place),
                }
                for place, (step, name, kind, channel) in enumerate(definition.steps)
            ]
        )
        ids = {step["step_id"] for step in defined}
        unknown: dict[str, Any] = {"type": None, "channel": None, "next": [], "nodes": None}
        others = sorted(step for at_version, step in seen if at_version == version and step not in ids)
        return defined + [{"step_id": step, "name": step, **unknown} for step in others]


@dataclass
class Account:
    """One account: its clock, its journeys, its message events in and outside journeys."""

    account: str
    zone: ZoneInfo
    journeys: dict[str, Journey] = field(default_factory=dict)
    events: list[OracleEvent] = field(default_factory=list)

    @cached_property
    def messages(self) -> Facts:
        """Facts of all message events of the account."""
        messages = [event for event in self.events if event.kind.startswith("message.")]
        return message_facts(messages, {name: journey.entries for name, journey in self.journeys.items()})

    @cached_property
    def first_entries(self) -> dict[str, dict[str, OracleEvent]]:
        """By month on the account's clock and by user: the first journey.entered of that month."""
        months: dict[str, dict[str, OracleEvent]] = defaultdict(dict)
        for event in self._entered:
            persons = months[month_of(event.at, self.zone)]
            user = event.user or ""
            if user not in persons or event.order < persons[user].order:
                persons[user] = event
        return months

    @property
    def _entered(self) -> list[OracleEvent]:
        return [event for event in self.events if event.kind == "journey.entered"]

    def engaged_in(self) -> dict[str, dict[str, set[str]]]:
        """By month and by user: the journeys with a journey.entered."""
        months: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for event in self._entered:
            months[month_of(event.at, self.zone)][event.user or ""].add(event.journey or "")
        return months

    def monthly_engaged_persons(self) -> list[dict[str, Any]]:
        """Per month: persons, and per journey those it came first for and those it alone engaged."""
        engaged_in = self.engaged_in()
        rows = []
        for month in sorted(self.first_entries):
            first = self.first_entries[month]
            journeys = [
                {
                    "journey_id": journey,
                    "persons": len(self.persons(month, journey)),
                    "marginal_persons": len(self.marginal_persons(month, journey)),
                }
                for journey in sorted(set().union(*engaged_in[month].values()))
            ]
            shown = [row for row in journeys if row["persons"] or row["marginal_persons"]]
            rows.append({"month": month, "persons": len(first), "journeys": shown})
        return rows

    def persons(self, month: str, journey: str | None = None) -> set[str]:
        """Users engaged in a month; with a journey, those whose first entry of the month was in it."""
        first = self.first_entries.get(month, {})
        return {user for user, event in first.items() if journey in (None, event.journey)}

    def marginal_persons(self, month: str, journey: str) -> set[str]:
        """Users with an entry of the month in this journey and in no other."""
        months = self.engaged_in()
        return {user for user, journeys in months.get(month, {}).items() if journeys == {journey}}


def accounts_of(
    partitions: Iterable[Sequence[OracleEvent]], time_zones: Mapping[str, str], default_time_zone: str
) -> dict[str, Account]:
    """Every account that an event names, with everything that belongs to it.

    `partitions` are the events of each partition of the log, in which the definitions that it holds judge:
    all events in one where every partition holds the same.
    """
    parts = [_by_account(events) for events in partitions]
    accounts = {}
    for name in sorted(set().union(*parts)):
        zone = ZoneInfo(time_zones.get(name, default_time_zone))
        of_account = [part[name] for part in parts if name in part]
        account = Account(name, zone, events=[event for events in of_account for event in events])
        account.journeys = _journeys(name, of_account)
        accounts[name] = account
    return accounts


def _by_account(events: Iterable[OracleEvent]) -> dict[str, list[OracleEvent]]:
    by_account: dict[str, list[OracleEvent]] = defaultdict(list)
    for event in events:
        by_account[event.account].append(event)
    return by_account


def _journeys(account: str, partitions: Sequence[Sequence[OracleEvent]]) -> dict[str, Journey]:
    """The journeys of an account. A name is that of the earliest definition of any partition."""
    everywhere = _by_journey(event for events in partitions for event in events)
    journeys: dict[str, Journey] = {
        name: Journey(account, name, [], {}, definitions, []) for name, definitions in everywhere.items()
    }
    for (_, name, version), count in conflicts(event for events in partitions for event in events).items():
        journeys[name].conflicts[version] = count
    for events in partitions:
        held = _by_journey(events)
        goals_of_user: dict[str, list[OracleEvent]] = defaultdict(list)
        bound: dict[str, list[OracleEvent]] = defaultdict(list)
        goals_of_journey: dict[str, list[OracleEvent]] = defaultdict(list)
        for event in events:
            if event.kind == GOAL:
                goals_of_user[event.user or ""].append(event)
                if event.journey is not None:
                    goals_of_journey[event.journey].append(event)
            elif event.kind not in OF_JOURNEYS and event.journey is not None:
                bound[event.journey].append(event)
        for name, of_journey in bound.items():
            journey = journeys.setdefault(name, Journey(account, name, [], {}, {}, []))
            journey.events += of_journey
            journey.entries |= entries_of(of_journey, goals_of_user, held.get(name, {}))
            journey.goals += goals_of_journey[name]
    return {name: journeys[name] for name in sorted(journeys)}


def _by_journey(events: Iterable[OracleEvent]) -> dict[str, dict[int, OracleDefinition]]:
    """The definitions that hold among events of one account, by journey and version."""
    found: dict[str, dict[int, OracleDefinition]] = defaultdict(dict)
    for (_, journey, version), definition in held_definitions(events).items():
        found[journey][version] = definition
    return found
