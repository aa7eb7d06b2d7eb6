"""What is read back from Redis against the oracle, for events folded by real partitions."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from redis import Redis

from local_services import LocalRedis
from tests.exporters.redis_views.fakes import FakeOpened, FakePartition, until
from tests.exporters.traffic import summarised
from tests.generators.logs import Logged, batches, log_of
from tests.generators.seeded import event_set, replay_hint, seeds, with_repeats
from tests.generators.world import TIME_ZONES, Event
from wayfold.audit import oracle
from wayfold.exporters.api.source import SourceUnavailableError
from wayfold.exporters.redis_views import RedisViews
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.settings import RedisSettings
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.query import Query
from wayfold.state.store.memory_store import MemoryStore
from wayfold.state.telemetry import Telemetry

pytestmark = pytest.mark.services

PARTITIONS = 3


def settings_for(url: str, **options: object) -> RedisSettings:
    return RedisSettings(url=url, prefix="test", publish_interval_ms=0, **options)  # type: ignore[arg-type]


async def fold_slowly(
    partition: Partition,
    opened: FakeOpened,
    views: RedisViews,
    log: Sequence[Logged],
    generator: random.Random,
) -> None:
    """Fold a partition's log in small batches, with other tasks in between."""
    for batch in batches(log, generator, 8):
        async with opened.lock:
            for topic, record in batch:
                partition.fold(topic, [record])
                if generator.random() < 0.1:
                    await asyncio.sleep(0)
            partition.commit()
        views.committed(opened)
        if generator.random() < 0.5:
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("accidents", [False, True])
@pytest.mark.parametrize("seed", seeds(4))
async def test_redis_shows_the_numbers_of_the_oracle(
    redis: Redis, own_redis_url: str, seed: int, accidents: bool
) -> None:
    """Every number of every journey and account in Redis equals the oracle's, after flushes too."""
    generator = random.Random(seed)
    events = list(with_repeats(event_set(seed, 400), generator))
    settings = FoldSettings(partitions=PARTITIONS, account_time_zones=TIME_ZONES)
    partitions = [Partition(MemoryStore(number), number, settings) for number in range(PARTITIONS)]
    views = RedisViews(settings_for(own_redis_url), Telemetry(), partitions=PARTITIONS)
    reader = RedisReader(settings_for(own_redis_url))
    async with views.running():
        folding = asyncio.gather(
            *(
                fold_slowly(partition, FakeOpened(partition), views, log, generator)
                for partition, log in zip(partitions, log_of(events, PARTITIONS), strict=True)
            )
        )
        while accidents and not folding.done():
            await asyncio.sleep(0.05)
            redis.flushall()
        await folding
        await until_shown(views, reader, [event for _, event in events], seed)
    await reader.close()


async def until_shown(views: RedisViews, reader: RedisReader, events: list[Event], seed: int) -> None:
    """Wait until the document equals the oracle's; tells the differences when it does not come to that."""
    expected = oracle.numbers(events, TIME_ZONES, "UTC", {})
    found: list[str] = []
    for _ in range(40):
        settled = await views.flush(1)
        try:
            document = await reader.document(Query())
        except SourceUnavailableError as error:
            found = [str(error)]  # a flush of Redis is not mended yet, on a busy machine
            continue
        found = oracle.differences(document, expected)
        if not found:
            summaries = await reader.document(Query(detail="summary"))
            assert oracle.differences(summaries, summarised(expected)) == []
            for journey in expected["journeys"][:2]:
                await one_journey_is_right(reader, events, journey)
            return
        await asyncio.sleep(0.1)
    raise AssertionError(
        "\n".join([replay_hint(seed), f"settled {settled}", *(line[:200] for line in found[:20])])
    )


async def one_journey_is_right(reader: RedisReader, events: list[Event], journey: dict[str, Any]) -> None:
    asked = {"account_id": journey["account_id"], "journey_id": journey["journey_id"]}
    expected = oracle.numbers(events, TIME_ZONES, "UTC", asked)
    assert not oracle.differences(await reader.document(Query(**asked)), expected)


async def test_owners_and_freshness_come_from_the_claims(redis: Redis, own_redis_url: str) -> None:
    """The reader names the worker of each partition, and says which partitions nobody has."""
    telemetry = Telemetry()
    telemetry.lag_ms = {0: 40}
    settings, reader = settings_for(own_redis_url), RedisReader(settings_for(own_redis_url))
    assert await reader.unready() == ["no worker has ever written to this Redis under this prefix"]
    views = RedisViews(
        settings, telemetry, url="http://one", partitions=2, views_of=lambda partition: partition
    )
    partition = FakePartition(0)
    partition.commit(JourneyName("acme", "welcome"), "journey", total_entries=1)
    async with views.running():
        views.committed(FakeOpened(partition))
        assert await views.flush()
        await until(lambda: redis.hlen("test:partitions") == 1, what="the partition is claimed")
        assert await reader.owners() == {0: "http://one", 1: None}
        assert await reader.unready() == ["no worker has partition 1"]
        fresh = await reader.freshness()
        assert (fresh.watermark_ms, fresh.lag_ms) == (partition.watermark_ms, None)
        second = FakePartition(1)
        telemetry.lag_ms[1] = 90
        views.committed(FakeOpened(second))
        assert await views.flush()
        await until(lambda: redis.hlen("test:partitions") == 2, what="both are claimed")
        assert await reader.unready() == []
        assert (await reader.freshness()).lag_ms == 90
    await reader.close()


async def test_a_journey_is_read_whole_when_it_has_got_a_step(redis: Redis, own_redis_url: str) -> None:
    """A journey that was read before shows steps it got since then, and is gone when nobody has it."""
    settings, reader = settings_for(own_redis_url), RedisReader(settings_for(own_redis_url))
    views = RedisViews(settings, Telemetry(), views_of=lambda partition: partition)
    partition, name = FakePartition(0), JourneyName("acme", "welcome")
    opened, query = FakeOpened(partition), Query(account_id="acme", journey_id="welcome")

    async def entered_by_step() -> dict[str, int]:
        views.committed(opened)
        assert await views.flush()
        (journey,) = (await reader.document(query))["journeys"]
        assert journey["numbers"]["total_entries"] == partition.journeys[name]["journey"]["total_entries"]
        steps = journey["versions"][0]["steps"]
        return {step["step_id"]: step["numbers"]["entered"] for step in steps}

    async with views.running():
        partition.commit(name, "journey", total_entries=1)
        partition.commit(name, "step:1:first", entered=2)
        assert await entered_by_step() == {"first": 2}
        partition.commit(name, "journey", total_entries=3)
        assert await entered_by_step() == {"first": 2}
        partition.commit(name, "step:1:second", entered=4)
        assert await entered_by_step() == {"first": 2, "second": 4}
        redis.srem("test:journeys", "acme/welcome")
        assert (await reader.document(query))["journeys"] == []
    await reader.close()


async def test_a_reader_without_redis_says_so() -> None:
    """When Redis does not answer, every question fails with one clear error."""
    with LocalRedis() as server:
        url = server.url
    reader = RedisReader(settings_for(url))
    for question in (reader.document(Query()), reader.owners(), reader.freshness()):
        with pytest.raises(SourceUnavailableError, match="does not answer"):
            await question
    assert len(await reader.unready()) == 1
    await reader.close()


async def test_a_cluster_is_read() -> None:
    """On Redis Cluster a journey is read in one transaction, and all of them as well."""
    names = [JourneyName("a/{b}", f"j {number}") for number in range(5)]
    partition = FakePartition(0)
    for name in names:
        partition.commit(name, "journey", total_entries=2)
        partition.commit(name, "step:1:x:{y}", entered=2)
    with LocalRedis(options={"cluster-enabled": "yes"}) as server, Redis.from_url(server.url) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        await until(lambda: client.cluster("info")["cluster_state"] == "ok", what="the cluster is up")
        settings = settings_for(server.url, cluster=True)
        views = RedisViews(settings, Telemetry(), views_of=lambda partition: partition)
        async with views.running():
            views.committed(FakeOpened(partition))
            assert await views.flush()
        reader = RedisReader(settings)
        whole = await reader.document(Query())
        one = await reader.document(Query(account_id="a/{b}", journey_id="j 3"))
        summaries = await reader.document(Query(detail="summary"))
        await reader.close()
    assert [journey["journey_id"] for journey in whole["journeys"]] == [name.journey_id for name in names]
    assert [journey["numbers"]["total_entries"] for journey in summaries["journeys"]] == [2] * 5
    assert one["journeys"] == [whole["journeys"][3]]
    assert one["journeys"][0]["versions"][0]["steps"][0]["step_id"] == "x:{y}"
