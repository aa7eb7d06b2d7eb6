"""A worker reads on where its store stands: never from the group's offsets, never over a hole."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pytest
from aiokafka import AIOKafkaProducer
from faust.types import TP
from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition

from local_services import wait_until
from tests.services.cluster import (
    Publisher,
    running_worker,
    settings_for,
    until,
    until_folded,
)
from wayfold.agents.kafka.topics import TopicsError, ensure_topics, event_topics, find_topics, topic_name
from wayfold.agents.sink import EVENT_KINDS
from wayfold.agents.worker import worker as worker_module
from wayfold.agents.worker.worker import WorkerError
from wayfold.settings import Settings


@pytest.fixture
def settings(kafka: str, topic_prefix: str, tmp_path: Path) -> Settings:
    return settings_for(kafka, topic_prefix, tmp_path / "state")


@pytest.fixture
def publisher(settings: Settings) -> Iterator[Publisher]:
    with Publisher(settings) as publisher:
        yield publisher


def group_offsets(settings: Settings) -> Mapping[str, int]:
    """What the group has committed, by "topic/partition"."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers, group_id=settings.kafka.group
    )
    try:
        found = {
            f"{topic}/{number}": consumer.committed(TopicPartition(topic, number))
            for topic in event_topics(settings.kafka.topic_prefix)
            for number in range(4)
        }
    finally:
        consumer.close()
    return {place: offset for place, offset in found.items() if offset is not None}


def commit_for_group(settings: Settings, topic: str, offset: int) -> None:
    """Commit an offset for every partition of a topic, as somebody with a tool could."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        group_id=settings.kafka.group,
        enable_auto_commit=False,
    )
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(4)])
        consumer.commit(
            {TopicPartition(topic, number): OffsetAndMetadata(offset, "", -1) for number in range(4)}
        )
    finally:
        consumer.close()


async def test_everything_is_folded_once_over_restarts(settings: Settings, publisher: Publisher) -> None:
    """Records of several topics are each folded exactly once, also when the worker restarts in between."""
    async with running_worker(settings) as worker:
        for round_number in range(3):
            publisher.publish(400, ["entries", "steps", "messages"][round_number])
            await until_folded([worker], publisher.sent)
    publisher.publish(100)
    async with running_worker(settings) as worker:
        await until_folded([worker], publisher.sent)


async def test_offsets_committed_for_the_group_are_not_read_back(
    settings: Settings, publisher: Publisher
) -> None:
    """Whatever the group's offsets say, the worker goes on where its store stands."""
    async with running_worker(settings) as worker:
        publisher.publish(200)
        await until_folded([worker], publisher.sent)
    publisher.publish(200)
    await asyncio.to_thread(
        commit_for_group, settings, topic_name(settings.kafka.topic_prefix, "entries"), 100
    )
    async with running_worker(settings) as worker:
        await until_folded([worker], publisher.sent)


async def test_kafka_is_told_how_far_the_fold_has_come(settings: Settings, publisher: Publisher) -> None:
    """The group's offsets follow the store's, so that any tool can show the lag; at the end they agree."""
    async with running_worker(settings) as worker:
        publisher.publish(40)
        await until_folded([worker], publisher.sent)
        await until(lambda: worker.worker.telemetry.lag_records == dict.fromkeys(range(4), 0), "no lag")
    offsets = await asyncio.to_thread(group_offsets, settings)
    entries = topic_name(settings.kafka.topic_prefix, "entries")
    assert {f"{entries}/{number}": 10 for number in range(4)}.items() <= offsets.items()


async def test_a_failing_fold_stops_the_worker_at_that_record(
    settings: Settings, publisher: Publisher
) -> None:
    """An exception in the fold ends the worker with its reason; the record comes again after the restart."""
    async with running_worker(settings) as worker:
        publisher.publish(4)
        await until_folded([worker], publisher.sent)
        publisher.send("entries", 0, b"poison")
        publisher.publish(4, "steps")
        with pytest.raises(WorkerError, match="the store is full"):
            await worker.task
    with pytest.raises(WorkerError, match="the store is full"):
        async with running_worker(settings) as worker:
            await worker.task


async def test_deleted_records_are_missed_not_jumped_over(settings: Settings, publisher: Publisher) -> None:
    """When retention has passed the worker's offset it stops, and says which records are gone."""
    async with running_worker(settings) as worker:
        publisher.publish(40)
        await until_folded([worker], publisher.sent)
    publisher.publish(40)
    entries = topic_name(settings.kafka.topic_prefix, "entries")

    def delete() -> None:
        admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
        admin.delete_records({TopicPartition(entries, 2): 15})
        admin.close()

    await asyncio.to_thread(delete)
    async with running_worker(settings) as worker:
        with pytest.raises(
            WorkerError,
            match=r"entries, partition 2, from offset 10 on: .* 15, 5 records are gone, from before 20",
        ):
            await worker.task


async def test_records_that_were_skipped_are_read_after_all(settings: Settings, publisher: Publisher) -> None:
    """Should the reading position ever jump ahead, the worker notices the hole and goes back to it."""
    async with running_worker(settings) as worker:
        publisher.publish(10, partition=0)
        await until_folded([worker], publisher.sent)
        entries = TP(topic_name(settings.kafka.topic_prefix, "entries"), 0)
        consumer = worker.worker._consumer
        # A broker refuses a position behind the end of the log, so the records come first.
        consumer.pause_partitions({entries})
        publisher.publish(10, partition=0)
        await consumer.seek_wait({entries: 15})
        consumer.resume_partitions({entries})
        await until_folded([worker], publisher.sent)


async def test_missing_and_unequal_topics_are_refused_at_the_start(settings: Settings) -> None:
    """A worker does not start on topics that are missing or have different partition counts."""
    with pytest.raises(TopicsError, match="no topic"):
        await asyncio.to_thread(find_topics, settings.kafka)
    await asyncio.to_thread(ensure_topics, settings.kafka)
    await asyncio.to_thread(grow, settings, "steps", 6)
    with pytest.raises(TopicsError, match=r"steps has 6"):
        await asyncio.to_thread(find_topics, settings.kafka)


@pytest.mark.parametrize("kinds", [["steps"], EVENT_KINDS], ids=["one topic", "all topics"])
async def test_topics_that_grow_stop_a_running_worker(
    settings: Settings, publisher: Publisher, kinds: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partitions added behind a worker's back move users; it notices by itself and says so."""
    monkeypatch.setattr(worker_module, "METADATA_MAX_AGE_MS", 500)
    async with running_worker(settings) as worker:
        publisher.publish(4)
        await until_folded([worker], publisher.sent)
        grown = event_topics("") if kinds == ["all"] else [f".{kind}" for kind in kinds]
        for topic in grown:
            await asyncio.to_thread(grow, settings, topic.removeprefix("."), 6)
        with pytest.raises(WorkerError, match="partition"):
            async with asyncio.timeout(30):
                await asyncio.shield(worker.task)


def grow(settings: Settings, kind: str, partitions: int) -> None:
    """Add partitions to a topic, and wait until the brokers say so."""
    topic = topic_name(settings.kafka.topic_prefix, kind)
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    admin.create_partitions({topic: partitions})
    wait_until(
        lambda: len(admin.describe_topics([topic])[0]["partitions"]) == partitions,
        seconds=30,
        what=f"{topic} has {partitions} partitions",
    )
    admin.close()


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_publishers_may_compress_as_they_like(
    settings: Settings, publisher: Publisher, codec: Literal["gzip", "snappy", "lz4", "zstd"]
) -> None:
    """Batches of every codec that Kafka knows are read."""
    topic = topic_name(settings.kafka.topic_prefix, "entries")
    async with (
        AIOKafkaProducer(
            bootstrap_servers=settings.kafka.bootstrap_servers, compression_type=codec, linger_ms=20
        ) as producer,
        running_worker(settings) as worker,
    ):
        publisher.sent[2] = [f"value-{number}-{'x' * 200}" for number in range(500)]
        sending = [
            await producer.send(topic, value.encode(), b"user", partition=2) for value in publisher.sent[2]
        ]
        await asyncio.gather(*sending)
        await until_folded([worker], publisher.sent)
