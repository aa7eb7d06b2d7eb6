"""The embedded host: events come into the local log, and one task folds the log into the partitions.

Everything runs on one event loop. The fold works in slices of a few milliseconds, so that HTTP requests
are answered in between; the log is written and synced in a thread of its own, which does not hold up the
loop. The order of durable effects is that of `wayfold.agents.effects`, as in the Kafka worker.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from wayfold.agents.control.locating import FoldFailedError
from wayfold.agents.effects import (
    Batch,
    DeadLetterSink,
    FoldedPartition,
    NoProgress,
    NoViews,
    OpenPartition,
    ProgressSink,
    ViewSink,
    apply_batch,
)
from wayfold.agents.embedded.cursor import LogCursor, Part
from wayfold.agents.embedded.group_commit import GroupCommit
from wayfold.agents.embedded.log import DurableLog, Position
from wayfold.agents.embedded.watches import Watches
from wayfold.agents.sink import Outgoing, SinkBusyError, SinkFailedError, SinkFullError
from wayfold.models.record import LogRecord
from wayfold.state.store.errors import StoreError, StoreFailedError, StoreProblem
from wayfold.state.telemetry import Telemetry

_log = structlog.get_logger(__name__)

RATE_WINDOW_S: Final = 1.0
SMALL_SLICE_RECORDS: Final = 500
PIECE_RECORDS: Final = 100
"""Records folded without a pause."""


class HostLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the embedded host.

    At most `slice_records` are folded at a time, over all partitions: fewer answer HTTP sooner, more fold
    faster; while little waits, slices are small by themselves. `behind_records` may wait in the log for the
    fold before more are refused for the moment. `gather_ms` is how long the fold lets events gather when it
    has nothing to do: a commit of several events costs little more than one of a single event. When the
    disk is full, it is looked at every `room_wait_ms`, and the fold goes on when `room_bytes` are free.
    """

    slice_records: int = 8_000
    behind_records: int = 500_000
    gather_ms: int = 20
    room_wait_ms: int = 1_000
    room_bytes: int = 64 << 20


class HostStoppedError(Exception):
    """The fold failed and the host has stopped; the message says why."""


class EmbeddedHost:
    """Takes events, keeps them and counts them, in one process.

    It is an `EventSink`. `opened` are the partitions with their locks, in order of their number; `failure` is
    why it has stopped counting, and `full` why it waits for room on the disk.
    """

    def __init__(
        self,
        log: DurableLog,
        partitions: Sequence[FoldedPartition],
        dead_letters: DeadLetterSink,
        *,
        views: ViewSink | None = None,
        progress: ProgressSink | None = None,
        telemetry: Telemetry | None = None,
        limits: HostLimits | None = None,
        skip_options: str = "",
        reopen: Callable[[int], FoldedPartition] | None = None,
    ) -> None:
        """Take the parts; nothing runs before `start`.

        `skip_options` are those with which `wayfold dead-letters skip` finds this host's log; `reopen` opens
        the state of a partition anew that was closed because the disk was full.
        """
        self.log = log
        self.opened = [OpenPartition(partition) for partition in partitions]
        self.telemetry = telemetry or Telemetry()
        self.failure: Exception | None = None
        self.full: Exception | None = None
        self._reopen = reopen
        self._broken: set[int] = set()
        self._dead_letters = dead_letters
        self._skip_options = skip_options
        self._views = views or NoViews()
        self._progress = progress or NoProgress()
        self._limits = limits or HostLimits()
        self._commit = GroupCommit(log)
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._moved = asyncio.Event()
        self._folded_per_second = 0.0
        self._folding_since_ms: int | None = None

    def start(self) -> None:
        """Begin to fold, where the partitions' stores left off.

        Raises `LogUnusableError` when the stores and the log do not belong together.
        """
        cursor = self.log.cursor(self.folded_offsets())
        self.telemetry.assignments += 1
        self._task = asyncio.create_task(self._run(cursor))
        self._task.add_done_callback(lambda _: self._moved.set())

    @property
    def watches(self) -> Watches:
        """What becomes of the records of senders who asked for it."""
        return self._commit.watches

    async def append(self, records: Sequence[Outgoing], watch_id: str | None = None) -> None:
        """Return when the records are durable, and belong to the watch; see `EventSink.append`."""
        if self.failure is not None:
            raise SinkFailedError(f"Wayfold has stopped counting: {self.failure}")
        behind = self.behind_records()
        if behind > self._limits.behind_records:
            surplus = behind - self._limits.behind_records // 2
            wait_s = surplus / self._folded_per_second if self._folded_per_second else 1.0
            raise SinkBusyError(
                f"{behind} events wait to be counted: send these again later.", max(1, min(60, round(wait_s)))
            )
        await self._commit.append(records, watch_id)

    def folded_offsets(self) -> dict[Position, int]:
        """Give the next offset to fold, committed, of each topic partition that has begun."""
        return {
            (kind, opened.partition.number): offset
            for opened in self.opened
            for kind, offset in opened.partition.offsets.items()
        }

    def behind_records(self) -> int:
        """Count the durable records that are not folded yet."""
        return self.log.records_total() - sum(opened.partition.sequence for opened in self.opened)

    def lag_ms(self) -> int:
        """For how long the oldest record that is not counted yet has been in the log; 0 when all are."""
        judged = [opened.partition.judging_since_ms for opened in self.opened]
        waiting = [at_ms for at_ms in judged if at_ms is not None]
        if not self.behind_records() and not waiting:
            return 0
        waiting += [at_ms for at_ms in (self._folding_since_ms, self._commit.unread_since_ms) if at_ms]
        # A record that waits has a lag, however short; 0 says that everything is counted.
        return max(1, time.time_ns() // 1_000_000 - min(waiting)) if waiting else 1

    async def caught_up(self) -> None:
        """Return when everything that is durable now is counted and committed.

        Raises `HostStoppedError` when the fold has failed or was stopped before.
        """
        target = self.log.records_total()
        while sum(opened.partition.sequence for opened in self.opened) < target or self._judged():
            if self._task is not None and self._task.done():
                raise HostStoppedError(str(self.failure or "the host was stopped")) from self.failure
            self._moved.clear()
            await self._moved.wait()

    async def failed(self) -> None:
        """Wait for the fold to end; raises `HostStoppedError` when it failed."""
        if self._task is not None:
            await asyncio.wait([self._task])
        if self.failure is not None:
            raise HostStoppedError(str(self.failure)) from self.failure

    async def stop(self) -> None:
        """Make durable what was asked for, finish the slice that is being folded, and close everything.

        What is durable and not folded is folded after the next start.
        """
        await self._commit.close()
        self._stopping.set()
        self._commit.appended.set()
        if self._task is not None:
            await self._task
        for opened in self.opened:
            async with opened.lock:
                opened.revoke()
                self._close(opened)
        self.log.close()

    async def _run(self, cursor: LogCursor) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    await self._turn(cursor)
                except (SinkFullError, StoreFailedError) as error:
                    if isinstance(error, StoreFailedError) and error.problem is not StoreProblem.FULL:
                        raise
                    await self._wait_for_room(error)
                    cursor.close()
                    cursor = self.log.cursor(self.folded_offsets())
        except Exception as error:
            if isinstance(error, FoldFailedError):
                error.skip_options = self._skip_options
            self.failure = error
            _log.exception("fold_stopped", error=str(error))
        finally:
            cursor.close()

    async def _turn(self, cursor: LogCursor) -> None:
        """Fold what comes next, or wait until something does."""
        self._commit.take_note()
        parts = cursor.next(self._slice_records())
        if parts:
            self._folding_since_ms = min(part.records[0].timestamp for part in parts)
            await self._fold(parts)
        await self._judge_on({part.partition for part in parts})
        if not parts and not self._judged():
            self._folding_since_ms = None
            self._note_lag({})
            await self._commit.appended.wait()
            await asyncio.sleep(self._limits.gather_ms / 1000)

    async def _wait_for_room(self, error: Exception) -> None:
        """Return when the disk has room again and every store takes batches; reading goes on meanwhile."""
        self.full = error
        _log.warning("disk_full", reason=str(error))
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._limits.room_wait_ms / 1000)
            if shutil.disk_usage(self.log.directory).free < self._limits.room_bytes:
                continue
            try:
                for number in sorted(self._broken):
                    await self._open_again(self.opened[number])
                    self._broken.discard(number)
            except StoreError as trouble:
                if trouble.problem is not StoreProblem.FULL:
                    raise
                continue
            self.full = None
            _log.info("disk_has_room")
            return

    async def _open_again(self, opened: OpenPartition) -> None:
        """Open a partition's store anew: one that could not write takes nothing more until then."""
        if self._reopen is None:
            return
        async with opened.lock:
            self._close(opened)
            opened.partition = await asyncio.to_thread(self._reopen, opened.partition.number)

    def _close(self, opened: OpenPartition) -> None:
        try:
            opened.partition.close()
        except StoreFailedError as error:
            # What was committed is in the store's log; what was not is folded again.
            _log.warning("store_closed_unwritten", partition=opened.partition.number, reason=str(error))

    def _slice_records(self) -> int:
        """Take what just came in whole, and of a backlog the more, the longer it is."""
        wanted = max(SMALL_SLICE_RECORDS, self.behind_records() // 4)
        return min(self._limits.slice_records, wanted)

    async def _fold(self, parts: Sequence[Part]) -> None:
        started = time.perf_counter()
        by_partition: dict[int, dict[str, list[LogRecord]]] = {}
        for part in parts:
            by_partition.setdefault(part.partition, {}).setdefault(part.kind, []).extend(part.records)
        self._note_lag(by_partition)
        records_total = 0
        for number, by_kind in by_partition.items():
            for watch_id, share in self.watches.shares(number, by_kind):
                before = self.opened[number].partition.counters
                await self._apply(self.opened[number], _in_pieces(share))
                self.watches.judged(watch_id, number, share, before, self.opened[number].partition.counters)
            records_total += sum(map(len, by_kind.values()))
            self._moved.set()
            await asyncio.sleep(0)
        elapsed_s = time.perf_counter() - started
        weight = min(1.0, elapsed_s / RATE_WINDOW_S)
        self._folded_per_second += weight * (records_total / elapsed_s - self._folded_per_second)

    async def _apply(self, opened: OpenPartition, batch: Batch) -> None:
        """Give a batch its effects; a store that could not write takes nothing more until it is reopened."""
        try:
            await apply_batch(opened, batch, self._dead_letters, self._views, self._progress, self.telemetry)
        except StoreFailedError:
            self._broken.add(opened.partition.number)
            raise

    def _judged(self) -> list[OpenPartition]:
        """The partitions in which a late definition goes through the histories."""
        return [opened for opened in self.opened if opened.partition.judging_since_ms is not None]

    async def _judge_on(self, folded: Collection[int]) -> None:
        """Go on with late definitions in the partitions that had no records of their own to fold."""
        for opened in self._judged():
            if opened.partition.number not in folded:
                await self._apply(opened, [])
                self._moved.set()
                await asyncio.sleep(0)

    def _note_lag(self, taken: Mapping[int, Mapping[str, Sequence[LogRecord]]]) -> None:
        """Note how far behind each partition is; `taken` is what is about to be folded."""
        now_ms = time.time_ns() // 1_000_000
        upcoming = self.log.next_offsets()
        for opened in self.opened:
            partition = opened.partition
            behind = -partition.sequence
            behind += sum(offset for (_, number), offset in upcoming.items() if number == partition.number)
            self.telemetry.lag_records[partition.number] = behind
            by_kind = taken.get(partition.number, {})
            oldest_ms = min((records[0].timestamp for records in by_kind.values()), default=now_ms)
            self.telemetry.lag_ms[partition.number] = max(0, now_ms - oldest_ms)


def _in_pieces(by_kind: Mapping[str, Sequence[LogRecord]]) -> Batch:
    """Cut a batch into pieces between which requests are answered."""
    return [
        (kind, records[start : start + PIECE_RECORDS])
        for kind, records in by_kind.items()
        for start in range(0, len(records), PIECE_RECORDS)
    ]
