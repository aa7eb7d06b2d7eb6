"""Offsets without records: a worker passes transaction markers, and knows it later, when they are deleted."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from tests.services.cluster import (
    PARTITIONS,
    GappyPartition,
    Publisher,
    Running,
    running_worker,
    settings_for,
    until,
    until_folded,
)
from wayfold.agents.kafka.topics import topic_name
from wayfold.agents.worker.worker import WorkerError
from wayfold.settings import Settings


@pytest.fixture
def settings(kafka: str, topic_prefix: str, tmp_path: Path) -> Settings:
    return settings_for(kafka, topic_prefix, tmp_path / "state")


@pytest.fixture
def publisher(settings: Settings) -> Iterator[Publisher]:
    with Publisher(settings, transactional_id=settings.kafka.topic_prefix) as publisher:
        publisher.producer.init_transactions()
        yield publisher


def publish(publisher: Publisher, count: int, *, aborted: bool = False, partition: int | None = None) -> None:
    """Publish values in one transaction; of one that is aborted nothing is expected."""
    publisher.producer.begin_transaction()
    before = [list(values) for values in publisher.sent]
    publisher.publish(count, partition=partition)
    if aborted:
        publisher.producer.abort_transaction()
        publisher.sent = before
    else:
        publisher.producer.commit_transaction()


def places(settings: Settings) -> list[TopicPartition]:
    topic = topic_name(settings.kafka.topic_prefix, "entries")
    return [TopicPartition(topic, number) for number in range(PARTITIONS)]


def ends(settings: Settings) -> list[int]:
    """Where the partitions of the entries end, markers included."""
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers)
    try:
        found: Mapping[TopicPartition, int] = consumer.end_offsets(places(settings))
    finally:
        consumer.close()
    return [found[place] for place in places(settings)]


def committed(settings: Settings) -> list[int | None]:
    """What the group has committed of the entries."""
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers, group_id=settings.kafka.group
    )
    try:
        return [consumer.committed(place) for place in places(settings)]
    finally:
        consumer.close()


def delete_all(settings: Settings) -> None:
    """Delete every record of the entries, as retention does."""
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    upto = dict(zip(places(settings), ends(settings), strict=True))
    admin.delete_records(upto)
    admin.close()


async def until_at_the_end(worker: Running, settings: Settings) -> None:
    """Wait until what the stores hold reaches the ends of the log."""
    wanted = await asyncio.to_thread(ends, settings)

    def is_there() -> bool:
        if worker.task.done():
            worker.task.result()
        partitions = worker.worker.partitions
        return [partitions[number].offsets.get("entries", 0) for number in sorted(partitions)] == wanted

    await until(is_there, f"the stores have passed everything: {wanted}")


async def test_transactions_leave_no_holes_and_what_was_aborted_does_not_count(
    settings: Settings, publisher: Publisher
) -> None:
    """A publisher's transaction markers are read over, and records that it took back are not folded."""
    async with running_worker(settings, GappyPartition) as worker:
        for round_number in range(6):
            publish(publisher, 40, aborted=bool(round_number % 2))
        await until_folded([worker], publisher.sent)
        await until(lambda: worker.worker.telemetry.lag_records == dict.fromkeys(range(4), 0), "no lag")


@pytest.mark.parametrize("aborted", [False, True], ids=["committed", "taken back"])
async def test_a_topic_that_retention_emptied_behind_a_marker_is_not_refused(
    settings: Settings, publisher: Publisher, *, aborted: bool
) -> None:
    """What ends with a marker, or with records that were taken back, was read to its end: nothing is lost."""
    async with running_worker(settings, GappyPartition) as worker:
        publish(publisher, 40)
        if aborted:
            publish(publisher, 40, aborted=True)
        await until_folded([worker], publisher.sent)
        await until_at_the_end(worker, settings)
    await asyncio.to_thread(delete_all, settings)
    async with running_worker(settings, GappyPartition) as worker:
        publish(publisher, 40)
        await until_folded([worker], publisher.sent)


async def test_the_group_is_told_of_the_end_though_a_marker_is_last(
    settings: Settings, publisher: Publisher
) -> None:
    """Tools that compare the group's offsets with the ends of the log see no lag that never ends."""
    async with running_worker(settings, GappyPartition) as worker:
        publish(publisher, 40)
        await until_at_the_end(worker, settings)
    assert await asyncio.to_thread(committed, settings) == await asyncio.to_thread(ends, settings)


async def test_records_of_a_transaction_that_were_never_read_are_missed(
    settings: Settings, publisher: Publisher
) -> None:
    """What retention deleted while no worker ran may have held records, so the worker stops and says so."""
    async with running_worker(settings, GappyPartition) as worker:
        publish(publisher, 40)
        await until_at_the_end(worker, settings)
    publish(publisher, 40)
    await asyncio.to_thread(delete_all, settings)
    async with running_worker(settings, GappyPartition) as worker:
        with pytest.raises(
            WorkerError, match="from offset 11 on: the log begins at offset 22, 11 records are gone"
        ):
            await worker.task


async def test_where_a_partition_was_told_to_start_is_remembered(
    settings: Settings, publisher: Publisher
) -> None:
    """A worker that was started at the oldest record goes on from there when it is started without that."""
    publish(publisher, 40)
    await asyncio.to_thread(delete_all, settings)
    async with running_worker(settings, GappyPartition, start_at_oldest=True) as worker:
        await until_at_the_end(worker, settings)
    publisher.sent = [[] for _ in range(PARTITIONS)]
    async with running_worker(settings, GappyPartition) as worker:
        publish(publisher, 40)
        await until_folded([worker], publisher.sent)
