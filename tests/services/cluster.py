"""Workers on a real Kafka: topics of one's own, a publisher, and workers inside the test or beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource

from local_services import wait_until
from tests.agents.fakes import RememberingPartition
from wayfold.agents.dead_letters import KafkaDeadLetters
from wayfold.agents.effects import NoViews
from wayfold.agents.kafka.clients import client_options
from wayfold.agents.kafka.topics import TIMESTAMP_TYPE, ensure_topics, event_topics, find_topics, topic_name
from wayfold.agents.worker.worker import Worker
from wayfold.models.record import Record
from wayfold.settings import FoldSettings, KafkaSettings, Settings, StateSettings

PARTITIONS = 4
WAIT_S = 60.0


def settings_for(bootstrap_servers: str, prefix: str, directory: Path, **kafka: object) -> Settings:
    """Settings of a worker whose group and topics have this prefix."""
    given: dict[str, object] = {
        "bootstrap_servers": bootstrap_servers,
        "topic_prefix": prefix,
        "group": prefix,
        "session_timeout_ms": 3_000,
        "heartbeat_interval_ms": 500,
        "topic_partitions": PARTITIONS,
        **kafka,
    }
    return Settings(
        kafka=KafkaSettings.model_validate(given),
        state=StateSettings(directory=directory),
        fold=FoldSettings(batch_interval_ms=20),
    )


def set_timestamp_type(settings: Settings, timestamp_type: str, topics: Sequence[str]) -> None:
    """Have records of these topics carry Kafka's time (LogAppendTime) or the publisher's (CreateTime)."""
    admin = KafkaAdminClient(**client_options(settings.kafka))

    def is_known() -> bool:
        asked = [ConfigResource("topic", topic, [TIMESTAMP_TYPE]) for topic in topics]
        found = admin.describe_configs(asked, config_filter="all")["topic"]
        return all(found[topic][TIMESTAMP_TYPE]["value"] == timestamp_type for topic in topics)

    admin.alter_configs(
        [ConfigResource("topic", topic, {TIMESTAMP_TYPE: timestamp_type}) for topic in topics]
    )
    wait_until(is_known, seconds=30, what=f"the topics have {timestamp_type}")
    admin.close()


def make_topics_of_publishers_times(settings: Settings) -> None:
    """Make topics whose records carry the times that a test gives them."""
    ensure_topics(settings.kafka)
    set_timestamp_type(settings, "CreateTime", event_topics(settings.kafka.topic_prefix))


class GappyPartition(RememberingPartition):
    """Remembers values from a log in which offsets may be missing."""

    def fold(self, topic: str, records: Sequence[Record]) -> None:
        for record in records:
            if record.offset >= self._pending_offsets.get(topic, self.offsets.get(topic, 0)):
                self._pending_offsets[topic] = record.offset + 1
                self._pending.append((record.value or b"").decode())


class Publisher:
    """Publishes values to partitions and knows what every partition holds; makes missing topics."""

    def __init__(self, settings: Settings, **options: object) -> None:
        ensure_topics(settings.kafka)
        self.prefix = settings.kafka.topic_prefix
        self.sent: list[list[str]] = [[] for _ in range(PARTITIONS)]
        self.producer = KafkaProducer(**client_options(settings.kafka), linger_ms=5, acks="all", **options)

    def publish(self, count: int, kind: str = "entries", partition: int | None = None) -> None:
        """Send this many values to one partition or in turn to all, and wait until Kafka has them."""
        for index in range(count):
            number = index % PARTITIONS if partition is None else partition
            value = f"{kind}-{len(self.sent[number])}"
            self.sent[number].append(value)
            self.producer.send(topic_name(self.prefix, kind), value.encode(), b"user", partition=number)
        self.producer.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.producer.close()

    def send(self, kind: str, partition: int, value: bytes, key: bytes | None = b"user") -> None:
        """Send one value and wait until Kafka has it."""
        self.producer.send(topic_name(self.prefix, kind), value, key, partition=partition).get(30)


class Running:
    """A worker in the test's own event loop, over partitions that remember the values they folded."""

    def __init__(self, worker: Worker, task: asyncio.Task[None]) -> None:
        self.worker = worker
        self.task = task

    @property
    def remembered(self) -> dict[int, list[str]]:
        """The values of each partition that is open here, in the order of folding."""
        found: dict[int, list[str]] = {}
        for number, partition in self.worker.partitions.items():
            assert isinstance(partition, RememberingPartition)
            found[number] = partition.values
        return found

    async def stop(self) -> None:
        """Stop as on SIGTERM; raises what the worker raised."""
        self.worker.stop()
        try:
            await self.task
        finally:
            await self.worker.close()


async def until(condition: Callable[[], bool], what: str, timeout_s: float = WAIT_S) -> None:
    """Wait for a condition; raises AssertionError that names it when it does not come."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {what}") from None


async def until_folded(workers: Iterable[Running], sent: Sequence[Sequence[str]]) -> None:
    """Wait until the workers together have folded exactly what was sent, each partition in one place."""
    running = list(workers)

    def all_there() -> bool:
        for one in running:
            if one.task.done():
                one.task.result()
        open_now = [number for one in running for number in one.worker.partitions]
        return sorted(open_now) == list(range(len(sent))) and all(
            sorted(values) == sorted(sent[number])
            for one in running
            for number, values in one.remembered.items()
        )

    await until(all_there, "everything that was sent is folded once")


@asynccontextmanager
async def running_worker(
    settings: Settings,
    partition: type[RememberingPartition] = RememberingPartition,
    *,
    start_at_oldest: bool = False,
) -> AsyncIterator[Running]:
    """Run a worker until the block ends, over partitions that remember the values they folded."""
    await asyncio.to_thread(ensure_topics, settings.kafka)
    topics = await asyncio.to_thread(find_topics, settings.kafka)
    directory = settings.state.directory
    directory.mkdir(parents=True, exist_ok=True)

    async with KafkaDeadLetters(settings.kafka) as letters:
        worker = Worker(
            settings,
            topics,
            lambda number, begins: partition(directory, number),
            letters,
            NoViews(),
            held=lambda: {int(file.stem): int(file.stat().st_mtime) for file in directory.glob("*.json")},
            start_at_oldest=start_at_oldest,
        )
        running = Running(worker, asyncio.create_task(worker.run()))
        try:
            yield running
        finally:
            if not running.task.done():
                await running.stop()
            else:
                await worker.close()
