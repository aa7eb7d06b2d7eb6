"""Readers get the sum over all partitions or are told to wait, whatever Redis has lost."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import httpx
import pytest
from redis import Redis

from tests.exporters.api.conftest import no_metrics
from tests.exporters.redis_views.fakes import FakeOpened, FakePartition, until
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.cluster import ClusterNumbers
from wayfold.exporters.api.source import SourceUnavailableError
from wayfold.exporters.redis_views import RedisViews, hashes
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.models.zone import Zone
from wayfold.settings import RedisSettings
from wayfold.state.reading.query import Query
from wayfold.state.telemetry import Telemetry

pytestmark = pytest.mark.services

WELCOME = JourneyName("acme", "welcome")
OTHER = JourneyName("acme", "win-back")
ONE = Query(account_id="acme", journey_id="welcome")
PATHS = ("/v1/journeys/welcome?account=acme", "/v1/journeys?account=acme", "/v1/accounts/acme", "/v1/numbers")


def settings_for(url: str) -> RedisSettings:
    return RedisSettings(url=url, prefix="test", publish_interval_ms=1)


@asynccontextmanager
async def worker(url: str, *partitions: FakePartition) -> AsyncIterator[RedisViews]:
    """A worker that has some of two partitions, and has pushed them if it can."""
    views = RedisViews(
        settings_for(url),
        Telemetry(),
        url="http://worker",
        partitions=2,
        views_of=lambda partition: partition,
    )
    async with views.running():
        for partition in partitions:
            views.committed(FakeOpened(partition))
        await views.flush(1)
        yield views


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[RedisReader]:
    """A reader as `wayfold serve` has one."""
    reader = RedisReader(settings_for(url))
    try:
        yield reader
    finally:
        await reader.close()


def two_partitions() -> list[FakePartition]:
    """Partitions that have 300 and 600 entries in one journey, 3 and 6 in another, and an account."""
    partitions = [FakePartition(0), FakePartition(1)]
    for number, partition in enumerate(partitions, start=1):
        partition.commit(WELCOME, "journey", total_entries=300 * number)
        partition.commit(OTHER, "journey", total_entries=3 * number)
        partition.commit(JourneyName("acme", ""), "account", **{"sent_messages:email:none": number})
    return partitions


async def entries(reader: RedisReader, query: Query) -> dict[str, int]:
    """What readers see of the journeys."""
    document = await reader.document(query)
    return {one["journey_id"]: one["numbers"]["total_entries"] for one in document["journeys"]}


async def test_a_redis_that_was_emptied_never_gives_a_part(redis: Redis, own_redis_url: str) -> None:
    """While two workers push everything again, each read gives all partitions' sum or is unavailable."""
    first, second = two_partitions()
    expected = {
        ONE: {"welcome": 900},
        Query(account_id="acme"): {"welcome": 900, "win-back": 9},
        Query(): {"welcome": 900, "win-back": 9},
    }
    async with (
        worker(own_redis_url, first),
        worker(own_redis_url, second),
        reading(own_redis_url) as reader,
    ):
        for query, whole in expected.items():
            assert await entries(reader, query) == whole
        for _ in range(3):
            redis.flushall()
            unavailable, answered = 0, set[Query]()
            deadline_s = time.monotonic() + 20
            while len(answered) < len(expected):
                assert time.monotonic() < deadline_s
                for query, whole in expected.items():
                    try:
                        assert await entries(reader, query) == whole
                        answered.add(query)
                    except SourceUnavailableError:
                        unavailable += 1
                await asyncio.sleep(0)
            assert unavailable


async def test_the_answer_is_503_until_all_partitions_are_there(redis: Redis, own_redis_url: str) -> None:
    """Every path for numbers answers 503 and says what is missing, before the first worker and the last."""
    first, second = two_partitions()
    async with reading(own_redis_url) as reader, aiohttp.ClientSession() as session:
        numbers = ClusterNumbers(reader, session, zone=lambda _: Zone("UTC"))
        transport = httpx.ASGITransport(create_app(numbers, no_metrics))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:

            async def refusals() -> set[str]:
                details = set()
                for path in PATHS:
                    answer = await client.get(path)
                    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
                    assert answer.json()["type"] == "urn:wayfold:problem:numbers-unavailable"
                    details.add(answer.json()["detail"])
                return details

            (detail,) = await refusals()
            assert "no worker has written to it" in detail
            async with worker(own_redis_url, first):
                (detail,) = await refusals()
                assert detail.endswith("no worker has pushed those of partition 1; see that workers run")
                async with worker(own_redis_url, second):
                    assert {(await client.get(path)).status_code for path in PATHS} == {200}


async def test_what_was_pushed_stays_readable_without_its_worker(redis: Redis, own_redis_url: str) -> None:
    """Numbers are read while partitions have no worker; a new one is asked when it is behind no more."""
    first, second = two_partitions()
    async with worker(own_redis_url, first, second):
        pass
    for number, claim in redis.hgetall("test:partitions").items():
        redis.hset("test:partitions", number, json.dumps({**json.loads(claim), "expires_at_ms": 1}))
    async with reading(own_redis_url) as reader:
        assert await entries(reader, ONE) == {"welcome": 900}
        assert await reader.unready() == ["no worker has partition 0", "no worker has partition 1"]
        first_again = FakePartition(0)
        async with worker(own_redis_url, first_again) as successor:
            behind = "Redis does not have all numbers of partition 0 yet"
            assert successor.unready()
            assert await reader.unready() == [behind, "no worker has partition 1"]
            assert await entries(reader, ONE) == {"welcome": 900}
            assert await entries(reader, Query()) == {"welcome": 900, "win-back": 9}
            assert await reader.owners() == {0: None, 1: None}
            first_again.journeys, first_again.sequence = first.journeys, first.sequence
            successor.committed(FakeOpened(first_again))
            assert await successor.flush()
            assert await reader.owners() == {0: "http://worker", 1: None}
            assert await reader.unready() == ["no worker has partition 1"]
            assert await entries(reader, ONE) == {"welcome": 900}


@pytest.mark.parametrize("lost", ["partitions", "journey"])
async def test_a_journey_that_was_lost_is_told(redis: Redis, own_redis_url: str, lost: str) -> None:
    """When Redis loses a journey but no claim, readers are kept out from then until it is there again."""

    def readable_since_ms() -> int | None:
        return json.loads(redis.hget("test:partitions", "0") or b"{}").get("readable_since_ms")  # type: ignore[no-any-return]

    async with worker(own_redis_url, *two_partitions()), reading(own_redis_url) as reader:
        before = readable_since_ms()
        assert before is not None
        redis.delete(f"test:{{acme/welcome}}:{lost}")
        await until(lambda: readable_since_ms() != before, what="the loss is told")
        await until(lambda: readable_since_ms() is not None, what="all is there again")
        assert (readable_since_ms() or 0) > before
        await until(lambda: redis.hlen("test:partitions") == 2, what="both are claimed")
        deadline_s = time.monotonic() + 10
        while await reader.unready():
            assert time.monotonic() < deadline_s
        assert await entries(reader, ONE) == {"welcome": 900}


async def test_a_journey_that_was_read_before_takes_one_round_trip(redis: Redis, own_redis_url: str) -> None:
    """A journey, and whether it is whole, are read in one transaction and nothing else is asked."""
    async with worker(own_redis_url, *two_partitions()):
        pass
    async with reading(own_redis_url) as reader:
        assert await entries(reader, ONE) == {"welcome": 900}
        redis.config_resetstat()
        assert await entries(reader, ONE) == {"welcome": 900}
        asked = {name: stat["calls"] for name, stat in redis.info("commandstats").items()}
    assert asked["cmdstat_exec"] == asked["cmdstat_multi"] == asked["cmdstat_sismember"] == 1
    assert asked["cmdstat_hgetall"] == 3
    assert "cmdstat_smembers" not in asked


async def test_a_journey_that_is_new_at_every_look_is_unavailable(
    redis: Redis, own_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader does not look for ever, and never gives hashes of views that are not the journey's."""
    monkeypatch.setattr(hashes, "LOOKS", 1)
    async with worker(own_redis_url, *two_partitions()):
        pass
    async with reading(own_redis_url) as reader:
        with pytest.raises(SourceUnavailableError, match="change while they are read"):
            await entries(reader, ONE)
        assert await entries(reader, ONE) == {"welcome": 900}


async def test_who_asks_with_tags_comes_to_the_same_numbers(redis: Redis, own_redis_url: str) -> None:
    """Kept answers are soon those of a fresh read, after commits with and without records, of any owner."""
    first, second = two_partitions()
    async with reading(own_redis_url) as reader, aiohttp.ClientSession() as session:
        numbers = ClusterNumbers(reader, session, zone=lambda _: Zone("UTC"))
        transport = httpx.ASGITransport(create_app(numbers, no_metrics))  # type: ignore[arg-type]
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client,
            worker(own_redis_url, second),
        ):
            kept: dict[str, httpx.Response] = {}

            async def are_right() -> bool:
                for path in (*PATHS, "/v1/accounts"):
                    known = kept.get(path)
                    answer = await client.get(
                        path, headers={"if-none-match": known.headers["etag"]} if known else {}
                    )
                    if answer.status_code == 200:
                        kept[path] = answer
                    fresh = await client.get(path)
                    left_out = {"as_of": "", "lag_ms": 0}
                    if answer.status_code not in (200, 304) or kept[path].json() | left_out != (
                        fresh.json() | left_out
                    ):
                        return False
                return True

            async def come_right() -> None:
                async with asyncio.timeout(20):
                    while not await are_right():
                        await asyncio.sleep(0.01)

            async with worker(own_redis_url, first) as views:
                await come_right()
                for count in range(1, 9):
                    first.commit(WELCOME, "journey", total_entries=300 + count)
                    if count % 2:
                        # As when histories are judged by a definition: no record, other numbers.
                        first.sequence -= 1
                    views.committed(FakeOpened(first))
                    if count % 3 == 0:
                        await views.flush(1)
                    await come_right()
            async with worker(own_redis_url, first):
                await come_right()
                states = {(await client.get("/v1/freshness")).json()["state"] for _ in range(3)}
                assert len(states) <= 2
