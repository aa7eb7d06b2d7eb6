"""Which record makes a fold raise, and what is said of it when the host stops."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from wayfold.agents.effects import Batch, FoldedPartition
    from wayfold.models.record import Record

PIECE_RECORDS = 100
"""Records folded without a pause."""


class Place(msgspec.Struct, frozen=True):
    """Where a record lies: its topic kind, partition and offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class FoldFailedError(Exception):
    """The fold raised; the message names the record, where that is known, and how to go on without it.

    `skip_options` are those with which `wayfold dead-letters skip` finds the log.
    """

    def __init__(self, error: Exception, batch: str, place: Place | None) -> None:
        super().__init__(error, batch, place)
        self.error = error
        self.batch = batch
        self.place = place
        self.skip_options = ""

    def __str__(self) -> str:
        fault = (
            f"{type(self.error).__name__}: {self.error}. This is a fault in Wayfold: nothing of the batch "
            "was written and nothing is lost. "
        )
        place = self.place
        if place is None:
            return (
                f"Counting {self.batch} failed: {fault}No single record could be named: folded again from "
                "the last commit, none of them raised this by itself. Start again; when it comes back, "
                "report it with this message."
            )
        options = f" {self.skip_options}" if self.skip_options else ""
        return (
            f"Counting the record {place} failed: {fault}To go on without this record, which stays as a "
            f"dead letter, run `wayfold dead-letters skip {place.topic} {place.partition} {place.offset}"
            f"{options} --note WHY`, then start again; and report the record."
        )


async def explain_failure(
    error: Exception,
    partition: FoldedPartition,
    batch: Batch,
    give_way: Callable[[], Awaitable[None]],
) -> FoldFailedError:
    """Find the record at which the fold of a batch raised; nothing is pending then.

    `batch` is in the order in which it was folded, `give_way` is awaited between pieces and may raise.
    """
    found = await _find_record(partition, batch, give_way)
    described = ", ".join(f"{topic} {first} to {last}" for topic, first, last in _ranges(batch))
    named = f"a batch of partition {partition.number} ({described})"
    if found is None:
        return FoldFailedError(error, named, None)
    place, raised = found
    return FoldFailedError(raised, named, place)


async def _find_record(
    partition: FoldedPartition, batch: Batch, give_way: Callable[[], Awaitable[None]]
) -> tuple[Place, Exception] | None:
    """Find the record without which the batch up to it is folded, and with which it is not.

    It halves the batch again and again: seventeen folds of it at most for 100,000 records.
    """

    async def failure(count: int) -> Exception | None:
        partition.discard()
        steps = _fold_first(partition, batch, count)
        while True:
            try:
                next(steps)
            except StopIteration:
                return None
            except Exception as error:
                return error
            await give_way()

    good, bad = 0, sum(len(records) for _, records in batch)
    raised = await failure(bad) if bad else None
    while raised is not None and bad - good > 1:
        middle = (good + bad) // 2
        error = await failure(middle)
        if error is None:
            good = middle
        else:
            bad, raised = middle, error
    if raised is None or (good == 0 and await failure(0) is not None):
        return None
    topic, record = _record(batch, bad - 1)
    return Place(topic, partition.number, record.offset), raised


def _fold_first(partition: FoldedPartition, batch: Batch, count: int) -> Iterator[None]:
    """Fold the first `count` records of a batch, and all that a commit would do but the write."""
    for topic, records in batch:
        taken = records[:count]
        count -= len(taken)
        for start in range(0, len(taken), PIECE_RECORDS):
            partition.fold(topic, taken[start : start + PIECE_RECORDS])
            yield
    yield from partition.prepare()


def _record(batch: Batch, index: int) -> tuple[str, Record]:
    for topic, records in batch:
        if index < len(records):
            return topic, records[index]
        index -= len(records)
    raise IndexError(index)


def _ranges(batch: Batch) -> Iterator[tuple[str, int, int]]:
    """Yield the topic kinds of a batch with their first and last offset, each kind once."""
    found: dict[str, list[Sequence[Record]]] = {}
    for topic, records in batch:
        if records:
            found.setdefault(topic, []).append(records)
    for topic, parts in found.items():
        yield topic, parts[0][0].offset, parts[-1][-1].offset
