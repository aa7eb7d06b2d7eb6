"""A partition of this worker with what was read for it and waits to be folded."""

from __future__ import annotations

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
    offsets by what is pending. `unfolded_records` counts what was accepted and is not committed.
    `opened` is replaced by a new one each time the partition is given to this worker again, and
    `interrupted` says that a batch was dropped in the middle of its fold.
    """

    def __init__(self, partition: FoldedPartition, starts: Mapping[str, int]) -> None:
        self.partition = partition
        self.number = partition.number
        self.opened = OpenPartition(partition)
        self.starts = dict(starts)
        self.expected = {**self.starts, **self.partition.offsets}
        self.pending: deque[tuple[str, Sequence[Record], float]] = deque()
        self.pending_records = 0
        self.unfolded_records = 0
        self.folded_timestamp_ms = 0
        self.interrupted = False

    def accept(self, kind: str, batch: RecordBatch, now_s: float) -> int:
        """Queue what is new in a batch of a topic kind and return how many records that is.

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
        if records[0].offset < expected:
            records = records[bisect_left(records, expected, key=_offset_of) :]
        self.expected[kind] = batch.end
        if not records:
            return 0
        self.pending.append((kind, records, now_s))
        self.pending_records += len(records)
        self.unfolded_records += len(records)
        return len(records)

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
        return taken

    def oldest_timestamp_ms(self) -> int | None:
        """Return when the log took the oldest record that is pending, None when none is."""
        return min((records[0].timestamp for _, records, _ in self.pending), default=None)

    def pending_since_s(self) -> float:
        """Return when the first record that is pending was accepted, in the time that `accept` was given."""
        return self.pending[0][2]

    def revoke(self) -> None:
        """Drop what is pending and let nothing be written, not even a batch in the middle of its fold."""
        self.opened.revoke()
        self.pending.clear()
        self.pending_records = self.unfolded_records = 0

    def resume(self) -> None:
        """Begin again at what is committed, after `revoke`, when the partition is ours again.

        A batch that was in the middle of its fold does not touch the partition any more.
        """
        if self.interrupted or self.opened.lock.locked():
            self.partition.discard()
            self.interrupted = False
        self.opened = OpenPartition(self.partition)
        self.expected = {**self.starts, **self.partition.offsets}
