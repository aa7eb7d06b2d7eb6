"""Events to measure with: the interleaved traffic of many people who are on their way through journeys.

Every event is the next one of a person chosen by chance among those who are on their way, so neighbours in
the log hardly ever belong together, as in live traffic. The same arguments give the same bytes.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from wayfold.agents.sink import Outgoing
from wayfold.models.definition import JourneyDefinition, read_definition

Event = tuple[str, bytes, bytes, int]
"""(topic kind, key, value, occurred_at in milliseconds UTC)."""

JOURNEYS: Final = 3
STEPS: Final = (("email", "none"), ("push", "ios"), ("sms", "none"), ("email", "none"))
START_MS: Final = 1_788_220_800_000
"""2026-09-01."""
EVENTS_PER_SECOND: Final = 2_000
EVENTS_PER_USER: Final = 10
EVENTS_PER_WALKER: Final = 50

_HEAD: Final = '{"type":"%s","user_id":"%s",%%s"event_id":"%%s","occurred_at":"%%sZ"}'
_BOUND: Final = '"journey_id":"journey-%d","journey_version":1,"entry_id":"e%08d",'


def definitions() -> list[JourneyDefinition]:
    """Give the journeys' definitions."""
    steps = [
        {"step_id": f"step-{number}", "type": "message", "channel": channel}
        for number, (channel, _) in enumerate(STEPS)
    ]
    return [
        read_definition(
            {
                "journey_id": f"journey-{number}",
                "journey_version": 1,
                "name": f"Journey {number}",
                "steps": steps,
                "goal": {"name": "purchase"},
            }
        )
        for number in range(JOURNEYS)
    ]


def definition_records() -> list[Outgoing]:
    """Make the records that define the journeys."""
    at = datetime.fromtimestamp(START_MS / 1000, UTC)
    return [Outgoing("definitions", None, definition.to_event(at)) for definition in definitions()]


class Traffic:
    """The stream of `count` events.

    With a million, 100,000 people take part, of whom 20,000 are inside a journey at any time.
    """

    def __init__(self, seed: int, count: int) -> None:
        self._chance = random.Random(seed)
        self._count = count
        self._users = max(1_000, count // EVENTS_PER_USER)
        self._entries = 0
        self._seed = seed
        self._made = 0
        self._clock = Clock()
        self._walks = [self._walk() for _ in range(max(100, count // EVENTS_PER_WALKER))]

    def __iter__(self) -> Iterator[Event]:
        """Make the events."""
        chance, walks, clock = self._chance, self._walks, self._clock
        for _ in range(self._count):
            place = int(chance.random() * len(walks))
            walk = walks[place]
            kind, key, value = walk.pop()
            if not walk:
                walks[place] = self._walk()
            self._made += 1
            at_ms = START_MS + self._made * 1000 // EVENTS_PER_SECOND
            event_id = f"{chance.getrandbits(32):08x}-{self._seed:04x}-4000-8000-{self._made:012x}"
            yield kind, key, (value % (event_id, clock.text(at_ms))).encode(), at_ms

    def _walk(self) -> list[tuple[str, bytes, str]]:
        """Make what a person leaves behind on the way through a journey, the last event first."""
        chance = self._chance.random
        user = f"user-{int(chance() * self._users):07d}"
        self._entries += 1
        number = self._entries
        bound = _BOUND % (int(chance() * JOURNEYS), self._seed * 10_000_000 + number)
        key = user.encode()
        walk: list[tuple[str, bytes, str]] = []

        def add(kind: str, name: str, more: str) -> None:
            walk.append((kind, key, _HEAD % (name, user) % (more, "%s", "%s")))

        add("entries", "journey.entered", bound)
        for step, (channel, platform) in enumerate(STEPS[: 2 + int(chance() * 3)]):
            here = f'{bound}"step_id":"step-{step}",'
            variant = f'"variant":"{"AB"[chance() < 0.5]}",' if step == 1 else ""
            add("steps", "step.entered", here + variant)
            told = f'{here}"message_id":"m-{number}-{step}","channel":"{channel}","platform":"{platform}",'
            add("messages", "message.sent", f'{told}"cost":"0.0012","currency":"EUR",')
            add("messages", "message.delivered", told)
            if chance() < 0.5:
                machine = "true" if chance() < 0.1 else "false"
                add("messages", "message.opened", f'{told}"machine":{machine},')
            if chance() < 0.2:
                add("messages", "message.clicked", told)
        if chance() < 0.2:
            add("conversions", "goal.reached", '"name":"purchase","value":"19.99","currency":"EUR",')
        add("entries", "journey.exited", f'{bound}"reason":"completed",')
        walk.reverse()
        return walk


class Clock:
    """Writes times as RFC 3339 text without the zone; most events share their second with others."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def text(self, at_ms: int) -> str:
        """Write a time, in milliseconds UTC."""
        second = at_ms // 1000
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._text}.{at_ms % 1000:03d}"


def outgoing(events: Iterator[Event]) -> list[Outgoing]:
    """Make records for a destination."""
    return [Outgoing(kind, key, value) for kind, key, value, _ in events]
