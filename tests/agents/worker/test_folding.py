"""When batches are folded: together within the interval, at once when full, and all of them at the end."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.agents.fakes import KeptLetters, RememberingPartition
from tests.agents.worker.batches import batch, empty
from wayfold.agents.control.locating import FoldFailedError
from wayfold.agents.effects import OpenPartition
from wayfold.agents.worker.folding import BATCHES_IN_HAND, Folding
from wayfold.agents.worker.lane import Lane
from wayfold.state.telemetry import Telemetry

HOUR_S = 3_600.0


class Committed:
    """Hears of commits as view and progress sink, and lets a test wait for them."""

    def __init__(self) -> None:
        self.sequences: list[tuple[int, int]] = []
        self.changed = asyncio.Condition()
        self.progress: dict[int, Mapping[str, int]] = {}

    def committed(self, opened: OpenPartition) -> None:
        self.sequences.append((opened.partition.number, opened.partition.sequence))


class Progress:
    def committed(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Nobody is told."""


class Bench:
    """Two lanes and what folds them."""

    def __init__(
        self, directory: Path, interval_s: float, batch_records: int, catch_up_interval_s: float = 0.0
    ) -> None:
        self.partitions = [RememberingPartition(directory, number) for number in range(2)]
        self.lanes = {partition.number: Lane(partition, {}) for partition in self.partitions}
        self.unread: Counter[int] = Counter()
        self.views = Committed()
        self.letters = KeptLetters()
        self.folding = Folding(
            self.lanes,
            self.letters,
            self.views,
            Progress(),
            Telemetry(),
            interval_s=interval_s,
            batch_records=batch_records,
            unread=lambda lane: self.unread[lane.number],
            catch_up_interval_s=catch_up_interval_s,
        )

    def arrive(self, *offsets: int, kind: str = "entries", partition: int = 0, timestamp_ms: int = 0) -> None:
        given = batch(*offsets, kind=kind, partition=partition)
        for record in given.records:
            record.timestamp = timestamp_ms
        self.lanes[partition].accept(kind, given, time.monotonic())
        self.folding.arrived()

    async def until_folded(self, records: int) -> None:
        async with asyncio.timeout(5):
            while sum(len(partition.values) for partition in self.partitions) < records:
                await asyncio.sleep(0.001)


@asynccontextmanager
async def folding(
    directory: Path, interval_s: float = 0.0, batch_records: int = 1_000
) -> AsyncIterator[Bench]:
    bench = Bench(directory, interval_s, batch_records)
    task = asyncio.create_task(bench.folding.run())
    yield bench
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_topics_that_arrive_together_are_committed_together(tmp_path: Path) -> None:
    """Records of several topics of a partition make one commit when they come within the interval."""
    async with folding(tmp_path, interval_s=0.05) as bench:
        bench.arrive(0, 1)
        bench.arrive(0, kind="steps")
        await bench.until_folded(3)
        assert bench.partitions[0].commits == 1
        assert bench.partitions[0].offsets == {"entries": 2, "steps": 1}


async def test_a_full_batch_does_not_wait(tmp_path: Path) -> None:
    """The interval is not waited for when there is as much as one commit takes; commits stay that small."""
    async with folding(tmp_path, interval_s=HOUR_S, batch_records=3) as bench:
        bench.arrive(0, 1, 2, 3, 4, 5)
        await bench.until_folded(6)
        assert bench.partitions[0].commits == 2


async def test_fetching_pauses_while_too_much_waits(tmp_path: Path) -> None:
    """There is no room for more when as much waits as may, and there is again when it is folded."""
    bench = Bench(tmp_path, HOUR_S, 2)
    most = BATCHES_IN_HAND * 2
    bench.arrive(*range(most - 1))
    assert await bench.folding.wait_for_room()
    bench.arrive(most - 1)
    waiting = asyncio.create_task(bench.folding.wait_for_room())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    task = asyncio.create_task(bench.folding.run())
    assert await waiting
    task.cancel()


async def test_a_partition_that_catches_up_waits_until_its_batch_is_full(tmp_path: Path) -> None:
    """While the log holds a full batch it is waited for; elsewhere what there is is folded in time."""
    bench = Bench(tmp_path, 0.0, 3, catch_up_interval_s=HOUR_S)
    bench.unread[0] = 7
    task = asyncio.create_task(bench.folding.run())
    bench.arrive(0, 1)
    bench.arrive(0, 1, partition=1)
    await bench.until_folded(2)
    assert [partition.commits for partition in bench.partitions] == [0, 1]
    bench.arrive(2, 3)
    await bench.until_folded(5)
    assert bench.partitions[0].offsets == {"entries": 3}
    task.cancel()


async def test_a_fresh_partition_waits_for_one_batch_of_the_others(tmp_path: Path) -> None:
    """What arrives while partitions catch up is folded between their batches, not after all of them."""
    bench = Bench(tmp_path, 0.0, 2)
    bench.partitions += [RememberingPartition(tmp_path, number) for number in range(2, 5)]
    bench.lanes |= {number: Lane(bench.partitions[number], {}) for number in range(2, 5)}
    for number in range(4):
        bench.unread[number] = 100
        bench.arrive(0, 1, partition=number)
    fold = bench.partitions[0].fold

    def fold_while_one_arrives(topic: str, records: object) -> None:
        fold(topic, records)  # type: ignore[arg-type]
        bench.arrive(0, partition=4)

    bench.partitions[0].fold = fold_while_one_arrives  # type: ignore[method-assign]
    task = asyncio.create_task(bench.folding.run())
    await bench.until_folded(9)
    assert [number for number, _ in bench.views.sequences] == [0, 4, 1, 2, 3]
    task.cancel()


async def test_when_there_is_no_room_the_fullest_partition_is_folded(tmp_path: Path) -> None:
    """Partitions that all wait to be full do not wait for each other; one is folded, which makes room."""
    bench = Bench(tmp_path, 0.0, 4, catch_up_interval_s=HOUR_S)
    bench.unread = Counter(dict.fromkeys(range(8), 100))
    for number in range(2, 8):
        bench.partitions.append(RememberingPartition(tmp_path, number))
        bench.lanes[number] = Lane(bench.partitions[number], {})
    for number in range(8):
        bench.arrive(*range(3 if number == 5 else 2), partition=number)
    task = asyncio.create_task(bench.folding.run())
    async with asyncio.timeout(5):
        while not bench.views.sequences:
            await asyncio.sleep(0.001)
    assert bench.views.sequences == [(5, 3)]
    assert await bench.folding.wait_for_room()
    task.cancel()


async def test_a_revocation_makes_room(tmp_path: Path) -> None:
    """What was dropped with its partition does not keep others from being fetched."""
    bench = Bench(tmp_path, HOUR_S, 2)
    bench.arrive(0, 1, 2, 3)
    bench.lanes[0].revoke()
    bench.folding.dropped()
    assert await bench.folding.wait_for_room()


async def test_finishing_folds_everything_in_hand(tmp_path: Path) -> None:
    """At the end nothing is waited for and nothing stays unfolded."""
    bench = Bench(tmp_path, HOUR_S, 2)
    bench.arrive(0, 1, 2)
    bench.arrive(0, partition=1)
    bench.folding.finish()
    async with asyncio.timeout(5):
        await bench.folding.run()
    assert [partition.offsets for partition in bench.partitions] == [{"entries": 3}, {"entries": 1}]


async def test_a_failing_fold_ends_the_folding(tmp_path: Path) -> None:
    """The worker hears of an exception in the fold; the next batch is not folded in its place."""
    bench = Bench(tmp_path, 0.0, 1_000)

    def fail(topic: str, records: object) -> None:
        raise RuntimeError("the store is full")

    bench.partitions[0].fold = fail  # type: ignore[method-assign]
    bench.arrive(0)
    with pytest.raises(FoldFailedError, match="the store is full"):
        await bench.folding.run()
    assert bench.partitions[0].commits == 0


async def test_a_revoked_partition_does_not_stop_the_others(tmp_path: Path) -> None:
    """A partition that is taken away in the middle of its fold is left, and the rest goes on."""
    async with folding(tmp_path) as bench:
        fold = bench.partitions[0].fold

        def fold_and_revoke(topic: str, records: object) -> None:
            fold(topic, records)  # type: ignore[arg-type]
            bench.lanes[0].revoke()

        bench.partitions[0].fold = fold_and_revoke  # type: ignore[method-assign]
        bench.arrive(0)
        bench.arrive(0, partition=1)
        await bench.until_folded(1)
        assert bench.partitions[0].commits == 0
        assert bench.partitions[1].commits == 1
        assert bench.lanes[0].interrupted


async def test_offsets_without_records_are_committed_alone(tmp_path: Path) -> None:
    """A transaction's marker behind the last record is committed even when nothing comes after it."""
    async with folding(tmp_path) as bench:
        bench.lanes[0].accept("entries", empty(0, 3), time.monotonic())
        bench.folding.arrived()
        async with asyncio.timeout(5):
            while bench.partitions[0].offsets != {"entries": 3}:
                await asyncio.sleep(0.001)
    assert bench.partitions[0].commits == 1


async def test_offsets_without_records_are_committed_with_the_records_before(tmp_path: Path) -> None:
    """A batch that ends with a marker takes one commit, not two."""
    async with folding(tmp_path) as bench:
        bench.lanes[0].accept("entries", batch(0, 1, end=3), time.monotonic())
        bench.folding.arrived()
        await bench.until_folded(2)
    assert bench.partitions[0].offsets == {"entries": 3}
    assert bench.partitions[0].commits == 1
