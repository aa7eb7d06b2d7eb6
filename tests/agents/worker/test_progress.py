"""Kafka is told how far the partitions have come, again and again until it has heard it."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from aiokafka.errors import CommitFailedError
from aiokafka.structs import TopicPartition

from wayfold.agents.worker.progress import Progress
from wayfold.state.telemetry import Telemetry


class Consumer:
    """Stands in for the batch consumer: keeps what is committed, and fails as often as it is told to."""

    def __init__(self) -> None:
        self.failures = 0
        self.committed: dict[tuple[str, int], int] = {}

    async def run_in_thread(self, work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
        await work(self)

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(f"t.{kind}", 0) for kind in ("entries", "steps")}

    async def commit(self, offsets: Mapping[TopicPartition, Any]) -> None:
        if self.failures:
            self.failures -= 1
            raise CommitFailedError
        self.committed.update({tuple(place): given.offset for place, given in offsets.items()})


async def test_what_could_not_be_committed_is_tried_again() -> None:
    """A failed commit is not forgotten when nothing more is folded; what is newer takes its place."""
    consumer: Any = Consumer()
    progress = Progress("t", {}, Telemetry())
    progress.committed(0, {"entries": 5, "steps": 2})
    consumer.failures = 2
    await progress.flush(consumer)
    progress.committed(0, {"entries": 7})
    await progress.flush(consumer)
    assert consumer.committed == {}
    await progress.flush(consumer)
    assert consumer.committed == {("t.entries", 0): 7, ("t.steps", 0): 2}
