"""The pusher of a worker, as tests run it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.exporters.redis_views.fakes import FakePartition, is_right, until
from wayfold.exporters.redis_views import RedisViews
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.settings import RedisSettings
from wayfold.state.telemetry import Telemetry

PREFIX = "test"
WELCOME = JourneyName("acme", "welcome")
OTHER = JourneyName("acme", "win-back/2")


@asynccontextmanager
async def worker(url: str, source: str = "log", **options: object) -> AsyncIterator[RedisViews]:
    """A running view sink."""
    settings = RedisSettings(url=url, prefix=PREFIX, publish_interval_ms=1, **options)  # type: ignore[arg-type]
    views = RedisViews(
        settings, Telemetry(), url="http://worker", source=source, views_of=lambda partition: partition
    )
    async with views.running():
        yield views


async def until_right(redis: Redis, partitions: list[FakePartition], *names: JourneyName) -> None:
    """Wait until Redis shows what the partitions have committed."""

    def right() -> bool:
        try:
            return all(is_right(redis, partitions, name, PREFIX) for name in names)
        except RedisConnectionError:
            return False

    await until(right, what=f"Redis shows {names}")
