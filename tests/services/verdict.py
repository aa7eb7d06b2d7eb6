"""What a cluster made of a log, read back in every way, compared with what the oracle makes of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from local_services import ServiceError, wait_until
from tests.services.cluster import PARTITIONS, make_topics_of_publishers_times
from tests.services.hostile import Published, expected
from wayfold.agents.dead_letters import list_letters
from wayfold.agents.fold_settings import fold_settings
from wayfold.agents.kafka.topics import event_topics, find_topics, topic_name
from wayfold.audit import oracle
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.settings import RedisSettings, Settings
from wayfold.state.partition import Partition
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.query import Query
from wayfold.state.reading.watermarks import greatest
from wayfold.state.store.store import Store, StoreMemory

CATCH_UP_S = 240.0
REDIS_S = 60.0
QUERIES: Sequence[dict[str, Any]] = (
    {},
    {"version": 1},
    {"start": "2026-10-25", "end": "2026-11-11", "clock": "entry"},
    {"channel": "email", "start": "2026-11-01T05:00", "end": "2026-11-10"},
)


class LogPublisher:
    """Publishes a log record by record, keyed and placed as it says, all of one time.

    `options` go to KafkaProducer. The topics are made when they are not there.
    """

    def __init__(self, settings: Settings, timestamp_ms: int, **options: object) -> None:
        make_topics_of_publishers_times(settings)
        self.prefix = settings.kafka.topic_prefix
        self.timestamp_ms = timestamp_ms
        self.producer = KafkaProducer(
            bootstrap_servers=settings.kafka.bootstrap_servers,
            acks="all",
            linger_ms=5,
            delivery_timeout_ms=300_000,
            enable_idempotence=True,
            **options,
        )

    def publish(self, records: Iterable[Published]) -> None:
        """Send the records and wait until Kafka has them; raises when it has not."""
        sent = [
            self.producer.send(
                topic_name(self.prefix, record.kind),
                record.value,
                record.key,
                list(record.headers),
                partition=record.partition,
                timestamp_ms=self.timestamp_ms,
            )
            for record in records
        ]
        self.producer.flush()
        for future in sent:
            future.get(0)

    def close(self) -> None:
        """Disconnect."""
        self.producer.close()


def wait_until_folded(settings: Settings, timeout_s: float = CATCH_UP_S) -> None:
    """Wait until the group's offsets, which follow the stores', are the ends of all topics."""
    partitions = find_topics(settings.kafka).partitions
    places = [
        TopicPartition(topic, number)
        for topic in event_topics(settings.kafka.topic_prefix)
        for number in range(partitions)
    ]
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        group_id=settings.kafka.group,
        enable_auto_commit=False,
    )
    ends = {place: end for place, end in consumer.end_offsets(places).items() if end}

    def behind() -> dict[TopicPartition, int]:
        return {place: end for place, end in ends.items() if (consumer.committed(place) or 0) < end}

    try:
        wait_until(lambda: not behind(), seconds=timeout_s, what="everything that was published is folded")
    finally:
        consumer.close()


class Verdict:
    """What the oracle makes of a log, compared with what a cluster made of it; [] is right."""

    def __init__(self, settings: Settings, log: Sequence[Published], timestamp_ms: int) -> None:
        self.settings = settings
        self.log = log
        self.expected = expected(log, PARTITIONS, timestamp_ms)

    def wait_for_redis(self) -> list[str]:
        """Compare Redis while the workers run: they settle it after the last commit, in a moment."""
        document = self.expected.numbers({})
        found: list[str] = []

        def is_equal() -> bool:
            found[:] = oracle.differences(asyncio.run(redis_document(self.settings.redis)), document)
            return not found

        with suppress(ServiceError):
            wait_until(is_equal, seconds=REDIS_S, what="Redis has the numbers of the whole log")
        return [f"Redis: {line}" for line in found]

    def in_stores(self, directories: Sequence[Path]) -> list[str]:
        """Compare the stores and the dead letters when the workers have ended."""
        found: list[str] = []
        with ExitStack() as stack:
            partitions = _open_copies(self.settings, directories, self.log, stack)
            if len(partitions) < PARTITIONS:
                return [f"only partitions {sorted(partitions)} have a store that folded all their records"]
            watermarks = greatest(partition.watermarks for partition in partitions.values())
            for query in QUERIES:
                asked = Query(**query)
                partials = [partition.partial(asked, watermarks) for partition in partitions.values()]
                lines = oracle.differences(finish(partials, asked), self.expected.numbers(query))
                found += [f"stores, {query}: {line}" for line in lines]
            counted = sum((Counter(partition.counters) for partition in partitions.values()), Counter[str]())
        refused = {
            name.removeprefix("refused_total:"): count
            for name, count in counted.items()
            if name.startswith("refused_total:")
        }
        letters = Counter(letter.refusal.reason.value for letter in list_letters(self.settings.kafka))
        for what, counts in (("refused", refused), ("dead letters", letters)):
            if _lumped(counts) != _lumped(self.expected.refused):
                found.append(f"{what}: {dict(counts)}, expected {dict(self.expected.refused)}")
        return found


def _lumped(refused: Mapping[str, int]) -> Counter[str]:
    """Refusals by reason; which of a missing and a wrong field is named is nobody's promise."""
    lumped: Counter[str] = Counter()
    for reason, count in refused.items():
        lumped["malformed" if reason in ("missing_field", "wrong_field") else reason] += count
    return lumped


def _open_copies(
    settings: Settings, directories: Sequence[Path], log: Sequence[Published], stack: ExitStack
) -> dict[int, Partition]:
    """Open of each partition a copy that has folded the whole log; others are where a worker left them."""
    memory = StoreMemory(64 * 1024 * 1024)
    given = fold_settings(settings, find_topics(settings.kafka).partitions, settings.fold.partitioner)
    records = Counter(record.partition for record in log)
    partitions: dict[int, Partition] = {}
    for number in range(given.partitions):
        for directory in directories:
            path = directory / f"partition-{number}"
            if number in partitions or not path.exists():
                continue
            partition = Partition(Store.open(path, memory, partition=number), number, given)
            stack.callback(partition.close)
            if partition.sequence == records[number]:
                partitions[number] = partition
    return partitions


async def redis_document(settings: RedisSettings) -> dict[str, Any]:
    """What the readers of Redis see now, over all time."""
    reader = RedisReader(settings)
    try:
        return dict(await reader.document(Query()))
    finally:
        await reader.close()


def entries_in(document: Mapping[str, Any]) -> int:
    """Add up the entries of all journeys: a number that only grows while a log is folded."""
    return sum(journey["numbers"]["total_entries"] for journey in document["journeys"])


def entries_in_redis(settings: Settings) -> int:
    """How many entries the readers of Redis see now."""
    return entries_in(asyncio.run(redis_document(settings.redis)))
