"""Partitions whose committed views are whatever a test says, and what Redis should show of them."""

import asyncio
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from redis import Redis

from tests.exporters.redis_views.pushing import Views, expected_sums, shown_sums
from wayfold.exporters.redis_views.committed import Changed
from wayfold.exporters.redis_views.keys import JourneyName

COUNTS = ("total_entries", "entered_users", "active_entries", "exited_entries", "converted_users")
STEP_COUNTS = ("entered", "sent_messages", "delivered_messages:email:none")
STAYS = ("40", "41", "300")
VIEWS = {
    "journey": COUNTS,
    "version:1": COUNTS,
    "step:1:a": STEP_COUNTS,
    "dwell:1:a": STAYS,
    "step:1:b/c": STEP_COUNTS,
    "dwell:1:b/c": STAYS,
}


class FakePartition:
    """The committed views of a partition, held in memory."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.offsets: dict[str, int] = {}
        self.watermark_ms = -1
        self.own_watermarks: dict[str, int] = {}
        self.judged_ms: dict[JourneyName, int] = {}
        self.journeys: dict[JourneyName, Views] = {}
        self.definitions: dict[JourneyName, dict[str, str]] = {}
        self.reads = 0
        self.commits = 0
        self._changed: dict[JourneyName, set[str]] = {}

    @property
    def sequence(self) -> int:
        """How much is folded, of a log that has one topic."""
        return self.offsets.get("entries", 0)

    @sequence.setter
    def sequence(self, sequence: int) -> None:
        self.offsets["entries"] = sequence

    def names(self) -> list[JourneyName]:
        return list(self.journeys)

    @property
    def watermarks(self) -> dict[str, int]:
        return (
            self.own_watermarks
            if self.watermark_ms < 0
            else {"acme": self.watermark_ms, **self.own_watermarks}
        )

    def watermark_of(self, account_id: str) -> int:
        return self.watermarks.get(account_id, -1)

    def read(self, name: JourneyName, watermark_ms: int) -> Views:
        self.reads += 1
        self.judged_ms[name] = watermark_ms
        return {view: dict(fields) for view, fields in self.journeys.get(name, {}).items()}

    def changed(self, watermarks: Mapping[str, int]) -> Iterable[Changed]:
        changed, self._changed = self._changed, {}
        return [
            Changed(name, {view: dict(self.journeys[name][view]) for view in views})
            for name, views in changed.items()
        ]

    @property
    def held_until_s(self) -> float:
        return float("inf")

    def hurry(self) -> None:
        pass

    def described(self) -> Iterator[tuple[JourneyName, Mapping[str, str]]]:
        for name in self.journeys:
            yield name, self.definitions.get(name, {})

    def commit(self, name: JourneyName, view: str, **fields: int) -> None:
        """Commit new absolute values of some fields."""
        self.sequence += 1
        self.commits += 1
        self.watermark_ms = max(self.watermark_ms, 1_790_000_000_000) + 1
        self.journeys.setdefault(name, {}).setdefault(view, {}).update(fields)
        self._changed.setdefault(name, set()).add(view)

    def commit_at_random(self, generator: random.Random, names: Collection[JourneyName]) -> None:
        """Commit a few changes of a few views."""
        for _ in range(generator.randrange(1, 5)):
            name = generator.choice(list(names))
            view = generator.choice(list(VIEWS))
            fields = generator.sample(VIEWS[view], 2)
            self.commit(name, view, **{field: generator.randrange(0, 100) for field in fields})


class FakeOpened:
    """Ownership of a partition, fake or real, by one process."""

    def __init__(self, partition: Any) -> None:
        self.partition = partition
        self.lock = asyncio.Lock()
        self.revoked = False


def is_right(redis: Redis, partitions: Iterable[FakePartition], name: JourneyName, prefix: str) -> bool:
    """Whether Redis shows the sum of the partitions' committed values of a journey."""
    expected = expected_sums([partition.journeys.get(name, {}) for partition in partitions])
    shown = shown_sums(redis, name, prefix)
    return {view: fields for view, fields in shown.items() if fields} == {
        view: fields for view, fields in expected.items() if fields
    }


async def until(condition: Callable[[], bool], *, seconds: float = 10.0, what: str) -> None:
    """Wait until a condition holds; fails after some seconds."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"waited {seconds} s in vain until {what}") from None
