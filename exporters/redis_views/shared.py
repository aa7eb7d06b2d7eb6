"""What the feeds of one process have in common."""

import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from wayfold.exporters.redis_views.calls import PushedValues
from wayfold.exporters.redis_views.committed import CommittedViews
from wayfold.exporters.redis_views.keys import JourneyKeys, JourneyName, Keys
from wayfold.exporters.redis_views.link import RedisLink
from wayfold.exporters.redis_views.pace import Pace
from wayfold.exporters.redis_views.registry import publish_names, read_claims
from wayfold.state.telemetry import Telemetry

REMEMBERED_FIELDS: Final = 300_000
"""Fields whose last pushed values are kept in memory, all partitions together: about 50 MB."""
WATERMARK_INTERVAL_S: Final = 0.5


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

    def note_watermark(self, watermark_ms: int) -> int:
        """Take in a partition's watermark; gives the greatest that is known of any."""
        self.watermark_ms = max(self.watermark_ms, watermark_ms)
        return self.watermark_ms

    async def watermark_everywhere(self) -> int:
        """The greatest watermark of any partition, those of other workers included; in milliseconds UTC."""
        if time.monotonic() >= self._watermark_due:
            self._watermark_due = time.monotonic() + WATERMARK_INTERVAL_S
            for claim in (await read_claims(self.link, self.keys)).values():
                self.note_watermark(claim.watermark_ms)
        return self.watermark_ms

    async def check(self) -> None:
        """Check Redis before the first use, and again after it was away; raises RedisRefusedError."""
        if not self.checked:
            await self.link.check()
            self.checked = True

    async def publish_new_names(self, views: CommittedViews) -> None:
        """Put journeys and definitions into Redis that this process has not put there yet."""
        new = self.new_names(views)
        if new:
            metadata = {name: views.metadata(name) for name, fields in new.items() if fields}
            await publish_names(self.link, self.keys, metadata, new)
            for name, fields in new.items():
                self._published.setdefault(name, set()).update(fields)

    def new_names(self, views: CommittedViews) -> dict[JourneyName, set[str]]:
        """Journeys, with the fields of their metadata, that Redis does not have in full by our word."""
        return {
            name: set(fields)
            for name, fields in views.described()
            if name not in self._published or not self._published[name].issuperset(fields)
        }

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
