"""What the audit takes from the log, and by which rules."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayfold.audit.counts import CompactCounts
from wayfold.audit.gathering import Gathered, LogRules, Room, Selection
from wayfold.audit.live import AuditImpossibleError
from wayfold.audit.oracle import Limits
from wayfold.audit.oracle.times import instant_ms
from wayfold.audit.questions import Scope, ranges
from wayfold.models.partitioner import PARTITIONERS
from wayfold.models.record import LogRecord
from wayfold.models.zone import Zone

NOW_MS = 1_793_613_607_000
DAY_MS = 86_400_000


def rules(**changes: Any) -> LogRules:
    return LogRules(**{"partitions": 1, "partitioner": "murmur2", "retention_ms": DAY_MS, **changes})


def entered(offset: int, user: str, day: int, journey: str = "welcome") -> LogRecord:
    event = {
        "type": "journey.entered",
        "event_id": f"e-{offset}",
        "occurred_at": f"2026-10-{day:02d}T00:00:00Z",
        "user_id": user,
        "journey_id": journey,
        "journey_version": 1,
        "entry_id": "n",
    }
    return LogRecord(offset, NOW_MS, user.encode(), json.dumps(event).encode())


def arrived(offset: int, user: str, variant: str) -> LogRecord:
    record = entered(offset, user, 1)
    event = json.loads(record.value or b"") | {"type": "step.entered", "step_id": "mail", "variant": variant}
    return LogRecord(offset, NOW_MS, user.encode(), json.dumps(event).encode())


def moved(record: LogRecord, offset: int) -> LogRecord:
    """The same record once more, further on in the log."""
    return LogRecord(offset, record.timestamp, record.key, record.value)


def test_a_sample_is_the_same_each_time_and_another_for_another_seed() -> None:
    """Who is in the sample follows from the user id and the seed alone, about as many as asked for."""
    users = [f"user-{number}".encode() for number in range(4_000)]
    first, again, other = (
        {user for user in users if Selection(users_share=0.1, seed=seed).has_user(user)} for seed in (1, 1, 2)
    )
    assert first == again != other
    assert 300 < len(first) < 500


@given(st.binary(), st.integers(min_value=-(2**62), max_value=2**62))
def test_nobody_or_everybody(user: bytes, seed: int) -> None:
    """A share of 0 holds nobody, a share of 1 everybody."""
    assert not Selection(users_share=0.0, seed=seed).has_user(user)
    assert Selection(users_share=1.0, seed=seed).has_user(user)


def gather(
    records: Sequence[LogRecord], selection: Selection, *ends: int, room: Room | None = None, **changes: Any
) -> Gathered:
    """Read entries of partition 0 of which one may ask below each of the ends."""
    stops = [{0: {"entries": end}} for end in ends]
    gathered = Gathered(0, selection, rules(**changes), room or Room(100), stops)
    for record in records:
        gathered.add("entries", record)
    return gathered


def test_an_event_is_late_because_of_one_that_is_not_needed() -> None:
    """Topic time is that of all events, also where only one journey's are kept."""
    days = [("ann", 1, "welcome"), ("bob", 9, "other"), ("bob", 20, "other"), ("ann", 5, "welcome")]
    records = [entered(offset, *day) for offset, day in enumerate(days)]
    acceptance = gather(records, Selection(journey_id="welcome"), 4).acceptance({"entries": 4})
    assert acceptance.refused == {"late": 1}
    assert [event["event_id"] for event in acceptance.accepted] == ["e-0"]
    assert acceptance.watermarks == {"default": instant_ms("2026-10-20T00:00:00Z")}


def test_a_repeat_that_is_not_needed_makes_nothing_late() -> None:
    """Also of events that are not kept it is known which ones repeat another and so move no topic time."""
    first, again = entered(0, "bob", 1, "other"), entered(0, "bob", 20, "other")
    records = [first, moved(again, 1), entered(2, "ann", 1)]
    acceptance = gather(records, Selection(journey_id="welcome"), 3).acceptance({"entries": 3})
    assert (acceptance.duplicates, acceptance.refused) == (1, {})
    assert [event["event_id"] for event in acceptance.accepted] == ["e-2"]


def test_names_that_are_not_needed_fill_the_limit_of_their_journey() -> None:
    """A sample of users counts the names and events of all, so that it refuses what the system refuses."""
    users = [f"user-{number}" for number in range(200)]
    sample = Selection(users_share=0.05)
    last = next(user for user in reversed(users) if sample.has_user(user.encode()))
    records = [
        arrived(offset, user, "a" if user != last else "b") for offset, user in enumerate([*users, last])
    ]
    gathered = Gathered(0, sample, rules(limits=Limits(variants=1)), Room(100), [{0: {"steps": 201}}])
    for record in records:
        gathered.add("steps", record)
    acceptance = gathered.acceptance({"steps": 201})
    assert acceptance.refused == {"limit": 2}
    assert {event["user_id"] for event in acceptance.accepted} == {
        user for user in users if sample.has_user(user.encode()) and user != last
    }


def test_records_that_an_operator_skipped_are_refused() -> None:
    """Each partition has its own; other topics and partitions are not meant."""
    records = [entered(offset, "ann", 1) for offset in range(3)]
    skipped = {0: {("entries", 1), ("steps", 0)}, 1: {("entries", 2)}}
    acceptance = gather(records, Selection(), 3, skipped=skipped).acceptance({"entries": 3})
    assert acceptance.refused == {"skipped": 1}
    assert [event["event_id"] for event in acceptance.accepted] == ["e-0", "e-2"]


def test_records_behind_the_numbers_are_left_out() -> None:
    """What is said of several ends is said of the records below each, watermarks and refusals too."""
    records = [
        entered(0, "ann", 1),
        entered(1, "ann", 9),
        entered(2, "ann", 3),
        moved(entered(1, "ann", 9), 3),
    ]
    gathered = gather(records, Selection(), 0, 1, 3, 4)
    said = [gathered.acceptance({"entries": end}) for end in (0, 1, 3, 4)]
    assert [len(acceptance.accepted) for acceptance in said] == [0, 1, 2, 2]
    assert [acceptance.refused["late"] for acceptance in said] == [0, 0, 1, 1]
    assert [acceptance.duplicates for acceptance in said] == [0, 0, 0, 1]
    days = [instant_ms(f"2026-10-0{day}T00:00:00Z") for day in (1, 9)]
    assert [acceptance.watermark_ms for acceptance in said] == [-1, days[0], days[1], days[1]]


def test_the_room_is_for_all_partitions_together() -> None:
    """The limit holds over all partitions, and what is not needed takes no room."""
    room = Room(2)
    wanted = Selection(journey_id="welcome")
    records = [entered(0, "ann", 3), entered(1, "ann", 2, "other")]
    first, _ = (gather(records, wanted, 3, room=room) for _ in range(2))
    with pytest.raises(AuditImpossibleError, match="more than 2 events"):
        first.add("entries", entered(2, "ann", 3))


def test_crc32_decides_where_a_user_belongs_when_it_is_set() -> None:
    """Records in a partition that is not their user's are refused by the partitioner that is set."""
    users = [f"user-{number}" for number in range(50)]
    records = [entered(offset, user, 1) for offset, user in enumerate(users)]
    records.append(LogRecord(len(users), NOW_MS, b"user-1", b"{"))
    gathered = gather(records, Selection(), 100, partitions=4, partitioner="crc32")
    acceptance = gathered.acceptance({"entries": 100})
    home = sum(PARTITIONERS["crc32"](user.encode(), 4) == 0 for user in users)
    assert len(acceptance.accepted) == home
    assert acceptance.refused == {"wrong_partition": len(users) - home, "unparseable": 1}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400))))
def test_compact_counts_count_like_a_counter(counted: list[tuple[str, int]]) -> None:
    """Whatever is counted, in whichever order, and however often the table grew."""
    compact, plain = CompactCounts(), Counter[tuple[str, str | None]]()
    for kind, number in counted:
        for what in ((kind, str(number)), (kind, None)):
            compact[what] += 1
            plain[what] += 1
    assert [compact[what] for what in plain] == list(plain.values())
    assert (len(compact), compact["d", None]) == (len(plain), 0)


def test_compact_counts_take_little_memory() -> None:
    """A hundred thousand ids take less than fifty bytes each, and each is found again."""
    compact = CompactCounts()
    for number in range(100_000):
        compact["default", f"e-{number}"] += 1
    assert len(compact) == 100_000
    assert all(compact["default", f"e-{number}"] == 1 for number in range(100_000))
    assert compact.size_bytes < 50 * 100_000


@given(
    st.integers(min_value=-1, max_value=4_000_000_000_000),
    st.integers(min_value=-1000, max_value=1000),
    st.sampled_from(["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe"]),
)
def test_the_ranges_can_be_asked_in_every_zone(watermark_ms: int, seed: int, zone: str) -> None:
    """Whatever the seed and the watermark, the ranges have good bounds, and the days reach the watermark."""
    found = ranges(Scope(seed=seed), watermark_ms, [ZoneInfo(zone)])
    assert [query.clock for _, query in found] == ["event", "entry"] * (len(found) // 2)
    assert len(found) >= 4
    for _, query in found:
        span = Zone(zone).span(query.start, query.end)
        assert span is not None
        assert span.start_ms <= span.end_ms
    days = Zone(zone).span(found[0][1].start, found[0][1].end)
    assert days is not None
    assert days.end_ms > watermark_ms
