"""The order in which a batch takes effect: the same in the Kafka worker and in the embedded host.

Nothing else in the program commits a partition. A crash between any two of the steps of `apply_batch`
loses nothing and counts nothing twice:

| crash after | what is there | what the restart does |
|---|---|---|
| 1 fold | nothing durable | reads the batch again |
| 2 dead letters | the letters | reads the batch again and writes the letters again, under the same keys |
| 3 store commit | numbers and offsets, together | goes on behind the batch; views are compared and pushed |
| 4 views | the views | as after 3 |
| 5 progress | everything | goes on behind the batch |
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from wayfold.agents.control.locating import explain_failure
from wayfold.state.partition import FOLD_ORDER
from wayfold.state.store.errors import StoreError
from wayfold.state.telemetry import Telemetry

if TYPE_CHECKING:
    from wayfold.models.record import Record
    from wayfold.models.refusal import DeadLetter

SLICE_RECORDS = 100
"""Records folded without looking at the clock."""
LARGE_BATCH_RECORDS = 5_000
"""A batch from here on works off a backlog: speed counts, and nobody waits for its latest event."""
TURN_S = 0.001
LONG_TURN_S = 0.005
"""How long the fold of a batch, and of a large one, keeps other tasks and threads waiting, about.

A poll takes half a dozen turns to come through, so that short ones show an event sooner; they cost a sixth of
the speed.
"""
IDLE_PASS_S = 0.00005
"""A pass of the event loop that takes less than this had nothing to do."""
MOST_TURNS = 3
"""For how many turns' time others go on while they have something to do: an answer takes a dozen passes."""

Batch = Sequence[tuple[str, "Sequence[Record]"]]
"""What is folded and committed together: (topic kind such as "entries", records in offset order)."""


class FoldedPartition(Protocol):
    """What the hosts need of `wayfold.state.partition.Partition`."""

    @property
    def number(self) -> int:
        """Number of the partition, the same in every topic."""

    @property
    def offsets(self) -> Mapping[str, int]:
        """Topic kind → next offset to fold, as of the last commit."""

    @property
    def sequence(self) -> int:
        """Grows with every commit of a record or of offsets that hold none."""

    @property
    def watermark_ms(self) -> int:
        """Greatest `occurred_at` that was accepted, in milliseconds UTC; -1 when none was."""

    @property
    def judging_since_ms(self) -> int | None:
        """Since when a late definition is in the log that not all histories are judged by; None without one.

        While there is one, batches without records go on with it.
        """

    @property
    def counters(self) -> Mapping[str, int]:
        """How many records were accepted, repeated and refused, as of the last commit."""

    @property
    def refused(self) -> Sequence[DeadLetter]:
        """Records that the pending batch refused: all of them once it is prepared."""

    def fold(self, topic: str, records: Sequence[Record]) -> None:
        """Fold in memory; records below `offsets` are skipped; bad input never raises."""

    def reach(self, topic: str, offset: int) -> None:
        """Take the next offset of a topic kind for this one: what lies before and was not folded is empty."""

    def prepare(self) -> Iterator[None]:
        """Merge and work towards the commit, in pieces between which others may read; nothing is written."""

    def commit(self) -> None:
        """Write everything that is pending in one atomic write, offsets included."""

    def discard(self) -> None:
        """Forget everything that is pending."""

    def close(self) -> None:
        """Let go of the store."""


class DeadLetterSink(Protocol):
    """Where refused records are kept byte for byte."""

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        """Return once every letter is durable; raise when that cannot be.

        The same letter may come again after a crash; it has the same topic, partition and offset then.
        """


class ViewSink(Protocol):
    """Where readers find the numbers; it may lag behind the store, and is never waited for."""

    def committed(self, opened: OpenPartition) -> None:
        """Note that this partition has new committed numbers; return at once.

        It is also called when a partition was opened or is ours again, since the views may be behind then.
        Whoever pushes later stops when `opened.revoked`, and need not wait for `opened.lock`: what is read of
        a partition amid a batch is as of the commit before, however long the batch takes.
        """


class ProgressSink(Protocol):
    """Who is told how far a partition has come, for monitoring only; it is never read back."""

    def committed(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Note the next offset of each topic kind; return at once."""


class PartitionRevokedError(Exception):
    """The partition was given to another worker while a batch was being folded; the batch is dropped."""


class OpenPartition:
    """A partition that this process owns, one batch at a time.

    `lock` is held from the first fold of a batch to its commit. `revoke` is final: nothing is written
    through this object afterwards, a batch that is in the middle of its fold included.
    """

    def __init__(self, partition: FoldedPartition) -> None:
        self.partition = partition
        self.lock = asyncio.Lock()
        self.revoked = False

    def revoke(self) -> None:
        """Stop every later write of this process to the partition."""
        self.revoked = True

    def require_ownership(self) -> None:
        """Raise `PartitionRevokedError` when the partition is no longer ours."""
        if self.revoked:
            raise PartitionRevokedError(f"partition {self.partition.number} belongs to another worker now")


class NoViews:
    """A view sink for hosts whose readers ask the store itself."""

    def committed(self, opened: OpenPartition) -> None:
        """Do nothing."""


class NoProgress:
    """A progress sink for hosts that have nobody to tell."""

    def committed(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Do nothing."""


async def apply_batch(
    opened: OpenPartition,
    batch: Batch,
    dead_letters: DeadLetterSink,
    views: ViewSink,
    progress: ProgressSink,
    telemetry: Telemetry | None = None,
    *,
    reached: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Give a batch its durable effects, in the one order that a crash cannot harm.

    `reached` are the next offsets of topic kinds whose last offsets before these hold no record: markers of
    transactions and what was taken back. With them the batch may be empty.

    Raises what the dead letters or the store raised, and `FoldFailedError` when the fold did, with nothing
    pending any more: the host must then stop, because going on would skip the batch. Raises
    `PartitionRevokedError`, with nothing written to the store, when the partition was revoked on the way.
    """
    partition = opened.partition
    measured = telemetry or Telemetry()
    async with opened.lock:
        opened.require_ownership()
        try:
            # 1. Fold in memory, and make what the commit will write.
            await _fold_or_explain(opened, batch, reached, measured)
            # 2. Refused records are durable before anything says that they were read.
            if partition.refused:
                await dead_letters.write(list(partition.refused))
            # 3. Numbers and offsets, in one atomic write. No await between the check and the write.
            opened.require_ownership()
            with measured.commit_seconds.timed():
                partition.commit()
        except BaseException:
            # A revoked partition may be closed already; what it had pending went with it.
            if not opened.revoked:
                partition.discard()
            raise
    # 4. Views follow in their own time.
    views.committed(opened)
    # 5. Kafka hears of the offsets for lag monitoring; nobody seeks to them.
    progress.committed(partition.number, dict(partition.offsets))


async def _fold_or_explain(
    opened: OpenPartition, batch: Batch, reached: Mapping[str, int], measured: Telemetry
) -> None:
    """Fold a batch; what it raises of its own, not the store or the system, names the record."""
    batch = sorted(batch, key=lambda part: FOLD_ORDER.index(part[0]))
    try:
        await _fold(opened, batch, reached, measured)
    except (PartitionRevokedError, StoreError, OSError, MemoryError):
        raise
    except Exception as error:
        turns = _Turns(opened, LONG_TURN_S)
        raise await explain_failure(error, opened.partition, batch, turns.give_way_when_over) from error


async def _fold(opened: OpenPartition, batch: Batch, reached: Mapping[str, int], measured: Telemetry) -> None:
    count = sum(len(records) for _, records in batch)
    turns = _Turns(opened, TURN_S if count < LARGE_BATCH_RECORDS else LONG_TURN_S)
    for topic, records in batch:
        for start in range(0, len(records), SLICE_RECORDS):
            opened.partition.fold(topic, records[start : start + SLICE_RECORDS])
            if turns.is_over():
                await turns.give_way()
    for topic, offset in reached.items():
        opened.partition.reach(topic, offset)
    for _ in opened.partition.prepare():
        if turns.is_over():
            await turns.give_way()
    measured.fold_seconds.observe(turns.folding_s())
    measured.batch_records.observe(count)


class _Turns:
    """Cuts the fold of a batch into turns of about `turn_s` seconds, between which other tasks run."""

    def __init__(self, opened: OpenPartition, turn_s: float) -> None:
        self._opened = opened
        self._turn_s = turn_s
        sys.setswitchinterval(turn_s)
        self._folding_s = 0.0
        self._since_s = time.perf_counter()

    def is_over(self) -> bool:
        """Whether it is time to give way."""
        return time.perf_counter() - self._since_s >= self._turn_s

    async def give_way(self) -> None:
        """Let other tasks run; raises `PartitionRevokedError` when one of them took the partition away."""
        self._folding_s = self.folding_s()
        self._since_s = time.perf_counter()
        until_s = self._since_s + MOST_TURNS * self._turn_s
        while True:
            await asyncio.sleep(0)
            before_s, self._since_s = self._since_s, time.perf_counter()
            if self._since_s - before_s < IDLE_PASS_S or self._since_s >= until_s:
                break
        self._opened.require_ownership()

    async def give_way_when_over(self) -> None:
        """Let other tasks run when it is time to."""
        if self.is_over():
            await self.give_way()

    def folding_s(self) -> float:
        """Seconds of all turns so far."""
        return self._folding_s + time.perf_counter() - self._since_s
