"""What the feeds of one process have in common."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import structlog

from wayfold.exporters.redis_views.calls import PushedValues
from wayfold.exporters.redis_views.committed import CommittedViews
from wayfold.exporters.redis_views.keys import JourneyKeys, JourneyName, Keys
from wayfold.exporters.redis_views.link import RedisLink, is_refusal
from wayfold.exporters.redis_views.pace import Pace
from wayfold.exporters.redis_views.registry import publish_names
from wayfold.exporters.redis_views.revisions import Revisions
from wayfold.exporters.redis_views.watermarks import Watermarks, exchange_call
from wayfold.state.telemetry import Telemetry

REMEMBERED_FIELDS: Final = 300_000
"""Fields whose last pushed values are kept in memory, all partitions together: about 50 MB."""


_log = structlog.get_logger(__name__)


class Identity:
    """Who pushes: `worker` names this process, `url` is where it answers, `source` the log it reads."""

    def __init__(self, worker: str, url: str, source: str, partitions: int) -> None:
        self.worker = worker
        self.url = url
        self.source = source
        self.partitions = partitions


class Shared:
    """One link to Redis, one memory of what was pushed, the watermarks of accounts."""

    def __init__(
        self, link: RedisLink, prefix: str, identity: Identity, pace: Pace, telemetry: Telemetry
    ) -> None:
        self.link = link
        self.keys = Keys(prefix)
        self.identity = identity
        self.pace = pace
        self.telemetry = telemetry
        self.values = PushedValues(REMEMBERED_FIELDS)
        self.watermarks = Watermarks()
        self.revisions = Revisions(link, self.keys, identity.worker, self.report_refusal)
        self.checked = False
        self.journey_keys = lru_cache(maxsize=10_000)(self._journey_keys)
        self._published: dict[JourneyName, dict[str, str]] = {}
        self._put_once: defaultdict[JourneyName, dict[str, str]] = defaultdict(dict)
        self._refused: dict[str, str] = {}

    async def exchange_watermarks(self, own: Sequence[Mapping[str, int]], awaited: Iterable[str]) -> bool:
        """Tell other workers the watermarks of accounts, those of each partition here; and learn theirs.

        Theirs are asked for of the `awaited` accounts, whose open windows they may close. Gives whether any
        is another in Redis now, which readers see without a push.
        """
        for partition in own:
            for account_id, watermark_ms in partition.items():
                self.watermarks.note(account_id, watermark_ms)
        self.watermarks.forget_others({account_id for partition in own for account_id in partition})
        due = self.watermarks.due(awaited)
        answers = await self.link.evaluate(
            [
                exchange_call(
                    self.keys, self.identity.source, account_id, self.watermarks.get(account_id, -1)
                )
                for account_id in due
            ]
        )
        has_moved = False
        for account_id, answer in zip(due, answers, strict=True):
            if is_refusal(answer):
                self.report_refusal(self.keys.watermark(account_id), str(answer))
            elif isinstance(answer, Exception):
                raise answer
            else:
                has_moved |= self.watermarks.exchanged(account_id, int(answer))
        return has_moved

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
            metadata = {name: fields for name, fields in new.items() if fields}
            refused, is_new = await publish_names(self.link, self.keys, metadata, new)
            # What is put there again for fear that it was lost is no change.
            if is_new or any(fields.items() - self._put_once[name].items() for name, fields in new.items()):
                self.revisions.changed([views.number])
            for name, fields in new.items():
                self._put_once[name].update(fields)
            for key, error in refused.items():
                self.report_refusal(key, str(error))
            for name, fields in new.items():
                if not refused.keys() & {self.keys.journeys, self.journey_keys(name).metadata}:
                    self._published.setdefault(name, {}).update(fields)

    def new_names(self, views: CommittedViews) -> dict[JourneyName, dict[str, str]]:
        """Journeys, with the fields of their metadata, that Redis does not have by our word."""
        new = {}
        for name, fields in views.described():
            published = self._published.get(name)
            if published is None:
                new[name] = dict(fields)
            else:
                missing = {field: text for field, text in fields.items() if published.get(field) != text}
                if missing:
                    new[name] = missing
        return new

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
            self.watermarks.tell_again()
        else:
            for name in names:
                self._published.pop(name, None)

    def _journey_keys(self, name: JourneyName) -> JourneyKeys:
        return self.keys.journey(name)


def now_ms() -> int:
    """The wall clock, in milliseconds UTC."""
    return time.time_ns() // 1_000_000
