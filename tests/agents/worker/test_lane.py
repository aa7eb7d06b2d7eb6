"""Lanes: batches in order, without holes, and from the committed offsets again after a revocation."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.agents.fakes import RememberingPartition
from tests.agents.worker.batches import batch, empty
from wayfold.agents.worker.lane import HoleError, Lane
from wayfold.models.record import Record


@pytest.fixture
async def lane(tmp_path: Path) -> Lane:
    return Lane(RememberingPartition(tmp_path, 0), {})


def offsets(taken: list[tuple[str, Sequence[Record]]]) -> list[tuple[str, list[int]]]:
    return [(kind, [record.offset for record in records]) for kind, records in taken]


async def test_batches_come_out_as_they_went_in(lane: Lane) -> None:
    """Records of several topics leave the lane in the order of their arrival."""
    lane.accept("entries", batch(0, 1), 0.0)
    lane.accept("steps", batch(0), 0.0)
    lane.accept("entries", batch(2), 0.0)
    assert offsets(lane.take(100)) == [("entries", [0, 1]), ("steps", [0]), ("entries", [2])]
    assert lane.pending_records == 0


async def test_a_limit_splits_a_batch_and_keeps_the_rest(lane: Lane) -> None:
    """No more records are taken than asked for, and none is lost by that."""
    lane.accept("entries", batch(0, 1, 2, 3), 0.0)
    assert offsets(lane.take(3)) == [("entries", [0, 1, 2])]
    assert offsets(lane.take(3)) == [("entries", [3])]


async def test_what_was_read_before_is_dropped(lane: Lane) -> None:
    """Batches that overlap what the lane has give only what is new."""
    assert lane.accept("entries", batch(0, 1, 2), 0.0) == 3
    assert lane.accept("entries", batch(1, 2), 0.0) == 0
    assert lane.accept("entries", batch(1, 2, 3), 0.0) == 1
    assert offsets(lane.take(100)) == [("entries", [0, 1, 2]), ("entries", [3])]


async def test_offsets_without_records_are_no_holes(lane: Lane) -> None:
    """A transaction's markers take offsets; a batch that reaches over them continues the last one."""
    lane.accept("entries", batch(0, 1, end=3), 0.0)
    assert lane.accept("entries", batch(5, start=3), 0.0) == 3
    assert lane.expected["entries"] == 6
    assert offsets(lane.take(100)) == [("entries", [0, 1]), ("entries", [5])]


async def test_a_batch_without_records_waits_to_be_committed(lane: Lane) -> None:
    """Offsets that hold nothing are something to commit, alone or with what is folded next."""
    assert lane.accept("entries", empty(0, 2), 7.0) == 2
    assert lane.is_waiting
    assert lane.pending_since_s() == 7.0
    assert lane.take(100) == []
    assert lane.reached() == {"entries": 2}
    assert lane.accept("entries", empty(0, 2), 8.0) == 0
    assert [lane.is_waiting] == [False]


async def test_what_is_reached_ends_before_what_is_pending(lane: Lane) -> None:
    """Of a topic whose records are still queued nothing is reached: the records themselves will say it."""
    lane.accept("entries", batch(0, 1, 2, end=4), 0.0)
    lane.accept("steps", batch(0, end=2), 0.0)
    assert offsets(lane.take(2)) == [("entries", [0, 1])]
    assert lane.reached() == {}
    assert offsets(lane.take(2)) == [("entries", [2]), ("steps", [0])]
    assert lane.reached() == {"entries": 4, "steps": 2}


async def test_a_start_behind_the_beginning_is_committed(tmp_path: Path) -> None:
    """Where a partition without state was told to begin is kept, or nobody could begin there again."""
    lane = Lane(RememberingPartition(tmp_path, 0), {"entries": 5, "steps": 0})
    assert lane.is_waiting
    assert lane.take(10) == []
    assert lane.reached() == {"entries": 5, "steps": 0}


async def test_a_revoked_lane_has_nothing_to_commit(lane: Lane) -> None:
    """What was reached and not committed is read again by whoever gets the partition."""
    lane.accept("entries", empty(0, 2), 0.0)
    lane.revoke()
    assert not lane.is_waiting
    lane.resume()
    assert not lane.is_waiting
    assert lane.expected == {}


async def test_a_hole_is_refused(lane: Lane) -> None:
    """A batch that does not continue what was read is not taken, so nothing can be skipped."""
    lane.accept("entries", batch(0), 0.0)
    with pytest.raises(HoleError, match="goes on at 2 where 1 is expected"):
        lane.accept("entries", batch(2, 3), 0.0)
    assert lane.pending_records == 1


async def test_resuming_begins_at_the_committed_offsets(lane: Lane) -> None:
    """What was pending at a revocation is dropped and expected again."""
    lane.accept("entries", batch(0, 1), 0.0)
    for kind, records in lane.take(100):
        lane.partition.fold(kind, records)
    lane.partition.commit()
    lane.accept("entries", batch(2, 3), 0.0)
    before = lane.opened
    lane.revoke()
    assert before.revoked
    assert lane.take(100) == []
    lane.resume()
    assert not lane.opened.revoked
    assert lane.expected["entries"] == 2


async def test_a_batch_interrupted_in_its_fold_leaves_nothing_behind(lane: Lane) -> None:
    """After a revocation in the middle of a fold the partition has no pending half of it."""
    lane.accept("entries", batch(0, 1), 0.0)
    (kind, records), *_ = lane.take(100)
    async with lane.opened.lock:
        lane.partition.fold(kind, records[:1])
        lane.revoke()
        lane.resume()
    lane.partition.commit()
    assert lane.partition.offsets == {}
    assert lane.expected == {}


async def test_the_oldest_pending_record_tells_the_lag(lane: Lane) -> None:
    """The lag is measured from the oldest record of any topic."""
    assert lane.oldest_timestamp_ms() is None
    lane.accept("entries", batch(0, 1), 0.0)
    lane.accept("steps", batch(0), 0.0)
    assert lane.oldest_timestamp_ms() == 1_700_000_000_000
