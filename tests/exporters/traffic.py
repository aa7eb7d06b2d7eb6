"""A small event set with every kind of number in it, and a source that answers from the oracle."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from wayfold.audit import oracle
from wayfold.exporters.api.source import (
    AccountSummary,
    BadQuestionError,
    Freshness,
    Judged,
    SourceUnavailableError,
)
from wayfold.models.zone import Zone
from wayfold.state.reading.query import Query

ZONES = {"acme": "Europe/Berlin"}

BOUND = {"account_id": "acme", "journey_id": "welcome", "journey_version": 1}
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


class OracleSource:
    """Answers like a host, from a list of events."""

    def __init__(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.events = events
        self.available = True
        self.state_text = "first"
        self.queries: list[Query] = []

    async def document(self, query: Query) -> Mapping[str, Any]:
        if not self.available:
            raise SourceUnavailableError("no worker has partition 3; start one more worker")
        self.queries.append(query)
        asked = {
            name: value for name in query.__struct_fields__ if (value := getattr(query, name)) is not None
        }
        document = oracle.numbers(self.events, ZONES, "UTC", asked)
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

    async def state(self, account_id: str | None = None) -> str | None:
        return self.state_text if self.available else None

    async def accounts(self) -> Sequence[AccountSummary]:
        document = oracle.numbers(self.events, ZONES, "UTC")
        return [
            AccountSummary(
                account_id=account["account_id"],
                time_zone=account["time_zone"],
                journeys=sum(
                    journey["account_id"] == account["account_id"] for journey in document["journeys"]
                ),
                watermark_ms=1_793_613_607_000,
            )
            for account in document["accounts"]
        ]

    async def judged(self) -> Mapping[int, Judged]:
        counters = {"accepted_total": len(self.events), "duplicate_total": 2, "refused_total:late": 1}
        return {0: Judged(offsets={"steps": len(self.events) + 3}, counters=counters)}

    def zone(self, account_id: str) -> Zone:
        return Zone(ZONES.get(account_id, "UTC"))

    async def unready(self) -> list[str]:
        return [] if self.available else ["no worker has partition 3"]
