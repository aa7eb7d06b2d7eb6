"""When batches are folded and committed: what arrived over all topics of a partition goes together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from wayfold.agents.effects import PartitionRevokedError, apply_batch

if TYPE_CHECKING:
    from wayfold.agents.effects import Batch, DeadLetterSink, ProgressSink, ViewSink
    from wayfold.agents.worker.lane import Lane
    from wayfold.state.telemetry import Telemetry

ROOM_WAIT_S = 1.0
BATCHES_IN_HAND = 4
"""How many full batches may wait to be folded before fetching pauses."""
CATCH_UP_INTERVAL_S = 2.0
"""How long a batch waits to be full while its partition is catching up."""


class Folding:
    """Folds the lanes, one batch after the other, in one task.

    A batch waits `interval_s` seconds for company, counted from its first record, and is not waited for
    when `batch_records` records are there. A partition is behind while the log holds a full batch for it,
    by `unread`, which counts what is not read yet. Its numbers are old anyway, and full batches are folded
    at a lower price, so there a batch waits `catch_up_interval_s`.
    """

    def __init__(
        self,
        lanes: Mapping[int, Lane],
        dead_letters: DeadLetterSink,
        views: ViewSink,
        progress: ProgressSink,
        telemetry: Telemetry,
        *,
        interval_s: float,
        batch_records: int,
        unread: Callable[[Lane], int],
        catch_up_interval_s: float = CATCH_UP_INTERVAL_S,
    ) -> None:
        self._lanes = lanes
        self._dead_letters = dead_letters
        self._views = views
        self._progress = progress
        self._telemetry = telemetry
        self._interval_s = interval_s
        self._batch_records = batch_records
        self._unread = unread
        self._catch_up_interval_s = max(interval_s, catch_up_interval_s)
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._finishing = False

    def arrived(self) -> None:
        """Note that a lane has records; returns at once."""
        self._arrived.set()
        self._update_room()

    def dropped(self) -> None:
        """Note that a lane lost its pending records."""
        self._update_room()

    async def wait_for_room(self) -> bool:
        """Wait, a second at most, until more records may be fetched; False when they may not."""
        try:
            await asyncio.wait_for(self._room.wait(), ROOM_WAIT_S)
        except TimeoutError:
            return False
        return True

    def finish(self) -> None:
        """Let `run` return once everything in hand is folded and committed."""
        self._finishing = True
        self._arrived.set()

    async def run(self) -> None:
        """Fold until `finish` or cancelled; raises what a fold, the dead letters or a store raised."""
        while not self._finishing or self._waiting():
            await self._arrived.wait()
            await self._wait_until_due()
            await self._fold_pending()

    async def _fold_pending(self) -> None:
        """Fold and commit once what the lanes that are due have in hand."""
        fresh, behind = self._due()
        for lane in fresh:
            await self._fold(lane)
        for lane in behind:
            await self._fold(lane)
            # One that is not behind waits for one batch of the others, not for one of each.
            for other in self._waiting():
                if not self._finishing and not self._is_behind(other) and self._is_due(other):
                    await self._fold(other)
        if not self._finishing:
            await self._judge_on({lane.number for lane in (*fresh, *behind)})
        if self._waiting() or any(map(_is_judged, self._lanes.values())):
            self._arrived.set()

    async def _judge_on(self, folded: Collection[int]) -> None:
        """Go on with late definitions in the partitions that had no records of their own to fold."""
        for lane in list(self._lanes.values()):
            if lane.number not in folded and _is_judged(lane):
                await self._apply(lane, [])

    async def _fold(self, lane: Lane) -> None:
        if not lane.is_waiting:
            return
        batch = lane.take(self._batch_records)
        self._update_room()
        if await self._apply(lane, batch):
            lane.unfolded_records -= sum(len(records) for _, records in batch)

    async def _apply(self, lane: Lane, batch: Batch) -> bool:
        """Fold and commit a batch of a lane; False when the partition was taken away meanwhile."""
        try:
            await apply_batch(
                lane.opened,
                batch,
                self._dead_letters,
                self._views,
                self._progress,
                self._telemetry,
                reached=lane.reached(),
            )
        except PartitionRevokedError:
            lane.interrupted = True
            return False
        return True

    async def _wait_until_due(self) -> None:
        self._update_room()
        while not self._finishing and self._room.is_set():
            self._arrived.clear()
            wait_s = min(map(self._due_s, self._waiting()), default=0.0) - time.monotonic()
            if wait_s <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), wait_s)

    def _waiting(self) -> list[Lane]:
        return [lane for lane in self._lanes.values() if lane.is_waiting]

    def _due(self) -> tuple[list[Lane], list[Lane]]:
        """Lanes to fold now: all that are not behind, and of the others those that are due."""
        waiting = self._waiting()
        if self._finishing:
            return waiting, []
        fresh: list[Lane] = []
        behind: list[Lane] = []
        for lane in waiting:
            if not self._is_behind(lane):
                fresh.append(lane)
            elif self._is_due(lane):
                behind.append(lane)
        if not fresh and not behind:
            # There is no room for more, so that none of them would ever be full.
            behind = sorted(waiting, key=attrgetter("pending_records"))[-1:]
        return fresh, behind

    def _is_due(self, lane: Lane) -> bool:
        return self._due_s(lane) <= time.monotonic()

    def _due_s(self, lane: Lane) -> float:
        """When a lane is to be folded, in seconds of the monotonic clock."""
        if lane.pending_records >= self._batch_records:
            return 0.0
        behind = self._is_behind(lane)
        return lane.pending_since_s() + (self._catch_up_interval_s if behind else self._interval_s)

    def _is_behind(self, lane: Lane) -> bool:
        return lane.pending_records + self._unread(lane) >= self._batch_records

    def _pending_records(self) -> int:
        return sum(lane.pending_records for lane in self._lanes.values())

    def _update_room(self) -> None:
        if self._pending_records() < BATCHES_IN_HAND * self._batch_records:
            self._room.set()
        else:
            self._room.clear()


def _is_judged(lane: Lane) -> bool:
    """Whether a late definition goes through the histories of a lane's partition."""
    return not lane.opened.revoked and lane.partition.judging_since_ms is not None
