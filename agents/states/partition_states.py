"""Where a partition's state comes from: this disk, or a snapshot that is better than that."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog

from wayfold.agents.control.kafka import warn_of_late_skips
from wayfold.agents.states.lost_records import LostRecords, LostRecordsError, has_rest, lost_records, summary
from wayfold.agents.states.state_directory import StateDirectory
from wayfold.state.control import Skipped
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.snapshots.errors import SnapshotError
from wayfold.state.snapshots.manifest import SnapshotManifest
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store.errors import StoreProblem, StoreRefusedError
from wayfold.state.store.identity import sync_directory
from wayfold.state.store.store import Store, StoreMemory

REPLAY_LIMIT_RECORDS = 2_000_000
"""How far a snapshot must be ahead of the state on this disk before fetching it beats folding again."""

LOST_FOR_GOOD = {StoreProblem.DAMAGED, StoreProblem.OTHER_FORMAT}
"""Problems of a store whose remedy is to do without it."""

_log = structlog.get_logger(__name__)


class PartitionStates:
    """Opens the state of partitions; all open ones share one bounded memory.

    `start_at_oldest` lets a partition without any state begin at the oldest records that the log still has.
    """

    def __init__(
        self,
        directory: StateDirectory,
        memory: StoreMemory,
        settings: FoldSettings,
        snapshots: Snapshots | None = None,
        skipped: Callable[[int], Skipped] = lambda number: {},
        *,
        start_at_oldest: bool = False,
    ) -> None:
        """`skipped` gives the records that a partition refuses because an operator said so."""
        self._directory = directory
        self._memory = memory
        self._settings = settings
        self._snapshots = snapshots
        self._skipped = skipped
        self._start_at_oldest = start_at_oldest

    def lost(
        self, number: int, begins: Mapping[str, int], ends: Mapping[str, int] | None = None
    ) -> Sequence[LostRecords]:
        """Tell which records a partition without any state would begin without; nothing is changed.

        See `open`. Raises `SnapshotError` when the place of the snapshots cannot be read.
        """
        path = self._directory.partition_path(number)
        if self._start_at_oldest or path.exists() or _outgoing(path).exists():
            return ()
        return () if self._newest(number, begins, ends) else lost_records(number, {}, begins)

    def open(
        self, number: int, begins: Mapping[str, int], ends: Mapping[str, int] | None = None
    ) -> Partition:
        """Open a partition, from a snapshot where that is needed; blocks as long as it takes.

        `begins` are the first offsets that the log still has, by topic kind, and `ends` where it ends, when
        that is known for certain: state and snapshots that need more than they offer are of no use. Raises
        `StoreRefusedError`, `SnapshotError`, or `LostRecordsError` when a partition without state would begin
        without records that are gone.
        """
        path = self._directory.partition_path(number)
        _finish_replacing(path)
        lost = self.lost(number, begins, ends)
        if lost:
            raise LostRecordsError(lost, with_state=False)
        if not path.exists():
            self._restore(number, path, begins, ends)
        partition = self._open_store(path, number, begins, ends)
        try:
            if self._is_good(partition, begins, ends):
                return partition
            better = self._newest(number, begins, ends, partition.sequence)
            if better is None:
                return self._begin(partition, begins)
        except BaseException:
            partition.close()
            raise
        partition.close()
        self._replace(number, path, begins, ends)
        return self._open_store(path, number, begins, ends)

    def reopen(self, number: int) -> Partition:
        """Open the store of a partition that was open in this process, as it was committed last."""
        path = self._directory.partition_path(number)
        return self._load(Store.open(path, self._memory, partition=number), number)

    def _open_store(
        self, path: Path, number: int, begins: Mapping[str, int], ends: Mapping[str, int] | None
    ) -> Partition:
        try:
            store = Store.open(path, self._memory, partition=number)
        except StoreRefusedError as error:
            raise self._with_loss(error, number, begins, ends) from error
        return self._load(store, number)

    def _load(self, store: Store, number: int) -> Partition:
        try:
            skipped = self._skipped(number)
            partition = Partition(store, number, self._settings, skipped)
            warn_of_late_skips(partition, skipped)
            return partition
        except BaseException:
            store.close()
            raise

    def _with_loss(
        self,
        error: StoreRefusedError,
        number: int,
        begins: Mapping[str, int],
        ends: Mapping[str, int] | None,
    ) -> StoreRefusedError:
        """Add to the refusal of a store what would be lost without it."""
        lost = lost_records(number, {}, begins)
        if error.problem not in LOST_FOR_GOOD or not lost:
            return error
        try:
            if self._newest(number, begins, ends) is not None:
                return error
        except SnapshotError as trouble:
            warning = f"Whether a snapshot can take its place is not known: {trouble}"
        else:
            warning = "No snapshot can take its place."
        return StoreRefusedError(
            error.path,
            error.problem,
            error.detail,
            f"{warning} The log no longer has all that was folded into it: {summary(lost)}. So do not throw "
            f"it away. {error.remedy}",
        )

    def _is_good(
        self, partition: Partition, begins: Mapping[str, int], ends: Mapping[str, int] | None
    ) -> bool:
        """Whether the state here can go on, and no snapshot is far ahead of it."""
        if not has_rest(partition.offsets, begins):
            return False
        try:
            latest = self._newest(partition.number, begins, ends)
        except SnapshotError as error:
            # What is here is enough: trouble with the snapshots must not keep it from being used.
            _log.warning("snapshots_unreadable", partition=partition.number, reason=str(error))
            return True
        return latest is None or _sequence(latest) - partition.sequence < REPLAY_LIMIT_RECORDS

    def _begin(self, partition: Partition, begins: Mapping[str, int]) -> Partition:
        """Go on with what is here, or without what is gone when that was asked for.

        Whether the log goes on from state that is here is for the host to check, which knows its log.
        """
        lost = lost_records(partition.number, partition.offsets, begins)
        if not lost or partition.sequence:
            return partition
        if not self._start_at_oldest:
            raise LostRecordsError(lost, with_state=False)
        _log.warning("started_at_oldest", partition=partition.number, lost=summary(lost))
        partition.begin_at(begins)
        partition.commit()
        return partition

    def _newest(
        self,
        number: int,
        begins: Mapping[str, int],
        ends: Mapping[str, int] | None,
        more_than: int = -1,
    ) -> SnapshotManifest | None:
        """Find the latest snapshot from which the log goes on, with more records than given."""
        if self._snapshots is None:
            return None
        for found in self._snapshots.found(number):
            if isinstance(found, SnapshotError):
                continue
            if _fits(found, begins, ends) and _sequence(found) > more_than:
                return found
        return None

    def _replace(
        self, number: int, path: Path, begins: Mapping[str, int], ends: Mapping[str, int] | None
    ) -> None:
        """Put the latest snapshot in the place of what is here, whole or not at all."""
        incoming, outgoing = _incoming(path), _outgoing(path)
        shutil.rmtree(incoming, ignore_errors=True)
        if self._restore(number, incoming, begins, ends):
            path.rename(outgoing)
            sync_directory(path.parent)
            _finish_replacing(path)

    def _restore(
        self, number: int, path: Path, begins: Mapping[str, int], ends: Mapping[str, int] | None
    ) -> bool:
        if self._snapshots is None:
            return False
        restored = self._snapshots.restore_latest(number, path, lambda found: _fits(found, begins, ends))
        for refusal in restored.refused:
            _log.warning("snapshot_refused", partition=number, reason=str(refusal))
        if restored.manifest is None:
            return False
        _log.info("snapshot_restored", partition=number, snapshot=restored.manifest.name)
        return True


def _incoming(path: Path) -> Path:
    return path.with_name(f"{path.name}.incoming")


def _outgoing(path: Path) -> Path:
    return path.with_name(f"{path.name}.outgoing")


def _finish_replacing(path: Path) -> None:
    """Finish what `_replace` began, wherever it was interrupted.

    What comes in has its name when it is whole, and what goes out when it may go.
    """
    incoming, outgoing = _incoming(path), _outgoing(path)
    if not outgoing.exists():
        return
    if not path.exists():
        (incoming if incoming.exists() else outgoing).rename(path)
        sync_directory(path.parent)
    shutil.rmtree(outgoing, ignore_errors=True)


def _fits(manifest: SnapshotManifest, begins: Mapping[str, int], ends: Mapping[str, int] | None) -> bool:
    """Whether the log goes on from a snapshot."""
    behind_end = ends is not None and any(
        offset > ends.get(kind, 0) for kind, offset in manifest.offsets.items()
    )
    return has_rest(manifest.offsets, begins) and not behind_end


def _sequence(manifest: SnapshotManifest) -> int:
    return sum(manifest.offsets.values())
