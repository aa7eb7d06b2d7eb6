"""A partition of this worker with what was read for it and waits to be folded."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from wayfold.agents.effects import FoldedPartition, OpenPartition

if TYPE_CHECKING:
    from wayfold.agents.worker.batch_transport import RecordBatch
    from wayfold.models.record import Record

_offset_of = attrgetter("offset")


class HoleError(Exception):
    """A batch that does not go on where the last one ended: what lies between was not read."""


class Lane:
    """Takes the batches of all topics of one partition, in order and without holes, and gives them on.

    `expected` is the next offset to read of each topic kind; it runs ahead of the partition's own
    offsets by what is pending, and by offsets that hold no record. These are committed too, with what is
    folded next or alone: when retention has deleted them later, nobody can tell that there was none.
    `unfolded_records` counts what was accepted and is not committed.
    `opened` is replaced by a new one each time the partition is given to this worker again, and
    `interrupted` says that a batch was dropped in the middle of its fold.
    """

    def __init__(self, partition: FoldedPartition, starts: Mapping[str, int]) -> None:
        self.partition = partition
        self.number = partition.number
        self.opened = OpenPartition(partition)
        self.starts = dict(starts)
        self.expected: dict[str, int] = {}
        self.pending: deque[tuple[str, Sequence[Record], float]] = deque()
        self.pending_records = 0
        self.unfolded_records = 0
        self.folded_timestamp_ms = 0
        self.interrupted = False
        self._moved_s: float | None = None
        self._expect_committed()

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to fold or to commit."""
        return bool(self.pending) or self._moved_s is not None

    def accept(self, kind: str, batch: RecordBatch, now_s: float) -> int:
        """Queue what is new in a batch of a topic kind and return how many offsets that is.

        `now_s` is a monotonic time in seconds. Raises `HoleError` when records before the batch are
        missing; nothing is queued then.
        """
        expected = self.expected.get(kind, 0)
        if batch.start > expected:
            raise HoleError(
                f"{batch.topic}/{batch.partition} goes on at {batch.start} where {expected} is expected"
            )
        if batch.end <= expected:
            return 0
        records = batch.records
        if records and records[0].offset < expected:
            records = records[bisect_left(records, expected, key=_offset_of) :]
        self.expected[kind] = batch.end
        if records:
            self.pending.append((kind, records, now_s))
            self.pending_records += len(records)
            self.unfolded_records += len(records)
        elif self._moved_s is None:
            self._moved_s = now_s
        return batch.end - expected

    def take(self, limit: int) -> list[tuple[str, Sequence[Record]]]:
        """Take up to `limit` records out of the queue, in the order in which they came."""
        taken: list[tuple[str, Sequence[Record]]] = []
        while self.pending and limit > 0:
            kind, records, since_s = self.pending.popleft()
            if len(records) > limit:
                self.pending.appendleft((kind, records[limit:], since_s))
                records = records[:limit]
            taken.append((kind, records))
            limit -= len(records)
            self.pending_records -= len(records)
            self.folded_timestamp_ms = records[-1].timestamp
        self._moved_s = None
        return taken

    def reached(self) -> Mapping[str, int]:
        """Give the next offset of each topic kind of which nothing is pending; to be asked after `take`."""
        pending = {kind for kind, _, _ in self.pending}
        return {kind: offset for kind, offset in self.expected.items() if kind not in pending}

    def oldest_timestamp_ms(self) -> int | None:
        """Return when the log took the oldest record that is pending, None when none is."""
        return min((records[0].timestamp for _, records, _ in self.pending), default=None)

    def pending_since_s(self) -> float:
        """Return when the first of what is waiting was accepted, in the time that `accept` was given."""
        since_s = self.pending[0][2] if self.pending else math.inf
        return since_s if self._moved_s is None else min(since_s, self._moved_s)

    def revoke(self) -> None:
        """Drop what is pending and let nothing be written, not even a batch in the middle of its fold."""
        self.opened.revoke()
        self.pending.clear()
        self.pending_records = self.unfolded_records = 0
        self._moved_s = None

    def resume(self) -> None:
        """Begin again at what is committed, after `revoke`, when the partition is ours again.

        A batch that was in the middle of its fold does not touch the partition any more.
        """
        if self.interrupted or self.opened.lock.locked():
            self.partition.discard()
            self.interrupted = False
        self.opened = OpenPartition(self.partition)
        self._expect_committed()

    def _expect_committed(self) -> None:
        """Begin at what is committed, and of other topics where the lane starts."""
        self.expected = {**self.starts, **self.partition.offsets}
        if any(offset > self.partition.offsets.get(kind, 0) for kind, offset in self.expected.items()):
            self._moved_s = time.monotonic()
