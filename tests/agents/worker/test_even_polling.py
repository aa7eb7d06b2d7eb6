"""Polls take from the buffers evenly; they run over aiokafka's own fetcher, so an upgrade is noticed."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from aiokafka.consumer.fetcher import Fetcher, FetchError, FetchResult
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from wayfold.agents.worker.even_polling import SLICE_RECORDS, EvenPollingThread

ENTRIES, MESSAGES, STEPS = TP("t.entries", 1), TP("t.messages", 1), TP("t.steps", 1)
HOUR_MS = 3_600_000


class Buffered:
    """The records of one fetch of a topic partition, as aiokafka's PartitionRecords gives them out."""

    def __init__(self, tp: TP, count: int, gap_ms: int) -> None:
        self._records = iter([record(tp, number, number * gap_ms) for number in range(count)])
        self.next_fetch_offset = 0

    def __iter__(self) -> "Buffered":
        return self

    def __next__(self) -> ConsumerRecord[bytes, bytes]:
        found = next(self._records)
        self.next_fetch_offset = found.offset + 1
        return found


class Assignment:
    """As much of aiokafka's assignment as a buffer asks: a position for each topic partition."""

    active = True

    def __init__(self) -> None:
        self._states: dict[TP, SimpleNamespace] = {}

    def state_value(self, tp: TP) -> SimpleNamespace:
        if tp not in self._states:
            state = SimpleNamespace(paused=False, position=0)
            state.consumed_to = lambda position: setattr(state, "position", position)
            self._states[tp] = state
        return self._states[tp]


class Polled:
    """A thread over aiokafka's own fetcher, whose buffers hold what a test puts into them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.assignment = Assignment()
        self.fetcher = object.__new__(Fetcher)
        self.fetcher._records = {}
        self.fetcher._subscriptions = SimpleNamespace(
            reassignment_in_progress=False, is_assigned=lambda tp: True
        )
        self.fetcher._wait_consume_future = None
        self.fetcher._fetch_waiters = set()
        self.fetcher._closed = False
        self.fetcher._loop = asyncio.get_running_loop()
        self.thread = object.__new__(EvenPollingThread)
        self.thread._reached_ms = {}

        async def fetch(
            _: object, consumer: Any, tps: set[TP], timeout: float | None = None, most: int | None = None
        ) -> Mapping[TP, list[Any]]:
            found: Mapping[TP, list[Any]] = await consumer._fetcher.fetched_records(tps, timeout, most)
            return found

        monkeypatch.setattr(AIOKafkaConsumerThread, "_fetch_records", fetch)
        monkeypatch.setattr(self.fetcher, "_notify", lambda future: None)

    def buffer(self, tp: TP, count: int, gap_ms: int) -> None:
        """Put records into the buffer of a topic partition, so many milliseconds apart."""
        self.fetcher._records[tp] = FetchResult(
            tp, assignment=self.assignment, partition_records=Buffered(tp, count, gap_ms), backoff=0
        )

    async def poll(self, most: int, *tps: TP) -> Mapping[TP, list[Any]]:
        """Poll these topic partitions, or all of them."""
        active = set(tps or (ENTRIES, MESSAGES, STEPS))
        consumer: Any = SimpleNamespace(_fetcher=self.fetcher)
        return await self.thread._fetch_records(consumer, active, 0.2, most)


@pytest.fixture
async def polled(monkeypatch: pytest.MonkeyPatch) -> Polled:
    return Polled(monkeypatch)


def record(tp: TP, offset: int, at_ms: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(tp.topic, tp.partition, offset, at_ms, 0, b"user", b"{}", None, 4, 2, ())


async def test_topics_come_forward_together(polled: Polled) -> None:
    """Of a busy and a quiet topic a poll takes what belongs to the same time, not the same number."""
    polled.buffer(MESSAGES, 20_000, 1)
    polled.buffer(ENTRIES, 20_000, 4)
    taken = await polled.poll(10_000)
    reached_ms = {tp: records[-1].timestamp for tp, records in taken.items()}
    assert sum(map(len, taken.values())) == 10_000
    assert abs(reached_ms[MESSAGES] - reached_ms[ENTRIES]) <= 4 * SLICE_RECORDS


async def test_nothing_is_lost_between_slices(polled: Polled) -> None:
    """Each topic partition's records come in order and without holes, over slices and polls."""
    polled.buffer(MESSAGES, 7_001, 1)
    polled.buffer(STEPS, 1_700, 3)
    offsets: dict[TP, list[int]] = {MESSAGES: [], STEPS: []}
    while taken := await polled.poll(1_111):
        for tp, records in taken.items():
            offsets[tp] += [found.offset for found in records]
            assert polled.assignment.state_value(tp).position == records[-1].offset + 1
    assert offsets == {MESSAGES: list(range(7_001)), STEPS: list(range(1_700))}


async def test_only_active_partitions_are_taken_from(polled: Polled) -> None:
    """A partition whose state is not open yet keeps its buffer."""
    polled.buffer(MESSAGES, 100, 1)
    polled.buffer(STEPS, 100, 1)
    assert (await polled.poll(1_000, STEPS)).keys() == {STEPS}
    assert MESSAGES in polled.fetcher._records


async def test_a_buffer_that_is_no_longer_ours_is_passed_over(polled: Polled) -> None:
    """A buffer that a seek has overtaken gives nothing, and the others are taken from all the same."""
    polled.buffer(MESSAGES, 100, 1)
    polled.buffer(STEPS, 100, 1)
    polled.assignment.state_value(STEPS).position = 55
    assert (await polled.poll(1_000)).keys() == {MESSAGES}


async def test_an_empty_poll_waits_and_then_takes_from_all(polled: Polled) -> None:
    """When nothing is there a poll waits for a fetch, and gives what that fetch gave for every topic."""
    polling = asyncio.create_task(polled.poll(10_000))
    while not polled.fetcher._fetch_waiters and not polling.done():
        await asyncio.sleep(0)
    polled.buffer(MESSAGES, 800, 1)
    polled.buffer(STEPS, 30, 20)
    for waiter in list(polled.fetcher._fetch_waiters):
        waiter.set_result(None)
    taken = await polling
    assert {tp: len(records) for tp, records in taken.items()} == {MESSAGES: 800, STEPS: 30}


async def test_a_new_assignment_forgets_how_far_the_last_was_read(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a rebalance topic partitions begin evenly again, wherever they are sought to."""

    async def ignore(*given: object) -> None:
        return None

    monkeypatch.setattr(AIOKafkaConsumerThread, "on_partitions_assigned", ignore)
    polled.thread._reached_ms = {MESSAGES: HOUR_MS}
    await polled.thread.on_partitions_assigned({MESSAGES}, 2)
    assert polled.thread._reached_ms == {}


async def test_a_fresh_partition_gets_its_turn_in_every_poll(polled: Polled) -> None:
    """A partition with days to catch up on does not keep the new records of another from being read."""
    polled.buffer(MESSAGES, 40_000, 1)
    polled.buffer(ENTRIES, 40_000, 1)
    fresh = TP(MESSAGES.topic, 1)
    polled.buffer(fresh, 5, 10**9)
    taken = await polled.poll(10_000, MESSAGES, ENTRIES, fresh)
    assert len(taken[fresh]) == 5
    assert sum(map(len, taken.values())) == 10_000


async def test_an_error_comes_out_while_other_buffers_are_full(polled: Polled) -> None:
    """What went wrong with one topic partition is heard of at the next poll, and nothing taken is lost."""
    polled.buffer(MESSAGES, 40_000, 1)
    polled.fetcher._records[ENTRIES] = FetchError(error=KafkaError("gone"), backoff=0)
    with pytest.raises(KafkaError, match="gone"):
        await polled.poll(10_000)
    taken = await polled.poll(10_000)
    assert taken[MESSAGES][0].offset == 0
