"""Takes snapshots of the partitions of this worker, now and then, while it goes on folding."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import structlog

from wayfold.state.snapshots.errors import SnapshotError
from wayfold.state.store.errors import StoreFailedError

if TYPE_CHECKING:
    from wayfold.agents.effects import OpenPartition
    from wayfold.state.partition import Partition
    from wayfold.state.snapshots.snapshots import Snapshots
    from wayfold.state.store.store import Store
    from wayfold.state.telemetry import Telemetry

_log = structlog.get_logger(__name__)


class SnapshotTaker:
    """Takes one partition's snapshot after the other, each partition's once in `interval_s` seconds.

    A snapshot that fails is logged, counted, and tried again the next time: state can always be folded again.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        opened: Callable[[], Iterable[OpenPartition]],
        telemetry: Telemetry,
        interval_s: float,
    ) -> None:
        self._snapshots = snapshots
        self._opened = opened
        self._telemetry = telemetry
        self._interval_s = interval_s
        self._done: dict[int, int] = {}

    @asynccontextmanager
    async def running(self, _: object = None) -> AsyncIterator[None]:
        """Take snapshots until the block ends; an upload that is under way then is given up."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._snapshots.stop()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def take_all(self) -> None:
        """Take and upload a snapshot of every partition that has changed since its last one."""
        for opened in list(self._opened()):
            if self._done.get(opened.partition.number) != opened.partition.sequence:
                await self._take(opened)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            await self.take_all()

    async def _take(self, opened: OpenPartition) -> None:
        number = opened.partition.number
        with self._telemetry.snapshot_seconds.timed():
            try:
                async with opened.lock:
                    if opened.revoked:
                        return
                    partition = cast("Partition", opened.partition)
                    sequence = partition.sequence
                    taken = self._snapshots.take(
                        cast("Store", partition.store), partition.offsets, partition.watermark_ms
                    )
                await asyncio.to_thread(self._snapshots.upload, taken)
                await asyncio.to_thread(self._snapshots.prune, number)
            except (SnapshotError, StoreFailedError) as error:
                self._telemetry.snapshot_failures += 1
                _log.warning("snapshot_failed", partition=number, reason=str(error))
            else:
                self._done[number] = sequence
                _log.info("snapshot_made", partition=number, snapshot=taken.manifest.name)
