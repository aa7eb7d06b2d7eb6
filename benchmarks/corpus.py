"""The corpus: events in Kafka, published once, that several benches read."""

import asyncio
from collections.abc import Iterable
from itertools import islice

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.context import CORPUS_EVENTS, PARTITIONS, Context, Figures
from benchmarks.traffic import Traffic, definition_records
from wayfold.agents.destinations.kafka import KafkaSink
from wayfold.agents.kafka.topics import ensure_topics, event_topics
from wayfold.agents.sink import Outgoing

APPEND_RECORDS = 20_000


def measure(context: Context) -> Figures:
    """Publish the definitions and the events, as `wayfold` itself publishes (lz4, acks=all)."""
    count = context.count(CORPUS_EVENTS)
    ensure_topics(context.kafka())
    records = (Outgoing(kind, key, value) for kind, key, value, _ in Traffic(1, count))
    value_bytes = asyncio.run(publish(context, context.prefix, records))
    return {"events": count, "bytes_per_event": round(value_bytes / count, 1), "partitions": PARTITIONS}


async def publish(context: Context, prefix: str, records: Iterable[Outgoing]) -> int:
    """Publish the definitions and then the records; give the bytes of the records' values."""
    sink = await KafkaSink.open(context.kafka(prefix))
    value_bytes = 0
    remaining = iter(records)
    try:
        await sink.append(definition_records())
        while part := list(islice(remaining, APPEND_RECORDS)):
            await sink.append(part)
            value_bytes += sum(len(record.value or b"") for record in part)
    finally:
        await sink.close()
    return value_bytes


async def end_offsets(consumer: AIOKafkaConsumer, prefix: str) -> dict[TopicPartition, int]:
    """Where the topics end."""
    places = [TopicPartition(topic, number) for topic in event_topics(prefix) for number in range(PARTITIONS)]
    ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
    return ends


async def expected(context: Context, prefix: str) -> dict[int, int]:
    """By partition, the records that the log has over all topics."""
    consumer = AIOKafkaConsumer(bootstrap_servers=context.bootstrap_servers)
    await consumer.start()
    try:
        ends = await end_offsets(consumer, prefix)
    finally:
        await consumer.stop()
    return {
        number: sum(end for place, end in ends.items() if place.partition == number)
        for number in range(PARTITIONS)
    }
