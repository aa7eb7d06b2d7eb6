"""Calendars: days of 23, 24 and 25 hours, offsets of half hours, and ranges cut into days and hours."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
