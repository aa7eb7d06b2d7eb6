"""A small world in which everything collides, and how one event of it is picked.

Few accounts, users, journeys, entries, steps and messages; times on a coarse grid around the changes of
clocks and months, half of them an earlier event's time again or a conversion window away from it, and a
millisecond to either side; event ids from a short list whose order is not that of arrival. The same code
picks from a seed and for Hypothesis.
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
    hours * HOUR_MS + around_ms for hours in (0, 1, 2, 3, 24, 25, 48) for around_ms in (0, 0, 0, 1, -1)
)
WINDOWS_MS = (0, HOUR_MS, HOUR_MS, 24 * HOUR_MS, 24 * HOUR_MS, None, None)
# How far an event may be from an earlier one: together, or as long as a window, the default one too.
AWAY_MS = tuple(
    away_ms + around_ms
    for away_ms in (0, 0, HOUR_MS, HOUR_MS, 24 * HOUR_MS, 72 * HOUR_MS)
    for around_ms in (0, 0, 0, 1, -1)
)
OFFSETS = ("Z", "Z", "+00:00", "+05:30", "-08:00")
# By code points 10 < 9 < B < a < aa < b < é < \uffff < 😀; UTF-16 or a locale would order them otherwise.
EVENT_IDS = ("a", "b", "aa", "B", "10", "9", "é", "\uffff", "\U0001f600")
VARIANTS = (None, None, "A", "B", "")
CHANNELS = ("email", "email", "push", "sms", "in_app", "carrier_pigeon")
PLATFORMS = (None, "none", "ios", "web")
AMOUNTS = ("0.1", "-0.1", 1, 2.5, "1.50", 0, "999999999999999.999999999", "-0.000000001")
CURRENCIES = ("EUR", "EUR", "USD", "JPY")
GOALS = (*("purchase",) * 6, "signup", "odd:name")
WANTED = (
    *(None,) * 6,
    {"plan": "gold"},
    {"plan": "gold", "seats": 3},
    {"seats": True},
    {"plan": None},
)
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
    "journey.status": "definitions",
    "journey.entered": "entries",
    "journey.exited": "entries",
    "step.entered": "steps",
    **{f"message.{status}": "messages" for status in STATUSES},
    "goal.reached": "conversions",
    "call.started": "calls",
    "call.menu_reached": "calls",
    "call.ended": "calls",
    "user.erased": "users",
}
KINDS = (
    *("journey.entered",) * 6,
    *("journey.exited",) * 3,
    *("step.entered",) * 5,
    *("message",) * 7,
    *("broadcast",) * 2,
    *("goal.reached",) * 6,
    *("edge goal",) * 2,
    *("placed goal",) * 2,
    *("journey.defined",) * 4,
    "journey.status",
    "call",
    "user.erased",
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
    statuses: Sequence[str] = STATUSES
    anchors: Sequence[str] = ANCHORS[:2]
    kinds: Sequence[str] = KINDS
    event_ids: Sequence[str] = EVENT_IDS
    definitions: dict[tuple[str, str, int, int], Event] = field(default_factory=dict)
    taken: dict[tuple[str, ...], Event] = field(default_factory=dict)
    times: list[datetime] = field(default_factory=list)
    exits: list[tuple[str, str, datetime]] = field(default_factory=list)

    def event(self, pick: Pick) -> tuple[str, Event]:
        """One event and the kind of its topic. It may be one that was picked before, whole."""
        kind = pick(self.kinds)
        account = pick(self.accounts)
        if kind == "journey.defined":
            event = self._definition(pick, account)
        elif kind == "journey.status":
            event = self._status(pick, account)
            self._settle_id(event)
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
        if kind == "user.erased":
            return {**event, "mode": pick(("anonymise", "subtract"))}
        if kind == "broadcast":
            return {**event, **self._message(pick)}
        if kind in ("goal.reached", "edge goal", "placed goal"):
            return {**event, **self._goal(pick, kind)}
        event["journey_id"] = pick(self.journeys)
        event["entry_id"] = pick(self.entries)
        event["journey_version"] = pick(self.versions)
        if kind == "journey.exited":
            self.exits.append((account, event["user_id"], self.times[-1]))
        return {**event, **self._own_fields(pick, kind)}

    def _own_fields(self, pick: Pick, kind: str) -> Event:
        """What an event of a journey has besides its place in it."""
        if kind == "message":
            return {**self._message(pick), "step_id": pick(self.steps)}
        if kind == "step.entered":
            return {"step_id": pick(self.steps), **_given("variant", pick(VARIANTS))}
        if kind == "journey.exited":
            return {"reason": pick(("completed", "goal", "exit_criteria", "removed", "error"))}
        if kind == "call":
            ended = {"type": "call.ended", "outcome": "dropped", "duration_ms": 9}
            return {**pick(({"type": "call.started"}, ended)), "call_id": pick(self.messages)}
        return {}

    def _message(self, pick: Pick) -> Event:
        status = pick(self.statuses)
        event: Event = {
            "type": f"message.{status}",
            "message_id": pick(self.messages),
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

    def _goal(self, pick: Pick, kind: str) -> Event:
        event: Event = {"type": "goal.reached", "name": pick(GOALS), **_given("properties", pick(HAD))}
        if pick((True, False)):
            event |= {"value": pick(AMOUNTS), "currency": pick(CURRENCIES)}
        if kind == "placed goal":
            place = {"journey_id": self.journeys, "entry_id": self.entries, "step_id": self.steps}
            event |= {name: pick(values) for name, values in place.items()}
        if kind == "edge goal" and self.exits:
            event |= self._edge(pick)
        return event

    def _edge(self, pick: Pick) -> Event:
        """Whose and when: where some exit's window may end, to the millisecond."""
        account, user, exited_at = pick(self.exits)
        window_ms = pick(WINDOWS_MS)
        away_ms = 72 * HOUR_MS if window_ms is None else window_ms
        at = exited_at + timedelta(milliseconds=away_ms + pick((0, 0, 1, -1)))
        self.times.append(at)
        return {"account_id": account, "user_id": user, "occurred_at": written(at, pick(OFFSETS))}

    def _definition(self, pick: Pick, account: str) -> Event:
        """One of a few definitions of a journey version, of which the earliest holds."""
        journey, version, content = pick(self.journeys), pick(self.versions), pick((1, 1, 1, 2, 3))
        key = (account, journey, version, content)
        if key not in self.definitions:
            goal = pick((None, *GOALS))
            wanted = pick(WANTED)
            window_ms = pick(WINDOWS_MS)
            self.definitions[key] = {
                "type": "journey.defined",
                "event_id": f"define-{version}-{pick((1, 2))}-{content}",
                "occurred_at": self._time(pick),
                "account_id": account,
                "journey_id": journey,
                "journey_version": version,
                "name": f"Journey {journey} {version} {content}",
                "steps": [_step(pick, step) for step in self.steps[: pick((1, 2, 3))]],
                "goal": None if goal is None else {"name": goal, **_given("properties", wanted)},
                **_given("conversion_window_ms", window_ms),
            }
        return self.definitions[key]

    def _status(self, pick: Pick, account: str) -> Event:
        """What the publisher says of a journey: whether it runs."""
        return {
            "type": "journey.status",
            "event_id": pick(self.event_ids),
            "occurred_at": self._time(pick),
            "account_id": account,
            "journey_id": pick(self.journeys),
            "status": pick(("running", "paused", "finished")),
        }

    def _time(self, pick: Pick) -> str:
        if self.times and pick((False, True)):
            at = pick(self.times) + timedelta(milliseconds=pick(AWAY_MS))
        else:
            at = datetime.fromisoformat(pick(self.anchors)).replace(tzinfo=UTC)
            at += timedelta(milliseconds=pick(GRID_MS))
        self.times.append(at)
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
    """Within what an event id must not name two contents, or the first to arrive would decide the numbers."""
    kind = event["type"]
    journey = "" if kind == "goal.reached" else event.get("journey_id", "")
    return (event.get("account_id", "default"), event.get("user_id", ""), kind, journey)


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
