"""A fold that raises names the record at which it does, or says that no single one can be named."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.agents.fakes import KeptLetters, RememberingPartition
from wayfold.agents.control.locating import FoldFailedError, Place
from wayfold.agents.effects import (
    Batch,
    NoProgress,
    NoViews,
    OpenPartition,
    PartitionRevokedError,
    apply_batch,
)
from wayfold.models.record import LogRecord, Record
from wayfold.state.store.errors import FREE_DISK, StoreFailedError, StoreProblem

Judge = Callable[[list[str]], bool]


class RaisingPartition(RememberingPartition):
    """Raises when it merges values that `raises` does not like, as late as the fold may."""

    def __init__(self, directory: Path, raises: Judge) -> None:
        super().__init__(directory, 7)
        self.raises = raises
        self.folds = 0

    def fold(self, topic: str, records: Sequence[Record]) -> None:
        self.folds += len(records)
        super().fold(topic, records)

    def prepare(self) -> Iterator[None]:
        yield
        if self.raises(self._pending):
            raise ValueError("chr() arg not in range(0x110000)")


def batch(*parts: tuple[str, int, int]) -> Batch:
    """Records of topic kinds, each with so many from an offset on; a value names kind and offset."""
    return [
        (
            topic,
            [
                LogRecord(offset, 0, b"u", f"{topic}/{offset}".encode())
                for offset in range(first, first + count)
            ],
        )
        for topic, first, count in parts
    ]


def opened(directory: Path, raises: Judge) -> tuple[RaisingPartition, OpenPartition]:
    partition = RaisingPartition(directory, raises)
    partition.offsets = {"entries": 40}
    return partition, OpenPartition(partition)


async def applied(where: OpenPartition, parts: Batch) -> None:
    await apply_batch(where, parts, KeptLetters(), NoViews(), NoProgress())


MIXED = batch(("entries", 40, 700), ("steps", 0, 900), ("messages", 0, 1))


@pytest.mark.parametrize("culprit", ["steps/0", "steps/899", "messages/0", "entries/40", "entries/739"])
async def test_the_record_is_found_wherever_it_lies(tmp_path: Path, culprit: str) -> None:
    """First or last, in any topic, raising only when all is merged: its place is named, within few folds."""
    partition, where = opened(tmp_path, lambda pending: culprit in pending)
    with pytest.raises(FoldFailedError, match=r"chr\(\) arg") as raised:
        await applied(where, MIXED)
    topic, _, offset = culprit.partition("/")
    assert raised.value.place == Place(topic, 7, int(offset))
    assert f"`wayfold dead-letters skip {topic} 7 {offset} --note WHY`" in str(raised.value)
    assert partition.folds < 14 * 1_601
    assert partition._pending == []
    assert partition.commits == 0


async def test_of_several_the_first_in_the_order_of_folding_is_named(tmp_path: Path) -> None:
    """Skipping it leads to the next, so that every one is named in the end."""
    _, where = opened(tmp_path, lambda pending: "steps/5" in pending or "entries/41" in pending)
    with pytest.raises(FoldFailedError) as raised:
        await applied(where, MIXED)
    assert raised.value.place == Place("steps", 7, 5)


async def test_two_records_that_do_not_go_together_name_the_second(tmp_path: Path) -> None:
    """Without the one that is named the batch up to it is folded."""
    _, where = opened(tmp_path, lambda pending: {"steps/5", "entries/500"} <= set(pending))
    with pytest.raises(FoldFailedError) as raised:
        await applied(where, MIXED)
    assert raised.value.place == Place("entries", 7, 500)


@pytest.mark.parametrize("always", [True, False])
async def test_where_no_record_can_be_named_the_batch_is(tmp_path: Path, always: bool) -> None:
    """A fold that raises without any record, or only once, blames none and says which batch it was."""
    times = 0

    def raises(pending: list[str]) -> bool:
        nonlocal times
        times += 1
        return always or times == 1

    _, where = opened(tmp_path, raises)
    with pytest.raises(FoldFailedError, match="No single record could be named") as raised:
        await applied(where, MIXED)
    assert raised.value.place is None
    assert "entries 40 to 739" in str(raised.value)
    assert "steps 0 to 899" in str(raised.value)


@pytest.mark.parametrize(
    "error", [OSError("no space"), StoreFailedError(Path("p"), StoreProblem.DISK, "broke", FREE_DISK)]
)
async def test_trouble_with_the_disk_blames_no_record(tmp_path: Path, error: Exception) -> None:
    """What the store or the system raises is told as it is."""

    def raises(pending: list[str]) -> bool:
        raise error

    partition, where = opened(tmp_path, raises)
    with pytest.raises(type(error)) as raised:
        await applied(where, MIXED)
    assert raised.value is error
    assert partition.folds == 1_601


async def test_a_partition_that_is_taken_away_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the record is looked for the partition may go to another worker; then nothing touches it."""
    monkeypatch.setattr("wayfold.agents.effects.LONG_TURN_S", 1e-9)
    partition, where = opened(tmp_path, lambda pending: "messages/0" in pending)
    discard = partition.discard

    def noting_discard() -> None:
        assert not where.revoked
        discard()
        asyncio.get_running_loop().call_soon(where.revoke)

    partition.discard = noting_discard  # type: ignore[method-assign]
    with pytest.raises(PartitionRevokedError):
        await applied(where, MIXED)
