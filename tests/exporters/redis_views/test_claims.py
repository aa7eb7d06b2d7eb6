"""Whose a partition is: by Redis's clock alone, under epochs that only grow."""

import json
import time
from typing import Any

import pytest
from redis import Redis

from tests.exporters.redis_views.fakes import FakeOpened, FakePartition, is_right, until
from tests.exporters.redis_views.pushing import run
from tests.exporters.redis_views.working import PREFIX, WELCOME, until_right, worker
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.exporters.redis_views.scripts import CLAIM
from wayfold.settings import RedisSettings

pytestmark = pytest.mark.services

FENCES = f"{PREFIX}:{{acme/welcome}}:partitions"
NOW = time.time_ns
HOUR_NS = 3_600_000_000_000


def claim_of(redis: Redis, number: int = 0) -> dict[str, Any]:
    """The claim on a partition; empty when there is none."""
    return dict(json.loads(redis.hget(f"{PREFIX}:partitions", str(number)) or b"{}"))


def redis_ms(redis: Redis) -> int:
    """What Redis's clock shows."""
    seconds, microseconds = redis.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def partition_of(total: int, **offsets: int) -> FakePartition:
    """A partition that counts so many entries and has folded so far."""
    partition = FakePartition(0)
    partition.commit(WELCOME, "journey", total_entries=total)
    partition.offsets = offsets
    return partition


@pytest.mark.parametrize(("worker_hours", "reader_hours"), [(-5, 7), (7, -5), (0, 9)])
async def test_clocks_that_are_wrong_change_no_claim(
    redis: Redis,
    own_redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    worker_hours: int,
    reader_hours: int,
) -> None:
    """A worker and a reader whose clocks are hours off agree on who has the partition and how fresh it is."""
    monkeypatch.setattr(time, "time_ns", lambda: NOW() + worker_hours * HOUR_NS)
    reader = RedisReader(RedisSettings(url=own_redis_url, prefix=PREFIX))
    async with worker(own_redis_url) as views:
        views.committed(FakeOpened(partition_of(2, entries=1)))
        assert await views.flush()
        before_ms, claim, after_ms = redis_ms(redis), claim_of(redis), redis_ms(redis)
        assert before_ms < claim["expires_at_ms"] <= after_ms + 15_000
        assert claim["readable_since_ms"] <= claim["as_of_ms"] <= after_ms
        monkeypatch.setattr(time, "time_ns", lambda: NOW() + reader_hours * HOUR_NS)
        await until(lambda: claim_of(redis).get("complete") is True, what="all is there")
        assert await reader.owners() == {0: "http://worker"}
        assert await reader.unready() == []
    await reader.close()


@pytest.mark.parametrize(
    ("there", "above", "least"),
    [
        ("", 0, 0),
        ('{"epoch":9000000000000}', 0, 9_000_000_000_001),
        ("", 9_100_000_000_000, 9_100_000_000_001),
    ],
)
def test_an_epoch_is_greater_than_every_one_before(redis: Redis, there: str, above: int, least: int) -> None:
    """Than that of the claim before, than one that was met, and than any that the clock can have given."""
    if there:
        redis.hset("claims", "0", there)
    before_ms = redis_ms(redis)
    answer, now = run(redis, CLAIM, ["claims"], ["0", there, '{"worker":"a"}', 15_000, 0, "", 0, above])
    claim = json.loads(answer)
    assert claim["epoch"] >= max(before_ms, least)
    assert int(now) >= before_ms
    kept, _ = run(
        redis, CLAIM, ["claims"], ["0", answer, '{"worker":"a"}', 15_000, 0, "now", claim["epoch"], 0]
    )
    assert json.loads(kept)["epoch"] == claim["epoch"]
    refused, _ = run(redis, CLAIM, ["claims"], ["0", answer, '{"worker":"b"}', 15_000, 0, "", 0, 0])
    assert refused == kept


async def test_a_successor_s_state_is_shown_though_neither_is_later(redis: Redis, own_redis_url: str) -> None:
    """A new owner from a snapshot with fewer records of one topic and more of another shows its own state."""
    former, successor = partition_of(5, entries=9, steps=90), partition_of(6, entries=10, steps=20)
    async with worker(own_redis_url) as first, worker(own_redis_url) as second:
        forgotten = FakeOpened(former)
        first.committed(forgotten)
        assert await first.flush()
        epoch = claim_of(redis)["epoch"]
        second.committed(FakeOpened(successor))
        await until_right(redis, [successor], WELCOME)
        assert claim_of(redis)["epoch"] > epoch
        # The former owner has not heard of it, and goes on for a while.
        for total in range(6, 30):
            former.commit(WELCOME, "journey", total_entries=total)
            former.offsets = {"entries": total + 9, "steps": 90}
            first.committed(forgotten)
            assert not await first.flush(0.02)
            assert is_right(redis, [successor], WELCOME, PREFIX)
        forgotten.revoked = True


async def test_a_successor_that_is_behind_in_a_topic_only_waits_for_that(
    redis: Redis, own_redis_url: str
) -> None:
    """A new owner from an older snapshot shows nothing until it has all records that Redis has shown."""
    former, successor = partition_of(5, entries=9, steps=90), partition_of(4, entries=8, steps=90)
    async with worker(own_redis_url) as first:
        first.committed(FakeOpened(former))
        assert await first.flush()
    async with worker(own_redis_url) as second:
        opened, epoch = FakeOpened(successor), claim_of(redis)["epoch"]
        second.committed(opened)
        # It claims on top of nothing, then of what is there, then after its first push.
        await until(
            lambda: claim_of(redis)["epoch"] > epoch and claim_of(redis)["turn"] >= 3, what="it has pushed"
        )
        successor.offsets = {"entries": 8, "steps": 900}
        second.committed(opened)
        assert not await second.flush(0.3)
        assert is_right(redis, [former], WELCOME, PREFIX)
        successor.commit(WELCOME, "journey", total_entries=7)
        successor.offsets = {"entries": 9, "steps": 900}
        second.committed(opened)
        assert await second.flush()
        assert is_right(redis, [successor], WELCOME, PREFIX)


async def test_an_owner_gets_past_an_epoch_that_is_none_of_its_partition_s(
    redis: Redis, own_redis_url: str
) -> None:
    """After claims were lost while Redis's clock was put back, the owner begins a greater epoch."""
    partition = partition_of(5, entries=9)
    async with worker(own_redis_url) as views:
        opened = FakeOpened(partition)
        views.committed(opened)
        assert await views.flush()
        later = claim_of(redis)["epoch"] + 10**9
        redis.hset(FENCES, "0", f"{later} entries=9 another.1")
        partition.commit(WELCOME, "journey", total_entries=6)
        views.committed(opened)
        await until(lambda: claim_of(redis)["epoch"] > later, what="a greater epoch has begun")
        await until_right(redis, [partition], WELCOME)


async def test_what_is_no_claim_is_replaced(redis: Redis, own_redis_url: str) -> None:
    """Whatever somebody wrote in the place of a claim keeps no worker from making its own."""
    redis.hset(f"{PREFIX}:partitions", "0", "not JSON")
    async with worker(own_redis_url) as views:
        views.committed(FakeOpened(partition_of(2, entries=1)))
        assert await views.flush()
        redis.hset(f"{PREFIX}:partitions", "0", '{"epoch":"x"}')
        await until(lambda: claim_of(redis).get("complete") is True, what="it is claimed again")


async def test_a_former_owner_s_new_claim_is_no_obstacle(redis: Redis, own_redis_url: str) -> None:
    """One that took a lost claim before it knew of its successor gives way: its epoch is the earlier."""
    async with worker(own_redis_url) as former, worker(own_redis_url) as present:
        old = FakeOpened(partition_of(2, entries=1))
        former.committed(old)
        assert await former.flush()
        newer = partition_of(3, entries=2)
        present.committed(FakeOpened(newer))
        assert await present.flush()
        redis.flushall()
        partition_0 = old.partition
        partition_0.commit(WELCOME, "journey", total_entries=2)
        partition_0.offsets = {"entries": 1}
        former.committed(old)
        await until_right(redis, [newer], WELCOME)
        await until(
            lambda: claim_of(redis).get("offsets") == {"entries": 2}, what="the present owner's claim"
        )
