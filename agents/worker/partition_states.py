"""Where an assigned partition's state comes from: this disk, or a snapshot that is better than that."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from wayfold.agents.control import warn_of_late_skips
from wayfold.agents.worker.state_directory import StateDirectory
from wayfold.state.control import Skipped
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.snapshots.errors import SnapshotError
from wayfold.state.snapshots.manifest import SnapshotManifest
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store.store import Store, StoreMemory

REPLAY_LIMIT_RECORDS = 2_000_000
"""How far a snapshot must be ahead of the state on this disk before fetching it beats folding again."""

_log = structlog.get_logger(__name__)


class PartitionStates:
    """Opens the state of partitions; all open ones share one bounded memory."""

    def __init__(
        self,
        directory: StateDirectory,
        memory: StoreMemory,
        settings: FoldSettings,
        snapshots: Snapshots | None = None,
        skipped: Callable[[int], Skipped] = lambda number: {},
    ) -> None:
        """`skipped` gives the records that a partition refuses because an operator said so."""
        self._directory = directory
        self._memory = memory
        self._settings = settings
        self._snapshots = snapshots
        self._skipped = skipped

    def open(self, number: int, begins: Mapping[str, int]) -> Partition:
        """Open a partition, from a snapshot where that is needed; blocks as long as it takes.

        `begins` are the first offsets that the log still has, by topic kind: state that needs more than
        they offer is of no use. Raises `StoreRefusedError` or `SnapshotError`.
        """
        path = self._directory.partition_path(number)
        if self._snapshots is None:
            return self._open_store(path, number)
        if not path.exists():
            self._restore(self._snapshots, number, path)
            return self._open_store(path, number)
        partition = self._open_store(path, number)
        if _begins_at(partition.offsets, begins) and self._is_near_latest(self._snapshots, partition):
            return partition
        if not self._has_better(self._snapshots, partition, begins):
            return partition
        partition.close()
        self._replace(self._snapshots, number, path)
        return self._open_store(path, number)

    def _open_store(self, path: Path, number: int) -> Partition:
        store = Store.open(path, self._memory, partition=number)
        try:
            skipped = self._skipped(number)
            partition = Partition(store, number, self._settings, skipped)
            warn_of_late_skips(partition, skipped)
            return partition
        except BaseException:
            store.close()
            raise

    def _is_near_latest(self, snapshots: Snapshots, partition: Partition) -> bool:
        try:
            latest = snapshots.latest(partition.number)
        except SnapshotError as error:
            # What is here is enough: trouble with the snapshots must not keep it from being used.
            _log.warning("snapshots_unreadable", partition=partition.number, reason=str(error))
            return True
        return latest is None or _sequence(latest) - partition.sequence < REPLAY_LIMIT_RECORDS

    def _has_better(self, snapshots: Snapshots, partition: Partition, begins: Mapping[str, int]) -> bool:
        latest = snapshots.latest(partition.number)
        return (
            latest is not None
            and _sequence(latest) > partition.sequence
            and _begins_at(latest.offsets, begins)
        )

    def _replace(self, snapshots: Snapshots, number: int, path: Path) -> None:
        """Put the latest snapshot in the place of what is here, whole or not at all."""
        incoming, outgoing = path.with_name(f"{path.name}.incoming"), path.with_name(f"{path.name}.outgoing")
        for leftover in (incoming, outgoing):
            shutil.rmtree(leftover, ignore_errors=True)
        if self._restore(snapshots, number, incoming):
            path.rename(outgoing)
            incoming.rename(path)
            shutil.rmtree(outgoing, ignore_errors=True)

    def _restore(self, snapshots: Snapshots, number: int, path: Path) -> bool:
        restored = snapshots.restore_latest(number, path)
        for refusal in restored.refused:
            _log.warning("snapshot_refused", partition=number, reason=str(refusal))
        if restored.manifest is None:
            return False
        _log.info("snapshot_restored", partition=number, snapshot=restored.manifest.name)
        return True


def _begins_at(offsets: Mapping[str, int], begins: Mapping[str, int]) -> bool:
    """Whether the log still has everything behind these offsets."""
    return all(offsets.get(kind, 0) >= begin for kind, begin in begins.items())


def _sequence(manifest: SnapshotManifest) -> int:
    return sum(manifest.offsets.values())
