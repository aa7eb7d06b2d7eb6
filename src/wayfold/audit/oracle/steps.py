"""Step numbers from the events of one journey: arrivals, message statuses, dwell, goals here, cost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wayfold.audit.oracle.events import STATUSES, OracleEvent
from wayfold.audit.oracle.facts import (
    Fact,
    Filter,
    event_row,
    money,
    nano,
    nearest_rank,
    ratio,
    users_of,
)
from wayfold.audit.oracle.journeys import Entry

REPORT_NO_DELIVERY = ("push", "in_app", "webhook")
ENGAGED = ("viewed", "opened", "clicked")

Facts = dict[str, list[Fact]]


def arrival_facts(entries: Iterable[Entry], where: Filter) -> Facts:
    """entered, current, dropped and dwell facts of all steps, unfiltered, on the filter's clock."""
    facts: Facts = {"entered": [], "current": [], "dropped": [], "dwell": []}
    for entry in entries:
        for version, step in {(arrival.version or 0, arrival.step or "") for arrival in entry.arrivals}:
            first = entry.first_arrival(version, step)
            if first is not None:
                facts["entered"].append(_arrival(entry, first, first.at))
        facts["dwell"] += _dwells(entry)
        if not entry.arrivals or entry.entered_at is None:
            continue
        latest = entry.arrivals[-1]
        if entry.exited_at is None:
            facts["current"].append(_arrival(entry, latest, entry.entered_at))
        elif not entry.goals:
            at = entry.entered_at if where.by_entry else entry.exited_at
            facts["dropped"].append(_arrival(entry, latest, at))
    return facts


def _arrival(entry: Entry, arrival: OracleEvent, at: int) -> Fact:
    return Fact(
        (*entry.row, arrival.version, arrival.step),
        entry.user,
        at,
        version=arrival.version,
        step=arrival.step,
        variant=arrival.variant,
    )


def _dwells(entry: Entry) -> list[Fact]:
    """One fact per arrival that ended: by the entry's next arrival or by its exit, the earlier of the two."""
    facts = []
    for place, arrival in enumerate(entry.arrivals):
        ends = [later.at for later in entry.arrivals[place + 1 : place + 2]]
        if entry.exited_at is not None and entry.exited_at >= arrival.at:
            ends.append(entry.exited_at)
        if ends:
            dwell_ms = min(ends) - arrival.at
            fact = _arrival(entry, arrival, arrival.at)
            facts.append(fact._replace(row=event_row(arrival), dwell_ms=dwell_ms))
    return facts


def message_facts(
    events: Iterable[OracleEvent], entries: Mapping[str, Mapping[tuple[str, str], Entry]]
) -> Facts:
    """`<status>.events` and `<status>.messages` facts of message events of one account, and `cost`.

    `entries` are those of each journey: a message has the variant of its entry's first arrival at its step.
    """
    facts: Facts = {f"{status}.{what}": [] for status in STATUSES for what in ("events", "messages")}
    facts["cost"] = []
    first: dict[tuple[Any, ...], OracleEvent] = {}
    for event in events:
        fact = _message(event, event_row(event), entries)
        facts[f"{event.status}.events"].append(fact)
        if event.status == "sent" and event.currency is not None:
            facts["cost"].append(fact)
        message = (event.status, *_message_row(event))
        if message not in first or event.order < first[message].order:
            first[message] = event
    for event in first.values():
        facts[f"{event.status}.messages"].append(_message(event, _message_row(event), entries))
    return facts


def _message_row(event: OracleEvent) -> tuple[Any, ...]:
    return (event.account, event.user, event.journey, event.entry, event.version, event.step, event.message)


def _message(
    event: OracleEvent, row: tuple[Any, ...], entries: Mapping[str, Mapping[tuple[str, str], Entry]]
) -> Fact:
    variant = ""
    if event.journey is not None:
        entry = entries[event.journey][event.user or "", event.entry or ""]
        first = entry.first_arrival(event.version or 0, event.step or "")
        variant = "" if first is None else first.variant
    return Fact(
        row,
        event.user or "",
        event.at,
        version=event.version,
        step=event.step,
        channel=event.channel,
        platform=event.platform,
        variant=variant,
        amount_nano=nano(event) if event.status == "sent" else 0,
        currency=event.currency if event.status == "sent" else None,
    )


def active_facts(messages: Facts, entries: Iterable[Entry]) -> list[Fact]:
    """Views, opens and clicks, by people, of users who entered the journey and were sent its message."""
    entered = {entry.user for entry in entries if entry.known}
    reached = users_of(messages["sent.events"]) | users_of(messages["delivered.events"])
    return [
        fact
        for status in ENGAGED
        for fact in messages[f"{status}.events"]
        if fact.user in entered and fact.user in reached
    ]


def goal_facts(goals: Iterable[OracleEvent], entries: Mapping[tuple[str, str], Entry]) -> Facts:
    """`goals:<name>` facts: goal events that name this journey and a known entry of it, at their step."""
    facts: Facts = defaultdict(list)
    for goal in goals:
        entry = entries.get((goal.user or "", goal.entry or ""))
        if entry is not None and entry.known:
            facts[f"goals:{goal.name}"].append(
                Fact(
                    event_row(goal),
                    entry.user,
                    goal.at,
                    version=entry.version,
                    step=goal.step,
                    amount_nano=nano(goal),
                    currency=goal.currency,
                )
            )
    return facts


def by_place(facts: Mapping[str, list[Fact]]) -> dict[tuple[int, str], Facts]:
    """The same facts, apart by version and step."""
    places: dict[tuple[int, str], Facts] = defaultdict(lambda: defaultdict(list))
    for number, some in facts.items():
        for fact in some:
            if fact.version is not None and fact.step is not None:
                places[fact.version, fact.step][number].append(fact)
    return places


ALL_WAYS = ("events", "messages", "users")
ADDED_WAYS = ("events", "messages")


def status_counts(facts: Facts, where: Filter, ways: Sequence[str] = ALL_WAYS) -> dict[str, dict[str, int]]:
    """The ten statuses, each as events, messages and users."""
    counts = {}
    for status in STATUSES:
        events = where.keep(facts.get(f"{status}.events", ()))
        messages = where.keep(facts.get(f"{status}.messages", ()))
        all_ways = {"events": len(events), "messages": len(messages), "users": len(users_of(events))}
        counts[status] = {way: all_ways[way] for way in ways}
    return counts


def channel_rows(facts: Facts, where: Filter, ways: Sequence[str] = ALL_WAYS) -> list[dict[str, Any]]:
    """One row per channel and platform with anything in it, sorted."""
    pairs = {
        (fact.channel or "", fact.platform or "")
        for status in STATUSES
        for what in ("events", "messages")
        for fact in where.keep(facts.get(f"{status}.{what}", ()))
    }
    rows = []
    for channel, platform in sorted(pairs):
        here = {
            number: [fact for fact in some if (fact.channel, fact.platform) == (channel, platform)]
            for number, some in facts.items()
        }
        rows.append({"channel": channel, "platform": platform, **status_counts(here, where, ways)})
    return rows


def message_numbers(facts: Facts, where: Filter, ways: Sequence[str] = ADDED_WAYS) -> dict[str, Any]:
    """The numbers of messages: statuses, channels, rates, and costs."""
    channels = channel_rows(facts, where, ways)
    return {
        **status_counts(facts, where, ways),
        "channels": channels,
        "click_rate": ratio(_messages(channels, "clicked"), sum(_base(row) for row in channels)),
        "fail_rate": ratio(_messages(channels, "failed"), _messages(channels, "sent")),
        "cost": _cost(facts, where),
    }


def step_numbers(facts: Facts, where: Filter) -> dict[str, Any]:
    """The STEP object of the numbers document, from the facts of one step."""
    entered, dropped = where.keep(facts.get("entered", ())), where.keep(facts.get("dropped", ()))
    return {
        "entered": len(entered),
        "entered_users": len(users_of(entered)),
        "current": len(where.keep(facts.get("current", ()))),
        "dropped": len(dropped),
        "dropped_users": len(users_of(dropped)),
        **message_numbers(facts, where, ALL_WAYS),
        "goals": _goals(facts, where),
        "dwell": _dwell(where.keep(facts.get("dwell", ()))),
    }


def _messages(channels: Sequence[Mapping[str, Any]], status: str) -> int:
    return sum(int(row[status]["messages"]) for row in channels)


def _base(row: Mapping[str, Any]) -> int:
    """What a click rate divides by on this channel."""
    status = "sent" if row["channel"] in REPORT_NO_DELIVERY else "delivered"
    return int(row[status]["messages"])


def _goals(facts: Facts, where: Filter) -> dict[str, Any]:
    goals = {}
    for number in sorted(number for number in facts if number.startswith("goals:")):
        here = where.keep(facts[number])
        if here:
            goals[number.removeprefix("goals:")] = {"events": len(here), "values": money(here)}
    return goals


def _cost(facts: Facts, where: Filter) -> dict[str, dict[str, str]]:
    by_channel: dict[str, list[Fact]] = defaultdict(list)
    for fact in where.keep(facts.get("cost", ())):
        by_channel[fact.channel or ""].append(fact)
    sums = {channel: money(by_channel[channel]) for channel in sorted(by_channel)}
    return {channel: sum_ for channel, sum_ in sums.items() if sum_}


def _dwell(facts: Sequence[Fact]) -> dict[str, int | None]:
    times = sorted(fact.dwell_ms for fact in facts)
    return {
        "count": len(times),
        "p50_ms": nearest_rank(times, 50),
        "p90_ms": nearest_rank(times, 90),
        "p99_ms": nearest_rank(times, 99),
    }
