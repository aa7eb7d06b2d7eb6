"""Logs of months with a retention of weeks: nearly in order, with all that a verdict can go by."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.generators.garbage import spoiled
from tests.generators.logs import Logged, log_of
from tests.generators.world import HOUR_MS, TOPICS, Event, written
from wayfold.models.record import LogRecord

START = datetime(2026, 1, 20, tzinfo=UTC)
ACCOUNTS = ("default", "acme", "globe")
KINDS = (
    *("journey.entered",) * 5,
    *("journey.exited",) * 3,
    *("step.entered",) * 4,
    *("message.sent", "message.clicked", "message.opened"),
    *("goal.reached",) * 3,
    *("call.started", "call.menu_reached"),
    *("journey.defined", "journey.status", "user.erased"),
)


@dataclass(frozen=True)
class Shape:
    """How a log looks: its length and pace, how many of everything there is, and how much of it is bad."""

    events: int
    hours_apart: int
    users: int
    names: int
    ids: int
    far_back_days: Sequence[int] = (0, 0, 0, 0, 0, 1, 20, 39, 40, 41, 60)
    spoilt: float = 0.05


def long_log(generator: random.Random, shape: Shape, partitions: int = 1) -> list[list[Logged]]:
    """The records of each partition, in the order in which a publisher would have written them.

    Ids come from so short a list that many events claim one that another has, of the same type or of
    another, with the same content or another.
    """
    now = START
    events: list[tuple[str, Event]] = []
    for _ in range(shape.events):
        now += timedelta(milliseconds=generator.randrange(shape.hours_apart * HOUR_MS))
        at = now - timedelta(
            days=generator.choice(shape.far_back_days), milliseconds=generator.choice((0, 0, 1, -1))
        )
        if events and generator.random() < 0.1:
            topic, event = generator.choice(events[-50:])
            events.append((topic, {**event, "occurred_at": written(at, "Z")}))
        else:
            event = _event(generator, shape, written(at, "Z"))
            events.append((TOPICS[event["type"]], event))
    clock_ms = int(now.timestamp() * 1000)
    return [
        [_disturbed(_at(logged, clock_ms), generator, shape, partitions) for logged in log]
        for log in log_of(events, partitions)
    ]


def _at(logged: Logged, clock_ms: int) -> Logged:
    """The record as it is when the whole log was sent in one go."""
    topic, record = logged
    return Logged(topic, LogRecord(record.offset, clock_ms, record.key, record.value))


def _disturbed(logged: Logged, generator: random.Random, shape: Shape, partitions: int) -> Logged:
    """The record, perhaps of an earlier time of the log's own, or spoilt."""
    topic, record = logged
    if topic == "definitions" and partitions > 1:
        generator = random.Random(record.offset)  # alike in every partition, which all have the same
    elif generator.random() < shape.spoilt:
        return spoiled(logged, generator)
    if generator.random() < 0.03:
        return Logged(
            topic, LogRecord(record.offset, record.timestamp - 90 * 24 * HOUR_MS, record.key, record.value)
        )
    return logged


def _event(generator: random.Random, shape: Shape, at: str) -> Event:
    kind = generator.choice(KINDS)
    account = generator.choice(ACCOUNTS)
    event: Event = {
        "type": kind,
        "event_id": f"id-{generator.randrange(shape.ids)}",
        "occurred_at": at,
        "account_id": account,
    }
    journey = f"journey-{generator.randrange(2)}"
    if kind == "journey.status":
        return {**event, "journey_id": journey, "status": generator.choice(("running", "paused"))}
    if kind == "journey.defined":
        goal: Any = generator.choice((None, {"name": "goal-0"}, {"name": "goal-1"}))
        version = {"journey_id": journey, "journey_version": 1 + generator.randrange(2)}
        return {**event, **version, "name": journey, "steps": [], "goal": goal}
    event["user_id"] = f"user-{generator.randrange(shape.users)}"
    if kind == "user.erased":
        return {**event, "mode": "anonymise"}

    def name(what: str) -> str:
        return f"{what}-{generator.randrange(shape.names)}"

    if kind == "goal.reached":
        place = {"journey_id": journey, "entry_id": "n-0", "step_id": name("step")}
        return {**event, "name": name("goal"), **generator.choice(({}, {}, place))}
    bound = {"journey_id": journey, "journey_version": 1, "entry_id": f"n-{generator.randrange(3)}"}
    if kind.startswith("message."):
        message = {"message_id": name("message"), "channel": f"channel_{generator.randrange(shape.names)}"}
        return {**event, **message, **generator.choice(({}, {**bound, "step_id": name("step")}))}
    own: dict[str, dict[str, Any]] = {
        "journey.entered": {},
        "journey.exited": {"reason": "completed"},
        "step.entered": {
            "step_id": name("step"),
            **generator.choice(({}, {"variant": name("variant")})),
        },
        "call.started": {"call_id": name("call")},
        "call.menu_reached": {"call_id": name("call"), "node_id": name("node")},
    }
    return {**event, **bound, **own[kind]}
