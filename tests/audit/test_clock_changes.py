"""Hours where a clock is put forward or back, in an audit: a range begins or ends there."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.audit.folded import Folded
from tests.oracle.story import DAY_MS, HOUR_MS, defined, entered
from wayfold.audit.oracle.times import bound_ms, instant_ms, instant_text, last_change_ms
from wayfold.audit.questions import Scope, ranges
from wayfold.models.zone import MINUTE_MS, Place, Zone

SEEDS = range(8)
CHANGES = [
    ("Europe/Amsterdam", "2026-10-25T01:00:00Z"),
    ("Europe/Amsterdam", "2026-03-29T01:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
]


def story(change_ms: int) -> Iterator[dict[str, Any]]:
    """An entry at each half of the hours around a change, and one three weeks later."""
    yield defined(at=instant_text(change_ms - 20 * DAY_MS))
    for half in range(-8, 9):
        at = instant_text(change_ms + half * HOUR_MS // 2)
        yield entered(f"u{half}", at)
    yield entered("late", instant_text(change_ms + 21 * DAY_MS))


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("days_later", [0, 21, 120])
def test_the_last_change_is_found(zone: str, change: str, days_later: int) -> None:
    """It is the very millisecond in which the clock first shows another difference to UTC."""
    change_ms = instant_ms(change)
    at_ms = change_ms + days_later * DAY_MS
    assert last_change_ms(at_ms - 300 * DAY_MS, at_ms, ZoneInfo(zone)) == change_ms
    assert last_change_ms(change_ms, at_ms, ZoneInfo(zone)) is None
    assert last_change_ms(0, at_ms, ZoneInfo("UTC")) is None


@pytest.mark.parametrize(("zone", "change"), CHANGES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_range_is_bounded_by_the_last_change(zone: str, change: str, seed: int) -> None:
    """One bound is within an hour and a half of the change; zones without changes get no such range."""
    change_ms = instant_ms(change)
    zones = [ZoneInfo("UTC"), ZoneInfo(zone)]
    plain = ranges(Scope(seed=seed), change_ms + 9 * DAY_MS, zones[:1])
    given = ranges(Scope(seed=seed), change_ms + 9 * DAY_MS, zones)
    assert given[: len(plain)] == plain
    added = [query for _, query in given[len(plain) :]]
    assert [query.clock for query in added] == ["event", "entry"]
    for query in added:
        start_ms, end_ms = (bound_ms(str(text), zones[1]) for text in (query.start, query.end))
        assert start_ms < end_ms
        assert min(abs(start_ms - change_ms), abs(end_ms - change_ms)) <= 3 * HOUR_MS // 2


@pytest.mark.parametrize(("zone", "change"), CHANGES)
async def test_right_hours_at_a_change_are_equal(zone: str, change: str) -> None:
    """Wherever the range begins or ends, the fold's hours around a change are the audit's."""
    folded = Folded(story(instant_ms(change)), zone)
    for seed in SEEDS:
        assert (await folded.audited(seed)).differences == []


@pytest.mark.parametrize(("zone", "change"), CHANGES)
async def test_a_wrong_hour_at_a_change_is_found(
    zone: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a few audits differs when the half hour after a change counts two hours before it."""
    change_ms = instant_ms(change)
    right = Zone.place

    def wrong(self: Zone, at_ms: int) -> Place:
        place = right(self, at_ms)
        if 0 <= at_ms - change_ms < HOUR_MS // 2:
            return place._replace(hour=(change_ms - 2 * HOUR_MS) // MINUTE_MS)
        return place

    monkeypatch.setattr(Zone, "place", wrong)
    monkeypatch.setattr(Zone, "hour", lambda self, at_ms: wrong(self, at_ms).hour)
    folded = Folded(story(change_ms), zone)
    assert any([(await folded.audited(seed)).differences for seed in SEEDS])
