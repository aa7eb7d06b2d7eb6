"""The control topic in Kafka: read whole before a worker folds, followed while it runs, written by operators.

`wayfold.models.control` says what is in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Self

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from wayfold.agents.kafka.clients import client_options
from wayfold.agents.kafka.topics import topic_name
from wayfold.models.control import CONTROL, ControlEvent, UnreadableControlError, encode_control
from wayfold.state.control import ControlTable, Skipped, counted_before_skipped

if TYPE_CHECKING:
    from types import TracebackType

    from wayfold.agents.kafka.topics import TopicSet
    from wayfold.settings import KafkaSettings
    from wayfold.state.partition import Partition

POLL_MS = 500
MOST_RECORDS = 1_000
TRIES = 2
"""How many requests may time out before the topic counts as unreadable."""
RETRY_PAUSE_S = 1.0

_log = structlog.get_logger(__name__)


class ControlError(Exception):
    """The control topic cannot be read or written; the message says why and what to do."""


class KafkaControl(AbstractAsyncContextManager["KafkaControl"]):
    """What the control topic says. It was read up to its end before the block is entered.

    With `follow` it is read on inside of the block, so that `table` is never far behind.
    """

    def __init__(self, settings: KafkaSettings, topics: TopicSet, *, follow: bool = False) -> None:
        self.table = ControlTable(topics.ids_by_kind)
        self._settings = settings
        self._place = TopicPartition(topic_name(settings.topic_prefix, CONTROL), 0)
        self._follow = follow
        self._consumer: AIOKafkaConsumer | None = None
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(
            **client_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=MOST_RECORDS,
        )
        try:
            await self._read_whole(self._consumer)
        except BaseException:
            await self._consumer.stop()
            raise
        if self._follow:
            self._following = asyncio.create_task(self._read_on(self._consumer))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})
        if self._consumer is not None:
            await self._consumer.stop()

    async def _read_whole(self, consumer: AIOKafkaConsumer) -> None:
        patience_s = TRIES * self._settings.request_timeout_ms / 1000
        reached = 0
        try:
            async with asyncio.timeout(patience_s) as patience:
                await consumer.start()
                consumer.assign([self._place])
                end = (await consumer.end_offsets([self._place]))[self._place]
                while (reached := await consumer.position(self._place)) < end:
                    if await self._take(consumer):
                        patience.reschedule(asyncio.get_running_loop().time() + patience_s)
        except (KafkaError, TimeoutError) as error:
            raise ControlError(
                f"The topic {self._place.topic} could not be read from offset {reached} to its end "
                f"({error!r}). It says which records operators skipped, so nothing is counted without it: "
                "check that the brokers run and that this login may read it, then start again."
            ) from error

    async def _read_on(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                await self._take(consumer)
            except KafkaError as error:
                _log.warning("control_not_read", topic=self._place.topic, reason=repr(error))
                await asyncio.sleep(RETRY_PAUSE_S)

    async def _take(self, consumer: AIOKafkaConsumer) -> int:
        """Take what has come, waiting for it a moment; gives how many records that were."""
        records = (await consumer.getmany(self._place, timeout_ms=POLL_MS)).get(self._place, ())
        for record in records:
            apply_control(self.table, record.offset, record.key, record.value)
        return len(records)


async def read_control(settings: KafkaSettings, topics: TopicSet) -> ControlTable:
    """Read the whole topic; raises `ControlError`."""
    async with KafkaControl(settings, topics) as control:
        return control.table


async def write_control(settings: KafkaSettings, events: Iterable[ControlEvent]) -> None:
    """Write events and return once every replica that is in sync has them; raises `ControlError`."""
    topic = topic_name(settings.topic_prefix, CONTROL)
    producer = AIOKafkaProducer(**client_options(settings), acks="all", enable_idempotence=True)
    try:
        async with asyncio.timeout(TRIES * settings.request_timeout_ms / 1000):
            await producer.start()
            for event in events:
                await producer.send_and_wait(topic, encode_control(event), event.key.encode(), partition=0)
    except (KafkaError, TimeoutError) as error:
        raise ControlError(
            f"The topic {topic} could not be written ({error!r}): check that the brokers run and that this "
            "login may write it, then do it again."
        ) from error
    finally:
        await producer.stop()


def apply_control(table: ControlTable, offset: int, key: bytes | None, value: bytes | None) -> None:
    """Apply a record; one that cannot be read is passed over with a warning, and stops nobody."""
    try:
        table.apply(key, value)
    except UnreadableControlError as error:
        _log.warning("control_event_unreadable", offset=offset, reason=str(error))


def warn_of_late_skips(partition: Partition, skipped: Skipped) -> None:
    """Say which records were skipped after this partition had counted them: they stay in its numbers."""
    late = counted_before_skipped(skipped, partition.offsets, partition.counters)
    if late:
        _log.warning(
            "skipped_after_counting",
            partition=partition.number,
            records=late,
            reason="some of these records were counted before an operator skipped them, and stay in these "
            "numbers; state that is built again from the log leaves them out",
        )
