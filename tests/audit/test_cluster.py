"""`wayfold audit` of a cluster: a worker's numbers beside the topics in Kafka."""

import asyncio
import io
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition
from rich.console import Console

from local_services import wait_until
from tests.audit.damage import raise_count
from tests.services.cluster import (
    PARTITIONS,
    Publisher,
    make_topics_of_publishers_times,
    settings_for,
)
from tests.services.hostile import hostile_log
from tests.services.processes import WorkerProcess, environment
from tests.services.verdict import LogPublisher, wait_until_folded
from tests.state.settling import settle
from wayfold.agents.fold_settings import fold_settings
from wayfold.agents.kafka.topics import ensure_topics, find_topics, topic_name
from wayfold.audit import log_sources
from wayfold.audit.audit import Verdict
from wayfold.audit.live import AuditImpossibleError
from wayfold.audit.log_sources import KafkaLog
from wayfold.audit.questions import Scope
from wayfold.cli.auditing import run_audit
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.settings import KafkaSettings, RedisSettings, Settings, StateSettings, WorkerSettings
from wayfold.state.partition import Partition
from wayfold.state.store import keys
from wayfold.state.store.store import Store, StoreMemory

WAYFOLD = str(Path(sys.executable).with_name("wayfold"))
SIMULATED = 400
HOSTILE = 600
COMPRESSIONS = ("zstd", "lz4", None)
WAIT_S = 60.0
INTERLEAVED = 3 * log_sources.READ_RECORDS


def settings_of(kafka: str, redis_url: str, prefix: str, directory: Path) -> Settings:
    given = {
        "redis": RedisSettings(url=redis_url, prefix=prefix),
        "worker": WorkerSettings(port=0),
        "state": StateSettings(directory=directory),
    }
    return settings_for(kafka, prefix, directory).model_copy(update=given)


@pytest.fixture(scope="module")
def folded(kafka: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A cluster without a worker, whose state has folded a log of many compressions.

    There are simulated events, as `wayfold simulate` publishes them, and others with repeats and records
    among them that are refused for every reason.
    """
    folder = tmp_path_factory.mktemp("folded")
    settings = settings_of(kafka, redis_url, f"test-{uuid.uuid4().hex[:12]}", folder / "state")
    ensure_topics(settings.kafka)
    process = WorkerProcess("first", settings, folder)
    try:
        process.start()
        publish(settings)
        wait_until_folded(settings)
        assert process.stop() == 0, process.tail()
    finally:
        process.close()
    return settings


def publish(settings: Settings) -> None:
    simulated = [WAYFOLD, "simulate", "--count", str(SIMULATED), "--seed", "5", "--to", "kafka"]
    subprocess.run(simulated, env=environment(settings), check=True, capture_output=True, timeout=120)
    now_ms = time.time_ns() // 1_000_000
    log = hostile_log(11, HOSTILE, HOSTILE // 6, PARTITIONS)
    for turn, compression in enumerate(COMPRESSIONS):
        publisher = LogPublisher(settings, now_ms, compression_type=compression)
        publisher.publish(log[turn :: len(COMPRESSIONS)])
        publisher.close()


@pytest.fixture
def settings(folded: Settings, topic_prefix: str, tmp_path: Path) -> Settings:
    """The same cluster for one test alone: the topics with a Redis, a group and a copy of the state."""
    directory = tmp_path / "state"
    shutil.copytree(folded.state.directory, directory)
    given = {
        "redis": RedisSettings(url=folded.redis.url, prefix=topic_prefix),
        "kafka": folded.kafka.model_copy(update={"group": topic_prefix}),
        "state": StateSettings(directory=directory),
    }
    return folded.model_copy(update=given)


@contextmanager
def working(settings: Settings) -> Iterator[WorkerProcess]:
    """Run a worker that has all partitions."""
    process = WorkerProcess("worker", settings, settings.state.directory.parent)
    try:
        process.start()
        wait_until(lambda: has_owners(settings), seconds=WAIT_S, what="a worker has all partitions")
        yield process
    finally:
        process.close()


def has_owners(settings: Settings) -> bool:
    async def owners() -> list[str | None]:
        reader = RedisReader(settings.redis)
        try:
            return list((await reader.owners()).values())
        finally:
            await reader.close()

    found = asyncio.run(owners())
    return len(found) == PARTITIONS and None not in found


def audited(settings: Settings, **scope: object) -> Verdict:
    asked = Scope(**scope)  # type: ignore[arg-type]
    console = Console(file=io.StringIO())
    return run_audit(settings, asked, url=None, data=None, max_events=100_000, console=console)


def test_a_cluster_is_equal_to_its_topics(settings: Settings) -> None:
    """Every number, list and count is what the topics say, whatever their records were compressed with."""
    with working(settings) as worker:
        everything = audited(settings)
        assert everything.differences == [], worker.tail()
        assert everything.records > everything.events > SIMULATED + HOSTILE
        assert audited(settings, users_share=0.3).differences == []
        assert audited(settings, journey_id="welcome").differences == []
        worker.kill()
        with pytest.raises(AuditImpossibleError, match=r"nothing answers at|no worker has partition"):
            audited(settings)


def count_one_entry_more(settings: Settings, account_id: str, journey_id: str, version: int) -> None:
    """Damage a total of the first partition that has entries of the version."""
    memory = StoreMemory(32 * 1024 * 1024)
    given = fold_settings(settings, find_topics(settings.kafka).partitions, settings.fold.partitioner)
    for number in range(PARTITIONS):
        path = settings.state.directory / f"partition-{number}"
        store = Store.open(path, memory, partition=number)
        settle(store, number)
        scope = Partition(store, number, given).catalog.scopes.get((account_id, journey_id))
        series = None if scope is None else scope.series.get(("total_entries", version))
        row = None if series is None else store.get(keys.number_key(keys.TOTAL, series))
        if row is not None:
            store.write([(keys.number_key(keys.TOTAL, series), raise_count(row))])
        store.close()
        if row is not None:
            return
    raise AssertionError("no partition has entries of the version")


def test_a_damaged_total_is_all_that_differs(settings: Settings) -> None:
    """One entry too many in one partition shows where it counts, with both values, and nowhere else."""
    count_one_entry_more(settings, "default", "welcome", 1)
    with working(settings):
        found = audited(settings).differences
    paths = [f"journeys[default/welcome]{part}.numbers.total_entries" for part in ("", ".versions[1]")]
    assert sorted(difference.path for difference in found) == sorted(paths)
    assert all(difference.live == difference.recomputed + 1 for difference in found), found


@pytest.fixture
def topics(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[Publisher]:
    """Topics of one's own with five records in partition 2 of one and a few elsewhere."""
    with Publisher(settings_for(kafka, topic_prefix, tmp_path)) as publisher:
        publisher.publish(PARTITIONS, "steps")
        publisher.publish(5, partition=2)
        publisher.publish(1, "calls", partition=3)
        yield publisher


def test_every_record_below_the_ends_is_read(kafka: str, topics: Publisher) -> None:
    """Topics that have records in some partitions only are read like others, and none beyond the ends."""
    log = KafkaLog(KafkaSettings(bootstrap_servers=kafka, topic_prefix=topics.prefix))
    ends = {number: {"steps": 1} for number in range(PARTITIONS)}
    ends[2] |= {"entries": 4}
    ends[3] |= {"calls": 1, "messages": 0}
    found = Counter((number, kind) for number, kind, _ in log.read(ends))
    assert found == {(number, kind): end for number, row in ends.items() for kind, end in row.items() if end}


def publish_interleaved(settings: Settings, partition: int) -> dict[str, list[tuple[int, int]]]:
    """Publish more to each of three topics than is held of one, in few compressed batches.

    Two begin together and the third when half of the first is over. Gives, by kind, what must be read:
    the time and offset of each record.
    """
    started_ms = time.time_ns() // 1_000_000
    first_ms = {"steps": started_ms, "messages": started_ms + 1, "entries": started_ms + INTERLEAVED}
    published = {
        kind: [(at_ms + 2 * offset, offset) for offset in range(INTERLEAVED)]
        for kind, at_ms in first_ms.items()
    }
    make_topics_of_publishers_times(settings)
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        compression_type="zstd",
        batch_size=512 * 1024,
        linger_ms=500,
    )
    for kind, records in published.items():
        topic = topic_name(settings.kafka.topic_prefix, kind)
        for at_ms, _ in records:
            producer.send(topic, b"{}" * 20, b"user", partition=partition, timestamp_ms=at_ms)
    producer.flush()
    producer.close()
    return published


def test_topics_of_any_length_are_read_in_the_order_of_offsets(
    kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Topics with more records than are held of each are read whole, in turn, up to amid a batch."""
    monkeypatch.setattr(log_sources, "QUIET_POLLS", 20)
    settings = settings_for(kafka, topic_prefix, tmp_path)
    published = publish_interleaved(settings, partition=1)
    published["entries"].pop()
    ends = {1: {kind: len(records) for kind, records in published.items()}}
    read: dict[str, list[tuple[int, int]]] = {}
    for number, kind, record in KafkaLog(settings.kafka).read(ends):
        assert number == 1
        read.setdefault(kind, []).append((record.timestamp, record.offset))
    assert read == published


def test_topics_that_end_with_markers_are_read_to_their_end(
    kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was counted ends behind markers and records that were taken back: all before it is found."""
    monkeypatch.setattr(log_sources, "QUIET_POLLS", 20)
    settings = settings_for(kafka, topic_prefix, tmp_path)
    with Publisher(settings, transactional_id=topic_prefix) as publisher:
        producer = publisher.producer
        producer.init_transactions()
        producer.begin_transaction()
        publisher.publish(5, partition=1)
        producer.commit_transaction()
        for kind in ("entries", "steps"):
            producer.begin_transaction()
            publisher.publish(3, kind, partition=1)
            producer.abort_transaction()
    read = list(KafkaLog(settings.kafka).read({1: {"entries": 10, "steps": 4}}))
    assert [(kind, record.offset) for _, kind, record in read] == [("entries", offset) for offset in range(5)]


def test_topics_without_their_beginning_are_not_audited(kafka: str, topics: Publisher) -> None:
    """What retention has deleted is told with topic and offset, before anything is compared."""
    entries = topic_name(topics.prefix, "entries")
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    admin.delete_records({TopicPartition(entries, 2): 3})
    admin.close()
    log = KafkaLog(KafkaSettings(bootstrap_servers=kafka, topic_prefix=topics.prefix))
    with pytest.raises(AuditImpossibleError, match=f"{entries} begins at offset 3 of entries, partition 2"):
        list(log.read({2: {"entries": 5}}))


def test_topics_that_were_made_again_are_not_audited(kafka: str, topics: Publisher) -> None:
    """Topics that end before what was counted are not the ones that were counted."""
    log = KafkaLog(KafkaSettings(bootstrap_servers=kafka, topic_prefix=topics.prefix))
    with pytest.raises(AuditImpossibleError, match="ends at offset 5 of partition 2 and 6 were counted"):
        list(log.read({2: {"entries": 6}}))
