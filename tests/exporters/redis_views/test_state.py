"""Tags of answers in a cluster: real partitions, workers on real ports, and a real Redis between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import httpx
import pytest
from redis import Redis

from tests.exporters.api.conftest import no_metrics
from tests.exporters.api.test_tags import Embedded, urls_of
from tests.exporters.polling import Poller
from tests.exporters.redis_views.fakes import FakeOpened, until
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.cluster import ClusterNumbers
from wayfold.exporters.api.internal import create_internal_app
from wayfold.exporters.api.server import listen, serving
from wayfold.exporters.redis_views import RedisViews, reader
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.exporters.redis_views.registry import decode_claim
from wayfold.models.zone import Zone
from wayfold.settings import RedisSettings
from wayfold.state.partition import Partition
from wayfold.state.telemetry import Telemetry

pytestmark = pytest.mark.services

PREFIX = "test"


class Worker:
    """A worker of some partitions: pushes to Redis, and answers on a port."""

    def __init__(self, views: RedisViews, partitions: Sequence[Partition]) -> None:
        self.views = views
        self.opened = {partition.number: FakeOpened(partition) for partition in partitions}

    def committed(self) -> None:
        """Tell that all have committed."""
        for opened in self.opened.values():
            self.views.committed(opened)

    def revoke(self) -> None:
        """Give the partitions away."""
        for opened in self.opened.values():
            opened.revoked = True


@asynccontextmanager
async def worker(url: str, partitions: Sequence[Partition], count: int) -> AsyncIterator[Worker]:
    """Run a worker."""
    app = create_internal_app(lambda: partitions, no_metrics, unready=list, token=None)
    async with serving(app, listen("127.0.0.1", 0, "worker")) as address:
        settings = RedisSettings(url=url, prefix=PREFIX, publish_interval_ms=1)
        views = RedisViews(settings, Telemetry(), url=address, partitions=count)
        async with views.running():
            running = Worker(views, partitions)
            running.committed()
            yield running


@pytest.fixture(autouse=True)
def always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask Redis for its state each time, so that tests need not wait."""
    monkeypatch.setattr(reader, "STATE_AGE_S", 0.0)


@asynccontextmanager
async def served(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `wayfold serve`."""
    views = RedisReader(RedisSettings(url=url, prefix=PREFIX))
    async with aiohttp.ClientSession() as session:
        numbers = ClusterNumbers(views, session, zone=lambda _: Zone("UTC"))
        transport = httpx.ASGITransport(create_app(numbers, no_metrics))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
            yield client
    await views.close()


async def state_of(client: httpx.AsyncClient) -> str:
    answer = await client.get("/v1/freshness")
    assert answer.status_code == 200, answer.text
    state: str = answer.json()["state"]
    return state


def turns(redis: Redis) -> int:
    """How often partitions were claimed."""
    claims = [decode_claim(claim) for claim in redis.hgetall(f"{PREFIX}:partitions").values()]
    return min(claim.turn for claim in claims if claim is not None)


async def polling(poller: Poller, is_over: Callable[[], bool]) -> None:
    """Keep answers while numbers change under the reader."""
    while not is_over():
        await poller.ask()
        await asyncio.sleep(0)


async def test_a_tag_differs_after_any_commit_and_stays_without(redis: Redis, own_redis_url: str) -> None:
    """After a commit that is in Redis every tag is another one, and without a commit none changes."""
    host = Embedded(0, size=80, judged=20)
    over = False
    async with AsyncExitStack() as stack:
        # Partitions that fold apart have other definitions for a while, of which a process publishes one.
        workers = [
            await stack.enter_async_context(worker(own_redis_url, [partition], len(host.partitions)))
            for partition in host.partitions
        ]
        client = await stack.enter_async_context(served(own_redis_url))
        poller = Poller(client, urls_of(host.account_id, host.journey_id))
        beside = Poller(client, poller.urls)
        task = asyncio.create_task(polling(beside, lambda: over))
        stack.callback(task.cancel)
        states = []
        for _ in host.commits():
            for one in workers:
                one.committed()
            for one in workers:
                assert await one.views.flush(20)
            statuses = await poller.check()
            assert 304 not in statuses.values()
            states.append(await state_of(client))
            assert len(set(states)) == len(states)
        over = True
        await task
        assert set((await poller.check()).values()) == {304}
        await beside.check()
        assert beside.kept == poller.kept
        # Once more than need be: with the claim that tells how many commits there were.
        claimed = turns(redis)
        await until(lambda: turns(redis) >= claimed + 2, what="the last commit is claimed")
        settled = await state_of(client)
        await until(lambda: turns(redis) >= claimed + 4, what="claims are made again")
        assert await state_of(client) == settled


async def test_another_owner_and_an_emptied_redis_are_other_states(redis: Redis, own_redis_url: str) -> None:
    """Tags do not outlive the owner of a partition, nor what Redis has lost; a part of it has none."""
    host = Embedded(0, size=80)
    for _ in host.commits():
        pass
    count = len(host.partitions)
    async with served(own_redis_url) as client:
        poller = Poller(client, urls_of(host.account_id, host.journey_id))
        assert set((await poller.ask()).values()) == {503}
        assert (await client.get("/v1/freshness")).status_code == 503
        async with worker(own_redis_url, host.partitions, count) as first:
            assert await first.views.flush(20)
            assert set((await poller.check()).values()) == {200}
            kept = dict(poller.kept)
            redis.flushall()
            assert set((await poller.ask()).values()) <= {200, 503}
            assert await first.views.flush(20)

            async def until_answered() -> None:
                while set((await poller.ask()).values()) != {304}:
                    await asyncio.sleep(0.01)

            await asyncio.wait_for(until_answered(), 20)
            assert all(poller.kept[url][0] != tag for url, (tag, _) in kept.items())
            assert {url: said for url, (_, said) in poller.kept.items()} == {
                url: said for url, (_, said) in kept.items()
            }
            kept = dict(poller.kept)
            async with worker(own_redis_url, host.partitions, count) as second:
                first.revoke()
                assert await second.views.flush(20)
                await asyncio.wait_for(until_answered(), 20)
                assert all(poller.kept[url][0] != tag for url, (tag, _) in kept.items())


async def test_which_accounts_there_are(redis: Redis, own_redis_url: str) -> None:
    """The accounts of Redis are those of the partitions: ids, time zones, journeys and watermarks."""
    host = Embedded(2, size=80)
    for _ in host.commits():
        pass
    async with (
        worker(own_redis_url, host.partitions, len(host.partitions)) as one,
        served(own_redis_url) as client,
    ):
        assert await one.views.flush(20)
        expected = await host.source.accounts()
        found = (await client.get("/v1/accounts")).json()
        assert [(each["account_id"], each["time_zone"], each["journeys"]) for each in found["accounts"]] == [
            (account.account_id, account.time_zone, account.journeys) for account in expected
        ]
        for account in expected:
            fresh = (await client.get("/v1/freshness", params={"account": account.account_id})).json()
            (row,) = [each for each in found["accounts"] if each["account_id"] == account.account_id]
            assert fresh["watermark"] == row["watermark"]


async def test_a_push_between_two_claims_is_another_state(redis: Redis, own_redis_url: str) -> None:
    """With the claims as they are, what a push leaves under revisions makes the state another one."""
    host = Embedded(0, size=80)
    for _ in host.commits():
        pass
    views = RedisReader(RedisSettings(url=own_redis_url, prefix=PREFIX))
    async with worker(own_redis_url, host.partitions, len(host.partitions)) as one:
        assert await one.views.flush(20)
        assert {int(number) for number in redis.hkeys(f"{PREFIX}:revisions")} == set(one.opened)
    # The worker is gone: nobody claims any more.
    before = await views.state()
    assert await views.state() == before
    redis.hset(f"{PREFIX}:revisions", "0", "another push")
    assert before is not None
    assert await views.state() not in (before, None)
    await views.close()
