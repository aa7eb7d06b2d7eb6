"""The rules of time zones on this machine: their version, and every change of a clock."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wayfold.models import zone_rules
from wayfold.models.zone_rules import clock_changes, database_version, differing_zone, horizon_s

UNTIL_S = 1_800_000_000
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Africa/Casablanca", "Asia/Gaza", "Pacific/Apia"]


@pytest.mark.parametrize("name", ZONES)
def test_every_change_is_noted_to_the_second(name: str) -> None:
    """At each noted second the clock has the new offset, and until then the one before."""
    zone = ZoneInfo(name)

    def offset_s(at_s: int) -> int:
        offset = datetime.fromtimestamp(at_s, UTC).astimezone(zone).utcoffset()
        assert offset is not None
        return round(offset.total_seconds())

    changes = clock_changes(name, UNTIL_S)
    assert changes[0] == (0, offset_s(0))
    for (_, before), (at_s, after) in pairwise(changes):
        assert (offset_s(at_s - 1), offset_s(at_s)) == (before, after)
        assert before != after
    for at_s in range(3_601, UNTIL_S, 86_400 * 9 + 3_600):
        expected = next(offset for begin, offset in reversed(changes) if begin <= at_s)
        assert offset_s(at_s) == expected


def test_summer_time_is_in_it() -> None:
    """Berlin's clock went forward on 29 March 2026 at 01:00 UTC."""
    at_s = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    assert (at_s, 7_200) in clock_changes("Europe/Berlin", UNTIL_S)


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"tzdata.zi": "# version 2031c\nZ x"}, "2031c"),
        ({"+VERSION": "2031d\n"}, "2031d"),
        ({}, "unknown"),
    ],
)
def test_the_version_is_that_of_the_database_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], version: str
) -> None:
    """The system's files say it, in the ways of several systems; one that does not say has none."""
    for name, text in {"UTC": "TZif", **files}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(zone_rules, "TZPATH", ("/nowhere", str(tmp_path)))
    assert database_version() == version


def test_without_a_system_database_it_is_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has none, Python's package is in use, and names its version."""
    monkeypatch.setattr(zone_rules, "TZPATH", ())
    assert database_version()[:2] == "20"


def test_what_comes_after_the_limit_does_not_differ() -> None:
    """Only clocks before the limit are compared, of zones that both have."""
    one = {"A": ((0, 0), (100, 60)), "B": ((0, 0),)}
    other = {"A": ((0, 0), (100, 60), (200, 0)), "C": ((0, 5),)}
    assert differing_zone(one, other, 200) is None
    assert differing_zone(one, other, 201) == ("A", 200)
    assert differing_zone(other, one, 201) == ("A", 200)
    assert differing_zone({"A": ((0, 1),)}, {"A": ((0, 2),)}, 10) == ("A", 0)


def test_the_horizon_is_ahead_of_every_event() -> None:
    """It lies a year or more ahead, and stays the same for a year, so that two starts note the same."""
    now_s = datetime(2026, 11, 27, tzinfo=UTC).timestamp()
    assert datetime.fromtimestamp(horizon_s(now_s), UTC) == datetime(2028, 1, 1, tzinfo=UTC)
