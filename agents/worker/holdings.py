"""The partitions that this worker holds: opened when they are assigned, closed when they are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

import structlog

from wayfold.agents.collector import release_given_away
from wayfold.agents.effects import FoldedPartition
from wayfold.agents.states.lost_records import LostRecordsError, lost_records
from wayfold.agents.worker.lane import Lane

if TYPE_CHECKING:
    from wayfold.agents.effects import ViewSink

CHECK_ATTEMPTS = 10
CHECK_PAUSE_S = 1.0

_log = structlog.get_logger(__name__)


PartitionOpener = Callable[[int, Mapping[str, int]], FoldedPartition]
"""Opens the state of a partition, given the first offset that the log still has of each topic kind."""


class LogMismatchError(Exception):
    """The state and the log do not meet; the message says where and what to do."""


class LogReader(Protocol):
    """The worker's reading end of the log."""

    async def ranges(self, number: int) -> Mapping[str, tuple[int, int]]:
        """Give the first kept offset and the end offset of a partition in each topic kind."""

    async def first_times(self, number: int) -> Mapping[str, int]:
        """Give the record time, in ms, of the first kept record of each topic kind that has one."""

    async def start(self, number: int, positions: Mapping[str, int]) -> None:
        """Read the partition of each topic kind from these offsets on."""


class Holdings:
    """Opens, suspends, resumes and closes partitions as the group assigns them.

    `lanes` and `partitions` hold what is open and ours, and change with every assignment. A partition
    stays open between the revocation and the assignment of an (eager) rebalance: its store is this
    worker's own, so nobody else can write to it, and what was pending is dropped all the same. It is
    closed when the next assignment does not name it.
    """

    def __init__(
        self,
        open_partition: PartitionOpener,
        log: LogReader,
        views: ViewSink,
        on_failure: Callable[[BaseException], None],
        *,
        start_at_oldest: bool = False,
    ) -> None:
        """`open_partition` may take long and is called in a thread, with what the log still has.

        `start_at_oldest` lets a partition without any state begin at the oldest record that is kept.
        """
        self.lanes: dict[int, Lane] = {}
        self.partitions: dict[int, FoldedPartition] = {}
        self._open_partition = open_partition
        self._log = log
        self._views = views
        self._on_failure = on_failure
        self._start_at_oldest = start_at_oldest
        self._suspended: dict[int, Lane] = {}
        self._wanted: set[int] = set()
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._closing: dict[int, asyncio.Task[None]] = {}

    @property
    def settled(self) -> bool:
        """Whether everything that is assigned is open."""
        return self._wanted == self.lanes.keys()

    def suspend(self) -> None:
        """Drop what is pending and write nothing until the next assignment."""
        self._wanted = set()
        for number, lane in self.lanes.items():
            lane.revoke()
            self._suspended[number] = lane
        self.lanes.clear()

    def assign(self, numbers: Iterable[int]) -> None:
        """Hold exactly these partitions; opening goes on in the background."""
        self.suspend()
        self._wanted = set(numbers)
        for number, lane in list(self._suspended.items()):
            del self._suspended[number]
            if number in self._wanted:
                lane.resume()
                self._activate(lane)
            else:
                self._close(lane)
        for number in self._wanted - self.lanes.keys() - self._opening.keys():
            self._opening[number] = asyncio.create_task(self._open(number))

    def give_up_opening(self) -> None:
        """Open no further, as the log cannot be asked any more; what is half open is closed."""
        for task in self._opening.values():
            task.cancel()

    async def close(self) -> None:
        """Close everything; returns when all stores are closed."""
        self.suspend()
        self.give_up_opening()
        await asyncio.gather(*self._opening.values(), return_exceptions=True)
        for number, lane in list(self._suspended.items()):
            del self._suspended[number]
            self._close(lane)
        await asyncio.gather(*self._closing.values())

    def _activate(self, lane: Lane) -> None:
        self.lanes[lane.number] = lane
        self.partitions[lane.number] = lane.partition
        # Whatever was committed before may not have reached the views.
        self._views.committed(lane.opened)

    def _close(self, lane: Lane) -> None:
        self.partitions.pop(lane.number, None)
        self._closing[lane.number] = asyncio.create_task(self._close_partition(lane.partition))

    async def _close_partition(self, partition: FoldedPartition) -> None:
        try:
            await asyncio.to_thread(partition.close)
            _log.info("partition_closed", partition=partition.number)
        except Exception as error:
            # At the worker's end nobody asks for failures any more.
            _log.error("partition_not_closed", partition=partition.number, reason=repr(error))
            self._on_failure(error)
        del partition
        # This task is the last of those that are not done.
        if sum(not task.done() for task in self._closing.values()) <= 1:
            release_given_away()

    async def _open(self, number: int) -> None:
        try:
            closing = self._closing.pop(number, None)
            if closing is not None:
                await closing
            ranges = await self._log.ranges(number)
            begins = {kind: begin for kind, (begin, _) in ranges.items()}
            # A thread cannot be cancelled: what it opens has to be closed by someone.
            opening = asyncio.create_task(asyncio.to_thread(self._open_partition, number, begins))
            try:
                partition = await asyncio.shield(opening)
            except asyncio.CancelledError:
                partition = await opening
                await asyncio.to_thread(partition.close)
                raise
            await self._admit(partition)
        except asyncio.CancelledError:
            raise
        except LostRecordsError as error:
            self._on_failure(error.at_times(await self._kept_from(number)))
        except BaseException as error:
            self._on_failure(error)
        finally:
            self._opening.pop(number, None)

    async def _kept_from(self, number: int) -> Mapping[tuple[str, int], int]:
        try:
            times = await self._log.first_times(number)
        except Exception as error:
            # The times only help a person; what is lost is told without them too.
            _log.warning("log_times_unknown", partition=number, reason=repr(error))
            return {}
        return {(kind, number): at_ms for kind, at_ms in times.items()}

    async def _admit(self, partition: FoldedPartition) -> None:
        number = partition.number
        try:
            starts = await self._check_log(partition)
        except BaseException:
            await asyncio.to_thread(partition.close)
            raise
        lane = Lane(partition, starts)
        if number not in self._wanted:
            self._close(lane)
            return
        self._activate(lane)
        _log.info("partition_opened", partition=number, offsets=dict(partition.offsets))
        await self._log.start(number, lane.expected)

    async def _check_log(self, partition: FoldedPartition) -> Mapping[str, int]:
        """Return where a topic kind of which nothing is folded yet begins."""
        for attempt in range(CHECK_ATTEMPTS):
            ranges = await self._log.ranges(partition.number)
            # A broker that has just come back may tell of an end that is not quite the last for a moment.
            if all(end >= partition.offsets.get(kind, 0) for kind, (_, end) in ranges.items()):
                break
            if attempt + 1 < CHECK_ATTEMPTS:
                await asyncio.sleep(CHECK_PAUSE_S)
        begins = {kind: begin for kind, (begin, _) in ranges.items()}
        starts = {kind: partition.offsets.get(kind, 0) for kind in ranges}
        if partition.sequence == 0 and self._start_at_oldest:
            starts = {kind: max(position, begins[kind]) for kind, position in starts.items()}
        lost = lost_records(partition.number, starts, begins)
        if lost:
            raise LostRecordsError(lost, with_state=partition.sequence > 0)
        for kind, (_, end) in ranges.items():
            if starts[kind] > end:
                raise LogMismatchError(
                    f"The state of partition {partition.number} has folded {kind} up to offset "
                    f"{starts[kind]}, but Kafka's log ends at {end}: the topic was created again or the "
                    "brokers lost records. Restore the topic, or move the state directory away so that "
                    "the partition is folded again from what Kafka has."
                )
        return starts
