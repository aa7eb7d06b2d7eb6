"""A record that stops workers: they name it, an operator skips it, and every rebuild leaves it out."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from tests.poison import POISON
from tests.services.cluster import PARTITIONS, Publisher, running_worker, settings_for, until, until_folded
from tests.services.hostile import Published
from tests.services.processes import WorkerProcess, environment
from tests.services.test_worker_processes import Bench
from tests.services.verdict import wait_until_folded
from wayfold.agents.control.kafka import ControlError, KafkaControl, read_control, write_control
from wayfold.agents.control.skipping import SkipRefusedError, SkipRequest, skip_in_kafka
from wayfold.agents.dead_letters import list_letters
from wayfold.agents.fold_settings import fold_settings
from wayfold.agents.kafka.clients import client_options
from wayfold.agents.kafka.topics import TopicsError, admin, ensure_topics, find_topics, topic_name
from wayfold.agents.worker.worker import WorkerError
from wayfold.audit import oracle
from wayfold.models.control import CONTROL, RecordSkipped
from wayfold.models.partitioner import PARTITIONERS
from wayfold.models.refusal import Reason
from wayfold.settings import Settings
from wayfold.state.partition import Partition
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.query import Query
from wayfold.state.store.store import Store, StoreMemory

USERS = 400
BEFORE = "from tests.poison import poison_this_process; poison_this_process()"
"""Run before a worker: a fault in it that one value brings out."""


def entered(number: int, mark: str = "e") -> Published:
    user = f"user-{number}".encode()
    event = {
        "type": "journey.entered",
        "event_id": f"{mark}-{number}",
        "occurred_at": f"2026-11-20T10:{number % 60:02}:00Z",
        "user_id": user.decode(),
        "journey_id": "welcome",
        "journey_version": 1,
        "entry_id": "n",
    }
    partition = PARTITIONERS["murmur2"](user, PARTITIONS)
    return Published("entries", partition, user, json.dumps(event).encode())


GOOD = [entered(number) for number in range(USERS)]
BAD = entered(USERS, POISON)
FIRST, LAST = GOOD[:-20], GOOD[-20:]


@pytest.fixture
def bench(kafka: str, redis_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        bench = Bench(kafka, redis_url, topic_prefix, tmp_path, 0)
        stack.callback(bench.publisher.close)
        yield bench


@pytest.fixture
def settings(bench: Bench) -> Settings:
    """No snapshots: what is moved away is built again from the log."""
    settings = bench.settings("one")
    state = settings.state.model_copy(update={"snapshot_url": None})
    return settings.model_copy(update={"state": state})


def wayfold(settings: Settings, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with the settings of a worker."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("wayfold")), *arguments],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def check(settings: Settings, log: Sequence[Published]) -> None:
    """The stores have counted everything but the one record, which they have refused."""
    given = fold_settings(settings, find_topics(settings.kafka).partitions, settings.fold.partitioner)
    memory = StoreMemory(64 * 1024 * 1024)
    partitions = []
    with ExitStack() as stack:
        for number in range(PARTITIONS):
            path = settings.state.directory / f"partition-{number}"
            partitions.append(Partition(Store.open(path, memory, partition=number), number, given))
            stack.callback(partitions[-1].close)
        partials = [partition.partial(Query()) for partition in partitions]
        expected = oracle.numbers(record.value or b"" for record in log)
        assert oracle.differences(finish(partials, Query()), expected) == []
        refused = {
            partition.number: count
            for partition in partitions
            if (count := partition.counters.get("refused_total:skipped"))
        }
        assert refused == {BAD.partition: 1}


def test_workers_go_on_behind_a_skipped_record(bench: Bench, settings: Settings, tmp_path: Path) -> None:
    """A worker stops with the command, goes on after it, and leaves the record out when it builds anew."""
    assert {record.partition for record in LAST} == set(range(PARTITIONS))
    worker = WorkerProcess("one", settings, tmp_path, BEFORE)
    try:
        bench.publisher.publish([*FIRST[:300], BAD, *FIRST[300:]])
        worker.start()
        assert worker.wait() == 1
        words = command_in(worker.tail(3))
        assert words[:2] == ["entries", str(BAD.partition)]

        skipped = wayfold(settings, "dead-letters", "skip", *words, "--note", "it stops us")
        assert skipped.returncode == 0, skipped.stderr
        assert f"entries/{BAD.partition}/{words[2]} is refused from now on" in skipped.stdout
        worker.start()
        wait_until_folded(settings)
        assert worker.stop() == 0, worker.tail()
        check(settings, FIRST)

        shutil.rmtree(settings.state.directory)
        bench.publisher.publish(LAST)
        worker.start()
        wait_until_folded(settings)
        assert worker.stop() == 0, worker.tail()
        check(settings, GOOD)
    finally:
        worker.close()
    (letter,) = list_letters(settings.kafka)
    assert (letter.key, letter.value, letter.refusal.reason) == (BAD.key, BAD.value, Reason.SKIPPED)
    assert letter.refusal.message == "an operator skipped this record: it stops us"

    again = wayfold(settings, "dead-letters", "skip", *words)
    assert again.returncode == 1
    assert f"record {words[2]} was skipped already" in again.stderr
    counted = wayfold(settings, "dead-letters", "skip", topic_name(bench.prefix, "entries"), words[1], "0")
    assert counted.returncode == 1
    assert "is counted up to offset" in counted.stderr
    assert "--force" in counted.stderr


def command_in(message: str) -> list[str]:
    """The topic, partition and offset of the command that a worker's last words name."""
    return message.partition("`wayfold dead-letters skip ")[2].partition(" --note")[0].split()


async def test_a_worker_that_stops_tells_the_group_how_far_it_has_counted(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """Whoever skips a record learns from the group's offsets whether it was counted; they are exact then."""
    settings = settings_for(kafka, topic_prefix, tmp_path / "state")
    with Publisher(settings) as publisher:
        async with running_worker(settings) as worker:
            publisher.publish(8)
            await until_folded([worker], publisher.sent)
            publisher.send("entries", 1, b"poison")
            with pytest.raises(WorkerError, match="`wayfold dead-letters skip entries 1 2 --note WHY`"):
                await worker.task
    with pytest.raises(SkipRefusedError, match="is counted up to offset 2, record 1 among it"):
        await skip_in_kafka(settings, SkipRequest(topic="entries", partition=1, offset=1))
    await skip_in_kafka(settings, SkipRequest(topic="entries", partition=1, offset=2))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("entries", "0", "7"), "there is no record 7 yet"),
        (("entries", "9", "0"), "its partitions are 0 to 3"),
        (("entrys", "0", "0"), "name one of entries, steps"),
    ],
)
def test_a_record_that_is_not_there_is_not_skipped(
    settings: Settings, words: tuple[str, ...], said: str
) -> None:
    """Nobody skips what may come one day, or mistypes a topic without hearing of it."""
    done = wayfold(settings, "dead-letters", "skip", *words)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


async def test_the_topic_is_made_to_keep_the_latest_of_each_key(settings: Settings) -> None:
    """It has one partition, is compacted and forgets nothing for its age; without it no worker starts."""
    topic = topic_name(settings.kafka.topic_prefix, CONTROL)
    with admin(settings.kafka) as client:
        (described,) = client.describe_topics([topic])
        assert len(described["partitions"]) == 1
        configs = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        assert "compact" in str(configs)
        client.delete_topics([topic])
    await until(lambda: is_missing(settings, topic), "the topic is gone")
    assert ensure_topics(settings.kafka) == [topic]
    find_topics(settings.kafka)


def is_missing(settings: Settings, topic: str) -> bool:
    """Whether a worker would be told at its start that the topic is not there, and how to make it."""
    try:
        find_topics(settings.kafka)
    except TopicsError as error:
        return f"no topic {topic}. Create what is missing with `wayfold topics create`" in str(error)
    return False


def skip(offset: int, note: str, topic_id: str) -> RecordSkipped:
    at = datetime(2026, 11, 27, tzinfo=UTC)
    return RecordSkipped(at=at, topic="steps", partition=1, offset=offset, note=note, topic_id=topic_id)


async def test_the_topic_is_read_whole_and_then_followed(settings: Settings) -> None:
    """All there is holds before anything is folded, and what comes later soon after it was written."""
    topics = find_topics(settings.kafka)
    topic_id = topics.ids_by_kind["steps"]
    assert list((await read_control(settings.kafka, topics)).skips()) == []
    events = [skip(offset % 1_000, f"note {offset}", topic_id) for offset in range(2_500)]
    await write_control(settings.kafka, [*events, skip(5_000, "another topic", "other")])
    with KafkaProducer(**client_options(settings.kafka)) as producer:
        producer.send(
            topic_name(settings.kafka.topic_prefix, CONTROL), b"nonsense", skip(3, "", "").key.encode()
        )
        producer.send(topic_name(settings.kafka.topic_prefix, CONTROL), None, skip(4, "", "").key.encode())
    async with KafkaControl(settings.kafka, topics, follow=True) as control:
        skipped = control.table.skipped_in(1)["steps"]
        assert len(skipped) == 999
        assert (skipped[0], skipped[3], skipped[600]) == ("note 2000", "note 2003", "note 1600")
        await write_control(settings.kafka, [skip(6_000, "now", topic_id)])
        await until(lambda: 6_000 in skipped, "the worker hears of it")


async def test_a_topic_that_cannot_be_read_is_said(settings: Settings) -> None:
    """A worker does not fold without knowing what was skipped: it says what it could not read."""
    topics = find_topics(settings.kafka)
    nowhere = settings.kafka.model_copy(
        update={"bootstrap_servers": "127.0.0.1:9", "request_timeout_ms": 1_000}
    )
    with pytest.raises(ControlError, match=rf"{settings.kafka.topic_prefix}\.control could not be read"):
        await read_control(nowhere, topics)
    with pytest.raises(ControlError, match=rf"{settings.kafka.topic_prefix}\.control could not be written"):
        await write_control(nowhere, [skip(1, "", "")])
