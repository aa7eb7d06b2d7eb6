"""The control table: of each key the latest holds, and skipped records are refused, live and rebuilt."""

import json
from datetime import UTC, datetime

import pytest

from wayfold.models.control import RecordSkipped, UnreadableControlError, encode_control
from wayfold.models.record import LogRecord
from wayfold.models.refusal import Reason
from wayfold.state.control import ControlTable, Skipped, counted_before_skipped
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store.memory_store import MemoryStore

NOW_MS = 1_796_000_000_000


def skip(offset: int, note: str = "why", topic_id: str = "", partition: int = 0) -> RecordSkipped:
    at = datetime(2026, 11, 27, tzinfo=UTC)
    return RecordSkipped(
        at=at, note=note, topic="entries", partition=partition, offset=offset, topic_id=topic_id
    )


def apply(table: ControlTable, *events: RecordSkipped) -> None:
    for event in events:
        table.apply(event.key.encode(), encode_control(event))


def test_of_one_key_the_latest_holds_until_it_is_taken_back() -> None:
    """A second event of a key replaces the first, and a record without a value ends both."""
    table = ControlTable()
    apply(table, skip(4, "first"), skip(5), skip(4, "second"), skip(4, partition=1))
    assert table.skipped_in(0) == {"entries": {4: "second", 5: "why"}}
    assert len(list(table.skips())) == 3
    table.apply(skip(4).key.encode(), None)
    assert table.skipped_in(0) == {"entries": {5: "why"}}
    assert table.skipped_in(1) == {"entries": {4: "why"}}


def test_what_a_later_version_wrote_is_kept_and_has_no_effect() -> None:
    """An unknown type survives in the table, and can be taken back like any other."""
    table = ControlTable()
    table.apply(b"role.given/ann", b"admin")
    table.apply(None, b"no key at all")
    assert table.unknown == {b"role.given/ann": b"admin"}
    table.apply(b"role.given/ann", None)
    assert (table.unknown, table.events) == ({}, {})


def test_a_record_that_cannot_be_read_leaves_what_held_before() -> None:
    """The table is as it was after an error."""
    table = ControlTable()
    apply(table, skip(4))
    with pytest.raises(UnreadableControlError):
        table.apply(skip(4).key.encode(), b"nonsense")
    assert table.skipped_in(0) == {"entries": {4: "why"}}


def test_a_skip_is_of_one_topic_and_not_of_the_next_of_that_name() -> None:
    """When a topic was deleted and created again, another record has the offset, and is counted."""
    table = ControlTable({"entries": "new"})
    apply(table, skip(4, topic_id="old"), skip(5, topic_id="new"))
    assert table.skipped_in(0) == {"entries": {5: "why"}}
    assert [event.offset for event in table.skips()] == [5]


def test_what_a_partition_was_given_follows_later_records() -> None:
    """A partition that is open learns of a skip as soon as the table does."""
    table = ControlTable()
    skipped = table.skipped_in(0)
    apply(table, skip(4))
    assert skipped == {"entries": {4: "why"}}


def entered(offset: int, value: bytes | None = None) -> LogRecord:
    event = {
        "type": "journey.entered",
        "event_id": f"e{offset}",
        "occurred_at": "2026-11-20T10:00:00Z",
        "user_id": f"u{offset}",
        "journey_id": "welcome",
        "journey_version": 1,
        "entry_id": "n",
    }
    return LogRecord(offset, NOW_MS, f"u{offset}".encode(), value or json.dumps(event).encode())


def counted(skipped: Skipped, batches: list[list[int]]) -> tuple[dict[str, int], dict[str, int]]:
    """What a new partition counts and where it stands after these offsets, in these batches."""
    partition = Partition(MemoryStore(), 0, FoldSettings(), skipped)
    for offsets in batches:
        partition.fold("entries", [entered(offset) for offset in offsets])
        partition.commit()
    return dict(partition.counters), dict(partition.offsets)


@pytest.mark.parametrize("batches", [[[0, 1, 2, 3]], [[0, 1], [2, 3]], [[0], [1], [2], [3]]])
def test_a_skipped_record_is_refused_and_counted_however_the_log_is_cut(batches: list[list[int]]) -> None:
    """The others count, the offsets go on, and the refusal is counted under its reason."""
    skipped = {"entries": {1: "why", 3: ""}, "steps": {2: "another topic"}}
    assert counted(skipped, batches) == (
        {"accepted_total": 2, "refused_total:skipped": 2},
        {"entries": 4},
    )


def test_a_skipped_record_is_kept_unread_with_the_note() -> None:
    """Its bytes are those of the log, and the message has what the operator said."""
    partition = Partition(MemoryStore(), 0, FoldSettings(), {"entries": {0: "it stops us", 1: ""}})
    partition.fold("entries", [entered(0, b"\xff\x00"), entered(1)])
    first, second = partition.refused
    assert (first.value, first.key, first.offset) == (b"\xff\x00", b"u0", 0)
    assert (first.refusal.reason, second.refusal.reason) == (Reason.SKIPPED, Reason.SKIPPED)
    assert first.refusal.message == "an operator skipped this record: it stops us"
    assert second.refusal.message == "an operator skipped this record"


def test_skips_that_came_too_late_are_named() -> None:
    """A partition that lies behind a skip and has not refused the record has counted it."""
    skipped = {"entries": {1: "", 3: "", 9: ""}}
    counters, offsets = counted(skipped, [[0, 1, 2, 3]])
    assert counted_before_skipped(skipped, offsets, counters) == []
    counters, offsets = counted({"entries": {1: ""}}, [[0, 1, 2, 3]])
    assert counted_before_skipped(skipped, offsets, counters) == ["entries/1", "entries/3"]
