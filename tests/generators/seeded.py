"""Event sets from a seed: fast, as large as wanted, the same for the same seed.

A test prints the seeds it used when it fails; WAYFOLD_TEST_SEED=<seed> runs it again with that one alone.
"""

import os
import random
from collections.abc import Iterator

from tests.generators.world import ANCHORS, KINDS, TIME_ZONES, Event, World

SEED_VARIABLE = "WAYFOLD_TEST_SEED"


def seeds(count: int, first: int = 0) -> list[int]:
    """The seeds a test runs: `count` from `first` on, or the one that the environment names."""
    named = os.environ.get(SEED_VARIABLE)
    return [int(named)] if named else list(range(first, first + count))


def replay_hint(seed: int) -> str:
    """What to say when a seeded test fails."""
    return f"seed {seed}: {SEED_VARIABLE}={seed} runs it again"


def small_world(generator: random.Random) -> World:
    """A world of the colliding kind, of a size that differs from seed to seed."""
    size = generator.randint
    return World(
        accounts=generator.sample(sorted(TIME_ZONES), size(1, 3)),
        users=[f"u{number}" for number in range(size(1, 8))],
        journeys=("j1", "j:2", "j3")[: size(1, 3)],
        versions=((1,), (1, 1, 2), (1, 2, 10))[size(0, 2)],
        entries=("e1", "e2", "e3")[: size(1, 3)],
        steps=("s1", "s2", "s:3", "s4")[: size(1, 4)],
        messages=("m1", "m2", "m3")[: size(1, 3)],
        anchors=generator.sample(ANCHORS, size(1, 4)),
    )


def event_set(seed: int, size: int) -> list[tuple[str, Event]]:
    """`size` events of a small world, some of them more than once."""
    generator = random.Random(seed)
    world = small_world(generator)
    return [world.event(generator.choice) for _ in range(size)]


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
