"""The same log in both hosts gives the same numbers and the same refusals, whatever its cut into batches."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from kafka import KafkaProducer

from tests.generators.seeded import replay_hint, seeds
from tests.generators.world import TIME_ZONES
from tests.services.cluster import make_topics_of_publishers_times
from tests.services.hostile import Published, hostile_log
from tests.services.hosts import Hosts, wait_until_host_folded
from tests.services.verdict import QUERIES, wait_until_folded
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.embedded.open import events_directory
from wayfold.agents.kafka.topics import topic_name
from wayfold.agents.sink import EVENT_KINDS, Outgoing
from wayfold.audit.oracle.times import instant_ms
from wayfold.settings import FoldSettings
from wayfold.state.reading.query import Query

PARTITIONS = 3
EVENTS = 2_000
MUTATED = 400
LARGEST_APPEND = 200
RETENTION_DAYS = 60
LOG_BEGINS_MS = instant_ms("2026-03-29T00:00:00Z")
LOG_ENDS_MS = instant_ms("2026-11-13T00:00:00Z")
"""Of times from then to then: many events are late or in the future."""

pytestmark = [pytest.mark.slow, pytest.mark.chaos]

Append = tuple[int, Sequence[Published]]
"""Records that the log takes at one time, in milliseconds UTC."""


@pytest.fixture
def hosts(kafka: str, redis_url: str, topic_prefix: str, tmp_path: Path) -> Hosts:
    fold = FoldSettings(
        batch_interval_ms=20, account_time_zones=dict(TIME_ZONES), retention_days=RETENTION_DAYS
    )
    return Hosts(kafka, redis_url, topic_prefix, tmp_path, PARTITIONS, fold)


def appends(seed: int) -> Iterator[Append]:
    """A log of good and bad records, cut at random, with the log's times going on from cut to cut."""
    generator = random.Random(seed)
    log = hostile_log(seed, EVENTS, MUTATED, PARTITIONS)
    start = 0
    while start < len(log):
        end = start + generator.randint(1, LARGEST_APPEND)
        yield LOG_BEGINS_MS + (LOG_ENDS_MS - LOG_BEGINS_MS) * start // len(log), log[start:end]
        start = end


def write_local(hosts: Hosts, log: Sequence[Append]) -> None:
    """Write a log into the embedded host's directory."""
    local = DurableLog.open(events_directory(hosts.data), EVENT_KINDS, PARTITIONS, synced=False)
    for timestamp_ms, records in log:
        outgoing = [
            Outgoing(each.kind, each.key, each.value, each.headers, partition=each.partition)
            for each in records
        ]
        local.append(outgoing, timestamp_ms)
    local.close()


def publish(hosts: Hosts, log: Sequence[Append]) -> None:
    """Publish it to the cluster, with the same times."""
    make_topics_of_publishers_times(hosts.cluster)
    kafka = hosts.cluster.kafka
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all", enable_idempotence=True)
    sent = [
        producer.send(
            topic_name(kafka.topic_prefix, each.kind),
            each.value,
            each.key,
            list(each.headers),
            partition=each.partition,
            timestamp_ms=timestamp_ms,
        )
        for timestamp_ms, records in log
        for each in records
    ]
    producer.flush()
    for future in sent:
        future.get(0)
    producer.close()


@pytest.mark.parametrize("seed", seeds(1))
def test_both_hosts_make_the_same_of_a_log(hosts: Hosts, seed: int) -> None:
    """Equal partitions and times give equal numbers, dead letters and rows for bills, whatever the polls."""
    log = list(appends(seed))
    write_local(hosts, log)
    publish(hosts, log)
    with hosts.embedded() as host:
        wait_until_host_folded(host, sum(len(records) for _, records in log))
    with hosts.worker() as worker:
        wait_until_folded(hosts.cluster)
        assert worker.stop() == 0, worker.tail()
    letters = hosts.embedded_letters()
    assert {"late", "future"} <= {reason for *_, reason in letters}
    assert hosts.cluster_letters() == letters, replay_hint(seed)
    for asked in QUERIES:
        query = Query(**asked)
        embedded = hosts.answers(hosts.data / "state", query)
        assert hosts.answers(hosts.cluster.state.directory, query) == embedded, replay_hint(seed)
    rows = hosts.consumption(hosts.data / "state")
    assert all(rows.values())
    assert hosts.consumption(hosts.cluster.state.directory) == rows, replay_hint(seed)
