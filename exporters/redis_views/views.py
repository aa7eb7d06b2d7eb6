"""The view sink of a worker: keeps Redis at what its partitions have committed."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Protocol

import structlog

from wayfold.exporters.redis_views.calls import PushBuilder
from wayfold.exporters.redis_views.care_loop import CareLoop
from wayfold.exporters.redis_views.committed import CommittedViews, PartitionViews
from wayfold.exporters.redis_views.link import AWAY, RedisLink
from wayfold.exporters.redis_views.member import Member, Members, Opened
from wayfold.exporters.redis_views.pace import Pace
from wayfold.exporters.redis_views.push_loop import PushLoop
from wayfold.exporters.redis_views.shared import Identity, Shared
from wayfold.settings import RedisSettings
from wayfold.state.telemetry import Telemetry

FLUSH_TIMEOUT_S: Final = 5.0
HURRY_INTERVAL_S: Final = 0.02

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
        pace = Pace(settings.publish_interval_ms / 1000, telemetry.lag_ms)
        self._shared = Shared(self._link, settings.prefix, identity, pace, telemetry)
        self._views_of = views_of
        self._members = Members()
        builder = PushBuilder(self._shared.values)
        self._pushes = PushLoop(self._shared, self._members, builder)
        self._care = CareLoop(self._shared, self._members, builder, self._pushes)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Check Redis and begin to push; raises RedisRefusedError when it cannot hold the views.

        When Redis cannot be reached the worker starts all the same, and pushes when it can be.
        """
        try:
            await self._shared.check()
        except AWAY as error:
            _log.warning("redis_is_away", error=str(error))
        self._tasks = [
            asyncio.create_task(self._pushes.run(), name="redis-views-push"),
            asyncio.create_task(self._care.run(), name="redis-views-care"),
        ]

    def committed(self, opened: OpenedPartition) -> None:
        """Note that a partition has new committed numbers, or has just been opened; return at once."""
        if opened.revoked:
            return
        number = opened.partition.number
        member = self._members.get(number)
        if member is None or member.opened is not opened:
            member = Member(opened, self._views_of(opened.partition), self._shared)
            self._members[number] = member
            self._care.wake()
        self._pushes.committed(member)

    async def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
        """Wait until Redis has everything that was committed; False when that takes too long."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (
                    all(map(self._is_shown, self._members.owned())) and self._shared.revisions.is_told
                ):
                    self._pushes.hurry()
                    self._care.hurry()
                    await asyncio.sleep(HURRY_INTERVAL_S)
        except TimeoutError:
            return False
        return True

    def unready(self) -> list[str]:
        """Say why Redis does not show everything; empty when it does, but for the latest changes."""
        away = ["Redis cannot be reached, its numbers are as of then"] if self._pushes.failures else []
        return away + [
            f"Redis does not have all views of partition {member.number} yet"
            for member in self._members.owned()
            if not member.intact
        ]

    async def close(self) -> None:
        """Push what waits, for a few seconds at most, and let go of Redis."""
        await self.flush()
        for loop in (self._pushes, self._care):
            loop.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
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

    def _is_shown(self, member: Member) -> bool:
        readable = member.claim.readable_since_ms is not None
        return readable and member.current and not self._shared.new_names(member.views)
