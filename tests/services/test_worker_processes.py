"""`wayfold worker` as a process: stopped, killed, asleep past its session, without its state."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, TopicPartition

from local_services import wait_until
from tests.generators.world import TIME_ZONES
from tests.services.cluster import PARTITIONS, settings_for
from tests.services.hostile import Published, expected, hostile_log
from tests.services.processes import WorkerProcess
from tests.services.verdict import (
    LogPublisher,
    Verdict,
    entries_in,
    entries_in_redis,
    wait_until_folded,
)
from wayfold.agents.kafka.topics import all_topics, ensure_topics, find_topics, topic_name
from wayfold.agents.states.snapshot_storage import open_snapshot_objects
from wayfold.agents.worker.run import log_identity
from wayfold.settings import FoldSettings, RedisSettings, Settings, StateSettings, WorkerSettings
from wayfold.state.snapshots.log_identity import LogIdentity
from wayfold.state.snapshots.snapshots import Snapshots

SESSION_MS = 3_000


class Bench:
    """Settings of workers that share topics and Redis, a log, and its publisher."""

    def __init__(self, kafka: str, redis_url: str, prefix: str, folder: Path, records: int) -> None:
        self.kafka, self.redis_url, self.prefix, self.folder = kafka, redis_url, prefix, folder
        self.timestamp_ms = time.time_ns() // 1_000_000
        self.log = hostile_log(7, records, records // 5, PARTITIONS)
        ensure_topics(self.settings("one").kafka)
        self.publisher = LogPublisher(self.settings("one"), self.timestamp_ms)

    def settings(self, name: str, directory: str | None = None) -> Settings:
        base = settings_for(
            self.kafka, self.prefix, self.folder, group_instance_id=name, session_timeout_ms=SESSION_MS
        )
        state = StateSettings(
            directory=self.folder / (directory or name),
            snapshot_url=str(self.folder / "snapshots"),
            snapshot_interval_s=1,
        )
        return base.model_copy(
            update={
                "state": state,
                "redis": RedisSettings(url=self.redis_url, prefix=self.prefix),
                "fold": FoldSettings(batch_interval_ms=20, account_time_zones=dict(TIME_ZONES)),
                "worker": WorkerSettings(port=0),
            }
        )

    def log_identity(self) -> LogIdentity:
        settings = self.settings("one")
        return log_identity(settings, find_topics(settings.kafka))

    @contextmanager
    def worker(self, name: str, directory: str | None = None) -> Iterator[WorkerProcess]:
        process = WorkerProcess(name, self.settings(name, directory), self.folder)
        try:
            process.start()
            yield process
        finally:
            process.close()

    def parts(self, count: int) -> list[Sequence[Published]]:
        """The log in so many parts, in order."""
        size = -(-len(self.log) // count)
        return [self.log[start : start + size] for start in range(0, len(self.log), size)]

    def finish(self, *workers: WorkerProcess) -> None:
        """Let running workers fold everything, end them, and compare all that they made with the oracle."""
        settings = self.settings("one")
        wait_until_folded(settings)
        verdict = Verdict(settings, self.log, self.timestamp_ms)
        found = verdict.wait_for_redis()
        for worker in workers:
            assert worker.stop() == 0, worker.tail()
        found += verdict.in_stores([self.folder / worker.name for worker in workers])
        assert not found, "\n".join([*found[:40], *(worker.tail() for worker in workers)])


@pytest.fixture
def bench(kafka: str, redis_url: str, topic_prefix: str, tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        bench = Bench(kafka, redis_url, topic_prefix, tmp_path, 3_000)
        stack.callback(bench.publisher.close)
        yield bench


def entries_expected(bench: Bench, log: Sequence[Published]) -> int:
    return entries_in(expected(log, PARTITIONS, bench.timestamp_ms).numbers({}))


def test_sigterm_folds_what_is_in_hand_and_ends_at_once(bench: Bench) -> None:
    """A worker that is asked to stop commits, pushes its last views, and ends with status 0 in seconds."""
    with bench.worker("one") as worker:
        worker.wait_for_log("partition_opened")
        bench.publisher.publish(bench.log)
        started_s = time.monotonic()
        assert worker.stop() == 0, worker.tail()
        assert time.monotonic() - started_s < 15
        worker.start()
        worker.wait_for_log("partition_opened")
        bench.finish(worker)


def test_a_killed_worker_resumes_where_its_store_stands(bench: Bench) -> None:
    """SIGKILL in the middle of folding loses and doubles nothing."""
    with bench.worker("one") as worker:
        for part in bench.parts(3):
            worker.wait_for_log("partition_opened")
            bench.publisher.publish(part)
            worker.kill()
            worker.start()
        worker.wait_for_log("partition_opened")
        bench.finish(worker)


def test_a_worker_asleep_past_its_session_writes_nothing_stale(bench: Bench) -> None:
    """Its partitions move on without it; awake again, it neither changes numbers nor sets Redis back."""
    parts = bench.parts(4)
    with bench.worker("one") as first, bench.worker("two") as second:
        first.wait_for_log("partition_opened")
        second.wait_for_log("partition_opened")
        bench.publisher.publish(parts[0])
        wait_until_folded(bench.settings("one"))
        bench.publisher.publish(parts[1])
        first.pause()
        bench.publisher.publish(parts[2])
        wait_until_folded(bench.settings("one"))
        so_far = bench.log[: -len(parts[3])]
        before, after = (entries_expected(bench, log) for log in (so_far, bench.log))
        settings = bench.settings("two")
        wait_until(lambda: entries_in_redis(settings) == before, seconds=30, what="Redis has what was folded")
        first.resume()
        bench.publisher.publish(parts[3])
        seen: list[int] = []

        def caught_up() -> bool:
            seen.append(entries_in_redis(settings))
            return seen[-1] == after

        wait_until(caught_up, seconds=60, what="Redis has the whole log")
        assert seen == sorted(seen)
        bench.finish(first, second)


def test_a_worker_without_its_state_goes_on_from_a_snapshot(bench: Bench) -> None:
    """With the disk gone and the log's beginning deleted, a snapshot and the rest of the log are enough."""
    first, second = bench.parts(2)
    snapshots = Snapshots(open_snapshot_objects(str(bench.folder / "snapshots")), bench.log_identity())
    per_partition = [sum(record.partition == number for record in first) for number in range(PARTITIONS)]

    def are_made() -> bool:
        latest = [snapshots.latest(number) for number in range(PARTITIONS)]
        return [one and sum(one.offsets.values()) for one in latest] == per_partition

    with bench.worker("one") as worker:
        bench.publisher.publish(first)
        wait_until(are_made, seconds=90, what="there are snapshots of everything")
        worker.kill()
    shutil.rmtree(bench.folder / "one")
    ends: dict[TopicPartition, int] = {}
    for record in first:
        place = TopicPartition(topic_name(bench.prefix, record.kind), record.partition)
        ends[place] = ends.get(place, 0) + 1
    admin = KafkaAdminClient(bootstrap_servers=bench.kafka)
    admin.delete_records(ends)
    admin.close()
    bench.publisher.publish(second)
    with bench.worker("one") as worker:
        worker.wait_for_log("snapshot_restored")
        bench.finish(worker)


def test_topics_that_were_made_again_take_nothing_of_the_old_ones(bench: Bench) -> None:
    """State of topics that are gone is refused, and their snapshots are passed over by a fresh worker."""
    first = bench.log_identity()
    snapshots = Snapshots(open_snapshot_objects(str(bench.folder / "snapshots")), first)

    def is_made() -> bool:
        return all(snapshots.latest(number) is not None for number in range(PARTITIONS))

    with bench.worker("one") as worker:
        bench.publisher.publish(bench.log)
        wait_until(is_made, seconds=90, what="there are snapshots")
        assert worker.stop() == 0, worker.tail()
    kafka = bench.settings("one").kafka
    admin = KafkaAdminClient(bootstrap_servers=bench.kafka)
    admin.delete_topics(all_topics(bench.prefix))
    wait_until(
        lambda: not set(all_topics(bench.prefix)) & set(admin.list_topics()),
        seconds=60,
        what="the topics are gone",
    )
    admin.close()
    ensure_topics(kafka)
    assert bench.log_identity().name != first.name
    with bench.worker("one") as worker:
        wait_until(lambda: not worker.is_running, seconds=60, what="the worker ends")
        assert "deleted and created again" in worker.log()
    with bench.worker("two") as worker:
        worker.wait_for_log("partition_opened")
        assert "snapshot_restored" not in worker.log()


def test_a_second_worker_on_the_same_directory_is_refused(bench: Bench) -> None:
    """Two workers with one state directory would harm each other; the second says so and ends."""
    with bench.worker("one") as worker:
        worker.wait_for_log("partition_opened")
        with bench.worker("two", directory="one") as second:
            wait_until(lambda: not second.is_running, seconds=60, what="the second worker ends")
            assert "in use by another worker" in second.log()
            assert "Traceback" not in second.log()
