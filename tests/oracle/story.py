"""Small stories for tests of the contract: one function per event, with names for what they leave open.

A time is an hour on 2 November 2026 in UTC ("10:00", "10:00:00.001") or a full RFC 3339 time. Event ids
follow from the content unless given.
"""

from typing import Any

DAY = "2026-11-02"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

Event = dict[str, Any]


def when(time: str) -> str:
    """The full RFC 3339 time of a time of the story."""
    if "T" in time:
        return time
    return f"{DAY}T{time}{'' if time.count(':') == 2 else ':00'}Z"


def _event(kind: str, time: str, event_id: str | None, /, **fields: Any) -> Event:
    given = {name: value for name, value in fields.items() if value is not None}
    content = "/".join(str(value) for value in (kind, time, *given.values()))
    return {"type": kind, "event_id": event_id or content, "occurred_at": when(time), **given}


def _bound(user: str, entry: str | None, version: int | None, journey: str | None) -> dict[str, Any]:
    if journey is None:
        return {"user_id": user}
    return {"user_id": user, "journey_id": journey, "journey_version": version, "entry_id": entry}


def defined(
    *,
    goal: str | None = "purchase",
    properties: dict[str, Any] | None = None,
    window_ms: int | None = DAY_MS,
    version: int = 1,
    journey: str = "welcome",
    name: str = "Welcome",
    steps: list[Event] | None = None,
    account: str | None = None,
    at: str = "2026-11-01T00:00:00Z",
    event_id: str | None = None,
) -> Event:
    """A journey version with one goal and a window of a day, unless told otherwise."""
    goal_object = (
        None if goal is None else {"name": goal, **({"properties": properties} if properties else {})}
    )
    default_steps = [
        {"step_id": "mail", "name": "Mail", "type": "message", "channel": "email"},
        {"step_id": "wait", "type": "wait"},
    ]
    event = _event(
        "journey.defined",
        at,
        event_id or f"define-{journey}-{version}",
        account_id=account,
        journey_id=journey,
        journey_version=version,
        name=name,
        conversion_window_ms=window_ms,
    )
    return {**event, "steps": default_steps if steps is None else steps, "goal": goal_object}


def entered(
    user: str,
    at: str,
    *,
    entry: str = "first",
    version: int = 1,
    journey: str = "welcome",
    account: str | None = None,
    event_id: str | None = None,
) -> Event:
    """The user enters the journey."""
    return _event(
        "journey.entered", at, event_id, account_id=account, **_bound(user, entry, version, journey)
    )


def exited(
    user: str,
    at: str,
    *,
    entry: str = "first",
    version: int = 1,
    journey: str = "welcome",
    account: str | None = None,
    event_id: str | None = None,
) -> Event:
    """The user leaves the journey."""
    place = _bound(user, entry, version, journey)
    return _event("journey.exited", at, event_id, account_id=account, reason="completed", **place)


def step(
    user: str,
    step_id: str,
    at: str,
    *,
    variant: str | None = None,
    entry: str = "first",
    version: int = 1,
    journey: str = "welcome",
    account: str | None = None,
    event_id: str | None = None,
) -> Event:
    """The user arrives at a step."""
    place = {"account_id": account, **_bound(user, entry, version, journey)}
    return _event("step.entered", at, event_id, **place, step_id=step_id, variant=variant)


def call(
    what: str,
    user: str,
    at: str,
    *,
    node: str | None = None,
    step: str | None = None,
    entry: str = "first",
    version: int = 1,
    journey: str = "welcome",
    event_id: str | None = None,
) -> Event:
    """The user's call starts, reaches a node of its menu, gets an input there, or ends."""
    own: dict[str, dict[str, Any]] = {
        "started": {},
        "menu_reached": {"node_id": node},
        "input_collected": {"node_id": node, "value": "1", "kind": "dtmf"},
        "ended": {"outcome": "completed", "duration_ms": 60_000},
    }
    place = _bound(user, entry, version, journey)
    return _event(f"call.{what}", at, event_id, **place, call_id="c1", step_id=step, **own[what])


def status(
    says: str,
    at: str,
    *,
    journey: str = "welcome",
    account: str | None = None,
    event_id: str | None = None,
) -> Event:
    """The journey's publisher says whether it runs."""
    return _event("journey.status", at, event_id, account_id=account, journey_id=journey, status=says)


def erased(
    user: str, at: str, *, mode: str = "anonymise", account: str | None = None, event_id: str | None = None
) -> Event:
    """The user asks to be forgotten."""
    return _event("user.erased", at, event_id, account_id=account, user_id=user, mode=mode)


def message(
    status: str,
    user: str,
    at: str,
    *,
    message: str = "m1",
    step: str | None = "mail",
    channel: str = "email",
    platform: str | None = None,
    machine: bool | None = None,
    cost: Any = None,
    currency: str | None = None,
    entry: str | None = "first",
    version: int | None = 1,
    journey: str | None = "welcome",
    account: str | None = None,
    event_id: str | None = None,
) -> Event:
    """A message of the journey's mail step reaches a status."""
    return _event(
        f"message.{status}",
        at,
        event_id,
        account_id=account,
        **_bound(user, entry, version, journey),
        message_id=message,
        step_id=step,
        channel=channel,
        platform=platform,
        machine=machine,
        cost=cost,
        currency=currency,
    )


def broadcast(status: str, user: str, at: str, **fields: Any) -> Event:
    """A message outside any journey reaches a status."""
    return message(status, user, at, journey=None, step=None, **fields)


def goal(
    user: str,
    at: str,
    name: str = "purchase",
    *,
    value: Any = None,
    currency: str | None = None,
    properties: dict[str, Any] | None = None,
    journey: str | None = None,
    entry: str | None = None,
    step: str | None = None,
    account: str | None = None,
    event_id: str | None = None,
) -> Event:
    """The user reaches a goal; its publisher need not know of any journey."""
    return _event(
        "goal.reached",
        at,
        event_id,
        account_id=account,
        user_id=user,
        name=name,
        value=value,
        currency=currency,
        properties=properties,
        journey_id=journey,
        entry_id=entry,
        step_id=step,
    )


class Unlisted(dict[str, Any]):
    """The numbers of a row that is not listed, because nothing counts there and no definition names it."""

    def __missing__(self, name: str) -> Any:
        """Zero, three ways for a message status."""
        status = name in ("sent", "opened", "clicked")
        return {"events": 0, "messages": 0, "users": 0} if status else 0


def _version(document: Event, journey: str, version: int) -> Event:
    versions = next(row for row in document["journeys"] if row["journey_id"] == journey)["versions"]
    return next((row for row in versions if row["journey_version"] == version), {"steps": []})


def journey_numbers(document: Event, journey: str = "welcome", version: int | None = None) -> Event:
    """The JOURNEY numbers of a journey, or of one version of it."""
    if version is not None:
        numbers: Event = _version(document, journey, version).get("numbers", Unlisted())
        return numbers
    return dict(next(row for row in document["journeys"] if row["journey_id"] == journey)["numbers"])


def step_numbers(document: Event, step_id: str = "mail", version: int = 1, journey: str = "welcome") -> Event:
    """The STEP numbers of one step."""
    steps = _version(document, journey, version)["steps"]
    return next((dict(some["numbers"]) for some in steps if some["step_id"] == step_id), Unlisted())


def account_row(document: Event, account: str = "default") -> Event:
    """What the document says of an account."""
    return dict(next(row for row in document["accounts"] if row["account_id"] == account))


def parts(numbers: Event, *names: str) -> tuple[Any, ...]:
    """Some of the numbers, in the order asked for."""
    return tuple(numbers[name] for name in names)
