"""What the hosts of these tests have counted: a seeded history, names that hurt, and something of today.

The history is that of `wayfold simulate` and ends on 1 October 2026. Account `acme` lives in Istanbul. What
happened lately is told relative to now, because the named ranges of the page are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from wayfold.simulate.run import definitions, history

SEED: Final = 7
HISTORY_EVENTS: Final = 2_500
ZONES: Final[Mapping[str, str]] = {"acme": "Europe/Istanbul", "nepal": "Asia/Kathmandu"}
"""Zones of the accounts; the others have UTC."""

HURTFUL: Final[Mapping[str, str]] = {
    "spring/sale": "Spring / Sale",
    "100%/off%2Fall": "100 % off",
    "party 🎉 & more": "Party 🎉 & more",
    "تخفيضات الربيع": "تخفيضات الربيع",
    '=HYPERLINK("http://evil.example","x")': '=HYPERLINK("http://evil.example","x")',
    "\"quotes\" 'and' `ticks`": "\"quotes\" 'and' `ticks`",
    "<script>alert(1)</script>": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "long-" + "x" * 195: "A name of two hundred characters " + "that goes on " * 12 + "and ends.",
    "a?b#c+d e": "a?b#c+d e",
}
"""Journeys by id, with their names: what breaks paths, queries, tables, documents and spreadsheets."""
HURTFUL_USERS: Final = (
    "عائشة",
    "👩‍👩‍👧‍👦",
    "=cmd|' /C calc'!A0",
    "<b>bold</b>",
    'o\'neil "the" user',
    "u/1?x=%2F#y",
    "+48 600 700 800",
    "w" * 240,
)
LATELY: Final = "lately"
"""A journey of `default` that people entered in the last days, its account's now included."""
Event = dict[str, Any]


class Takes(Protocol):
    """Something that events can be sent to."""

    def send(self, events: Sequence[bytes], definitions: Sequence[bytes] = ()) -> None:
        """Send definitions and events, and wait until they are counted."""


Taking = TypeVar("Taking", bound=Takes)


def fill(host: Taking) -> Taking:
    """Have a host count the whole dataset."""
    told = encoded(own_events(datetime.now(UTC)))
    definitions_ = [*definitions_of_history(), *encoded(own_definitions())]
    host.send([*lines_of_history(), *told], definitions_)
    return host


def lines_of_history() -> list[bytes]:
    """Give the events of the seeded history."""
    return [
        value
        for arrivals in history(SEED, HISTORY_EVENTS)
        for _, kind, _, value in arrivals
        if kind != "definitions"
    ]


def definitions_of_history() -> list[bytes]:
    """Give the definitions that the history goes by, as events."""
    at = datetime(2026, 10, 1, tzinfo=UTC)
    return [definition.to_event(at) for definition in definitions()]


def stamp(at: datetime) -> str:
    """Write a time as events have it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entered(user: str, journey: str, at: datetime, *, version: int = 1, account: str = "default") -> Event:
    """A user enters a journey, once for each time."""
    return _bound("journey.entered", user, journey, at, at, version, account)


def exited(
    user: str, journey: str, entered_at: datetime, at: datetime, *, version: int = 1, account: str = "default"
) -> Event:
    """The user leaves the journey that was entered at a time."""
    return {
        **_bound("journey.exited", user, journey, entered_at, at, version, account),
        "reason": "completed",
    }


def step(
    user: str, journey: str, entered_at: datetime, at: datetime, step_id: str, *, account: str = "default"
) -> Event:
    """The user arrives at a step."""
    return {**_bound("step.entered", user, journey, entered_at, at, 1, account), "step_id": step_id}


def message(
    status: str,
    user: str,
    journey: str,
    entered_at: datetime,
    at: datetime,
    *,
    channel: str = "push",
    platform: str = "ios",
    account: str = "default",
) -> Event:
    """A message of the step `mail` reaches a status."""
    bound = _bound(f"message.{status}", user, journey, entered_at, at, 1, account)
    return {**bound, "step_id": "mail", "message_id": "m1", "channel": channel, "platform": platform}


def goal(user: str, at: datetime, *, account: str = "default") -> Event:
    """The user buys something."""
    kind = "goal.reached"
    return {
        "type": kind,
        "event_id": f"{kind}/{account}/{user}/{stamp(at)}",
        "occurred_at": stamp(at),
        "account_id": account,
        "user_id": user,
        "name": "purchase",
        "value": "19.90",
        "currency": "EUR",
    }


def defined(journey: str, name: str, *, version: int = 1, account: str = "default") -> Event:
    """A journey of one message and an end."""
    return {
        "type": "journey.defined",
        "event_id": f"define-{account}-{journey}-{version}",
        "occurred_at": "2026-09-01T00:00:00Z",
        "account_id": account,
        "journey_id": journey,
        "journey_version": version,
        "name": name,
        "goal": {"name": "purchase"},
        "conversion_window_ms": 86_400_000,
        "steps": [
            {"step_id": "mail", "name": "Mail", "type": "message", "channel": "push"},
            {"step_id": "end", "name": "End", "type": "end"},
        ],
    }


def passing(
    user: str, journey: str, at: datetime, index: int, *, account: str = "default"
) -> Iterator[Event]:
    """One user's way through such a journey; the index varies how far it goes."""
    minute = timedelta(minutes=1)
    platform = ("ios", "android", "web")[index % 3]
    yield entered(user, journey, at, account=account)
    yield step(user, journey, at, at + minute / 2, "mail", account=account)
    yield message("sent", user, journey, at, at + minute, platform=platform, account=account)
    if index % 2 == 0:
        yield message("clicked", user, journey, at, at + 2 * minute, platform=platform, account=account)
    if index % 4 == 0:
        yield goal(user, at + 3 * minute, account=account)
    if index % 3 != 1:
        yield exited(user, journey, at, at + 4 * minute, account=account)


def own_definitions() -> list[Event]:
    """Give the definitions of the journeys that are told here."""
    return [
        *(defined(journey, name) for journey, name in HURTFUL.items()),
        defined(LATELY, "Lately"),
        defined("midnight", "Around midnight", account="nepal"),
    ]


def own_events(now: datetime) -> list[Event]:
    """Give the events of the journeys that are told here; what happened lately ended an hour ago."""
    long_ago = datetime(2026, 9, 15, 12, tzinfo=UTC)
    events = [
        event
        for offset, journey in enumerate(HURTFUL)
        for index, user in enumerate((*HURTFUL_USERS, "ann", "bob"))
        for event in passing(user, journey, long_ago + timedelta(hours=offset, minutes=index), index)
    ]
    for index in range(48):
        at = now - timedelta(hours=1 + 5 * index)
        events += passing(f"late-{index % 40}", LATELY, at, index)
    # Around midnight in Kathmandu, UTC+5:45: which day it is, only the account's zone says.
    for index in range(8):
        at = datetime(2026, 9, 20, 18, 10, tzinfo=UTC) + timedelta(minutes=2 * index)
        events += passing(f"n{index}", "midnight", at, index, account="nepal")
    return sorted(events, key=lambda event: str(event["occurred_at"]))


def encoded(events: Iterable[Event]) -> list[bytes]:
    """Write events as bytes."""
    return [json.dumps(event, ensure_ascii=False).encode() for event in events]


def _bound(
    kind: str, user: str, journey: str, entered_at: datetime, at: datetime, version: int, account: str
) -> Event:
    entry = f"{user}-{stamp(entered_at)}"
    return {
        "type": kind,
        "event_id": f"{kind}/{journey}/{entry}/{stamp(at)}"[:250],
        "occurred_at": stamp(at),
        "account_id": account,
        "user_id": user,
        "journey_id": journey,
        "journey_version": version,
        "entry_id": entry[-200:],
    }
