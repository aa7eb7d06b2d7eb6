"""Kafka is told how far the partitions have come: as they stand, and again until it has heard it."""

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError
from aiokafka.structs import TopicPartition

from tests.agents.fakes import RememberingPartition
from tests.agents.worker.batches import batch
from wayfold.agents.worker.lane import Lane
from wayfold.agents.worker.progress import Progress
from wayfold.state.telemetry import Telemetry


class Consumer:
    """Stands in for the batch consumer: keeps what is committed, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.failures = 0
        self.commits: list[dict[tuple[str, int], int]] = []

    async def run_in_thread(self, work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        await work(self)

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(f"t.{kind}", 0) for kind in ("entries", "steps")}

    async def commit(self, offsets: Mapping[TopicPartition, Any]) -> None:
        if self.failures:
            self.failures -= 1
            raise CommitFailedError
        self.commits.append({tuple(place): given.offset for place, given in offsets.items()})


@pytest.fixture
async def lanes(tmp_path: Path) -> dict[int, Lane]:
    return {0: Lane(RememberingPartition(tmp_path, 0), {})}


def fold(lanes: Mapping[int, Lane], *offsets: int) -> None:
    partition = lanes[0].partition
    partition.fold("entries", batch(*offsets).records)
    partition.commit()


async def test_what_could_not_be_committed_is_tried_again(lanes: dict[int, Lane]) -> None:
    """A failed commit is not forgotten when nothing more is folded, and is told as things stand then."""
    consumer: Any = Consumer()
    progress = Progress("t", lanes, Telemetry())
    fold(lanes, 0, 1)
    progress.committed(0, {"entries": 2})
    consumer.failures = 2
    await progress.flush(consumer)
    fold(lanes, 2)
    await progress.flush(consumer)
    assert consumer.commits == []
    await progress.flush(consumer)
    await progress.flush(consumer)
    assert consumer.commits == [{("t.entries", 0): 3}]


async def test_of_a_partition_that_moved_nothing_old_is_told_later(lanes: dict[int, Lane]) -> None:
    """What could not be committed before a partition went away does not set the group back later."""
    consumer: Any = Consumer()
    progress = Progress("t", lanes, Telemetry())
    fold(lanes, 0, 1)
    progress.committed(0, {"entries": 2})
    consumer.failures = 1
    await progress.flush(consumer)
    lane = lanes.pop(0)
    await progress.flush(consumer)
    lanes[0] = lane
    await progress.flush(consumer)
    assert consumer.commits == []
    progress.note(0)
    await progress.flush(consumer)
    assert consumer.commits == [{("t.entries", 0): 2}]
