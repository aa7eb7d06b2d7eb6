"""A small world in which everything collides, and how one event of it is picked.

Few accounts, users, journeys, entries, steps and messages; times on a coarse grid around the changes of
clocks and months, with steps as long as the conversion windows, and a millisecond to either side; event ids
from a short list whose order is not that of arrival. The same code picks from a seed and for Hypothesis.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Event = dict[str, Any]
T = TypeVar("T")
Pick = Callable[[Sequence[Any]], Any]

HOUR_MS = 3_600_000
TIME_ZONES: Mapping[str, str] = {
    "default": "UTC",
    "acme": "Europe/Amsterdam",
    "globe": "America/New_York",
    "asia": "Asia/Kolkata",
    "howe": "Australia/Lord_Howe",
}

# The clocks of Amsterdam, New York and Lord Howe change, and months end, around these; all within 300 days.
ANCHORS = (
    "2026-03-28T22:00:00",
    "2026-03-31T21:00:00",
    "2026-04-04T14:00:00",
    "2026-10-24T23:00:00",
    "2026-10-31T17:00:00",
    "2026-10-31T22:00:00",
    "2026-11-01T03:00:00",
    "2026-11-10T12:00:00",
)
GRID_MS = tuple(
    hours * HOUR_MS + around_ms for hours in (0, 1, 2, 3, 24, 25, 26, 48) for around_ms in (0, 0, 0, 1, -1)
)
WINDOWS_MS = (0, HOUR_MS, HOUR_MS, 24 * HOUR_MS, None)
OFFSETS = ("Z", "Z", "+00:00", "+05:30", "-08:00")
# By code points 10 < 9 < B < a < aa < b < é < \uffff < 😀; UTF-16 or a locale would order them otherwise.
EVENT_IDS = ("a", "b", "aa", "B", "10", "9", "é", "\uffff", "\U0001f600")
VARIANTS = (None, None, "A", "B", "")
CHANNELS = ("email", "email", "push", "sms", "in_app", "carrier_pigeon")
PLATFORMS = (None, "none", "ios", "web")
AMOUNTS = ("0.1", "-0.1", 1, 2.5, "1.50", 0, "999999999999999.999999999", "-0.000000001")
CURRENCIES = ("EUR", "EUR", "USD", "JPY")
GOALS = ("purchase", "purchase", "purchase", "signup", "odd:name")
WANTED = (None, None, None, {"plan": "gold"}, {"plan": "gold", "seats": 3}, {"seats": True}, {"plan": None})
HAD = (
    None,
    {"plan": "gold"},
    {"plan": "gold", "seats": 3.0, "x": "y"},
    {"seats": 1},
    {"seats": True},
    {"plan": None},
)
STEP_TYPES = ("message", "wait", "action", "split", "end")
STATUSES = ("sent", "delivered", "viewed", "opened", "clicked", "failed", "unsubscribed")
MACHINE_STATUSES = ("viewed", "opened", "clicked")

TOPICS: Mapping[str, str] = {
    "journey.defined": "definitions",
    "journey.entered": "entries",
    "journey.exited": "entries",
    "step.entered": "steps",
    **{f"message.{status}": "messages" for status in STATUSES},
    "goal.reached": "conversions",
    "call.started": "calls",
    "call.ended": "calls",
}
KINDS = (
    *("journey.entered",) * 5,
    *("journey.exited",) * 4,
    *("step.entered",) * 5,
    *("message",) * 7,
    *("broadcast",) * 2,
    *("goal.reached",) * 5,
    *("placed goal",) * 2,
    *("journey.defined",) * 2,
    "call",
)


@dataclass
class World:
    """What there is to pick from. More of anything makes fewer collisions."""

    accounts: Sequence[str] = ("default", "acme")
    users: Sequence[str] = ("u1", "u2", "u3")
    journeys: Sequence[str] = ("j1", "j:2")
    versions: Sequence[int] = (1, 1, 2)
    entries: Sequence[str] = ("e1", "e2")
    steps: Sequence[str] = ("s1", "s2", "s:3")
    messages: Sequence[str] = ("m1", "m2")
    anchors: Sequence[str] = ANCHORS[:2]
    kinds: Sequence[str] = KINDS
    event_ids: Sequence[str] = EVENT_IDS
    definitions: dict[tuple[str, str, int], Event] = field(default_factory=dict)
    taken: dict[tuple[str, ...], Event] = field(default_factory=dict)

    def event(self, pick: Pick) -> tuple[str, Event]:
        """One event and the kind of its topic. It may be one that was picked before, whole."""
        kind = pick(self.kinds)
        account = pick(self.accounts)
        if kind == "journey.defined":
            event = self._definition(pick, account)
        else:
            event = self._user_event(pick, kind, account)
            self._settle_id(event)
        return TOPICS[event["type"]], event

    def _user_event(self, pick: Pick, kind: str, account: str) -> Event:
        event: Event = {
            "type": kind,
            "event_id": pick(self.event_ids),
            "occurred_at": self._time(pick),
            "user_id": pick(self.users),
        }
        if account != "default" or pick((True, False)):
            event["account_id"] = account
        if kind == "goal.reached":
            return {**event, **_goal(pick)}
        if kind == "broadcast":
            return {**event, **_message(pick), "message_id": pick(self.messages)}
        event["journey_id"] = pick(self.journeys)
        event["entry_id"] = pick(self.entries)
        if kind == "placed goal":
            return {**event, **_goal(pick), "type": "goal.reached", "step_id": pick(self.steps)}
        event["journey_version"] = pick(self.versions)
        if kind == "message":
            return {**event, **_message(pick), "message_id": pick(self.messages), "step_id": pick(self.steps)}
        if kind == "step.entered":
            return {**event, "step_id": pick(self.steps), **_given("variant", pick(VARIANTS))}
        if kind == "journey.exited":
            return {**event, "reason": pick(("completed", "goal", "exit_criteria", "removed", "error"))}
        if kind == "call":
            call = pick(
                ({"type": "call.started"}, {"type": "call.ended", "outcome": "dropped", "duration_ms": 9})
            )
            return {**event, **call, "call_id": pick(self.messages)}
        return event

    def _definition(self, pick: Pick, account: str) -> Event:
        """The one definition of a journey version: the same whenever it is picked again."""
        journey, version = pick(self.journeys), pick(self.versions)
        key = (account, journey, version)
        if key not in self.definitions:
            goal = pick((None, *GOALS))
            wanted = pick(WANTED)
            window_ms = pick(WINDOWS_MS)
            self.definitions[key] = {
                "type": "journey.defined",
                "event_id": f"define-{journey}-{version}",
                "occurred_at": self._time(pick),
                "account_id": account,
                "journey_id": journey,
                "journey_version": version,
                "name": f"Journey {journey} {version}",
                "steps": [_step(pick, step) for step in self.steps[: pick((1, 2, 3))]],
                "goal": None if goal is None else {"name": goal, **_given("properties", wanted)},
                **_given("conversion_window_ms", window_ms),
            }
        return self.definitions[key]

    def _time(self, pick: Pick) -> str:
        at = datetime.fromisoformat(pick(self.anchors)).replace(tzinfo=UTC)
        at += timedelta(milliseconds=pick(GRID_MS))
        return written(at, pick(OFFSETS))

    def _settle_id(self, event: Event) -> None:
        """Give the event an id that nothing else in its scope has: one id with two contents has no order."""
        own = event["event_id"]
        scope = scope_of(event)
        turn = 0
        while self.taken.setdefault((*scope, event["event_id"]), event) != event:
            turn += 1
            event["event_id"] = f"{own}{turn}"


def scope_of(event: Mapping[str, Any]) -> tuple[str, ...]:
    """Within what an event id must not name two contents. Goals and messages outside journeys share one."""
    bound = event.get("journey_id") if event["type"] != "goal.reached" else None
    return (event.get("account_id", "default"), event["user_id"], "" if bound is None else f"journey {bound}")


def written(at: datetime, offset: str) -> str:
    """RFC 3339 with this offset."""
    if offset == "Z":
        return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    sign = -1 if offset[0] == "-" else 1
    shifted = at + sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[4:6]))
    return shifted.strftime("%Y-%m-%dT%H:%M:%S.%f") + offset


def _given(name: str, value: Any) -> Event:
    return {} if value is None else {name: value}


def _step(pick: Pick, step_id: str) -> Event:
    kind = pick(STEP_TYPES)
    return {"step_id": step_id, "type": kind, **({"channel": pick(CHANNELS)} if kind == "message" else {})}


def _message(pick: Pick) -> Event:
    status = pick(STATUSES)
    event: Event = {
        "type": f"message.{status}",
        "channel": pick(CHANNELS),
        **_given("platform", pick(PLATFORMS)),
    }
    if status in MACHINE_STATUSES:
        event |= _given("machine", pick((None, None, False, True)))
    if status == "sent" and pick((True, False)):
        event |= {"cost": pick(AMOUNTS), "currency": pick(CURRENCIES)}
    if status == "failed":
        event["reason"] = "bounced"
    return event


def _goal(pick: Pick) -> Event:
    event: Event = {"name": pick(GOALS), **_given("properties", pick(HAD))}
    if pick((True, False)):
        event |= {"value": pick(AMOUNTS), "currency": pick(CURRENCIES)}
    return event
