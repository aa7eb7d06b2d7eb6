"""Which partitions are open when, and what is refused when log and state do not meet."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.agents.fakes import RememberingPartition
from tests.agents.worker.batches import batch
from wayfold.agents.effects import OpenPartition
from wayfold.agents.states.lost_records import START_AT_OLDEST, LostRecordsError
from wayfold.agents.worker import holdings as module
from wayfold.agents.worker.holdings import Holdings


class Log:
    """A log whose ranges a test sets, and which notes from where it is read."""

    def __init__(self) -> None:
        self.known: Mapping[str, tuple[int, int]] = {"entries": (0, 100), "steps": (0, 100)}
        self.started: list[tuple[int, Mapping[str, int]]] = []
        self.is_closed = False

    async def ranges(self, number: int) -> Mapping[str, tuple[int, int]]:
        if self.is_closed:
            raise RuntimeError("the log is closed")
        return self.known

    async def first_times(self, number: int) -> Mapping[str, int]:
        return {"entries": 1_793_000_000_000}

    async def start(self, number: int, positions: Mapping[str, int]) -> None:
        self.started.append((number, dict(positions)))


class Views:
    def __init__(self) -> None:
        self.heard: list[int] = []

    def committed(self, opened: OpenPartition) -> None:
        self.heard.append(opened.partition.number)


class Bench:
    """Holdings over remembering partitions in a folder."""

    def __init__(self, directory: Path, *, start_at_oldest: bool = False) -> None:
        self.directory = directory
        self.log = Log()
        self.views = Views()
        self.failures: list[BaseException] = []
        self.opened: list[RememberingPartition] = []
        self.is_opening = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.holdings = Holdings(
            self.open, self.log, self.views, self.failures.append, start_at_oldest=start_at_oldest
        )

    def open(self, number: int, begins: Mapping[str, int]) -> RememberingPartition:
        self.is_opening.set()
        self.gate.wait()
        partition = RememberingPartition(self.directory, number)
        self.opened.append(partition)
        return partition

    async def settle(self) -> None:
        async with asyncio.timeout(5):
            while not (self.holdings.settled or self.failures):
                await asyncio.sleep(0.001)

    async def until_closed(self, partition: RememberingPartition) -> None:
        async with asyncio.timeout(5):
            while not partition.closed:
                await asyncio.sleep(0.001)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.gate.set()
    await bench.holdings.close()


def commit(partition: RememberingPartition, *offsets: int) -> None:
    partition.fold("entries", batch(*offsets, partition=partition.number).records)
    partition.commit()


async def test_assigned_partitions_are_opened_and_read_from_their_offsets(bench: Bench) -> None:
    """Each partition is read on from what its store reflects, and its views are compared."""
    commit(RememberingPartition(bench.directory, 1), 0, 1, 2)
    bench.holdings.assign([0, 1])
    await bench.settle()
    assert sorted(bench.log.started) == [(0, {"entries": 0, "steps": 0}), (1, {"entries": 3, "steps": 0})]
    assert sorted(bench.holdings.partitions) == [0, 1]
    assert sorted(bench.views.heard) == [0, 1]


async def test_a_partition_that_comes_back_was_never_closed(bench: Bench) -> None:
    """A rebalance that gives the same partition back costs no reopening; pending records are dropped."""
    bench.holdings.assign([0])
    await bench.settle()
    lane = bench.holdings.lanes[0]
    lane.accept("entries", batch(0, 1), 0.0)
    bench.holdings.suspend()
    assert bench.holdings.lanes == {}
    assert lane.opened.revoked
    bench.holdings.assign([0])
    assert bench.holdings.lanes[0].expected == {"entries": 0, "steps": 0}
    assert bench.holdings.lanes[0].pending_records == 0
    assert len(bench.opened) == 1


async def test_a_partition_that_does_not_come_back_is_closed(bench: Bench) -> None:
    """What the next assignment leaves out is closed and cannot be read any more."""
    bench.holdings.assign([0, 1])
    await bench.settle()
    (gone,) = (partition for partition in bench.opened if partition.number == 1)
    bench.holdings.suspend()
    bench.holdings.assign([0])
    assert list(bench.holdings.partitions) == [0]
    await bench.until_closed(gone)


async def test_a_partition_lost_while_it_opens_is_closed_again(bench: Bench) -> None:
    """State that was opened for nothing is let go, and nothing is read into it."""
    bench.gate.clear()
    bench.holdings.assign([0])
    bench.holdings.suspend()
    bench.holdings.assign([])
    bench.gate.set()
    async with asyncio.timeout(5):
        while not bench.opened:
            await asyncio.sleep(0.001)
    await bench.until_closed(bench.opened[0])
    assert bench.log.started == []


async def test_a_partition_regained_while_it_opens_is_opened_once(bench: Bench) -> None:
    """Two rebalances during one slow opening do not open a store twice."""
    bench.gate.clear()
    for _ in range(3):
        bench.holdings.assign([0])
        bench.holdings.suspend()
    bench.holdings.assign([0])
    bench.gate.set()
    await bench.settle()
    assert len(bench.opened) == 1
    assert not bench.opened[0].closed


async def test_records_deleted_before_they_were_folded_stop_the_worker(bench: Bench) -> None:
    """Retention that has passed our offset is said, with both offsets, and nothing goes on."""
    commit(RememberingPartition(bench.directory, 0), 0, 1, 2)
    bench.log.known = {"entries": (10, 100)}
    bench.holdings.assign([0])
    await bench.settle()
    (failure,) = bench.failures
    assert isinstance(failure, LostRecordsError)
    assert "entries, partition 0, from offset 3 on" in str(failure)
    assert "7 records are gone, from before 2026-10-26T" in str(failure)
    assert bench.opened[0].closed


async def test_a_log_that_lost_its_beginning_is_not_taken_for_a_whole_one(bench: Bench) -> None:
    """A partition without any state needs the log from offset 0 on."""
    bench.log.known = {"entries": (10, 100)}
    bench.holdings.assign([0])
    await bench.settle()
    assert START_AT_OLDEST in str(bench.failures[0])


async def test_one_may_start_at_the_oldest_record(tmp_path: Path) -> None:
    """Asked for, a partition without state begins where the log begins."""
    bench = Bench(tmp_path, start_at_oldest=True)
    bench.log.known = {"entries": (10, 100), "steps": (0, 5)}
    bench.holdings.assign([0])
    await bench.settle()
    assert bench.log.started == [(0, {"entries": 10, "steps": 0})]
    await bench.holdings.close()


async def test_a_log_shorter_than_the_state_stops_the_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State that is ahead of the log belongs to another log."""
    monkeypatch.setattr(module, "CHECK_PAUSE_S", 0.0)
    commit(RememberingPartition(bench.directory, 0), 0, 1, 2)
    bench.log.known = {"entries": (0, 2)}
    bench.holdings.assign([0])
    await bench.settle()
    assert "up to offset 3, but Kafka's log ends at 2" in str(bench.failures[0])


async def test_a_store_that_cannot_be_opened_stops_the_worker(bench: Bench) -> None:
    """The reason for which state was refused reaches the host."""
    (bench.directory / "0.json").write_text("damaged")
    bench.holdings.assign([0])
    await bench.settle()
    assert isinstance(bench.failures[0], ValueError)


async def test_what_is_given_up_does_not_ask_the_log(bench: Bench) -> None:
    """A worker that ends while a partition opens closes it again, and that is no failure."""
    bench.gate.clear()
    bench.holdings.assign([0])
    await asyncio.to_thread(bench.is_opening.wait)
    bench.holdings.give_up_opening()
    bench.log.is_closed = True
    bench.gate.set()
    async with asyncio.timeout(5):
        while not bench.opened:
            await asyncio.sleep(0.001)
    await bench.until_closed(bench.opened[0])
    assert bench.failures == []


async def test_closing_waits_for_what_is_still_opening(bench: Bench) -> None:
    """At the end every store is closed, those included that were just being opened."""
    bench.holdings.assign([0])
    await bench.settle()
    bench.gate.clear()
    bench.holdings.suspend()
    bench.holdings.assign([0, 1])
    await asyncio.sleep(0)
    closing = asyncio.create_task(bench.holdings.close())
    await asyncio.sleep(0)
    bench.gate.set()
    await closing
    assert [partition.closed for partition in bench.opened] == [True, True]
