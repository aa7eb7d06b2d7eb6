"""Many ranges, many journeys and single counts read in one pass are what the oracle says to each question."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from tests.exporters.traffic import by_place, counts_of, expected
from tests.generators.seeded import replay_hint, seeds
from tests.generators.world import TIME_ZONES, Event
from tests.state.reading.folding import folded, said
from wayfold.audit import oracle
from wayfold.models.zone import RangeError, Zone
from wayfold.state.partition import Partition
from wayfold.state.reading.counted import COUNTED, NotCountedError
from wayfold.state.reading.query import Clock, Query

SLICES: tuple[dict[str, Any], ...] = (
    {"version": 1},
    {"step_id": "s1"},
    {"version": 1, "step_id": "s2"},
    {"channel": "email", "platform": "none"},
    {"variant": "A"},
    {"version": 1, "variant": ""},
)
CLOCKS: tuple[Clock, ...] = ("event", "entry")
RANGE: dict[str, Any] = {"start": "2026-10-24T23:00", "end": "2026-11-01T02:00"}


def days(first: str, count: int, length: int = 1) -> tuple[tuple[str, str], ...]:
    bounds = [date.fromisoformat(first) + timedelta(days=place * length) for place in range(count + 1)]
    return tuple((start.isoformat(), end.isoformat()) for start, end in pairwise(bounds))


def hours(first: str, count: int) -> tuple[tuple[str, str], ...]:
    bounds = [datetime.fromisoformat(first) + timedelta(hours=place) for place in range(count + 1)]
    texts = [f"{bound:%Y-%m-%dT%H:00}" for bound in bounds]
    return tuple(pairwise(texts))


RANGES = {
    "days over a change of clocks": days("2026-10-23", 8),
    "weeks cut to hours": (
        ("2026-10-24T22:00", "2026-10-26"),
        ("2026-10-26", "2026-11-02"),
        ("2026-11-02", "2026-11-02T03:00"),
    ),
    "months": (("2026-03-15", "2026-04-01"), ("2026-10-01", "2026-11-01"), ("2026-11-01", "2027-01-01")),
    "hours of a night with a change of clocks": hours("2026-10-24T22:00", 9),
    "days apart": (("2026-11-10", "2026-11-11"), ("2026-10-31", "2026-11-01")),
}


@pytest.fixture(scope="module", params=[(seed, 50 * (seed % 2)) for seed in seeds(2, first=2_000)])
def world(request: pytest.FixtureRequest) -> tuple[int, list[Event], list[Partition]]:
    seed, journal_records = request.param
    return seed, *folded(seed, 120, journal_records)


def check(world: tuple[int, list[Event], list[Partition]], query: Query) -> None:
    seed, events, partitions = world
    told = by_place(said(partitions, query))
    found = oracle.differences(told, by_place(expected(events, query, TIME_ZONES)))
    assert found == [], "\n".join([replay_hint(seed), str(query), *(line[:200] for line in found[:10])])


def test_a_summary_is_the_numbers_of_the_whole_document(
    world: tuple[int, list[Event], list[Partition]],
) -> None:
    """A summary of all journeys, plain, in a range by both clocks and in slices, is the oracle's."""
    for clock in CLOCKS:
        check(world, Query(detail="summary", clock=clock))
        check(world, Query(detail="summary", clock=clock, **RANGE))
    for some in SLICES:
        check(world, Query(detail="summary", **some))
        check(world, Query(detail="summary", **some, **RANGE))


@pytest.mark.parametrize("which", RANGES)
def test_ranges_at_once_are_each_that_range_alone(
    world: tuple[int, list[Event], list[Partition]], which: str
) -> None:
    """Numbers of journeys, and of a step, are the oracle's in every one of many ranges, by both clocks."""
    for clock in CLOCKS:
        check(world, Query(ranges=RANGES[which], clock=clock))
    for some in SLICES[:3]:
        check(world, Query(ranges=RANGES[which], **some))


@pytest.mark.parametrize("which", ["days over a change of clocks", "weeks cut to hours"])
@pytest.mark.parametrize("some", [{}, {"clock": "entry"}, {"version": 1}, *SLICES[1:]], ids=str)
def test_counts_of_all_journeys_are_those_of_each(
    world: tuple[int, list[Event], list[Partition]], which: str, some: dict[str, Any]
) -> None:
    """Every number that can be had as counts is the oracle's in every range, in slices and by both clocks."""
    seed, events, partitions = world
    query = Query(ranges=RANGES[which], **some)
    journeys = expected(events, query, TIME_ZONES)["journeys"]
    for number in COUNTED:
        if "." in number or not some.keys() - {"clock", "version"}:
            told = said(partitions, replace(query, number=number))["journeys"]
            assert told == [counts_of(journey, number) for journey in journeys], replay_hint(seed)


def test_only_counts_are_given_as_counts(world: tuple[int, list[Event], list[Partition]]) -> None:
    """Another number is refused with those that there are, and a filter that a number lacks with its name."""
    _, _, partitions = world
    ranges = days("2026-10-23", 2)
    with pytest.raises(NotCountedError, match=r"'entered_users' is none of total_entries, .*sent\.messages"):
        said(partitions, Query(ranges=ranges, number="entered_users"))
    with pytest.raises(NotCountedError) as caught:
        said(partitions, Query(ranges=ranges, number="total_entries", step_id="s1"))
    assert caught.value.dimension == "step_id"


def test_ranges_that_overlap_are_refused(world: tuple[int, list[Event], list[Partition]]) -> None:
    """A row cannot be in two ranges of one pass, so that such a question is refused."""
    with pytest.raises(RangeError, match="overlap"):
        said(world[2], Query(ranges=(("2026-11-01", "2026-11-03"), ("2026-11-02", "2026-11-04"))))


def test_the_zones_differ_by_their_calendar() -> None:
    """The ranges above fall on other instants in each zone, or the tests above would say little."""
    starts = {Zone(name).span("2026-10-25", "2026-10-26") for name in TIME_ZONES.values()}
    assert len(starts) == len(TIME_ZONES)
