"""The order of durable effects, and that a batch which fails or is revoked on the way leaves nothing."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.agents.fakes import RememberingPartition
from wayfold.agents import effects
from wayfold.agents.control.locating import FoldFailedError
from wayfold.agents.effects import OpenPartition, PartitionRevokedError, apply_batch
from wayfold.models.record import LogRecord
from wayfold.models.refusal import DeadLetter


class Journal:
    """Sinks and a partition that write down what happens in which order."""

    def __init__(self, directory: Path) -> None:
        self.entries: list[str] = []
        self.partition = JournalPartition(self, directory)
        self.opened = OpenPartition(self.partition)
        self.on_letters: BaseException | None = None
        self.during_letters: Callable[[], object] = bool

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        self.entries.append(f"2 letters {len(letters)}")
        self.during_letters()
        await asyncio.sleep(0)
        if self.on_letters is not None:
            raise self.on_letters

    async def apply(self, *values: bytes, start: int = 0) -> None:
        records = [LogRecord(start + index, 0, b"u", value) for index, value in enumerate(values)]
        await apply_batch(self.opened, [("entries", records)], self, Views(self), Progress(self))


class JournalPartition(RememberingPartition):
    def __init__(self, journal: Journal, directory: Path) -> None:
        super().__init__(directory, 0)
        self.journal = journal

    def prepare(self) -> Iterator[None]:
        yield

    def commit(self) -> None:
        self.journal.entries.append("3 commit")
        super().commit()


class Views:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def committed(self, opened: OpenPartition) -> None:
        self.journal.entries.append("4 views")


class Progress:
    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def committed(self, partition: int, offsets: Mapping[str, int]) -> None:
        self.journal.entries.append(f"5 progress {dict(offsets)}")


@pytest.fixture
async def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


async def test_effects_come_in_their_order(journal: Journal) -> None:
    """Dead letters come before the commit, views and progress after it."""
    await journal.apply(b"good", b"bad")
    assert journal.entries == ["2 letters 1", "3 commit", "4 views", "5 progress {'entries': 2}"]


async def test_offsets_without_records_are_committed(journal: Journal) -> None:
    """A batch may be nothing but offsets that were passed: they become durable and are told on."""
    await journal.apply(b"good")
    await apply_batch(journal.opened, [], journal, Views(journal), Progress(journal), reached={"entries": 3})
    assert journal.entries[-3:] == ["3 commit", "4 views", "5 progress {'entries': 3}"]
    assert journal.partition.offsets == {"entries": 3}


async def test_without_refused_records_no_letters_are_written(journal: Journal) -> None:
    """A batch without refusals does not touch the dead letter sink."""
    await journal.apply(b"good")
    assert journal.entries[0] == "3 commit"


async def test_a_failing_fold_leaves_nothing_and_is_raised(journal: Journal) -> None:
    """An exception in the fold reaches the host, and nothing of the batch can be committed later."""
    with pytest.raises(FoldFailedError, match="the store is full"):
        await journal.apply(b"good", b"poison")
    assert journal.entries == []
    await journal.apply(b"good", b"good")
    assert journal.partition.values == ["good", "good"]


async def test_letters_that_cannot_be_kept_stop_the_batch(journal: Journal) -> None:
    """Without its dead letters a batch is not committed."""
    journal.on_letters = OSError("no broker")
    with pytest.raises(OSError, match="no broker"):
        await journal.apply(b"bad")
    assert "3 commit" not in journal.entries
    assert journal.partition.refused == []


@pytest.mark.parametrize("values", [[b"good"], [b"good", b"bad"]])
async def test_a_revoked_partition_is_not_written(
    journal: Journal, values: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revocation at any await of the batch means that nothing is committed."""
    monkeypatch.setattr(effects, "TURN_S", 1e-9)
    task = asyncio.create_task(journal.apply(*values))
    await asyncio.sleep(0)
    journal.opened.revoke()
    with pytest.raises(PartitionRevokedError):
        await task
    assert "3 commit" not in journal.entries


async def test_a_revocation_while_letters_are_written_is_noticed(journal: Journal) -> None:
    """The check comes after the last await before the commit."""
    journal.during_letters = journal.opened.revoke
    with pytest.raises(PartitionRevokedError):
        await journal.apply(b"bad")
    assert journal.entries == ["2 letters 1"]


async def test_batches_of_a_partition_wait_for_each_other(journal: Journal) -> None:
    """Two batches that are applied at the same time are folded one after the other."""
    await asyncio.gather(journal.apply(b"a", b"b"), journal.apply(b"c", start=2))
    assert journal.partition.values == ["a", "b", "c"]
    assert journal.entries.count("3 commit") == 2


async def test_others_run_between_the_slices_of_a_large_batch(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of many records gives way to heartbeats and requests whenever its turn is over."""
    monkeypatch.setattr(effects, "LONG_TURN_S", 1e-9)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    await journal.apply(*[b"good"] * 10_000)
    other.cancel()
    assert turns > 10_000 / effects.SLICE_RECORDS
