"""Sending to a real Kafka: topics, partitions, keys and headers are what the workers expect."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from local_services import LocalKafka
from wayfold.agents.destinations.addresses import open_destination
from wayfold.agents.destinations.kafka import KafkaSink
from wayfold.agents.kafka.topics import ensure_topics, topic_name
from wayfold.agents.sink import EVENT_KINDS, Outgoing, SinkFailedError
from wayfold.models.partitioner import PARTITIONERS, Partitioner
from wayfold.settings import FoldSettings, KafkaSettings, Settings

PARTITIONS = 3


def settings_of(bootstrap_servers: str, prefix: str, partitioner: Partitioner) -> Settings:
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=bootstrap_servers, topic_prefix=prefix, topic_partitions=PARTITIONS
        ),
        fold=FoldSettings(partitioner=partitioner),
    )


async def read_all(
    bootstrap_servers: str, prefix: str
) -> list[tuple[str, int, bytes | None, bytes | None, list[tuple[str, bytes]]]]:
    """Every record of the event topics: (kind, partition, key, value, headers)."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=None)
    await consumer.start()
    try:
        names = {topic_name(prefix, kind): kind for kind in EVENT_KINDS}
        places = [TopicPartition(name, number) for name in names for number in range(PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        left = {place: end for place, end in (await consumer.end_offsets(places)).items() if end}
        found = []
        while left:
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                kind = names[place.topic]
                found += [
                    (kind, place.partition, each.key, each.value, list(each.headers)) for each in records
                ]
                if records and records[-1].offset + 1 >= left[place]:
                    del left[place]
        return found
    finally:
        await consumer.stop()


@pytest.mark.parametrize("partitioner", ["murmur2", "crc32"])
async def test_records_lie_where_the_workers_look_for_them(
    kafka: str, topic_prefix: str, partitioner: Partitioner
) -> None:
    """Events, erasures too, lie in their user's partition with key and headers, definitions in every one."""
    settings = settings_of(kafka, topic_prefix, partitioner)
    ensure_topics(settings.kafka)
    destination = await open_destination(f"kafka://{kafka}", settings)
    try:
        users = [b"user-%d" % number for number in range(200)]
        steps = [Outgoing("steps", user, b'{"n":%d}' % number) for number, user in enumerate(users)]
        large = Outgoing("messages", b"ada", b"x" * 700_000, (("ce_id", b"1"),))
        erased = Outgoing("users", b"ada", b'{"mode":"subtract"}')
        await destination.send([*steps, large, erased, Outgoing("definitions", None, b"{}")])
    finally:
        await destination.close()
    found = await read_all(kafka, topic_prefix)
    sent = {(record.kind, record.key, record.value) for record in [*steps, large, erased]}
    assert {(kind, key, value) for kind, _, key, value, _ in found if key is not None} == sent
    assert Counter(kind for kind, *_ in found) == {
        "steps": 200,
        "messages": 1,
        "users": 1,
        "definitions": PARTITIONS,
    }
    for kind, partition, key, _, headers in found:
        if key is not None:
            assert partition == PARTITIONERS[partitioner](key, PARTITIONS)
        if kind == "messages":
            assert headers == [("ce_id", b"1")]
    definitions = [partition for kind, partition, *_ in found if kind == "definitions"]
    assert sorted(definitions) == list(range(PARTITIONS))


@asynccontextmanager
async def stopped(local_kafka: LocalKafka, prefix: str, request_timeout_ms: int) -> AsyncIterator[KafkaSink]:
    """A sink that has sent a first record to a broker that stands still now, until the end at the latest."""
    settings = KafkaSettings(
        bootstrap_servers=local_kafka.bootstrap_servers,
        topic_prefix=prefix,
        topic_partitions=PARTITIONS,
        request_timeout_ms=request_timeout_ms,
    )
    ensure_topics(settings)
    sink = await KafkaSink.open(settings)
    try:
        await sink.append([Outgoing("entries", b"ada", b"first")])
        local_kafka.pause()
        yield sink
    finally:
        local_kafka.resume()
        await sink.close()


async def test_many_senders_outlast_a_broker_that_stands_still(
    local_kafka: LocalKafka, topic_prefix: str
) -> None:
    """Those who wait for one partition are all served when the broker goes on before the time-out."""
    async with stopped(local_kafka, topic_prefix, request_timeout_ms=4_000) as sink:
        sending = [
            asyncio.create_task(sink.append([Outgoing("entries", b"ada", b"%d" % number)]))
            for number in range(12)
        ]
        done, _ = await asyncio.wait(sending, timeout=1)
        local_kafka.resume()
        assert not done
        await asyncio.gather(*sending)
    records = await read_all(local_kafka.bootstrap_servers, topic_prefix)
    values = [value for _, _, _, value, _ in records]
    assert values == [b"first", *(b"%d" % number for number in range(12))]


async def test_a_broker_that_is_gone_is_said_to_every_sender_in_time(
    local_kafka: LocalKafka, topic_prefix: str
) -> None:
    """Each of many senders to one partition fails after the time-out, not after those of all before."""
    async with stopped(local_kafka, topic_prefix, request_timeout_ms=1_000) as sink:
        sending = [sink.append([Outgoing("entries", b"ada", b"%d" % number)]) for number in range(12)]
        async with asyncio.timeout(15):
            answers = await asyncio.gather(*sending, return_exceptions=True)
        assert [type(answer) for answer in answers] == [SinkFailedError] * 12
