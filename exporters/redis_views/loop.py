"""A task that does something whenever it is due, and waits when Redis is away."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from typing import Final

import structlog

from wayfold.exporters.redis_views.link import AWAY, RedisRefusedError
from wayfold.exporters.redis_views.member import NEVER_S
from wayfold.exporters.redis_views.shared import Shared

LEAST_BACKOFF_S: Final = 0.05
MOST_BACKOFF_S: Final = 5.0

_log = structlog.get_logger(__name__)


class Loop(ABC):
    """Runs `turn` whenever `due_at_s` has come, until it is stopped; repeats a failed turn, ever later."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.failures = 0
        self.busy = False
        self._stopped = False
        self._wake = asyncio.Event()

    @abstractmethod
    def due_at_s(self) -> float:
        """When the next turn is due, on the monotonic clock; infinite while there is nothing to do."""

    @abstractmethod
    async def turn(self) -> None:
        """Do what is due."""

    def failed(self) -> None:  # noqa: B027  # nothing to do is a good default
        """Prepare for a fresh start after a fault of the program."""

    def wake(self) -> None:
        """Look again when the next turn is due."""
        self._wake.set()

    def stop(self) -> None:
        """Let `run` return soon, also where a cancellation would be swallowed on the way.

        Python 3.11's `asyncio.wait_for`, inside the client, drops one that comes together with its result.
        """
        self._stopped = True
        self._wake.set()

    async def run(self) -> None:
        """Take turns until `stop`."""
        while await self._until_due():
            self.busy = True
            try:
                await self.shared.check()
                await self.turn()
            except (*AWAY, RedisRefusedError) as error:
                await self._pause(error)
            except Exception as error:
                # The fold must not suffer from a fault here, and numbers must not stay away for good.
                _log.exception("redis_views_failed")
                self.failed()
                await self._pause(error)
            else:
                if self.failures:
                    _log.info("redis_is_back", after_failures=self.failures)
                self.failures = 0
            finally:
                self.busy = False
            # A turn that found nothing to wait for must not keep everyone else waiting.
            await asyncio.sleep(0)

    async def _until_due(self) -> bool:
        """Wait until a turn is due; False when there will be none any more."""
        while not self._stopped:
            wait_s = self.due_at_s() - time.monotonic()
            if wait_s <= 0:
                return True
            self._wake.clear()
            try:
                async with asyncio.timeout(None if wait_s == NEVER_S else wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
        return False

    async def _pause(self, error: Exception) -> None:
        if not self.failures:
            _log.warning("redis_is_away", error=str(error) or type(error).__name__)
        self.failures += 1
        self.shared.checked = False
        longest_s = min(MOST_BACKOFF_S, LEAST_BACKOFF_S * 2 ** min(self.failures, 10))
        # All workers lose Redis together; they should not all come back together.
        await asyncio.sleep(longest_s * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret
