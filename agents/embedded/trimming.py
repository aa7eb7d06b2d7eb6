"""Trims the embedded host's log: what is old, and held by snapshots that were read back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from wayfold.agents.embedded.log import DurableLog, Position
from wayfold.agents.embedded.segment import LogDamagedError
from wayfold.state.snapshots.errors import SnapshotError
from wayfold.state.snapshots.snapshots import Snapshots

_log = structlog.get_logger(__name__)


class LogTrimmer:
    """Deletes files of the log whose records are all older than `retention_ms`.

    None goes as long as one of its records is not in the latest snapshot of its partition, and that
    snapshot was read back whole: it takes the place of what is deleted. `scratch` is where it is read to.
    """

    def __init__(
        self,
        log: DurableLog,
        snapshots: Snapshots,
        retention_ms: int,
        scratch: Path,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._log = log
        self._snapshots = snapshots
        self._retention_ms = retention_ms
        self._scratch = scratch
        self._now_ms = now_ms

    async def trim(self) -> None:
        """Delete what may go; trouble is logged, and the next time tries again.

        Who cancels it waits until it is done: nobody else may open the log before.
        """
        working = asyncio.create_task(asyncio.to_thread(self._trim))
        try:
            files = await asyncio.shield(working)
        except asyncio.CancelledError:
            await asyncio.wait([working])
            raise
        except (SnapshotError, LogDamagedError, OSError) as error:
            _log.warning("log_not_trimmed", reason=str(error))
        else:
            if files:
                _log.info("log_trimmed", files=files)

    def _trim(self) -> int:
        everything = self._log.next_offsets()
        # Reading a snapshot back takes long: only when there is something to delete.
        if not self._log.trimmable(everything, self._is_old):
            return 0
        covered = self._covered()
        return self._log.trim(covered, self._is_old) if covered else 0

    def _covered(self) -> dict[Position, int]:
        """Give the offsets that can be had from the latest snapshots; nothing when one is missing."""
        covered: dict[Position, int] = {}
        for number in range(self._log.partitions):
            manifest = self._snapshots.latest(number)
            if manifest is None:
                return {}
            self._snapshots.verify(manifest, self._scratch)
            covered |= {(kind, number): offset for kind, offset in manifest.offsets.items()}
        return covered

    def _is_old(self, timestamp_ms: int) -> bool:
        return timestamp_ms < self._now_ms() - self._retention_ms
