"""The stream of events that a population leaves behind, in the order in which they arrive."""

import random
from collections.abc import Iterator
from typing import Final

from wayfold.agents.sink import Outgoing
from wayfold.simulate.bytes_of import Stamps
from wayfold.simulate.people import PLATFORMS, Raw, Walker
from wayfold.simulate.plans import HOUR, PLANS

LATE_SHARE: Final = 0.02
REPEATED_SHARE: Final = 0.01
NEWSLETTER_SHARE: Final = 0.06
STRAY_GOAL_SHARE: Final = 0.02
CALIBRATION_ENTRIES: Final = 3_000

Arrival = tuple[int, str, bytes, bytes]
"""(when it arrives in milliseconds UTC, topic kind, key, value)."""


class Traffic:
    """An endless stream of events; the same arguments give the same events.

    Entries begin at `start_ms`, one every `entry_gap_ms` milliseconds on average, by `users` people.
    `scale` stretches all times of the journeys. `run` is part of every id but the users', so that events
    of two runs do not repeat each other. Events are handed out for `bucket_ms` milliseconds at a time.
    """

    def __init__(
        self,
        seed: int,
        *,
        start_ms: int,
        entry_gap_ms: float,
        users: int,
        scale: float = 1.0,
        run: str = "",
        bucket_ms: int | None = None,
    ) -> None:
        chance = random.Random(seed)  # noqa: S311 - believable, not secret
        stamps = Stamps()
        self._random = chance.random
        self._walkers = [Walker(plan, chance, stamps, scale) for plan in PLANS]
        self._bounds = _running_sums([plan.weight for plan in PLANS])
        self._entry_gap_ms = entry_gap_ms
        self._users = users
        self._run = f"{run}-" if run else ""
        self._entries = 0
        self._next_entry_ms = float(start_ms)
        self._late_ms = 6 * HOUR * 1000 * scale
        # Events wait in buckets of time until the clock has passed them; a bucket is sorted when it is due.
        self._bucket_ms = bucket_ms or max(1, int(entry_gap_ms * 20))
        self._buckets: dict[int, list[Arrival]] = {}
        self._due = start_ms // self._bucket_ms
        self.until_ms = start_ms
        """All events that arrive before this time were handed out."""

    def __iter__(self) -> Iterator[list[Arrival]]:
        """Yield the events, bucket by bucket, in the order of their arrival; some buckets are empty."""
        while True:
            end_ms = (self._due + 1) * self._bucket_ms
            while self._next_entry_ms < end_ms:
                self._begin_entry()
            bucket = self._buckets.pop(self._due, [])
            self._due += 1
            self.until_ms = end_ms
            bucket.sort()
            yield bucket

    @classmethod
    def events_per_entry(cls, seed: int) -> float:
        """Measure how many events an entry leaves on average."""
        traffic = cls(seed, start_ms=0, entry_gap_ms=1, users=1_000, scale=0.0)
        for _ in range(CALIBRATION_ENTRIES):
            traffic._begin_entry()
        return sum(map(len, traffic._buckets.values())) / CALIBRATION_ENTRIES

    def _begin_entry(self) -> None:
        chance = self._random
        at_ms = int(self._next_entry_ms)
        self._next_entry_ms += self._entry_gap_ms * 2 * chance()
        draw = chance() * self._bounds[-1]
        index = 0
        while self._bounds[index] < draw:
            index += 1
        walker = self._walkers[index]
        self._entries += 1
        number = f"{self._run}{self._entries:x}".encode()
        person = int(chance() * self._users)
        user = b"u%d" % person
        platform = PLATFORMS[person % 3]
        self._deliver(user, walker.walk(at_ms, user, number, platform))
        draw = chance()
        if draw < NEWSLETTER_SHARE:
            self._deliver(user, walker.newsletter(at_ms, user, number + b"w", platform))
        elif draw > 1 - STRAY_GOAL_SHARE:
            stranger = b"u%d" % int(chance() * self._users)
            self._deliver(stranger, walker.stray_goal(at_ms, stranger, number + b"s", platform))

    def _deliver(self, user: bytes, events: list[Raw]) -> None:
        chance, buckets, width = self._random, self._buckets, self._bucket_ms
        for at_ms, kind, value in events:
            draw = chance()
            arrives_ms = at_ms + int(draw * 500)
            if draw < LATE_SHARE:
                arrives_ms += int(chance() * self._late_ms)
            bucket = arrives_ms // width
            if bucket in buckets:
                buckets[bucket].append((arrives_ms, kind, user, value))
            else:
                buckets[bucket] = [(arrives_ms, kind, user, value)]
            if draw > 1 - REPEATED_SHARE:
                arrives_ms += int(chance() * self._late_ms) + 1
                buckets.setdefault(arrives_ms // width, []).append((arrives_ms, kind, user, value))


def outgoing(arrivals: list[Arrival]) -> list[Outgoing]:
    """Make records of arrivals."""
    return [Outgoing(kind, key, value) for _, kind, key, value in arrivals]


def _running_sums(weights: list[float]) -> list[float]:
    sums: list[float] = []
    total = 0.0
    for weight in weights:
        total += weight
        sums.append(total)
    return sums
