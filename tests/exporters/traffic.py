"""A small event set with every kind of number in it, and a source that answers from the oracle."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from wayfold.audit import oracle
from wayfold.exporters.api.source import (
    BadQuestionError,
    Freshness,
    Judged,
    KnownAccount,
    SourceUnavailableError,
)
from wayfold.models.zone import Zone
from wayfold.state.reading.query import Query

ZONES = {"acme": "Europe/Berlin"}

BOUND = {"account_id": "acme", "journey_id": "welcome", "journey_version": 1}
# Numbers of a journey that a list of journeys does not show.
UNLISTED = frozenset(
    {
        *("viewed", "opened", "unsubscribed", "machine_viewed", "machine_opened", "machine_clicked"),
        *("channels", "click_rate", "fail_rate", "cost"),
    }
)
ODD = "reise/über 100%?#"


def definition(journey_id: str, version: int = 1) -> dict[str, Any]:
    """Define a journey of a message, a wait and an end."""
    return {
        "type": "journey.defined",
        "event_id": f"define-{journey_id}-{version}",
        "occurred_at": "2026-10-01T00:00:00Z",
        "account_id": "acme",
        "journey_id": journey_id,
        "journey_version": version,
        "name": f"The {journey_id} journey",
        "steps": [
            {"step_id": "mail", "name": "First mail", "type": "message", "channel": "email"},
            {"step_id": "wait/a day", "type": "wait"},
            {"step_id": "end", "type": "end"},
        ],
        "goal": {"name": "purchase"},
        "conversion_window_ms": 259_200_000,
    }


def visit(user: str, at: str, journey_id: str = "welcome") -> list[dict[str, Any]]:
    """Give what happens to one user: entered, mailed, clicked, bought, left."""
    common = {**BOUND, "journey_id": journey_id, "user_id": user, "entry_id": f"e-{user}"}
    message = {**common, "step_id": "mail", "message_id": f"m-{user}", "channel": "email"}
    events = [
        {**common, "type": "journey.entered"},
        {**common, "type": "step.entered", "step_id": "mail", "variant": "A"},
        {**message, "type": "message.sent", "cost": "0.012", "currency": "EUR"},
        {**message, "type": "message.delivered"},
        {**message, "type": "message.clicked", "platform": "ios"},
        {**common, "type": "step.entered", "step_id": "wait/a day"},
        {
            "type": "goal.reached",
            "account_id": "acme",
            "user_id": user,
            "name": "purchase",
            "value": 12.5,
            "currency": "EUR",
        },
        {**common, "type": "journey.exited", "reason": "completed"},
    ]
    return [
        {**event, "event_id": f"{user}-{number}", "occurred_at": f"{at}:{number:02d}Z"}
        for number, event in enumerate(events)
    ]


def traffic() -> list[dict[str, Any]]:
    """Give the events of three users in one journey and one in another with an odd name."""
    events = [definition("welcome"), definition("welcome", 2), definition(ODD)]
    events += visit("ann", "2026-11-01T10:00")
    events += visit("bob/1", "2026-11-01T11:00")[:5]
    events += visit("cem", "2026-11-02T10:00")
    events += visit("dee", "2026-11-02T10:00", ODD)
    return events


def expected(
    events: Sequence[Mapping[str, Any]], query: Query, zones: Mapping[str, str] = ZONES
) -> dict[str, Any]:
    """What the oracle says to a query of any detail: of several ranges, what it says to each of them."""
    asked = {name: value for name in query.__struct_fields__ if (value := getattr(query, name)) is not None}
    if not query.ranges:
        document = oracle.numbers(events, zones, "UTC", asked)
        return summarised(document) if query.detail == "summary" else document
    found = [
        oracle.numbers(events, zones, "UTC", {**asked, "start": start, "end": end})
        for start, end in query.ranges
    ]
    journeys = [
        {
            **{name: rows[0][name] for name in ("account_id", "journey_id", "name")},
            "versions": [version["journey_version"] for version in rows[0]["versions"]],
            "series": [_part(row, query) for row in rows],
        }
        for rows in zip(*(document["journeys"] for document in found), strict=True)
    ]
    if query.number is not None:
        journeys = [counts_of(journey, query.number) for journey in journeys]
    return {"watermark": found[0]["watermark"], "accounts": [], "journeys": journeys}


def by_place(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with what journeys have in each range under its place, so that it is compared by row."""
    journeys = [
        {**journey, "series": {str(place): part for place, part in enumerate(journey["series"])}}
        if "series" in journey
        else journey
        for journey in document["journeys"]
    ]
    return {**document, "journeys": journeys}


def summarised(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a summary shows of a document."""
    journeys = [
        {
            **journey,
            "numbers": {name: value for name, value in journey["numbers"].items() if name not in UNLISTED},
            "versions": [version["journey_version"] for version in journey["versions"]],
        }
        for journey in document["journeys"]
    ]
    return {"watermark": document["watermark"], "accounts": [], "journeys": journeys}


def _part(journey: Mapping[str, Any], query: Query) -> dict[str, Any]:
    part = {"numbers": journey["numbers"]}
    if query.step_id is not None:
        part["steps"] = [
            {"journey_version": version["journey_version"], **step}
            for version in journey["versions"]
            for step in version["steps"]
        ]
    return part


def counts_of(journey: Mapping[str, Any], number: str) -> dict[str, Any]:
    """One number of a journey in each of the ranges of its series."""
    name, _, counter = number.partition(".")
    values = [part["numbers"][name] for part in journey["series"]]
    return {
        "account_id": journey["account_id"],
        "journey_id": journey["journey_id"],
        "counts": [value[counter] if counter else value for value in values],
    }


class OracleSource:
    """Answers like a host, from a list of events."""

    def __init__(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.events = events
        self.available = True
        self.queries: list[Query] = []
        self.commits = 1

    async def document(self, query: Query) -> Mapping[str, Any]:
        if not self.available:
            raise SourceUnavailableError("no worker has partition 3; start one more worker")
        self.queries.append(query)
        document = expected(self.events, query)
        return {"as_of": "2026-11-03T00:00:00.000Z", "lag_ms": 0, **document}

    async def users(self, query: Query, number: str) -> Sequence[str]:
        asked = {
            name: value for name in query.__struct_fields__ if (value := getattr(query, name)) is not None
        }
        try:
            return sorted(oracle.users(self.events, ZONES, "UTC", asked, number))
        except ValueError as error:
            raise BadQuestionError("number", str(error)) from None

    async def freshness(self, account_id: str | None = None) -> Freshness:
        return Freshness(as_of_ms=int(time.time() * 1000), watermark_ms=1_793_613_607_000, lag_ms=0)

    async def state(self) -> str | None:
        return str(self.commits) if self.available else None

    async def accounts(self) -> list[KnownAccount]:
        names = {(event.get("account_id", "default"), event.get("journey_id")) for event in self.events}
        return [
            KnownAccount(
                account_id=account_id,
                time_zone=self.zone(account_id).name,
                journeys=len({journey_id for of, journey_id in names if of == account_id and journey_id}),
                watermark_ms=1_793_613_607_000,
            )
            for account_id in sorted({account_id for account_id, _ in names})
        ]

    async def judged(self) -> Mapping[int, Judged]:
        counters = {"accepted_total": len(self.events), "duplicate_total": 2, "refused_total:late": 1}
        return {0: Judged(offsets={"steps": len(self.events) + 3}, counters=counters)}

    def zone(self, account_id: str) -> Zone:
        return Zone(ZONES.get(account_id, "UTC"))

    async def unready(self) -> list[str]:
        return [] if self.available else ["no worker has partition 3"]
