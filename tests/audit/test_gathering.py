"""What the audit takes from the log, and by which rules."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayfold.audit.gathering import Gathered, LogRules, Room, Selection
from wayfold.audit.live import AuditImpossibleError
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


def test_an_event_is_late_because_of_one_that_is_not_needed() -> None:
    """The watermark is that of all events, also where only one journey's are kept."""
    gathered = Gathered(0, Selection(journey_id="welcome"), rules(), Room(10))
    for record in (
        entered(0, "ann", 1),
        entered(1, "bob", 9, "other"),
        entered(2, "bob", 20, "other"),
        entered(3, "ann", 5),
    ):
        gathered.add("entries", record)
    acceptance = gathered.acceptance({"entries": 4})
    assert acceptance.reasons == {("entries", 3): "late"}
    assert [event["event_id"] for event in acceptance.accepted] == ["e-0", "e-2"]


def test_records_behind_the_numbers_are_left_out() -> None:
    """Only records below the offsets of the numbers count."""
    gathered = Gathered(0, Selection(), rules(), Room(10))
    for offset in range(4):
        gathered.add("entries", entered(offset, "ann", 1))
    for end in (0, 1, 4):
        assert len(gathered.acceptance({"entries": end}).accepted) == end


def test_the_room_is_for_all_partitions_together() -> None:
    """The limit holds over all partitions, and what is not needed takes no room."""
    room = Room(2)
    parts = [Gathered(number, Selection(journey_id="welcome"), rules(), room) for number in (0, 1)]
    for part in parts:
        part.add("entries", entered(0, "ann", 3))
        part.add("entries", entered(1, "ann", 2, "other"))
    with pytest.raises(AuditImpossibleError, match="more than 2 events"):
        parts[0].add("entries", entered(2, "ann", 3))


def test_crc32_decides_where_a_user_belongs_when_it_is_set() -> None:
    """Records in a partition that is not their user's are refused by the partitioner that is set."""
    users = [f"user-{number}" for number in range(50)]
    gathered = Gathered(1, Selection(), rules(partitions=4, partitioner="crc32"), Room(100))
    for offset, user in enumerate(users):
        gathered.add("entries", entered(offset, user, 1))
    gathered.add("entries", LogRecord(len(users), NOW_MS, b"user-1", b"{"))
    acceptance = gathered.acceptance({"entries": 100})
    home = sum(PARTITIONERS["crc32"](user.encode(), 4) == 1 for user in users)
    assert len(acceptance.accepted) == home
    assert acceptance.refused == {"wrong_partition": len(users) - home, "unparseable": 1}


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
