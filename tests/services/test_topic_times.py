"""Whose clock the records carry: Kafka's own, and a topic of which that is not so is told."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.agents.fakes import RememberingPartition
from tests.services.cluster import Publisher, running_worker, set_timestamp_type, settings_for, until
from tests.services.processes import WorkerProcess
from wayfold.agents.kafka.topic_times import times_warning
from wayfold.agents.kafka.topics import ensure_topics, topic_name
from wayfold.models.record import Record
from wayfold.settings import RedisSettings, Settings, WorkerSettings


@pytest.fixture
def settings(kafka: str, topic_prefix: str, tmp_path: Path) -> Settings:
    return settings_for(kafka, topic_prefix, tmp_path / "state")


class TimedPartition(RememberingPartition):
    """Remembers the times of records instead of their values."""

    def fold(self, topic: str, records: Sequence[Record]) -> None:
        super().fold(topic, records)
        self._pending = [str(record.timestamp) for record in records]


async def test_records_carry_the_time_at_which_kafka_took_them(settings: Settings) -> None:
    """A publisher that says another time, as with a wrong clock, changes nothing in topics that we made."""
    with Publisher(settings) as publisher:
        topic = topic_name(settings.kafka.topic_prefix, "entries")
        sent = publisher.producer.send(topic, b"{}", b"user", partition=1, timestamp_ms=1_000).get(30)
    async with running_worker(settings, TimedPartition) as worker:
        await until(lambda: any(worker.remembered.values()), "the record is folded")
        assert worker.remembered[1] == [str(sent.timestamp)]
    assert sent.timestamp > 1_000


def test_topics_that_carry_publishers_times_are_named(settings: Settings) -> None:
    """The warning names exactly the topics concerned, and the command that mends them; else there is none."""
    ensure_topics(settings.kafka)
    assert times_warning(settings.kafka) is None
    steps, calls = (topic_name(settings.kafka.topic_prefix, kind) for kind in ("steps", "calls"))
    set_timestamp_type(settings, "CreateTime", [steps, calls])
    warning = times_warning(settings.kafka) or ""
    assert warning.startswith(f"Records of {steps}, {calls} carry the times of their publishers.")
    assert f"for topic in {steps} {calls}; do kafka-configs.sh" in warning
    assert warning.endswith("--add-config message.timestamp.type=LogAppendTime; done")
    set_timestamp_type(settings, "LogAppendTime", [steps, calls])
    assert times_warning(settings.kafka) is None


def test_a_worker_says_it_when_it_starts(settings: Settings, redis_url: str, tmp_path: Path) -> None:
    """Whoever starts a worker on such topics reads it in its log."""
    ensure_topics(settings.kafka)
    topic = topic_name(settings.kafka.topic_prefix, "steps")
    set_timestamp_type(settings, "CreateTime", [topic])
    given = {
        "redis": RedisSettings(url=redis_url, prefix=settings.kafka.topic_prefix),
        "worker": WorkerSettings(port=0),
    }
    process = WorkerProcess("worker", settings.model_copy(update=given), tmp_path)
    try:
        process.start()
        process.wait_for_log(f"Records of {topic} carry the times of their publishers.")
        process.wait_for_log("partition_opened")
    finally:
        process.close()
