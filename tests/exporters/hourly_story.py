"""Events of three users with everything that a number can count, each time of it in an hour of its own."""

from typing import Any, Final

from wayfold.models.numbers.entry import Time
from wayfold.models.numbers.of_messages import STATUSES

ACCOUNT: Final = "clock"
JOURNEY: Final = "hourly"
STEP: Final = "mail"
FILTERS: Final[dict[str, str]] = {
    "version": "1",
    "step": STEP,
    "channel": "email",
    "platform": "ios",
    "variant": "A",
}
"""A filter of each kind that part of the story passes."""

ENTRY, FIRST_ARRIVAL, SECOND_ARRIVAL, EXIT, FIRST_GOAL, SECOND_GOAL = 0, 1, 22, 23, 24, 25
HOURS: Final = range(26)


def status_hours(status: str) -> tuple[int, int]:
    """The hours of a message's first and second event of a status."""
    first = 2 + 2 * STATUSES.index(status)
    return first, first + 1


HOURS_OF: Final[dict[Time, set[int]]] = {
    "entry": {ENTRY},
    "exit": {EXIT},
    "first_goal": {FIRST_GOAL},
    "goal": {FIRST_GOAL, SECOND_GOAL},
    "first_arrival": {FIRST_ARRIVAL},
    "arrival": {FIRST_ARRIVAL, SECOND_ARRIVAL},
    "interaction": {hour for name in ("viewed", "opened", "clicked") for hour in status_hours(name)},
}
"""The hours of each time but those of statuses, which are `status_hours`."""


def local(hour: int) -> str:
    """An hour of the story as a bound of a range."""
    return f"2026-11-{1 + hour // 24:02d}T{hour % 24:02d}:00"


def story() -> list[dict[str, Any]]:
    """One who converts and exits, one who exits only, and one of another version who stays."""
    events = [_definition(1), _definition(2)]
    events += _visit("converter", 1, exits=True, buys=True)
    events += _visit("leaver", 1, exits=True)
    return events + _visit("stayer", 2)


def _definition(version: int) -> dict[str, Any]:
    return {
        "type": "journey.defined",
        "event_id": f"define-{version}",
        "occurred_at": "2026-10-01T00:00:00Z",
        "account_id": ACCOUNT,
        "journey_id": JOURNEY,
        "journey_version": version,
        "name": "Hourly",
        "steps": [{"step_id": STEP, "type": "message", "channel": "email"}],
        "goal": {"name": "purchase"},
    }


def _visit(user: str, version: int, *, exits: bool = False, buys: bool = False) -> list[dict[str, Any]]:
    bound = {"journey_id": JOURNEY, "journey_version": version, "entry_id": f"e-{user}"}
    arrival = {**bound, "type": "step.entered", "step_id": STEP, "variant": "A"}
    events: list[tuple[int, dict[str, Any]]] = [
        (ENTRY, {**bound, "type": "journey.entered"}),
        (FIRST_ARRIVAL, arrival),
        (SECOND_ARRIVAL, arrival),
    ]
    message = {**bound, "step_id": STEP, "message_id": f"m-{user}", "channel": "email", "platform": "ios"}
    for status in STATUSES:
        event: dict[str, Any] = {**message, "type": f"message.{status.removeprefix('machine_')}"}
        if status.startswith("machine_"):
            event["machine"] = True
        if status == "sent":
            event |= {"cost": "0.01", "currency": "EUR"}
        events += [(hour, event) for hour in status_hours(status)]
    if exits:
        events.append((EXIT, {**bound, "type": "journey.exited", "reason": "completed"}))
    if buys:
        here = {"journey_id": JOURNEY, "entry_id": f"e-{user}", "step_id": STEP}
        goal = {**here, "type": "goal.reached", "name": "purchase", "value": "3", "currency": "EUR"}
        events += [(FIRST_GOAL, goal), (SECOND_GOAL, goal)]
    return [
        {
            **event,
            "event_id": f"{user}-{place}",
            "account_id": ACCOUNT,
            "user_id": user,
            "occurred_at": f"{local(hour)}:00Z",
        }
        for place, (hour, event) in enumerate(events)
    ]
