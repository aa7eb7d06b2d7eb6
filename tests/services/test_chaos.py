"""Workers, brokers and Redis are killed and stopped under load: at the end every number is the oracle's."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
import redis

from local_services import LocalKafka, LocalRedis
from tests.generators.seeded import replay_hint, seeds
from tests.generators.world import TIME_ZONES
from tests.services.cluster import PARTITIONS, settings_for
from tests.services.hostile import Published, hostile_log
from tests.services.processes import WorkerProcess
from tests.services.verdict import LogPublisher, Verdict, wait_until_folded
from wayfold.agents.kafka.topics import ensure_topics
from wayfold.settings import FoldSettings, RedisSettings, Settings, WorkerSettings

SESSION_MS = 3_000
CHUNK_RECORDS = 500


class Plan(NamedTuple):
    """How much happens: `accidents` of each kind in a random order, while the log is published."""

    events: int
    mutated: int
    kills: int
    pauses: int
    broker_kills: int
    redis_kills: int
    redis_flushes: int

    def accidents(self, generator: random.Random) -> list[str]:
        names = ["kill"] * self.kills + ["pause"] * self.pauses + ["broker"] * self.broker_kills
        names += ["redis kill"] * self.redis_kills + ["redis flush"] * self.redis_flushes
        generator.shuffle(names)
        return names


SHORT = Plan(events=6_000, mutated=1_500, kills=2, pauses=1, broker_kills=1, redis_kills=1, redis_flushes=1)
LONG = Plan(
    events=150_000, mutated=100_000, kills=50, pauses=6, broker_kills=5, redis_kills=5, redis_flushes=5
)


class Cluster:
    """A broker, a Redis and two workers with directories of their own."""

    def __init__(self, kafka: LocalKafka, redis_server: LocalRedis, prefix: str, folder: Path) -> None:
        self.kafka = kafka
        self.redis = redis_server
        self.directories = [folder / name for name in ("one", "two")]
        self.settings = [
            self._settings(prefix, directory, f"worker-{number}")
            for number, directory in enumerate(self.directories)
        ]
        ensure_topics(self.settings[0].kafka)
        self.workers = [
            WorkerProcess(f"worker-{number}", settings, folder)
            for number, settings in enumerate(self.settings)
        ]

    def _settings(self, prefix: str, directory: Path, name: str) -> Settings:
        base = settings_for(
            self.kafka.bootstrap_servers,
            prefix,
            directory,
            group_instance_id=name,
            session_timeout_ms=SESSION_MS,
        )
        return base.model_copy(
            update={
                "redis": RedisSettings(url=self.redis.url, prefix=prefix),
                "fold": FoldSettings(batch_interval_ms=20, account_time_zones=dict(TIME_ZONES)),
                "worker": WorkerSettings(port=0),
            }
        )

    def tails(self) -> str:
        return "\n".join(f"--- {worker.name}\n{worker.tail()}" for worker in self.workers)


class Accidents:
    """Lets accidents happen one after the other, each at a random moment, until all have happened.

    `share` is how much of them is over, from 0 to 1.
    """

    def __init__(self, cluster: Cluster, generator: random.Random) -> None:
        self.cluster = cluster
        self.generator = generator
        self.share = 0.0

    def happen(self, names: Sequence[str]) -> None:
        """Let them happen; now and then one comes before the last one's victim is up again."""
        for number, name in enumerate(names, 1):
            self.share = number / len(names)
            if self.generator.random() < 0.8:
                self.wait_until_working()
            self._wait(0.1, 1.5)
            self._one(name)
        self.share = 1.0

    def _wait(self, least_s: float, most_s: float) -> None:
        threading.Event().wait(self.generator.uniform(least_s, most_s))

    def wait_until_working(self) -> None:
        """Wait until both workers have had partitions since their last start."""
        for worker in self.cluster.workers:
            worker.wait_for_log("partitions_assigned")

    def _one(self, name: str) -> None:
        cluster = self.cluster
        worker = self.generator.choice(cluster.workers)
        if name == "kill":
            worker.kill()
            # At once, so that it takes its partitions back, or after its session, so that they have moved.
            self._wait(0.0, self.generator.choice((0.1, 2 * SESSION_MS / 1000)))
            worker.start()
        elif name == "pause":
            worker.pause()
            self._wait(1.5 * SESSION_MS / 1000, 3 * SESSION_MS / 1000)
            worker.resume()
        elif name == "broker":
            cluster.kafka.kill()
            self._wait(0.0, 2.0)
            cluster.kafka.start()
        elif name == "redis kill":
            cluster.redis.kill()
            self._wait(0.0, 2.0)
            cluster.redis.start()
        else:
            with redis.Redis.from_url(cluster.redis.url) as client:
                client.flushall()


@pytest.fixture
def cluster(
    local_kafka: LocalKafka, local_redis: LocalRedis, topic_prefix: str, tmp_path: Path
) -> Iterator[Cluster]:
    with ExitStack() as stack:
        cluster = Cluster(local_kafka, local_redis, topic_prefix, tmp_path)
        for worker in cluster.workers:
            stack.callback(worker.close)
        yield cluster


def publish_along(
    publisher: LogPublisher, log: Sequence[Published], accidents: Accidents, over: threading.Event
) -> None:
    """Publish a log while accidents happen, as much of it as of them, and the rest when they are over."""
    for start in range(0, len(log), CHUNK_RECORDS):
        publisher.publish(log[start : start + CHUNK_RECORDS])
        while start / len(log) > accidents.share and not over.wait(0.02):
            pass


def run_chaos(cluster: Cluster, plan: Plan, seed: int) -> None:
    """Publish, let accidents happen, wait until all is folded, end the workers, compare."""
    generator = random.Random(seed)
    timestamp_ms = time.time_ns() // 1_000_000
    log = hostile_log(seed, plan.events, plan.mutated, PARTITIONS)
    publisher = LogPublisher(cluster.settings[0], timestamp_ms)
    accidents = Accidents(cluster, generator)
    over = threading.Event()
    failures: list[BaseException] = []

    def publish() -> None:
        try:
            publish_along(publisher, log, accidents, over)
        except BaseException as error:
            failures.append(error)

    for worker in cluster.workers:
        worker.start()
    publishing = threading.Thread(target=publish)
    publishing.start()
    try:
        accidents.happen(plan.accidents(generator))
    finally:
        over.set()
        publishing.join()
        publisher.close()
    assert not failures, failures
    accidents.wait_until_working()
    wait_until_folded(cluster.settings[0])
    verdict = Verdict(cluster.settings[0], log, timestamp_ms)
    found = verdict.wait_for_redis()
    statuses = [worker.stop() for worker in cluster.workers]
    assert statuses == [0, 0], cluster.tails()
    found += verdict.in_stores(cluster.directories)
    assert not found, "\n".join([replay_hint(seed), *found[:40], cluster.tails()])


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.parametrize("seed", seeds(1, first=1))
def test_a_little_chaos_changes_no_number(cluster: Cluster, seed: int) -> None:
    """Kills of both workers, a worker stopped past its session, a broker and Redis killed, Redis flushed."""
    run_chaos(cluster, SHORT, seed)


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.parametrize("seed", seeds(1, first=100))
def test_much_chaos_changes_no_number(cluster: Cluster, seed: int) -> None:
    """Fifty kills and 100,000 mutated records among the accidents: numbers and refused counts are exact."""
    print(replay_hint(seed))
    run_chaos(cluster, LONG, seed)
