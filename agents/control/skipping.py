"""An operator's decision that one named record is not counted: checked against the log, then written down.

It takes effect in every fold that has not come to the record yet. One that has would keep it in its
numbers, while state that is built again leaves it out; so that is refused unless it is meant.
"""

import asyncio
import getpass
import socket
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from wayfold.agents.control.kafka import TRIES, ControlError, read_control, write_control
from wayfold.agents.kafka.clients import client_options
from wayfold.agents.kafka.topics import find_topics, topic_kind, topic_name
from wayfold.agents.sink import EVENT_KINDS
from wayfold.models.control import Count, Note, RecordSkipped
from wayfold.settings import Settings

FORCE_ADVICE: Final = (
    "To take it out all the same, force it (--force), then stop Wayfold, move the state and the snapshots of "
    "this partition away, and start again: everything is built anew from the log, without this record. Until "
    "then the numbers keep it and an audit finds the difference."
)


class SkipRefusedError(Exception):
    """A record that cannot be skipped; the message says why and what to do."""


class SkipRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which record is not to be counted, and why."""

    topic: Annotated[Note, msgspec.Meta(description="Topic kind, such as entries.")]
    partition: Count
    offset: Count
    note: Annotated[Note, msgspec.Meta(description="Why; it stands in the dead letter.")] = ""
    by: Annotated[Note, msgspec.Meta(description="Who decided it.")] = ""
    force: Annotated[bool, msgspec.Meta(description="Also when the record is counted already.")] = False

    def event(self, topic_id: str = "") -> RecordSkipped:
        """The control event of this decision, made now."""
        return RecordSkipped(
            at=datetime.now(UTC),
            by=self.by,
            note=self.note,
            topic=self.topic,
            partition=self.partition,
            offset=self.offset,
            topic_id=topic_id,
        )


class Extent(msgspec.Struct, frozen=True):
    """How far a topic partition goes: its first record's offset, its end, and the next offset to count."""

    first: int
    end: int
    counted: int


def operator() -> str:
    """Name whoever runs this program."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return ""


def check_place(request: SkipRequest, partitions: int) -> None:
    """Raise `SkipRefusedError` unless there is such a topic partition."""
    if request.topic not in EVENT_KINDS:
        raise SkipRefusedError(
            f"There is no topic {request.topic!r}; name one of {', '.join(EVENT_KINDS)}, as in the message "
            "of the worker that stopped."
        )
    if request.partition >= partitions:
        raise SkipRefusedError(
            f"{request.topic} has no partition {request.partition}; its partitions are 0 to {partitions - 1}."
        )


def check_offset(request: SkipRequest, extent: Extent, held: Iterable[RecordSkipped]) -> None:
    """Raise `SkipRefusedError` when the record is not there, or is counted and the request not forced.

    `held` are the skips that hold already.
    """
    place, offset = f"{request.topic}, partition {request.partition}", request.offset
    if offset >= extent.end:
        raise SkipRefusedError(
            f"{place} ends at offset {extent.end}: there is no record {offset} yet, and what comes there is "
            "not to be refused unseen. Check the offset in the message of the worker that stopped."
        )
    if offset < extent.first:
        raise SkipRefusedError(
            f"{place} begins at offset {extent.first}: the log no longer has record {offset}, so that "
            "nothing will ever fold it again."
        )
    if request.force:
        return
    for skip in held:
        if (skip.topic, skip.partition, skip.offset) == (request.topic, request.partition, offset):
            raise SkipRefusedError(
                f"{place}: record {offset} was skipped already, at {skip.at.isoformat(timespec='seconds')}"
                f"{f' by {skip.by}' if skip.by else ''}; nothing was done."
            )
    if offset < extent.counted:
        raise SkipRefusedError(
            f"{place} is counted up to offset {extent.counted}, record {offset} among it. {FORCE_ADVICE}"
        )


async def skip_in_kafka(settings: Settings, request: SkipRequest) -> SkipRequest:
    """Write the decision into the control topic; `topic` may also be the topic's full name.

    Gives the request with the topic's kind. Raises `SkipRefusedError`, `ControlError`, `TopicsError` or
    `BrokerUnreachableError`.
    """
    topics = find_topics(settings.kafka)
    request = msgspec.structs.replace(request, topic=topic_kind(settings.kafka.topic_prefix, request.topic))
    check_place(request, topics.partitions)
    table = await read_control(settings.kafka, topics)
    check_offset(request, await _extent(settings, request), table.skips())
    await write_control(settings.kafka, [request.event(topics.ids_by_kind[request.topic])])
    return request


async def _extent(settings: Settings, request: SkipRequest) -> Extent:
    kafka = settings.kafka
    place = TopicPartition(topic_name(kafka.topic_prefix, request.topic), request.partition)
    consumer = AIOKafkaConsumer(**client_options(kafka), group_id=kafka.group, enable_auto_commit=False)
    try:
        async with asyncio.timeout(TRIES * kafka.request_timeout_ms / 1000):
            await consumer.start()
            # Without a subscription it is no member of the group, and only asks.
            consumer.assign([place])
            first: Mapping[TopicPartition, int] = await consumer.beginning_offsets([place])
            end: Mapping[TopicPartition, int] = await consumer.end_offsets([place])
            counted: int | None = await consumer.committed(place)
    except (KafkaError, TimeoutError) as error:
        raise ControlError(
            f"Kafka does not say how far {place.topic}, partition {place.partition}, goes and is counted "
            f"({error!r}): check that the brokers run and that this login may read the group {kafka.group}."
        ) from error
    finally:
        await consumer.stop()
    return Extent(first[place], end[place], counted or 0)
