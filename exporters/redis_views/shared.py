"""What the feeds of one process have in common."""

import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import structlog

from wayfold.exporters.redis_views.calls import PushedValues
from wayfold.exporters.redis_views.committed import CommittedViews
from wayfold.exporters.redis_views.keys import JourneyKeys, JourneyName, Keys
from wayfold.exporters.redis_views.link import RedisLink
from wayfold.exporters.redis_views.pace import Pace
from wayfold.exporters.redis_views.registry import publish_names, read_roster
from wayfold.state.telemetry import Telemetry

REMEMBERED_FIELDS: Final = 300_000
"""Fields whose last pushed values are kept in memory, all partitions together: about 50 MB."""
WATERMARK_INTERVAL_S: Final = 0.5


_log = structlog.get_logger(__name__)


class Identity:
    """Who pushes: `worker` names this process, `url` is where it answers, `source` the log it reads."""

    def __init__(self, worker: str, url: str, source: str, partitions: int) -> None:
        self.worker = worker
        self.url = url
        self.source = source
        self.partitions = partitions


class Shared:
    """One link to Redis, one memory of what was pushed, one watermark."""

    def __init__(
        self, link: RedisLink, prefix: str, identity: Identity, pace: Pace, telemetry: Telemetry
    ) -> None:
        self.link = link
        self.keys = Keys(prefix)
        self.identity = identity
        self.pace = pace
        self.telemetry = telemetry
        self.values = PushedValues(REMEMBERED_FIELDS)
        self.watermark_ms = -1
        self.checked = False
        self.journey_keys = lru_cache(maxsize=10_000)(self._journey_keys)
        self._watermark_due = 0.0
        self._published: dict[JourneyName, set[str]] = {}
        self._refused: dict[str, str] = {}

    def note_watermark(self, watermark_ms: int) -> int:
        """Take in a partition's watermark; gives the greatest that is known of any."""
        self.watermark_ms = max(self.watermark_ms, watermark_ms)
        return self.watermark_ms

    async def watermark_everywhere(self) -> int:
        """The greatest watermark of any partition, those of other workers included; in milliseconds UTC."""
        if time.monotonic() >= self._watermark_due:
            self._watermark_due = time.monotonic() + WATERMARK_INTERVAL_S
            for claim in (await read_roster(self.link, self.keys)).claims.values():
                self.note_watermark(claim.watermark_ms)
        return self.watermark_ms

    async def check(self) -> None:
        """Check Redis before the first use, and again after it was away; raises RedisRefusedError."""
        if not self.checked:
            await self.link.check()
            self.checked = True

    async def publish_new_names(self, views: CommittedViews) -> None:
        """Put journeys and definitions into Redis that this process has not put there yet.

        What Redis refuses is reported, and put there the next time.
        """
        new = self.new_names(views)
        if new:
            metadata = {name: views.metadata(name) for name, fields in new.items() if fields}
            refused = await publish_names(self.link, self.keys, metadata, new)
            for key, error in refused.items():
                self.report_refusal(key, str(error))
            for name, fields in new.items():
                if not refused.keys() & {self.keys.journeys, self.journey_keys(name).metadata}:
                    self._published.setdefault(name, set()).update(fields)

    def new_names(self, views: CommittedViews) -> dict[JourneyName, set[str]]:
        """Journeys, with the fields of their metadata, that Redis does not have in full by our word."""
        return {
            name: set(fields)
            for name, fields in views.described()
            if name not in self._published or not self._published[name].issuperset(fields)
        }

    def report_refusal(self, key: str, reason: str) -> None:
        """Say that Redis refuses one of the keys that all journeys have in common, when that is news."""
        self.telemetry.publish_failures += 1
        if self._refused.get(key) != reason:
            self._refused[key] = reason
            _log.warning("redis_refuses_key", key=key, reason=reason)

    def forget_names(self, names: Iterable[JourneyName] | None = None) -> None:
        """Publish these journeys again, or all: Redis may have lost them."""
        if names is None:
            self._published.clear()
        else:
            for name in names:
                self._published.pop(name, None)

    def _journey_keys(self, name: JourneyName) -> JourneyKeys:
        return self.keys.journey(name)


def now_ms() -> int:
    """The wall clock, in milliseconds UTC."""
    return time.time_ns() // 1_000_000
