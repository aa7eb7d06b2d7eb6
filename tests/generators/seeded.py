"""Event sets from a seed: fast, as large as wanted, the same for the same seed.

A failing test says its seed; WAYFOLD_TEST_SEED=<seed> runs it again with that one alone, and
WAYFOLD_TEST_EFFORT=<n> runs every such test with n times as many seeds and drawn examples.
"""

import os
import random
from collections.abc import Iterator
from typing import Any

from tests.generators.world import ANCHORS, KINDS, STATUSES, TIME_ZONES, Event, World

ODD_BOUNDS = ("2026-03-29T02:00", "2026-03-29T03:00", "2026-10-25T02:00", "2026-10-25T03:00", "2026-11-01")
SEED_VARIABLE = "WAYFOLD_TEST_SEED"
EFFORT_VARIABLE = "WAYFOLD_TEST_EFFORT"


def seeds(count: int, first: int = 0) -> list[int]:
    """The seeds a test runs: `count` from `first` on, or the one that the environment names."""
    named = os.environ.get(SEED_VARIABLE)
    return [int(named)] if named else list(range(first, first + count * effort()))


def effort() -> int:
    """How many times as many random cases as usual the environment asks for."""
    return int(os.environ.get(EFFORT_VARIABLE, "1"))


def replay_hint(seed: int) -> str:
    """What to say when a seeded test fails."""
    return f"seed {seed}: {SEED_VARIABLE}={seed} runs it again"


def small_world(generator: random.Random, size: int) -> World:
    """A world in which `size` events collide: a dozen for each pair of user and journey, or more."""
    pick = generator.choice
    accounts = generator.sample(sorted(TIME_ZONES), pick((1, 1, 1, 2)))
    journeys = pick((("j1",), ("j1", "j:2"), ("j1", "j:2", "j3")))
    histories = max(1, size // 12 // len(accounts) // len(journeys))
    return World(
        accounts=accounts,
        users=[f"u{number}" for number in range(min(histories, pick((1, 2, 3, 8))))],
        journeys=journeys,
        versions=pick(((1,), (1, 1, 2), (1, 2, 10))),
        entries=pick((("e1",), ("e1", "e2"), ("e1", "e2", "e3"))),
        steps=pick((("s1",), ("s1", "s2"), ("s1", "s2", "s:3", "s4"))),
        messages=pick((("m1",), ("m1", "m2"))),
        statuses=generator.sample(STATUSES, pick((2, 3, 7))),
        anchors=generator.sample(ANCHORS, pick((1, 1, 2, 3))),
    )


def event_set(seed: int, size: int) -> list[tuple[str, Event]]:
    """`size` events of a small world, some of them more than once."""
    generator = random.Random(seed)
    world = small_world(generator, size)
    return [world.event(generator.choice) for _ in range(size)]


def queries(generator: random.Random, events: list[tuple[str, Event]], count: int) -> list[dict[str, Any]]:
    """Questions with any mixture of filters, whose ranges begin and end where the events are."""
    hours = [f"{event['occurred_at'][:13]}:00" for _, event in events]
    days = [hour[:10] for hour in hours]
    asked = []
    for _ in range(count):
        query: dict[str, Any] = {"clock": generator.choice(("event", "entry"))}
        for name, chance, values in (
            ("start", 0.5, generator.choice((hours, days, ODD_BOUNDS)) or ODD_BOUNDS),
            ("end", 0.5, generator.choice((hours, days, ODD_BOUNDS)) or ODD_BOUNDS),
            ("version", 0.25, (1, 2)),
            ("variant", 0.15, ("A", "B", "")),
            ("step_id", 0.1, ("s1", "s2")),
            ("channel", 0.1, ("email", "push")),
            ("platform", 0.1, ("none", "ios")),
            ("journey_id", 0.1, ("j1", "nothing")),
            ("account_id", 0.1, ("acme", "nobody")),
        ):
            if generator.random() < chance:
                query[name] = generator.choice(values)
        if "start" in query and "end" in query:
            query["start"], query["end"] = sorted((query["start"], query["end"]))
        asked.append(query)
    return asked


def large_event_set(seed: int, size: int, users: int) -> list[tuple[str, Event]]:
    """`size` events of one account's many users: for speed, and for sets that leave the caches."""
    generator = random.Random(seed)
    world = World(
        accounts=("acme",),
        users=[f"user-{number}" for number in range(users)],
        kinds=[kind for kind in KINDS if kind != "journey.defined"],
        anchors=ANCHORS,
        event_ids=range_ids(size),
    )
    definitions = World(accounts=("acme",), kinds=("journey.defined",))
    return [
        *(definitions.event(generator.choice) for _ in range(20)),
        *(world.event(generator.choice) for _ in range(size)),
    ]


def range_ids(size: int) -> list[str]:
    """Event ids enough that few collide."""
    return [f"id-{number}" for number in range(size * 4)]


def with_repeats(events: list[tuple[str, Event]], generator: random.Random) -> Iterator[tuple[str, Event]]:
    """Every event in its place, and one in four again at some later or earlier place."""
    again = [(generator.random(), event) for event in events if generator.random() < 0.25]
    placed = [(number / max(len(events), 1), event) for number, event in enumerate(events)]
    for _, event in sorted([*placed, *again], key=lambda pair: pair[0]):
        yield event
