"""Faust's Kafka transport, handing over whole polls in place of single records.

Faust spends about as much on a message as the fold spends on ten events, and a message takes a dozen turns
of the event loop to reach the agent. Here a message of Faust's *is* a poll: a `RecordBatch` for each topic
partition that it gave records of; the message stands under the first of them. Positions are sought from the
store's offsets and never from the group's.

What this relies on in Faust 0.15.3 and aiokafka is pinned by tests/agents/worker/test_batch_transport.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.consumer.group_coordinator import OffsetCommitRequest
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import ConsumerStoppedError, NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.threads import ServiceThread

from wayfold.agents.worker.even_polling import EvenPollingThread, failed

if TYPE_CHECKING:
    from faust.types import AppT, Message
    from mode.types import ServiceT

T = TypeVar("T")

STOP_TIMEOUT_S = 10.0
"""How long a worker that stops waits for its polling thread."""

POLL_TIMEOUT_S = 1.0
"""How long a poll waits for records."""

CLOSED_WAIT_S = 0.05
"""How long to wait before looking again while no partition may be read yet; Faust sleeps a second."""

MAX_POLL_RECORDS = 10_000
"""Records that one poll gives at most, over all topic partitions."""


class RecordBatch(msgspec.Struct, frozen=True, gc=False):
    """What one fetch gave for a topic partition.

    It holds every record from the position `start` up to the position `end`; offsets in that range that
    are missing hold nothing for consumers (a transaction's markers, what it took back, records that
    compaction removed). It may hold no record at all.
    """

    topic: str
    partition: int
    records: Sequence[ConsumerRecord[bytes, bytes]]
    start: int
    end: int


Poll = Sequence[RecordBatch]
"""What one poll gave: at most one batch of each topic partition."""


class BatchHost(Protocol):
    """What the transport asks of the worker."""

    def new_kafka_consumer(self) -> AIOKafkaConsumer:
        """Make the Kafka consumer; called once, in the consumer's own thread and loop."""

    def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Give the next offset to read of each topic partition whose state is open; leave out the others."""

    async def wait_for_room(self) -> bool:
        """Wait, a second at most, until more records may be fetched; False when they may not."""

    def on_forgotten(self) -> None:
        """Hear that the group did not know this member any more; called in the consumer's thread."""


class PassThroughSchema(Schema[Any, Any]):
    """A schema that decodes nothing: the value of an event is the poll itself."""

    def loads_key(self, app: AppT, message: Message, **options: Any) -> Any:
        """Give no key; each record of the poll has its own."""

    def loads_value(self, app: AppT, message: Message, **options: Any) -> Any:
        """Give the poll."""
        return message.value


class BatchConsumerThread(EvenPollingThread):
    """Polls Kafka in a thread of its own, and says of each batch where it begins and ends."""

    consumer: BatchConsumer

    def __post_init__(self) -> None:
        super().__post_init__()
        # Where the last batch ended, or where we sought to, in this assignment.
        self._ends: dict[TP, int] = {}
        self._sought: Assignment | None = None
        # What the worker's thread asks for. It is never changed, only replaced, as it is read meanwhile.
        self._unread: Mapping[TP, int] = {}
        self._assigned: frozenset[TP] = frozenset()

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        return self.consumer.host.new_kafka_consumer()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Tell when it is because the group has forgotten this member, and pass the news on."""
        generation = self._ensure_consumer()._coordinator.generation
        if revoked and generation == OffsetCommitRequest.DEFAULT_GENERATION_ID:
            self.consumer.host.on_forgotten()
        self._forget()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Forget where the last assignment stood, and pass the news on."""
        self._forget()
        self._assigned = frozenset(TP(*tp) for tp in assigned)
        await super().on_partitions_assigned(assigned, generation_id)

    def _forget(self) -> None:
        self._ends.clear()
        self._unread = {}

    async def _seek_wait(self, consumer: AIOKafkaConsumer, partitions: Mapping[TP, int]) -> None:
        assignment = consumer._subscription.subscription.assignment
        if assignment is not self._sought:
            # aiokafka makes the new assignment a little before it tells of it.
            self._forget()
            self._sought = assignment
        self._ends.update(partitions)
        await super()._seek_wait(consumer, partitions)

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Mapping[TP, list[Any]]:
        try:
            fetched = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        except NoOffsetForPartitionError:
            # A poll that a rebalance overtook sees partitions which have not been sought yet.
            return {}
        except OffsetOutOfRangeError as error:
            if self._ends.keys().isdisjoint(error.args[0]):
                return {}
            raise
        except Exception:
            # What was taken before the error is lost, and positions are behind it: none may be gone on from.
            self._forget()
            raise
        # Nothing has run on this loop since the records were taken, so positions are those behind them.
        assignment = consumer._subscription.subscription.assignment
        if assignment is not self._sought:
            return {}
        # aiokafka steps over a record for which it has an error in store.
        empty = self._ends.keys() - fetched.keys() - failed(consumer, self._ends.keys())
        moved = [tp for tp in fetched if tp in self._ends] + sorted(empty)
        batches = (self._batch(assignment, tp, fetched.get(tp, ())) for tp in moved)
        poll = [batch for batch in batches if batch is not None]
        self._count_unread(assignment)
        return {TP(poll[0].topic, poll[0].partition): [poll]} if poll else {}

    def _batch(self, assignment: Assignment, tp: TP, records: Sequence[Any]) -> RecordBatch | None:
        """Make the batch of a topic partition whose reading position has moved; it need not have records."""
        state = assignment.state_value(tp)
        if state is None or not state.has_valid_position or state.position <= self._ends[tp]:
            return None
        start, self._ends[tp] = self._ends[tp], state.position
        return RecordBatch(tp.topic, tp.partition, records, start, state.position)

    def _count_unread(self, assignment: Assignment) -> None:
        """Note what lies between the positions and the ends of the log."""
        unread: dict[TP, int] = {}
        for tp in assignment.tps:
            state = assignment.state_value(tp)
            end = state.highwater if state.lso is None else state.lso
            if end is not None and state.has_valid_position and end > state.position:
                unread[tp] = end - state.position
        self._unread = unread

    async def run_in_thread(self, work: Callable[[AIOKafkaConsumer], Coroutine[Any, Any, T]]) -> T:
        """Run something with the Kafka consumer, in its thread."""
        # Not through Faust's queue of calls, where two slow ones hold up the next.
        coroutine = work(self._ensure_consumer())
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self.thread_loop)
        except RuntimeError:
            coroutine.close()
            raise
        return await asyncio.wrap_future(future)

    def assignment(self) -> set[TP]:
        """Give the topic partitions that the group was last said to have assigned; for any thread."""
        return set(self._assigned)

    def unread_records(self, topic: str, partition: int) -> int:
        """Count what lay behind the reading position when the last poll ended; for any thread."""
        return self._unread.get(TP(topic, partition), 0)

    async def stop(self) -> None:
        """Stop the thread without blocking the worker's loop, into which its last tasks may still call.

        Mode's own `stop` waits for the thread where it stands, and the two wait for each other for ever.
        """
        if self._started.is_set():
            await super(ServiceThread, self).stop()
            if self._thread is not None:
                await asyncio.to_thread(self._thread.is_stopped.wait, STOP_TIMEOUT_S)


class BatchConsumer(driver.Consumer):
    """Faust's view of the consumer: one message per poll, positions from the store."""

    _thread: BatchConsumerThread

    @property
    def host(self) -> BatchHost:
        """The worker."""
        return cast("BatchTransport", self.transport).host

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _wait_next_records(
        self, timeout: float
    ) -> tuple[Mapping[TP, list[Any]] | None, set[TP] | None]:
        if self.flow_active and not self._get_active_partitions():
            await asyncio.sleep(CLOSED_WAIT_S)
            return None, None
        return await super()._wait_next_records(timeout)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Any]]:
        if not await self.host.wait_for_room():
            return {}
        # The thread is given a copy: pausing the last partition meanwhile would make it poll all of them.
        return await super()._getmany(active_partitions and set(active_partitions), timeout)

    def highwater(self, tp: TP) -> int:
        """Give nothing: Faust asks for its monitor, which nobody reads, and from the wrong thread."""
        return 0

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        """Hand what is polled to the agent, until the fetcher is to stop.

        Faust hands each message on by four tasks, so that a suspended flow does not hold it up. While the
        flow is open a message is taken at once. Faust also drops a message that starts before the last one,
        whose offset it notes after handing it on, when a seek back may have come in between. What was read
        twice is for the lanes to tell.
        """
        callback, flow = self.callback, self.app.flow_control
        try:
            while not (self.should_stop or fetcher.should_stop):
                # A poll need not wait for anything, and other tasks are to run.
                await asyncio.sleep(0)
                async for _, message in self.getmany(timeout=POLL_TIMEOUT_S):
                    if flow.is_active() and not self.suspend_flow.is_set():
                        await callback(message)
                    else:
                        await self.wait_first(callback(message), self.suspend_flow.wait())
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        poll: Poll = record
        first = poll[0].records[0] if poll[0].records else None
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            poll[0].start if first is None else first.offset,
            0.0 if first is None else first.timestamp / 1000,
            0 if first is None else first.timestamp_type,
            None,
            None,
            cast("bytes", poll),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the store's offsets; partitions whose state is not open yet wait."""
        assigned = self.assignment()
        positions = self.host.positions(assigned)
        self.pause_partitions(assigned - positions.keys())
        if positions:
            await self.seek_wait(positions)
        return positions

    async def run_in_thread(self, work: Callable[[AIOKafkaConsumer], Coroutine[Any, Any, T]]) -> T:
        """Run something with the Kafka consumer, in its thread."""
        return await self._thread.run_in_thread(work)

    def unread_records(self, topic: str, partition: int) -> int:
        """Count what lay behind the reading position when the last poll ended."""
        return self._thread.unread_records(topic, partition)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's check knows single messages and would warn of a stream that is well."""


class BatchTransport(driver.Transport):
    """The transport that `faust.App` is given in place of its own."""

    Consumer = BatchConsumer
    host: BatchHost
