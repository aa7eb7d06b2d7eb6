"""Ranges of local days and hours, days of 23 and 25 hours, and what they mean at the clock's changes."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.oracle.programs import Ask
from tests.oracle.story import entered, journey_numbers
from wayfold.audit.oracle.times import bound_ms, instant_ms, instant_text

AMSTERDAM = {"default": "Europe/Amsterdam"}


def _entries(ask: Ask, instants: list[str], zones: dict[str, str], start: str, end: str) -> int:
    story = [entered("ann", instant, entry=instant) for instant in instants]
    return int(journey_numbers(ask(story, time_zones=zones, start=start, end=end))["total_entries"])


def test_a_range_is_half_open(ask: Ask) -> None:
    """The first millisecond belongs to it, the end's does not."""
    instants = ["2026-11-01T23:59:59.999Z", "2026-11-02T00:00:00Z", "2026-11-02T23:59:59.999Z"]
    assert _entries(ask, [*instants, "2026-11-03T00:00:00Z"], {}, "2026-11-02", "2026-11-03") == 2


def test_the_day_of_23_hours(ask: Ask) -> None:
    """29 March 2026 in Amsterdam runs from 23:00 to 22:00 UTC."""
    outside = ["2026-03-28T22:59:59.999Z", "2026-03-29T22:00:00Z"]
    inside = [
        "2026-03-28T23:00:00Z",
        "2026-03-29T00:59:59.999Z",
        "2026-03-29T01:00:00Z",
        "2026-03-29T21:59:59.999Z",
    ]
    assert _entries(ask, outside + inside, AMSTERDAM, "2026-03-29", "2026-03-30") == 4


def test_the_day_of_25_hours(ask: Ask) -> None:
    """25 October 2026 in Amsterdam runs from 22:00 to 23:00 UTC."""
    outside = ["2026-10-24T21:59:59.999Z", "2026-10-25T23:00:00Z"]
    inside = [
        "2026-10-24T22:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-25T22:59:59.999Z",
    ]
    assert _entries(ask, outside + inside, AMSTERDAM, "2026-10-25", "2026-10-26") == 4


def test_an_hour_that_comes_twice_is_one_hour_of_two(ask: Ask) -> None:
    """From two to three o'clock on 25 October are both of its comings, and before two is neither."""
    instants = [
        "2026-10-24T23:59:59.999Z",
        "2026-10-25T00:00:00Z",
        "2026-10-25T01:59:59.999Z",
        "2026-10-25T02:00:00Z",
    ]
    assert _entries(ask, instants, AMSTERDAM, "2026-10-25T02:00", "2026-10-25T03:00") == 2
    assert _entries(ask, instants, AMSTERDAM, "2026-10-25T01:00", "2026-10-25T02:00") == 1


def test_an_hour_that_the_clock_skips_is_empty(ask: Ask) -> None:
    """From two to three o'clock on 29 March is nothing; from two to four is one hour."""
    instants = [
        "2026-03-29T00:59:59.999Z",
        "2026-03-29T01:00:00Z",
        "2026-03-29T01:59:59.999Z",
        "2026-03-29T02:00:00Z",
    ]
    assert _entries(ask, instants, AMSTERDAM, "2026-03-29T02:00", "2026-03-29T03:00") == 0
    assert _entries(ask, instants, AMSTERDAM, "2026-03-29T02:00", "2026-03-29T04:00") == 2


def test_hours_of_zones_with_half_hours(ask: Ask) -> None:
    """In Kolkata an hour begins at half past in UTC."""
    instants = [
        "2026-11-02T04:29:59.999Z",
        "2026-11-02T04:30:00Z",
        "2026-11-02T05:29:59.999Z",
        "2026-11-02T05:30:00Z",
    ]
    zones = {"default": "Asia/Kolkata"}
    assert _entries(ask, instants, zones, "2026-11-02T10:00", "2026-11-02T11:00") == 2


def test_a_range_may_be_open_at_either_end(ask: Ask) -> None:
    """Without a start it begins with the first event, without an end it holds the last."""
    story = [entered("ann", f"2026-11-0{day}T10:00:00Z", entry=str(day)) for day in (1, 2, 3)]
    assert journey_numbers(ask(story, start="2026-11-02"))["total_entries"] == 2
    assert journey_numbers(ask(story, end="2026-11-02"))["total_entries"] == 1


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("Europe/Amsterdam", "2026-10-25T02:00", "2026-10-25T00:00:00.000Z"),
        ("Europe/Amsterdam", "2026-10-25T03:00", "2026-10-25T02:00:00.000Z"),
        ("Europe/Amsterdam", "2026-03-29T02:00", "2026-03-29T01:00:00.000Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:00", "2026-10-03T15:30:00.000Z"),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00.000Z"),
        ("Pacific/Apia", "2011-12-30T05:00", "2011-12-30T10:00:00.000Z"),
        ("UTC", "1970-01-01", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_a_bound_is_the_first_instant_at_which_the_clock_shows_it_or_later(
    zone: str, local: str, expected: str
) -> None:
    """Twice-coming hours start at their first coming; skipped ones where the clock goes on."""
    assert instant_text(bound_ms(local, ZoneInfo(zone))) == expected


@pytest.mark.parametrize(
    "text", ["2026-11", "2026-11-01T13:30", "2026-11-01 13:00", "2026-11-01T13:00Z", "now"]
)
def test_other_texts_are_no_bounds(text: str) -> None:
    """Days and whole hours only."""
    with pytest.raises(ValueError, match="not a local date or hour"):
        bound_ms(text, ZoneInfo("UTC"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-02T10:00:00.001999Z", 1793613600001),
        ("2026-11-02T11:00:00.0019+01:00", 1793613600001),
        ("2026-11-02T04:30:00-05:30", 1793613600000),
        ("2026-11-02t10:00:00.1z", 1793613600100),
        ("9999-12-31T23:59:59.999Z", 253402300799999),
    ],
)
def test_times_are_floored_to_milliseconds(text: str, expected: int) -> None:
    """Any offset, any number of digits; what is below a millisecond is dropped."""
    assert instant_ms(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-02T10:00:00", "2026-11-02", "2026-02-30T10:00:00Z", "2026-11-02T24:00:00Z"),
        *(
            "2026-11-02T10:00:00+25:00",
            "2026-11-02T10:00Z",
            "1969-12-31T23:59:59.999Z",
            "x",
            "2026-11-02T10:00:61Z",
        ),
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """A time needs its offset, must exist, and lies in the years 1970 to 9999."""
    with pytest.raises(ValueError, match=r"[a-z]"):
        instant_ms(text)


def test_instants_print_and_read_back() -> None:
    """RFC 3339 with three digits and Z, both ways."""
    at_ms = int(datetime(2026, 3, 29, 1, 2, 3, 45_000, tzinfo=UTC).timestamp() * 1000)
    assert instant_text(at_ms) == "2026-03-29T01:02:03.045Z"
    assert instant_ms(instant_text(at_ms)) == at_ms
