"""The pusher of a worker against a real Redis that is flushed, rolled back, stopped, and shared."""

import asyncio
import json
import random
import time

import pytest
from redis import Redis

from local_services import LocalRedis
from tests.exporters.redis_views.fakes import FakeOpened, FakePartition, is_right, until
from tests.exporters.redis_views.pushing import dump, restore, totals
from tests.exporters.redis_views.working import OTHER, PREFIX, WELCOME, until_right, worker
from wayfold.exporters.redis_views import RedisRefusedError, RedisViews
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.settings import RedisSettings
from wayfold.state.telemetry import Telemetry

pytestmark = pytest.mark.services


async def test_commits_appear(redis: Redis, own_redis_url: str) -> None:
    """What is committed is in Redis a moment later, and `flush` waits for it."""
    partition = FakePartition(0)
    partition.commit(WELCOME, "journey", total_entries=2)
    async with worker(own_redis_url) as views:
        opened = FakeOpened(partition)
        views.committed(opened)
        assert await views.flush()
        assert is_right(redis, [partition], WELCOME, PREFIX)
        partition.commit(WELCOME, "journey", total_entries=3, conversion_values=5)
        views.committed(opened)
        assert await views.flush()
        assert totals(redis, WELCOME, PREFIX)["journey"]["total_entries"] == "3"
        assert views.unready() == []


async def test_a_flush_of_redis_is_mended_without_events(redis: Redis, own_redis_url: str) -> None:
    """After FLUSHALL everything comes back, definitions and claims too, though no event arrives."""
    partitions = [FakePartition(number) for number in range(3)]
    generator = random.Random(1)
    async with worker(own_redis_url) as views:
        for partition in partitions:
            for _ in range(20):
                partition.commit_at_random(generator, [WELCOME, OTHER])
            partition.definitions[WELCOME] = {"1": '{"name":"Welcome","steps":[]}'}
            views.committed(FakeOpened(partition))
        assert await views.flush()
        redis.flushall()
        await until_right(redis, partitions, WELCOME, OTHER)
        await until(lambda: redis.hlen(f"{PREFIX}:partitions") == 3, what="partitions are claimed again")
        await until(
            lambda: redis.hget(f"{PREFIX}:{{acme/welcome}}:metadata", "1") is not None,
            what="definitions are back",
        )
        assert redis.smembers(f"{PREFIX}:journeys") == {b"acme/welcome", b"acme/win-back%2F2"}


async def test_an_old_dump_is_mended_without_events(redis: Redis, own_redis_url: str) -> None:
    """When Redis comes back from an old dump, what it has lost is pushed again though no event arrives."""
    partition = FakePartition(0)
    generator = random.Random(2)
    async with worker(own_redis_url) as views:
        opened = FakeOpened(partition)
        partition.commit_at_random(generator, [WELCOME])
        views.committed(opened)
        assert await views.flush()
        old = dump(redis)
        for _ in range(30):
            partition.commit_at_random(generator, [WELCOME, OTHER])
            views.committed(opened)
        assert await views.flush()
        restore(redis, old)
        await until_right(redis, [partition], WELCOME, OTHER)


@pytest.mark.parametrize("lost", ["journey", "views", "partitions", "state:0"])
async def test_a_deleted_key_is_mended_without_events(redis: Redis, own_redis_url: str, lost: str) -> None:
    """When somebody deletes a hash of a journey, the journey is built anew though no event arrives."""
    partitions = [FakePartition(number) for number in range(2)]
    async with worker(own_redis_url) as views:
        for partition in partitions:
            partition.commit(WELCOME, "journey", total_entries=2)
            partition.commit(WELCOME, "step:1:a", entered=2)
            views.committed(FakeOpened(partition))
        assert await views.flush()
        redis.delete(f"{PREFIX}:{{acme/welcome}}:{lost}")
        await until(lambda: is_whole(redis, 2), what="the journey is whole again")
        await until_right(redis, partitions, WELCOME)


def is_whole(redis: Redis, partitions: int) -> bool:
    """Whether the journey has all its hashes."""
    base = f"{PREFIX}:{{acme/welcome}}"
    wanted = [
        "journey",
        "step:1:a",
        "views",
        "partitions",
        *(f"state:{number}" for number in range(partitions)),
    ]
    return int(redis.exists(*(f"{base}:{key}" for key in wanted))) == len(wanted)


async def test_redis_away_holds_nothing_up() -> None:
    """While Redis is away commits go on, and when it is back it soon shows the latest."""
    partition = FakePartition(0)
    generator = random.Random(3)
    with LocalRedis() as server:
        async with worker(server.url) as views:
            opened = FakeOpened(partition)
            for _ in range(10):
                partition.commit_at_random(generator, [WELCOME])
                views.committed(opened)
            assert await views.flush()
            server.kill()
            for _ in range(50):
                partition.commit_at_random(generator, [WELCOME, OTHER])
                views.committed(opened)
                await asyncio.sleep(0.002)
            assert not await views.flush(0.2)
            assert any("cannot be reached" in reason for reason in views.unready())
            await asyncio.to_thread(server.start)
            with Redis.from_url(server.url) as client:
                await until_right(client, [partition], WELCOME, OTHER)


async def test_a_start_without_redis_is_a_late_start() -> None:
    """A worker starts although Redis cannot be reached, and pushes everything once it can."""
    partition = FakePartition(0)
    partition.commit(WELCOME, "journey", total_entries=2)
    with LocalRedis() as server:
        server.kill()
        async with worker(server.url) as views:
            views.committed(FakeOpened(partition))
            assert not await views.flush(0.1)
            await asyncio.to_thread(server.start)
            with Redis.from_url(server.url) as client:
                await until_right(client, [partition], WELCOME)


async def test_a_revoked_partition_is_not_pushed(redis: Redis, own_redis_url: str) -> None:
    """After its partition was given away a worker pushes nothing more of it, claims included."""
    partition = FakePartition(0)
    partition.commit(WELCOME, "journey", total_entries=2)
    async with worker(own_redis_url) as views:
        opened = FakeOpened(partition)
        views.committed(opened)
        assert await views.flush()
        before = dump(redis)
        opened.revoked = True
        partition.commit(WELCOME, "journey", total_entries=3)
        views.committed(opened)
        assert await views.flush(0.1)
        await asyncio.sleep(0.2)
        assert {key: value for key, value in dump(redis).items() if b"{" in key} == {
            key: value for key, value in before.items() if b"{" in key
        }


async def test_a_revoked_partition_leaves_the_event_loop_alone(redis: Redis, own_redis_url: str) -> None:
    """A partition that was given away with work left over is due for nothing any more."""
    partition = FakePartition(0)
    async with worker(own_redis_url) as views:
        opened = FakeOpened(partition)
        views.committed(opened)
        assert await views.flush()
        async with opened.lock:
            partition.commit(WELCOME, "journey", total_entries=2)
            views.committed(opened)
            opened.revoked = True
        turns = 0
        started = time.monotonic()
        while time.monotonic() < started + 0.3:
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 10
        assert views.unready() == []


async def test_a_worker_that_replays_waits_until_it_has_caught_up(redis: Redis, own_redis_url: str) -> None:
    """A worker that takes over from an older snapshot does not take Redis back, but waits."""
    ahead, behind = FakePartition(0), FakePartition(0)
    for total in range(1, 6):
        ahead.commit(WELCOME, "journey", total_entries=total)
    behind.commit(WELCOME, "journey", total_entries=1)
    behind.commit(WELCOME, "version:1", total_entries=1)
    async with worker(own_redis_url) as first:
        first.committed(FakeOpened(ahead))
        assert await first.flush()
    async with worker(own_redis_url) as second:
        opened = FakeOpened(behind)
        second.committed(opened)
        assert not await second.flush(0.3)
        assert second.unready()
        assert totals(redis, WELCOME, PREFIX)["journey"]["total_entries"] == "5"
        for total in range(2, 6):
            behind.commit(WELCOME, "journey", total_entries=total)
        second.committed(opened)
        assert await second.flush()
        assert is_right(redis, [behind], WELCOME, PREFIX)


async def test_a_worker_that_started_from_nothing_comes_to_rest(redis: Redis, own_redis_url: str) -> None:
    """Accounts that Redis had before the partition knew of them are not read for ever once it does."""
    account = JourneyName("acme", "")
    old, new = FakePartition(0), FakePartition(0)
    old.commit(WELCOME, "journey", total_entries=1)
    old.commit(account, "account", **{"sent_messages:email:none": 1})
    async with worker(own_redis_url) as first:
        first.committed(FakeOpened(old))
        assert await first.flush()
    async with worker(own_redis_url) as second:
        opened = FakeOpened(new)
        second.committed(opened)
        await until(lambda: len(second.unready()) > 0 and new.reads >= 2, what="it has compared with Redis")
        new.commit(WELCOME, "journey", total_entries=1)
        new.commit(account, "account", **{"sent_messages:email:none": 1})
        second.committed(opened)
        assert await second.flush()
        assert is_right(redis, [new], WELCOME, PREFIX)
        assert is_right(redis, [new], account, PREFIX)


async def test_what_a_partition_no_longer_has_is_taken_away(redis: Redis, own_redis_url: str) -> None:
    """On assignment, journeys and views that only an earlier owner had are removed."""
    old, new = FakePartition(0), FakePartition(0)
    old.commit(WELCOME, "journey", total_entries=5)
    old.commit(OTHER, "version:7", total_entries=5)
    new.commit(WELCOME, "version:1", total_entries=1)
    new.sequence = 10
    async with worker(own_redis_url) as first:
        first.committed(FakeOpened(old))
        assert await first.flush()
    async with worker(own_redis_url) as second:
        second.committed(FakeOpened(new))
        assert await second.flush()
    assert is_right(redis, [new], WELCOME, PREFIX)
    assert totals(redis, OTHER, PREFIX) == {}


async def test_another_log_replaces_the_numbers(redis: Redis, own_redis_url: str) -> None:
    """A new log under the same prefix starts from nothing, although its sequences are smaller."""
    old, new = [FakePartition(0), FakePartition(1)], FakePartition(0)
    for partition in old:
        partition.commit(WELCOME, "journey", total_entries=5)
        partition.sequence = 100
    new.commit(WELCOME, "journey", total_entries=1)
    async with worker(own_redis_url) as first:
        for partition in old:
            first.committed(FakeOpened(partition))
        assert await first.flush()
    async with worker(own_redis_url, source="new log") as second:
        second.committed(FakeOpened(new))
        assert await second.flush()
        await until_right(redis, [new], WELCOME)


async def test_claims_tell_who_has_a_partition(redis: Redis, own_redis_url: str) -> None:
    """A partition's claim names its worker's address and how far Redis is; a new owner replaces it."""
    partition = FakePartition(3)
    partition.commit(WELCOME, "journey", total_entries=5)
    async with worker(own_redis_url) as first, worker(own_redis_url) as second:
        first.committed(FakeOpened(partition))
        assert await first.flush()

        def claim() -> dict[str, object]:
            return dict(json.loads(redis.hget(f"{PREFIX}:partitions", "3") or b"{}"))

        await until(lambda: claim().get("complete") is True, what="the partition is claimed")
        one = claim()
        assert (one["url"], one["offsets"]) == ("http://worker", {"entries": 1})
        second.committed(FakeOpened(partition))
        assert await second.flush()
        await until(lambda: claim().get("worker") not in {None, one["worker"]}, what="the second takes over")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"}, "maxmemory-policy noeviction"),
        ({"replicaof": "127.0.0.1 1"}, "replica"),
    ],
)
async def test_a_redis_that_cannot_hold_the_views_is_refused(options: dict[str, str], message: str) -> None:
    """A Redis that may evict keys, or takes no writes, is refused at the start with what to do."""
    with LocalRedis(options=options) as server, pytest.raises(RedisRefusedError, match=message):
        async with worker(server.url):
            pass


async def test_full_pushes_are_measured(redis: Redis, own_redis_url: str) -> None:
    """A full push that Redis refuses counts as a failure, and each one is timed, like those of changes."""
    partition, telemetry = FakePartition(0), Telemetry()
    partition.commit(WELCOME, "journey", total_entries=2)
    settings = RedisSettings(url=own_redis_url, prefix=PREFIX, publish_interval_ms=1)
    views = RedisViews(settings, telemetry, views_of=lambda partition: partition)
    in_the_way = f"{PREFIX}:{{acme/welcome}}:views"
    redis.set(in_the_way, "not a hash")
    async with views.running():
        views.committed(FakeOpened(partition))
        await until(lambda: telemetry.publish_failures > 0, what="Redis refuses")
        refused = sum(telemetry.publish_seconds.counts)
        assert refused > 0
        redis.delete(in_the_way)
        assert await views.flush()
        assert sum(telemetry.publish_seconds.counts) > refused
        assert is_right(redis, [partition], WELCOME, PREFIX)


async def test_a_cluster_takes_everything() -> None:
    """On Redis Cluster no script crosses slots and every journey arrives."""
    generator = random.Random(5)
    names = [JourneyName(f"account {number}", "{x}/y:z") for number in range(12)]
    partitions = [FakePartition(0), FakePartition(1)]
    with LocalRedis(options={"cluster-enabled": "yes"}) as server, Redis.from_url(server.url) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        await until(lambda: client.cluster("info")["cluster_state"] == "ok", what="the cluster is up")
        async with worker(server.url, cluster=True) as views:
            for partition in partitions:
                opened = FakeOpened(partition)
                for _ in range(10):
                    partition.commit_at_random(generator, names)
                    views.committed(opened)
                    await asyncio.sleep(0.003)
            assert await views.flush()
            for name in names:
                assert is_right(client, partitions, name, PREFIX)
