"""One partition's way into Redis.

A feed is one task with one push in flight. It never holds the fold up: it reads committed views under
the partition's lock, without waiting for anything there, and talks to Redis outside of it.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import structlog
from redis.exceptions import RedisError

from wayfold.exporters.redis_views import mending, registry
from wayfold.exporters.redis_views.calls import Call, Fields, Stand, Writer
from wayfold.exporters.redis_views.committed import CommittedViews
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.exporters.redis_views.ledger import Ledger
from wayfold.exporters.redis_views.link import AWAY, Evaluation, RedisRefusedError, text
from wayfold.exporters.redis_views.registry import CLAIM_LIFETIME_MS, PartitionClaim, claim_call
from wayfold.exporters.redis_views.scripts import PUSH
from wayfold.exporters.redis_views.shared import Shared, now_ms
from wayfold.exporters.redis_views.windows import OpenWindows
from wayfold.state.numbers import instant_text

CLAIM_INTERVAL_S: Final = 1.0
VERIFY_INTERVAL_S: Final = 3.0
DEEP_VERIFY_INTERVAL_S: Final = 60.0
MEND_INTERVAL_S: Final = 0.25
NEVER_S: Final = float("inf")
READ_SLICE_S: Final = 0.02
LEAST_BACKOFF_S: Final = 0.05
MOST_BACKOFF_S: Final = 5.0
QUARREL: Final = 5
"""Times in a row that a full push did not last, after which a warning is due."""

_log = structlog.get_logger(__name__)


class Opened(Protocol):
    """A partition that this process owns until it is `revoked`; `lock` is held while a batch is folded."""

    @property
    def lock(self) -> asyncio.Lock:
        """Held from the first fold of a batch to its commit."""

    @property
    def revoked(self) -> bool:
        """Whether the partition belongs to another worker now."""


class PartitionFeed:
    """Keeps Redis at what one partition has committed, for as long as this process owns it.

    `settled` is set while everything committed is in Redis.
    """

    def __init__(self, opened: Opened, views: CommittedViews, shared: Shared) -> None:
        self.opened = opened
        self.number = views.number
        self.settled = asyncio.Event()
        self._views = views
        self._shared = shared
        writer = Writer(views.number, shared.identity.source, secrets.token_hex(6))
        self._ledger = Ledger(writer, shared.values, shared.journey_keys)
        self._windows = OpenWindows()
        self._strangers: set[JourneyName] = set()
        self._stand = Stand(-1, "", "")
        self._read_ms = 0
        self._verify_all = True
        self._dirty = True
        self._busy = False
        self._stopped = False
        self._claimed = False
        self._failures = 0
        self._mends = 0
        self._refusal: Exception = RedisError("not asked yet")
        self._push_at = self._mend_at = self._verify_at = self._claim_at = self._histograms_at = 0.0
        self._deep_verify_at = time.monotonic() + DEEP_VERIFY_INTERVAL_S
        self._wake = asyncio.Event()

    @property
    def complete(self) -> bool:
        """Whether everything that was read of the partition is in Redis."""
        return self._ledger.complete and not self._verify_all

    def committed(self) -> None:
        """Note new committed numbers; reads them at once when that is due, and returns."""
        self._dirty = True
        self.settled.clear()
        idle = not self._busy and not self._failures and not self._verify_all
        if idle and time.monotonic() >= self._push_at and not self.opened.lock.locked():
            self._collect()
        self._wake.set()

    def hurry(self) -> None:
        """Push what waits without waiting for more to push with it."""
        self._push_at = self._histograms_at = self._claim_at = self._mend_at = 0.0
        self._views.hurry()
        self._wake.set()

    def stop(self) -> None:
        """Push nothing more: `run` returns soon, also where a cancellation would be swallowed on the way.

        Python 3.11's `asyncio.wait_for`, inside the client, drops one that comes together with its result.
        """
        self._stopped = True
        self._wake.set()

    async def run(self) -> None:
        """Push until the partition is revoked."""
        while await self._until_due():
            self._busy = True
            try:
                await self._turn()
            except (*AWAY, RedisRefusedError) as error:
                await self._pause(error)
            except Exception as error:
                # The fold must not suffer from a fault here, and numbers must not stay away for good.
                _log.exception("redis_views_failed", partition=self.number)
                self._verify_all = True
                await self._pause(error)
            else:
                if self._failures:
                    _log.info("redis_is_back", partition=self.number)
                self._failures = 0
            finally:
                self._busy = False

    async def _until_due(self) -> bool:
        """Wait until there is something to do; False when there is nothing to do any more."""
        while not (self._stopped or self.opened.revoked):
            wait_s = self._due_at() - time.monotonic()
            if wait_s <= 0:
                return True
            self._wake.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
        return False

    def _due_at(self) -> float:
        ledger = self._ledger
        mend_at = self._mend_at if self._verify_all or ledger.whole else NEVER_S
        return min(self._verify_at, self._claim_at, self._push_due_at(), mend_at)

    def _push_due_at(self) -> float:
        ledger = self._ledger
        changes_at = self._push_at if self._dirty or ledger.has_waiting or ledger.unanswered else NEVER_S
        histograms_at = self._histograms_at if ledger.has_histograms else NEVER_S
        return min(changes_at, histograms_at, self._views.held_until_s)

    async def _turn(self) -> None:
        await self._shared.check()
        await self._send()
        now = time.monotonic()
        if now >= self._mend_at:
            await self._mend()
        if self._push_due_at() <= now:
            await self._push()
        if now >= self._verify_at:
            await self._verify()
        if now >= self._claim_at:
            await self._judge_windows()
            await self._shared.publish_new_names(self._views)
            await self._claim()
        outdated = next(self._windows.outdated(self._shared.watermark_ms), None)
        if self._is_current() and outdated is None:
            self.settled.set()

    async def _pause(self, error: Exception) -> None:
        if not self._failures:
            _log.warning("redis_is_away", partition=self.number, error=str(error) or type(error).__name__)
        self._failures += 1
        self._shared.checked = False
        self._shared.telemetry.publish_failures += 1
        longest_s = min(MOST_BACKOFF_S, LEAST_BACKOFF_S * 2 ** min(self._failures, 10))
        # All workers lose Redis together; they should not all come back together.
        await asyncio.sleep(longest_s * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret

    # Reading the partition.

    def _stand_now(self) -> Stand:
        watermark, as_of = instant_text(self._views.watermark_ms), instant_text(now_ms())
        return Stand(self._views.sequence, watermark or "", as_of or "")

    def _collect(self) -> None:
        """Read what changed; only between two batches."""
        watermark_ms = self._shared.note_watermark(self._views.watermark_ms)
        self._read_ms = now_ms()
        self._stand = self._stand_now()
        self._dirty = False
        for name, views in self._views.changed(watermark_ms):
            self._keep(name, views, watermark_ms)

    def _keep(self, name: JourneyName, views: Mapping[str, Fields], watermark_ms: int) -> None:
        self._windows.note(name, views, watermark_ms)
        self._ledger.keep(name, views)

    def _is_current(self) -> bool:
        """Whether Redis has everything that is committed."""
        return self.complete and not self._dirty and self._views.held_until_s == NEVER_S

    # Pushing what changed.

    async def _push(self) -> None:
        ledger = self._ledger
        if self._dirty or time.monotonic() >= self._views.held_until_s:
            async with self.opened.lock:
                if self.opened.revoked:
                    return
                self._collect()
        ledger.mark_reached(self._stand.sequence)
        with_histograms = ledger.has_histograms and time.monotonic() >= self._histograms_at
        started = time.perf_counter()
        ledger.take_calls(self._stand, with_histograms=with_histograms)
        build_s = time.perf_counter() - started
        if ledger.unanswered:
            with self._shared.telemetry.publish_seconds.timed():
                await self._send()
        now, pace = time.monotonic(), self._shared.pace
        self._push_at = now + pace.interval_s(build_s)
        if with_histograms:
            self._histograms_at = now + pace.histogram_interval_s(build_s)

    async def _send(self) -> None:
        """Send what has not been answered, again if need be: the script knows what it has taken already."""
        ledger = self._ledger
        ledger.unanswered = await self._send_calls(ledger.unanswered)
        if ledger.unanswered:
            raise self._refusal

    async def _send_calls(self, calls: list[Call]) -> list[Call]:
        """Send calls and take in the answers; gives those that Redis failed to run, with `_refusal` why."""
        if not calls:
            return []
        answers = await self._shared.link.evaluate(
            [Evaluation(PUSH, call.keys, call.arguments) for call in calls]
        )
        failed = []
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(answer, Exception):
                self._refusal = answer
                failed.append(call)
            else:
                self._ledger.answered(call, text(answer[0]), text(answer[1]) if len(answer) > 1 else "")
        return failed

    # Mending.

    async def _mend(self) -> None:
        """Push in full what Redis does not have as it was pushed last."""
        ledger, link, keys = self._ledger, self._shared.link, self._shared.keys
        if self._verify_all:
            names = self._views.names()
            strangers = await mending.orphans(link, keys, self.number, names)
            for name in (*names, *strangers):
                ledger.mark_whole(name)
            self._strangers.update(strangers)
            self._verify_all = False
        for name in list(ledger.damaged):
            await mending.drop_journey(link, self._shared.journey_keys(name))
            ledger.damaged.discard(name)
        todo = sorted(ledger.whole)
        while todo and not self.opened.revoked:
            todo = todo[await self._push_whole(todo[: mending.AT_ONCE]) :]
        settled = self._strangers - ledger.whole - ledger.behind.keys()
        await registry.remove_names(link, keys, settled)
        self._strangers -= settled
        self._mends = self._mends + 1 if ledger.whole else 0
        if self._mends == QUARREL:
            _log.warning("redis_views_contested", partition=self.number, journeys=len(ledger.whole))
        self._mend_at = time.monotonic() + min(MOST_BACKOFF_S, MEND_INTERVAL_S * 2 ** min(self._mends, 10))

    async def _push_whole(self, names: Sequence[JourneyName]) -> int:
        """Push journeys in full, as many of the first as can be read in a moment; gives how many."""
        ledger, shared = self._ledger, self._shared
        held = await mending.views_held(
            shared.link, [shared.journey_keys(name) for name in names], self.number
        )
        last_fences: dict[JourneyName, str] = {}
        calls: list[Call] = []
        async with self.opened.lock:
            if self.opened.revoked:
                return len(names)
            watermark_ms = shared.note_watermark(self._views.watermark_ms)
            stand, until_s = self._stand_now(), time.monotonic() + READ_SLICE_S
            for name, views_there in zip(names, held, strict=True):
                views = self._views.read(name, watermark_ms)
                self._windows.note(name, views, watermark_ms)
                last_fences[name] = ""
                if views or views_there:
                    calls += ledger.whole_calls(name, views, stand, views_there)
                    last_fences[name] = calls[-1].fence
                if time.monotonic() > until_s:
                    break
        if await self._send_calls(calls):
            raise self._refusal
        shared.forget_names(last_fences)  # what lost the numbers may have lost the names
        for name, fence in last_fences.items():
            if ledger.fences.get(name, "") == fence:
                ledger.mark_settled(name)
        return len(last_fences)

    async def _verify(self) -> None:
        """Ask whether Redis still has what was pushed, and mark what it has lost."""
        ledger, shared = self._ledger, self._shared
        lost = 0
        for names in mending.parts(list(ledger.fences), mending.AT_ONCE):
            keys = [shared.journey_keys(name) for name in names]
            for name, there in zip(
                names, await mending.fences_of(shared.link, keys, self.number), strict=True
            ):
                lost += not ledger.compare(name, there)
        if time.monotonic() >= self._deep_verify_at:
            lost += await self._verify_keys()
            self._deep_verify_at = time.monotonic() + DEEP_VERIFY_INTERVAL_S
        if lost:
            _log.info("redis_lost_views", partition=self.number, journeys=lost)
            self.settled.clear()
        ledger.mark_reached(self._views.sequence)
        self._verify_at = time.monotonic() + VERIFY_INTERVAL_S

    async def _verify_keys(self) -> int:
        """Look for hashes that somebody deleted; gives in how many journeys."""
        ledger, shared = self._ledger, self._shared
        shared.forget_names()
        names = [name for name, fence in ledger.fences.items() if fence]
        found = 0
        for part in mending.parts(names, mending.AT_ONCE):
            for name in await mending.damaged(shared.link, shared.keys, self.number, part):
                ledger.mark_whole(name)
                ledger.damaged.add(name)
                found += 1
        return found

    async def _judge_windows(self) -> None:
        """Read again the journeys whose open windows the watermark may have closed since."""
        watermark_ms = await self._shared.watermark_everywhere()
        if next(self._windows.outdated(watermark_ms), None) is None:
            return
        async with self.opened.lock:
            if self.opened.revoked:
                return
            until_s = time.monotonic() + READ_SLICE_S
            for name in self._windows.outdated(watermark_ms):
                views = self._views.read(name, watermark_ms)
                windows = {view: fields for view, fields in views.items() if not view.startswith("step:")}
                self._keep(name, windows, watermark_ms)
                if time.monotonic() > until_s:
                    break

    # Saying so.

    async def _claim(self) -> None:
        """Say that this worker has the partition, and how far Redis is with it."""
        identity = self._shared.identity
        now = now_ms()
        claim = PartitionClaim(
            worker=identity.worker,
            url=identity.url,
            sequence=self._stand.sequence,
            watermark_ms=self._views.watermark_ms,
            as_of_ms=now if self._is_current() else self._read_ms,
            lag_ms=self._shared.telemetry.lag_ms.get(self.number),
            expires_at_ms=now + CLAIM_LIFETIME_MS,
            complete=self.complete,
            partitions=identity.partitions,
        )
        call = claim_call(self._shared.keys, self.number, claim, now, take=not self._claimed)
        (answer,) = await self._shared.link.evaluate([call])
        if isinstance(answer, Exception):
            raise answer
        self._claimed = True
        self._claim_at = time.monotonic() + CLAIM_INTERVAL_S
