"""What polls give: batches that say from where to where they reach, and nothing of another assignment."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import Fetcher, FetchError, FetchResult
from aiokafka.errors import (
    CorruptRecordException,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
)
from faust.types import TP

from tests.agents.worker.hosting import ENTRIES, Host, record
from wayfold.agents.worker.batch_transport import BatchConsumer, RecordBatch
from wayfold.agents.worker.even_polling import EvenPollingThread


class FakeKafka:
    """As much of aiokafka's consumer as the batch thread touches."""

    def __init__(self) -> None:
        self.position = 10
        self.highwater = 20
        self.lso: int | None = 15
        self.has_valid_position = True
        self.polled: list[dict[TP, list[Any]] | Exception] = []
        self.step = 0
        self._fetcher = SimpleNamespace(_records={})
        self._subscription = SimpleNamespace(subscription=SimpleNamespace())
        self.assign()

    def assign(self) -> None:
        """Make another assignment of the same topic partition."""
        fresh = SimpleNamespace(state_value=lambda tp: self, tps=frozenset({ENTRIES}))
        self._subscription.subscription.assignment = fresh

    def seek(self, tp: TP, offset: int) -> None:
        self.position = offset

    async def get_position(self, tp: TP) -> int:
        return self.position


@asynccontextmanager
async def polling(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[FakeKafka, Any]]:
    fake = FakeKafka()

    async def fetch(self: object, *given: object, **named: object) -> Mapping[TP, list[Any]]:
        fake.position += fake.step
        records = fake.polled.pop(0)
        if isinstance(records, Exception):
            raise records
        for found in records.values():
            fake.position = found[-1].offset + 1
        return records

    monkeypatch.setattr(EvenPollingThread, "_fetch_records", fetch)
    thread = consumer._thread
    thread._ends[ENTRIES] = 10
    thread._sought = fake._subscription.subscription.assignment

    async def poll() -> RecordBatch | None:
        found = await thread._fetch_records(fake, {ENTRIES})
        return found[ENTRIES][0][0] if found else None

    yield fake, poll


async def test_batches_say_from_where_to_where_they_reach(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch starts where the last one ended, even when offsets in between hold no record."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.polled = [{ENTRIES: [record(10), record(11)]}, {ENTRIES: [record(13)]}]
        first, second = await poll(), await poll()
    assert (first.start, first.end) == (10, 12)
    assert (second.start, second.end) == (12, 14)


async def test_what_is_fetched_before_the_seek_is_dropped(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a rebalance aiokafka begins at the group's offsets; nothing of that reaches the fold."""

    async def ignore(*given: object) -> None:
        return None

    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.polled = [{ENTRIES: [record(10)]}, {ENTRIES: [record(500)]}]
        await poll()
        monkeypatch.setattr(consumer, "threadsafe_partitions_assigned", ignore)
        await consumer._thread.on_partitions_assigned({ENTRIES}, 2)
        assert await poll() is None


async def test_offsets_without_records_are_told(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll that passed nothing but a transaction's marker gives a batch without records, and once."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.polled, fake.step = [{}], 2
        empty = await poll()
        fake.polled, fake.step = [{}, {ENTRIES: [record(12)]}], 0
        nothing, after = await poll(), await poll()
    assert empty is not None
    assert (list(empty.records), empty.start, empty.end) == ([], 10, 12)
    assert nothing is None
    assert (after.start, after.end) == (12, 13)
    message = consumer._to_message(ENTRIES, [empty])
    assert message.offset == 10


async def test_a_record_for_which_there_is_an_error_is_not_passed_over(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka moves its position behind a record that is too large before it tells of the error."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        fake._fetcher._records = {ENTRIES: FetchError(error=RecordTooLargeError(), backoff=0)}
        fake.polled, fake.step = [{}], 1
        assert await poll() is None
    assert "consumed_to(tp_state.position + 1)" in inspect.getsource(Fetcher._proc_fetch_request)


async def test_nothing_goes_on_behind_a_poll_that_failed(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that were taken before an error came are lost with it, and are not passed over after it."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.polled, fake.step = [CorruptRecordException(), {}], 5
        with pytest.raises(CorruptRecordException):
            await poll()
        assert await poll() is None


async def test_an_assignment_that_was_not_sought_yet_gives_nothing(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka has the new assignment a little before it tells: a position there is the group's, not ours."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.assign()
        fake.polled = [{ENTRIES: [record(500)]}, {}]
        assert await poll() is None
        fake.position = 700
        assert await poll() is None
        monkeypatch.setattr(fake, "position", 700)
        await consumer._thread._seek_wait(
            SimpleNamespace(_subscription=fake._subscription, seek=fake.seek, position=fake.get_position),
            {ENTRIES: 10},
        )
        fake.polled = [{ENTRIES: [record(10)]}]
        found = await poll()
    assert found is not None
    assert (found.start, found.end) == (10, 11)


async def test_the_workers_thread_reads_nothing_of_the_consumers(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the worker and Faust ask for is what the consumer's own thread noted for them."""

    async def ignore(*given: object) -> None:
        return None

    monkeypatch.setattr(consumer, "threadsafe_partitions_assigned", ignore)
    await consumer._thread.on_partitions_assigned({TopicPartition(*ENTRIES)}, 2)
    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.polled, fake.step = [{}], 2
        await poll()
    monkeypatch.setattr(consumer._thread, "_consumer", object())
    assert consumer.unread_records(*ENTRIES) == 3
    assert consumer.unread_records("t.entries", 2) == 0
    assert consumer.assignment() == {ENTRIES}
    assert consumer.highwater(ENTRIES) == 0


async def test_the_thread_polls_what_was_active_when_it_was_asked(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty set would mean all partitions: pausing the last one during a poll must not make it that."""
    given: list[set[TP]] = []

    async def poll(self: object, active: set[TP], timeout: float) -> Mapping[TP, list[Any]]:
        given.append(active)
        return {}

    monkeypatch.setattr("faust.transport.consumer.ThreadDelegateConsumer._getmany", poll)
    active = {ENTRIES}
    await consumer._getmany(active, 1.0)
    active.clear()
    assert given == [{ENTRIES}]


@pytest.mark.parametrize(("generation", "told"), [(-1, ["forgotten"]), (3, [])])
async def test_a_member_that_was_forgotten_is_told(
    consumer: BatchConsumer, host: Host, monkeypatch: pytest.MonkeyPatch, generation: int, told: list[str]
) -> None:
    """aiokafka resets the generation when the group does not know it any more, and not in a rebalance."""

    async def ignore(*given: object) -> None:
        return None

    monkeypatch.setattr(consumer, "threadsafe_partitions_revoked", ignore)
    coordinator = SimpleNamespace(generation=generation)
    monkeypatch.setattr(consumer._thread, "_consumer", SimpleNamespace(_coordinator=coordinator))
    await consumer._thread.on_partitions_revoked({ENTRIES})
    assert host.calls == told


async def test_partitions_that_were_not_sought_yet_raise_nothing(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll overtaken by a rebalance may find no position, or one of the group's that is out of range."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        consumer._thread._ends.clear()
        fake.polled = [NoOffsetForPartitionError(ENTRIES), OffsetOutOfRangeError({ENTRIES: 7})]
        assert await poll() is None
        assert await poll() is None


async def test_a_sought_position_that_is_gone_is_an_error(
    consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that retention took away from before our eyes stop the worker."""
    async with polling(consumer, monkeypatch) as (fake, poll):
        fake.polled = [OffsetOutOfRangeError({ENTRIES: 10})]
        with pytest.raises(OffsetOutOfRangeError):
            await poll()


def test_aiokafka_hands_over_records_without_giving_way() -> None:
    """Between taking the records and returning them fetched_records does not await: positions match them."""
    taken = inspect.getsource(Fetcher.fetched_records).split("drained = {}")[1].split("waiter =")[0]
    assert "return drained" in taken
    assert "await" not in taken
    assert "consumed_to(self._partition_records.next_fetch_offset)" in inspect.getsource(FetchResult)


def test_aiokafka_reports_a_lost_position_when_it_must_not_reset() -> None:
    """With auto_offset_reset="none" an offset out of range is an error for us, never a silent jump."""
    source = inspect.getsource(Fetcher._proc_fetch_request)
    assert "OffsetOutOfRangeError({tp: fetch_offset})" in source


async def test_seeking_tells_the_thread_where_the_next_batch_starts(consumer: BatchConsumer) -> None:
    """seek_wait ends in _seek_wait in the consumer's thread, where we note the position."""
    sought: dict[TP, int] = {}

    async def position(tp: TP) -> int:
        return sought[tp]

    subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=object()))
    fake = SimpleNamespace(seek=sought.__setitem__, position=position, _subscription=subscription)
    await consumer._thread._seek_wait(fake, {ENTRIES: 7})
    assert sought == {ENTRIES: 7}
    assert consumer._thread._ends == {ENTRIES: 7}
    await asyncio.sleep(0)
