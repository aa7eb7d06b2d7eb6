"""When batches are folded and committed: what arrived over all topics of a partition goes together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from wayfold.agents.effects import PartitionRevokedError, apply_batch

if TYPE_CHECKING:
    from wayfold.agents.effects import DeadLetterSink, ProgressSink, ViewSink
    from wayfold.agents.worker.lane import Lane
    from wayfold.state.telemetry import Telemetry

ROOM_WAIT_S = 1.0
BATCHES_IN_HAND = 4
"""How many full batches may wait to be folded before fetching pauses."""
BEHIND_MS = 5_000
"""A partition whose newest record is older than this is catching up: large batches help it most."""
CATCH_UP_INTERVAL_S = 2.0
"""How long a batch waits to be full while its partition is catching up."""


class Folding:
    """Folds the lanes, one batch after the other, in one task.

    A batch waits `interval_s` seconds for company, counted from its first record, and is not waited for
    when `batch_records` records are there. A partition that is catching up has no reader who could tell
    half a second, and folds full batches at half the price; so there a batch waits `catch_up_interval_s`.
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
        catch_up_interval_s: float = CATCH_UP_INTERVAL_S,
    ) -> None:
        self._lanes = lanes
        self._dead_letters = dead_letters
        self._views = views
        self._progress = progress
        self._telemetry = telemetry
        self._interval_s = interval_s
        self._batch_records = batch_records
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
        while not self._finishing or self._pending_records():
            await self._arrived.wait()
            await self._wait_until_due()
            await self._fold_pending()

    async def _fold_pending(self) -> None:
        """Fold and commit once what the lanes that are due have in hand."""
        for lane in self._due():
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
        while not self._finishing and self._room.is_set():
            self._arrived.clear()
            waiting = [lane for lane in self._lanes.values() if lane.pending]
            wait_s = min((self._due_s(lane) for lane in waiting), default=0.0) - time.monotonic()
            if wait_s <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), wait_s)

    def _due(self) -> list[Lane]:
        """Lanes to fold now: those that are due, and with them all that do not wait to be full."""
        waiting = [lane for lane in self._lanes.values() if lane.pending]
        now_s = time.monotonic()
        due = [lane for lane in waiting if not self._is_behind(lane) or self._due_s(lane) <= now_s]
        if self._finishing:
            return waiting
        return due or sorted(waiting, key=attrgetter("pending_records"))[-1:]

    def _due_s(self, lane: Lane) -> float:
        """When a lane is to be folded, in seconds of the monotonic clock."""
        if lane.pending_records >= self._batch_records:
            return 0.0
        behind = self._is_behind(lane)
        return lane.pending_since_s() + (self._catch_up_interval_s if behind else self._interval_s)

    def _is_behind(self, lane: Lane) -> bool:
        return time.time() * 1000 - lane.newest_timestamp_ms > BEHIND_MS

    def _pending_records(self) -> int:
        return sum(lane.pending_records for lane in self._lanes.values())

    def _update_room(self) -> None:
        if self._pending_records() < BATCHES_IN_HAND * self._batch_records:
            self._room.set()
        else:
            self._room.clear()
