"""Calendars: days of 23, 24 and 25 hours, offsets of half hours, and ranges cut into days and hours."""

from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wayfold.audit.oracle.times import bound_ms, wall_clock
from wayfold.models.events import END_OF_TIME_MS
from wayfold.models.zone import HOUR_MS, MINUTE_MS, RangeError, Zone, month_name

NAMES = ("UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
MOMENTS_MS = st.integers(min_value=2 * 86_400_000, max_value=4_000_000_000_000)


def at_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


@pytest.mark.parametrize(
    ("zone", "day", "following", "hours"),
    [
        ("Europe/Amsterdam", "2026-03-29", "2026-03-30", 23),
        ("Europe/Amsterdam", "2026-10-25", "2026-10-26", 25),
        ("Europe/Amsterdam", "2026-11-01", "2026-11-02", 24),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-06", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-05", 23.5),
    ],
)
def test_a_day_lasts_from_midnight_to_midnight(zone: str, day: str, following: str, hours: float) -> None:
    """A local day is as long as its clock makes it, and is one whole day of the range."""
    span = Zone(zone).span(day, following)
    assert span is not None
    assert span.end_ms - span.start_ms == hours * HOUR_MS
    assert span.days[1] - span.days[0] == 1
    assert span.hours == ()


def test_the_repeated_hour_is_two_hours() -> None:
    """The hour that comes twice in autumn is two hours, since hours are named by their instant."""
    zone = Zone("Europe/Amsterdam")
    first, second = (zone.hour(at_ms(f"2026-10-25T02:30:00+0{offset}:00")) for offset in (2, 1))
    assert second - first == 60


@given(MOMENTS_MS, st.sampled_from(NAMES))
def test_an_instant_falls_in_its_local_day_and_month(moment_ms: int, name: str) -> None:
    """Day and month are those that a calendar on the wall shows; the hour began within the last hour."""
    place = Zone(name).place(moment_ms)
    local = datetime.fromtimestamp(moment_ms // 1000, ZoneInfo(name))
    assert datetime(1970, 1, 1).toordinal() + place.day == local.toordinal()  # noqa: DTZ001 - a wall date
    assert month_name(place.month) == f"{local:%Y-%m}"
    assert 0 <= moment_ms - place.hour * MINUTE_MS < HOUR_MS


@given(MOMENTS_MS, MOMENTS_MS, st.sampled_from(NAMES))
def test_days_and_hours_of_a_range_make_up_the_whole_range(one_ms: int, other_ms: int, name: str) -> None:
    """The whole days and the hours at both ends touch, overlap nowhere, and last as long as the range."""
    zone, wall = Zone(name), ZoneInfo(name)
    bounds = [f"{datetime.fromtimestamp(at // 1000, wall):%Y-%m-%dT%H}" for at in sorted((one_ms, other_ms))]
    span = zone.span(*bounds) if bounds[0] <= bounds[1] else None
    if span is None:
        return
    days_ms = zone.day_start_ms(span.days[1]) - zone.day_start_ms(span.days[0])
    hours_ms = sum(end - start for start, end in span.hours) * MINUTE_MS
    assert days_ms + hours_ms == span.end_ms - span.start_ms


CHANGES = (
    ("Australia/Lord_Howe", "2026-10-03T15:30:00+00:00"),  # half an hour forward
    ("Australia/Lord_Howe", "2026-04-04T15:00:00+00:00"),  # half an hour back
    ("Europe/Amsterdam", "2026-03-29T01:00:00+00:00"),
    ("Europe/Amsterdam", "2026-10-25T01:00:00+00:00"),
    ("America/Havana", "2025-11-02T05:00:00+00:00"),  # midnight comes twice
    ("Asia/Beirut", "2026-03-28T22:00:00+00:00"),  # there is no midnight
    ("America/Sao_Paulo", "2018-02-18T02:00:00+00:00"),  # back before midnight
    ("Pacific/Apia", "2011-12-30T10:00:00+00:00"),  # a day is left out
    ("America/Caracas", "2007-12-09T07:00:00+00:00"),
    ("Asia/Pyongyang", "2018-05-04T15:00:00+00:00"),
    ("Asia/Kathmandu", "1985-12-31T18:30:00+00:00"),  # a quarter of an hour, at midnight
    ("Africa/Monrovia", "1972-01-07T00:44:30+00:00"),  # 44 minutes and 30 seconds
)


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_a_range_has_what_lies_between_its_bounds_where_a_clock_changes(name: str, change: str) -> None:
    """Hours and days of a range hold what the audit's clock puts between the bounds, and nothing else."""
    zone, wall, changed_ms = Zone(name), ZoneInfo(name), at_ms(change)
    shown = [wall_clock(changed_ms + hours * HOUR_MS, wall) for hours in range(-3, 4)]
    bounds = sorted({f"{at:%Y-%m-%dT%H}" for at in shown} | {f"{at:%Y-%m-%d}" for at in shown})
    moments_ms = [
        *range(changed_ms - 4 * HOUR_MS, changed_ms + 4 * HOUR_MS, 61_000),
        changed_ms - 1,
        changed_ms,
    ]
    for start, end in product(bounds, bounds):
        start_ms, end_ms = bound_ms(start, wall), bound_ms(end, wall)
        span = zone.span(start, end) if start_ms <= end_ms else None
        if span is None:
            continue
        assert (span.start_ms, span.end_ms) == (start_ms, end_ms)
        for moment_ms in moments_ms:
            hour, day, _ = zone.place(moment_ms)
            in_days = span.days[0] <= day < span.days[1]
            in_hours = any(first <= hour < last for first, last in span.hours)
            assert in_days + in_hours == (start_ms <= moment_ms < end_ms), (start, end, moment_ms)
            assert span.has_hour(hour) == (start_ms <= moment_ms < end_ms), (start, end, moment_ms)
            assert zone.day_of_hour(hour) == day


@pytest.mark.parametrize(
    "name", ["America/New_York", "UTC", "Asia/Kolkata", "Asia/Tokyo", "Pacific/Kiritimati"]
)
def test_the_first_and_the_last_hours_have_a_place(name: str) -> None:
    """Where the clock still shows 1969, or 10000 already: numbers are not negative, and ranges exact."""
    zone, wall = Zone(name), ZoneInfo(name)
    for start, end in (
        (None, "1970-01-02"),
        ("1970-01-01", "1970-01-02"),
        ("1970-01-01T03:00", "1970-01-03"),
    ):
        span = zone.span(start, end)
        assert span is not None
        for moment_ms in range(0, 3 * 24 * HOUR_MS, 7 * MINUTE_MS):
            hour, day, _ = zone.place(moment_ms)
            within = (start is None or bound_ms(start, wall) <= moment_ms) and moment_ms < bound_ms(end, wall)
            in_hours = any(first <= hour < last for first, last in span.hours)
            assert (span.days[0] <= day < span.days[1]) + in_hours == within == span.has_hour(hour)
            assert min(hour, day) >= 0
    assert zone.place(END_OF_TIME_MS - 1).hour > zone.place(END_OF_TIME_MS - 24 * HOUR_MS).hour


@pytest.mark.parametrize(
    "bound", ["", "yesterday", "2026-13-01", "2026-02-30", "2026-11-01T13:30", "1969-12-31"]
)
def test_a_bad_bound_is_named(bound: str) -> None:
    """What is no local date or full hour of the supported years is refused with the parameter's name."""
    with pytest.raises(RangeError, match=r"^from: "):
        Zone("UTC").span(bound, None)
    with pytest.raises(RangeError, match=r"^to: "):
        Zone("UTC").span(None, bound)


def test_a_range_does_not_run_backwards() -> None:
    """An end before its start is refused; an empty range and no range are fine."""
    zone = Zone("UTC")
    with pytest.raises(RangeError, match="is before"):
        zone.span("2026-11-02", "2026-11-01")
    empty = zone.span("2026-11-01", "2026-11-01")
    assert empty is not None
    assert empty.start_ms == empty.end_ms
    assert zone.span(None, None) is None


def test_an_unknown_zone_is_refused() -> None:
    """A name that is no IANA time zone says what one looks like."""
    with pytest.raises(ValueError, match="Europe/Amsterdam"):
        Zone("Middle/Earth")
