"""Nothing holds up the numbers of other journeys: no key that Redis refuses, no batch that takes long."""

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis import Redis
from structlog.testing import capture_logs

from local_services import LocalRedis
from tests.exporters.redis_views.fakes import FakeOpened, FakePartition, is_right, until
from tests.exporters.redis_views.working import OTHER, PREFIX, WELCOME, until_right
from tests.generators.logs import log_of
from tests.generators.seeded import event_set
from tests.generators.world import TIME_ZONES
from wayfold.exporters.api.source import SourceUnavailableError
from wayfold.exporters.redis_views import RedisViews, ledger
from wayfold.exporters.redis_views.committed import PartitionViews
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.settings import RedisSettings
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.query import Query
from wayfold.state.store.memory_store import MemoryStore
from wayfold.state.telemetry import Telemetry

pytestmark = pytest.mark.services

BASE = f"{PREFIX}:{{acme/welcome}}"
ONE_JOURNEY = {
    name: Query(account_id=name.account_id, journey_id=name.journey_id) for name in (WELCOME, OTHER)
}


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try what is refused again soon, so that tests need not wait."""
    monkeypatch.setattr(ledger, "MOST_RETRY_S", 0.3)


def settings_for(url: str) -> RedisSettings:
    return RedisSettings(url=url, prefix=PREFIX, publish_interval_ms=1)


@asynccontextmanager
async def worker(url: str, telemetry: Telemetry) -> AsyncIterator[RedisViews]:
    """A running view sink whose measurements are at hand."""
    views = RedisViews(
        settings_for(url), telemetry, url="http://worker", views_of=lambda partition: partition
    )
    async with views.running():
        yield views
        await views.flush(2)


def two_journeys() -> FakePartition:
    partition = FakePartition(0)
    partition.commit(WELCOME, "journey", total_entries=2)
    partition.commit(WELCOME, "step:1:a", entered=2)
    partition.commit(OTHER, "journey", total_entries=3)
    partition.definitions = {name: {"1": '{"name":"","steps":[]}'} for name in (WELCOME, OTHER)}
    return partition


async def entries(url: str, name: object) -> int:
    """What readers see of a journey."""
    reader = RedisReader(settings_for(url))
    try:
        (journey,) = (await reader.document(ONE_JOURNEY[name]))["journeys"]  # type: ignore[index]
        return int(journey["numbers"]["total_entries"])
    finally:
        await reader.close()


def claimed(redis: Redis) -> dict[str, object]:
    """What the worker says of its partition."""
    return dict(json.loads(redis.hget(f"{PREFIX}:partitions", "0") or b"{}"))


@pytest.mark.parametrize(
    "end", ["journey", "step:1:a", "views", "partitions", "latest", "state:0", "staging", "metadata"]
)
@pytest.mark.parametrize("when", ["before the first push", "afterwards"])
async def test_a_key_that_redis_refuses_holds_up_no_other_journey(
    redis: Redis, own_redis_url: str, end: str, when: str
) -> None:
    """A string in the place of any key of one journey: others go on and are read, it is told and mended."""
    partition, telemetry = two_journeys(), Telemetry()
    with capture_logs() as logs:
        async with worker(own_redis_url, telemetry) as views:
            opened = FakeOpened(partition)
            if when == "afterwards":
                views.committed(opened)
                assert await views.flush()
                redis.delete(f"{BASE}:{end}")
            redis.set(f"{BASE}:{end}", "not a hash")
            views.committed(opened)
            for total in range(4, 8):
                partition.commit(WELCOME, "journey", total_entries=total)
                partition.commit(WELCOME, "step:1:a", entered=total)
                partition.commit(OTHER, "journey", total_entries=total)
                views.committed(opened)
                await until_right(redis, [partition], OTHER)
            told = "redis_refuses_key" if end == "metadata" else "redis_refuses_journey"
            await until(lambda: told in {log["event"] for log in logs}, what="the refusal is told")
            if end != "metadata":
                await until(lambda: telemetry.publish_refused_journeys == 1, what="the refusal is counted")
                assert telemetry.publish_failures > 0
                await until(lambda: not views.unready(), what="the worker is ready")
                await until(lambda: claimed(redis)["refused"] == ["acme/welcome"], what="it is claimed")
                assert await entries(own_redis_url, OTHER) == 7
                with pytest.raises(SourceUnavailableError):
                    await entries(own_redis_url, WELCOME)
            redis.delete(f"{BASE}:{end}")
            await until_right(redis, [partition], WELCOME, OTHER)
            await until(lambda: telemetry.publish_refused_journeys == 0, what="nothing is refused")
            await until(lambda: claimed(redis)["refused"] == [], what="that is claimed")
            assert await views.flush()
            assert await entries(own_redis_url, WELCOME) == 7
    # Each reason is told once, and again at most after the key had been taken.
    assert sum(log["event"] == "redis_refuses_journey" for log in logs) < 6


@pytest.mark.parametrize("end", ["journeys", "partitions"])
async def test_a_key_that_all_have_in_common_holds_up_no_numbers(
    redis: Redis, own_redis_url: str, end: str
) -> None:
    """With a string in the place of the index or the claims, journeys are pushed all the same."""
    partition = two_journeys()
    redis.set(f"{PREFIX}:{end}", "neither set nor hash")
    with capture_logs() as logs:
        async with worker(own_redis_url, Telemetry()) as views:
            opened = FakeOpened(partition)
            views.committed(opened)
            await until_right(redis, [partition], WELCOME, OTHER)
            partition.commit(WELCOME, "journey", total_entries=9)
            views.committed(opened)
            await until_right(redis, [partition], WELCOME)
            await until(lambda: "redis_refuses_key" in {log["event"] for log in logs}, what="it is told")
            redis.delete(f"{PREFIX}:{end}")
            assert await views.flush()
            assert await entries(own_redis_url, WELCOME) == 9


async def test_what_a_full_redis_refuses_comes_once_there_is_room() -> None:
    """While memory is full the fold goes on and pushes are refused; afterwards the latest are there."""
    partition, telemetry = two_journeys(), Telemetry()
    options = {"maxmemory-policy": "noeviction"}
    with LocalRedis(options=options) as server, Redis.from_url(server.url) as client:
        async with worker(server.url, telemetry) as views:
            opened = FakeOpened(partition)
            views.committed(opened)
            assert await views.flush()
            client.config_set("maxmemory", 1)
            partition.commit(WELCOME, "journey", total_entries=8)
            partition.commit(OTHER, "journey", total_entries=8)
            views.committed(opened)
            await until(lambda: telemetry.publish_refused_journeys == 2, what="both are refused")
            client.config_set("maxmemory", 0)
            await until_right(client, [partition], WELCOME, OTHER)
            assert await views.flush()


async def test_a_long_batch_holds_up_neither_pushes_nor_claims(redis: Redis, own_redis_url: str) -> None:
    """While one partition folds for long, what was committed before is pushed, and claims are renewed."""
    partition, neighbour = two_journeys(), FakePartition(1)
    async with worker(own_redis_url, Telemetry()) as views:
        opened, beside = FakeOpened(partition), FakeOpened(neighbour)
        async with opened.lock:
            views.committed(opened)
            neighbour.commit(WELCOME, "journey", total_entries=5)
            views.committed(beside)
            assert await views.flush()
            assert is_right(redis, [partition, neighbour], WELCOME, PREFIX)
            partition.commit(OTHER, "journey", total_entries=9)
            views.committed(opened)
            await until_right(redis, [partition, neighbour], OTHER)
            claims = redis.hgetall(f"{PREFIX}:partitions")
            redis.delete(f"{PREFIX}:partitions")
            await until(lambda: redis.hlen(f"{PREFIX}:partitions") == 2, what="both are claimed again")
            assert redis.hgetall(f"{PREFIX}:partitions") != claims


@pytest.mark.parametrize("seed", range(3))
def test_amid_a_batch_the_commit_before_is_read(seed: int) -> None:
    """Between any two pieces of a batch, the views that a pusher reads are those of the last commit."""
    settings = FoldSettings(account_time_zones=TIME_ZONES)
    partition = Partition(MemoryStore(0), 0, settings)
    (log,) = log_of(event_set(seed, 600), 1)
    generator = random.Random(seed)
    views = PartitionViews(partition)

    def read() -> dict[object, object]:
        return {
            name: views.read(name, views.watermark_of(name.account_id))
            for name in views.names()
            if name.journey_id
        }

    while log:
        count = generator.randrange(1, 200)
        batch, log = log[:count], log[count:]
        views.hurry()  # else what is held back now is due amid a batch that takes long
        list(views.changed(partition.watermarks))
        before, offsets = read(), dict(views.offsets)
        for topic, record in batch:
            partition.fold(topic, [record])
        for _ in partition.prepare():
            assert {name: read for name, read in read().items() if read} == {
                name: read for name, read in before.items() if read
            }
            assert views.offsets == offsets
            assert not list(views.changed(partition.watermarks))
        partition.commit()
