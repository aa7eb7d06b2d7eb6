"""Takes snapshots of the partitions of this process, now and then, while it goes on folding."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import structlog

from wayfold.state.snapshots.errors import SnapshotError, SnapshotProblem
from wayfold.state.store.errors import StoreFailedError

if TYPE_CHECKING:
    from wayfold.agents.effects import OpenPartition
    from wayfold.state.partition import Partition
    from wayfold.state.snapshots.snapshots import Snapshots, TakenSnapshot
    from wayfold.state.store.store import Store
    from wayfold.state.telemetry import Telemetry

LEAST_FREE_BYTES = 64 * 1024 * 1024
"""Room that must be left on the state's disk: a snapshot writes out a store's write buffer."""
LOOK_S = 10.0
"""How often it is seen which partitions are here."""

_log = structlog.get_logger(__name__)


async def _nothing() -> None:
    """Do nothing after a round."""


class SnapshotTaker:
    """Takes one partition's snapshot after the other, each partition's once in `interval_s` seconds.

    A snapshot that fails, whatever the reason, is logged, counted, and tried again the next time: state can
    always be folded again. `after` is called after every round.
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
        self.after: Callable[[], Awaitable[None]] = _nothing
        self._done: dict[int, int] = {}
        self._without: set[int] = set()

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
        await self.after()

    async def note_latest(self) -> None:
        """Show the age of the latest snapshots, also of those that another process took."""
        here = {opened.partition.number for opened in self._opened()}
        for number in self._telemetry.snapshot_ms.keys() - here:
            del self._telemetry.snapshot_ms[number]
        self._without &= here
        for number in here - self._telemetry.snapshot_ms.keys() - self._without:
            await self._note_latest(number)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + self._interval_s
        while True:
            try:
                await self.note_latest()
                if loop.time() >= due_s:
                    due_s = loop.time() + self._interval_s
                    await self.take_all()
            except Exception:
                # A fault here must not be the end of snapshots: their age would grow unseen.
                self._telemetry.snapshot_failures += 1
                _log.exception("snapshots_failed")
            await asyncio.sleep(max(0.0, min(LOOK_S, due_s - loop.time())))

    async def _note_latest(self, number: int) -> None:
        try:
            latest = await asyncio.to_thread(self._snapshots.latest, number)
        except Exception as error:
            _log.warning("snapshots_unreadable", partition=number, reason=str(error))
        else:
            if latest is None:
                self._without.add(number)
            else:
                self._telemetry.snapshot_ms[number] = latest.created_at_ms

    async def _take(self, opened: OpenPartition) -> None:
        number = opened.partition.number
        with self._telemetry.snapshot_seconds.timed():
            try:
                async with opened.lock:
                    if opened.revoked:
                        return
                    partition = cast("Partition", opened.partition)
                    sequence = partition.sequence
                    taken = self._checkpoint(partition)
                manifest = await asyncio.to_thread(self._snapshots.upload, taken)
                self._done[number] = sequence
                self._telemetry.snapshot_ms[number] = manifest.created_at_ms
                _log.info("snapshot_made", partition=number, snapshot=manifest.name)
                await asyncio.to_thread(self._snapshots.prune, number)
            except (SnapshotError, StoreFailedError, OSError) as error:
                self._telemetry.snapshot_failures += 1
                _log.warning("snapshot_failed", partition=number, reason=str(error))
            except Exception:
                self._telemetry.snapshot_failures += 1
                _log.exception("snapshot_failed", partition=number)

    def _checkpoint(self, partition: Partition) -> TakenSnapshot:
        store = cast("Store", partition.store)
        free_bytes = shutil.disk_usage(store.path).free
        if free_bytes < LEAST_FREE_BYTES:
            # A store that cannot write out its buffer takes no batch either, until it is opened again.
            raise SnapshotError(
                f"The disk of {store.path}",
                SnapshotProblem.STORAGE,
                f"has {free_bytes} bytes left, and a snapshot is taken with {LEAST_FREE_BYTES} or more",
                "Make room there; the next snapshot tries again.",
            )
        return self._snapshots.take(store, partition.offsets, partition.watermark_ms)
