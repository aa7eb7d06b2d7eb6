"""A few events told shortly, folded as a host does it in several orders of arrival, and what they come to."""

import random
from collections.abc import Mapping
from typing import Any

from tests.generators.logs import log_of
from tests.generators.world import TOPICS, Event
from tests.properties.executions import answer
from tests.properties.through_apply_batch import Cut, folded
from wayfold.audit import oracle
from wayfold.state.partition import FoldSettings

ZONES: Mapping[str, str] = {"detroit": "America/Detroit", "samoa": "Pacific/Apia"}
JOURNEY = {"journey_id": "trip", "journey_version": 1}
PARTITIONS = 2
CUTS = (Cut("one by one", 1), Cut("in one go", 1_000, interleaved=True))


class Story:
    """Events in the order in which they are told; ids number themselves unless one is given."""

    def __init__(self, account: str = "default", day: str = "2026-06-01") -> None:
        self.events: list[tuple[str, Event]] = []
        self.account = account
        self.day = day

    def tell(self, kind: str, at: str, user: str | None, **fields: Any) -> "Story":
        """Add an event; `at` is a time of the story's day, or a whole RFC 3339 time."""
        event: Event = {
            "type": kind,
            "event_id": f"id-{len(self.events)}",
            "occurred_at": at if "T" in at.upper() else f"{self.day}T{at}Z",
            "account_id": self.account,
        }
        if user is not None:
            event["user_id"] = user
        self.events.append((TOPICS[kind], {**event, **fields}))
        return self

    def define(self, window_ms: int = 3_600_000, goal: str | None = "bought") -> "Story":
        """Define the journey, whose goal converts for so long after the exit."""
        what: Event = {"name": "Trip", "steps": [], "goal": None if goal is None else {"name": goal}}
        at = "1971-01-01T00:00:00Z"
        return self.tell("journey.defined", at, None, **JOURNEY, **what, conversion_window_ms=window_ms)

    def enter(self, user: str, at: str, entry: str = "n", **fields: Any) -> "Story":
        """A user enters the journey."""
        return self.tell("journey.entered", at, user, **JOURNEY, entry_id=entry, **fields)

    def leave(self, user: str, at: str, entry: str = "n", **fields: Any) -> "Story":
        """A user leaves it."""
        own = {"entry_id": entry, "reason": "completed"}
        return self.tell("journey.exited", at, user, **{**JOURNEY, **own, **fields})

    def arrive(self, user: str, at: str, step: str, entry: str = "n", **fields: Any) -> "Story":
        """An entry arrives at a step."""
        return self.tell("step.entered", at, user, **JOURNEY, entry_id=entry, step_id=step, **fields)

    def message(self, status: str, user: str, at: str, step: str = "mail", **fields: Any) -> "Story":
        """Something happens to the message of a step."""
        own = {"entry_id": "n", "step_id": step, "message_id": "m", "channel": "email"}
        return self.tell(f"message.{status}", at, user, **{**JOURNEY, **own, **fields})

    def buy(self, user: str, at: str, **fields: Any) -> "Story":
        """A user reaches the goal."""
        return self.tell("goal.reached", at, user, **{"name": "bought", **fields})

    async def document(self, **query: Any) -> Event:
        """The numbers, the same however the events arrive and as the oracle counts them."""
        expected = oracle.numbers([event for _, event in self.events], ZONES, "UTC", query)
        settings = FoldSettings(partitions=PARTITIONS, account_time_zones=ZONES)
        shuffled = random.Random(1).sample(self.events, len(self.events))
        for arriving in (self.events, self.events[::-1], shuffled):
            for cut in CUTS:
                logs = log_of(arriving, PARTITIONS)
                partitions = [
                    (await folded(log, number, settings, cut, random.Random(2)))[0]
                    for number, log in enumerate(logs)
                ]
                assert oracle.differences(answer(partitions, query), expected) == []
        return expected

    async def journey(self, **query: Any) -> dict[str, Any]:
        """The journey's own numbers."""
        document = await self.document(**query)
        numbers: dict[str, Any] = document["journeys"][0]["numbers"]
        return numbers

    async def steps(self, **query: Any) -> dict[str, dict[str, Any]]:
        """The numbers of its first version's steps."""
        version = (await self.document(**query))["journeys"][0]["versions"][0]
        return {row["step_id"]: row["numbers"] for row in version["steps"]}
