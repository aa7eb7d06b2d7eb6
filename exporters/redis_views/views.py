"""The view sink of a worker: keeps Redis at what its partitions have committed."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol

import structlog

from wayfold.exporters.redis_views.committed import CommittedViews, PartitionViews
from wayfold.exporters.redis_views.feed import Opened, PartitionFeed
from wayfold.exporters.redis_views.link import AWAY, RedisLink
from wayfold.exporters.redis_views.pace import Pace
from wayfold.exporters.redis_views.shared import Identity, Shared
from wayfold.settings import RedisSettings
from wayfold.state.telemetry import Telemetry

FLUSH_TIMEOUT_S: Final = 5.0

_log = structlog.get_logger(__name__)


class OpenedPartition(Opened, Protocol):
    """A partition that this process owns, as the hosts hand it over."""

    @property
    def partition(self) -> Any:
        """The partition; what is read of it is up to `views_of`."""


class RedisViews:
    """Pushes the views of this worker's partitions; readers find them as docs/redis.md describes.

    `url` is where this worker answers `wayfold serve`. `source` names the log that the partitions come
    from, so that numbers of another log under the same prefix are told apart and replaced.
    """

    def __init__(
        self,
        settings: RedisSettings,
        telemetry: Telemetry,
        *,
        url: str = "",
        source: str = "",
        partitions: int = 1,
        views_of: Callable[[Any], CommittedViews] = PartitionViews,
    ) -> None:
        self._link = RedisLink(settings)
        identity = Identity(secrets.token_hex(8), url, source, partitions)
        pace = Pace(settings.publish_interval_ms / 1000)
        self._shared = Shared(self._link, settings.prefix, identity, pace, telemetry)
        self._views_of = views_of
        self._feeds: dict[int, PartitionFeed] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Check Redis; raises RedisRefusedError when it cannot hold the views.

        When Redis cannot be reached the worker starts all the same, and pushes when it can be.
        """
        try:
            await self._shared.check()
        except AWAY as error:
            _log.warning("redis_is_away", error=str(error))

    def committed(self, opened: OpenedPartition) -> None:
        """Note that a partition has new committed numbers, or has just been opened; return at once."""
        if opened.revoked:
            return
        views = self._views_of(opened.partition)
        feed = self._feeds.get(views.number)
        if feed is None or feed.opened is not opened:
            self._stop(views.number)
            feed = self._feeds[views.number] = PartitionFeed(opened, views, self._shared)
            task = asyncio.get_running_loop().create_task(feed.run(), name=f"redis-views-{views.number}")
            self._tasks[views.number] = task
            task.add_done_callback(_report)
            self._shared.pace.partitions = len(self._feeds)
        feed.committed()

    async def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
        """Wait until Redis has everything that was committed; False when that takes too long."""
        try:
            async with asyncio.timeout(timeout_s):
                for feed in list(self._feeds.values()):
                    await _settle(feed)
        except TimeoutError:
            return False
        return True

    def unready(self) -> list[str]:
        """Say which partitions Redis is behind with; empty when none."""
        return [
            f"Redis does not have all views of partition {number} yet"
            for number, feed in sorted(self._feeds.items())
            if not feed.opened.revoked and (not feed.complete or self._tasks[number].done())
        ]

    async def close(self) -> None:
        """Push what waits, for a few seconds at most, and let go of Redis."""
        with suppress(*AWAY):
            await self.flush()
        tasks = list(self._tasks.values())
        for number in list(self._tasks):
            self._stop(number)
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(*AWAY):
            await self._link.close()

    @asynccontextmanager
    async def running(self, _: object = None) -> AsyncIterator["RedisViews"]:
        """Check on the way in and flush on the way out; a service of the worker."""
        await self.start()
        try:
            yield self
        finally:
            await self.close()

    def _stop(self, number: int) -> None:
        if number in self._feeds:
            self._feeds.pop(number).stop()
            self._tasks.pop(number).cancel()


async def _settle(feed: PartitionFeed) -> None:
    """Wait until a feed has nothing left to push."""
    settled = asyncio.ensure_future(feed.settled.wait())
    try:
        while not settled.done() and not feed.opened.revoked:
            feed.hurry()
            await asyncio.wait({settled}, timeout=0.05)
    finally:
        settled.cancel()


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("redis_views_failed", task=task.get_name(), exc_info=task.exception())
