"""When batches are folded and committed: what arrived over all topics of a partition goes together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wayfold.agents.effects import PartitionRevokedError, apply_batch

if TYPE_CHECKING:
    from wayfold.agents.effects import DeadLetterSink, ProgressSink, ViewSink
    from wayfold.agents.worker.lane import Lane
    from wayfold.state.telemetry import Telemetry

ROOM_WAIT_S = 1.0
BATCHES_IN_HAND = 2
"""How many full batches may wait to be folded before fetching pauses."""


class Folding:
    """Folds the lanes, one batch after the other, in one task.

    A batch waits `interval_s` seconds for company, counted from its first record, and is not waited for
    when `batch_records` records are there. While the fold is behind, what arrives meanwhile makes the
    next batch larger, so commits become fewer by themselves.
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
    ) -> None:
        self._lanes = lanes
        self._dead_letters = dead_letters
        self._views = views
        self._progress = progress
        self._telemetry = telemetry
        self._interval_s = interval_s
        self._batch_records = batch_records
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
        while not self._finishing or self._pending_records():
            await self._arrived.wait()
            await self._wait_until_due()
            await self._fold_pending()

    async def _fold_pending(self) -> None:
        """Fold and commit once what each lane has in hand."""
        self._arrived.clear()
        for lane in list(self._lanes.values()):
            batch = lane.take(self._batch_records)
            if not batch:
                continue
            self._update_room()
            try:
                await apply_batch(
                    lane.opened, batch, self._dead_letters, self._views, self._progress, self._telemetry
                )
            except PartitionRevokedError:
                lane.interrupted = True
            else:
                lane.unfolded_records -= sum(len(records) for _, records in batch)
        if self._pending_records():
            self._arrived.set()

    async def _wait_until_due(self) -> None:
        waiting = [lane for lane in self._lanes.values() if lane.pending]
        if (
            not waiting
            or self._finishing
            or any(lane.pending_records >= self._batch_records for lane in waiting)
        ):
            return
        due_s = min(lane.pending_since_s for lane in waiting) + self._interval_s
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))

    def _pending_records(self) -> int:
        return sum(lane.pending_records for lane in self._lanes.values())

    def _update_room(self) -> None:
        if self._pending_records() < BATCHES_IN_HAND * self._batch_records:
            self._room.set()
        else:
            self._room.clear()
