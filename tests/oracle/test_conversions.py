"""Conversions: which goals count, for which journeys, on which clock, and their values."""

from typing import Any

import pytest

from tests.oracle.programs import Ask
from tests.oracle.story import defined, entered, exited, goal, journey_numbers, parts


def test_another_goal_does_not_convert(ask: Ask) -> None:
    """Only the goal that the definition names counts."""
    story = [defined(goal="purchase"), entered("ann", "10:00"), goal("ann", "11:00", name="signup")]
    assert journey_numbers(ask(story))["converted_entries"] == 0


def test_a_journey_without_goal_converts_nobody(ask: Ask) -> None:
    """A definition may have no goal; entries and exits still count."""
    story = [defined(goal=None), entered("ann", "10:00"), exited("ann", "11:00"), goal("ann", "10:30")]
    assert parts(journey_numbers(ask(story)), "converted_entries", "total_exits") == (0, 1)


@pytest.mark.parametrize(
    ("had", "converts"),
    [
        ({"plan": "gold", "seats": 3}, True),
        ({"plan": "gold", "seats": 3.0, "more": "x"}, True),
        ({"plan": "gold"}, False),
        ({"plan": "silver", "seats": 3}, False),
        ({"plan": "gold", "seats": "3"}, False),
        (None, False),
    ],
)
def test_every_property_that_the_goal_asks_for_must_be_equal(
    ask: Ask, had: dict[str, Any] | None, converts: bool
) -> None:
    """All of the definition's properties must be there with an equal value; further ones do not matter."""
    story = [
        defined(properties={"plan": "gold", "seats": 3}),
        entered("ann", "10:00"),
        goal("ann", "11:00", properties=had),
    ]
    assert journey_numbers(ask(story))["converted_entries"] == int(converts)


@pytest.mark.parametrize(
    ("wanted", "had", "converts"), [(True, 1, False), (1, True, False), (True, True, True)]
)
def test_true_is_not_one(ask: Ask, wanted: object, had: object, converts: bool) -> None:
    """A boolean property equals a boolean only."""
    story = [
        defined(properties={"trial": wanted}),
        entered("ann", "10:00"),
        goal("ann", "11:00", properties={"trial": had}),
    ]
    assert journey_numbers(ask(story))["converted_entries"] == int(converts)


def test_one_goal_converts_entries_of_several_journeys(ask: Ask) -> None:
    """A goal event belongs to the user: every journey whose window holds it converts."""
    story = [
        defined(journey="welcome"),
        defined(journey="winback"),
        entered("ann", "10:00", journey="welcome"),
        entered("ann", "10:30", journey="winback"),
        goal("ann", "11:00", value="10.50", currency="EUR"),
    ]
    document = ask(story)
    for journey in ("welcome", "winback"):
        numbers = journey_numbers(document, journey=journey)
        assert parts(numbers, "converted_entries", "conversion_events") == (1, 1)
        assert numbers["conversion_values"] == {"EUR": "10.5"}


def test_a_goal_that_names_another_journey_still_converts(ask: Ask) -> None:
    """journey_id on a goal only shows it at a step; it restricts no conversion."""
    story = [
        defined(journey="welcome"),
        entered("ann", "10:00", journey="welcome"),
        goal("ann", "11:00", journey="winback", entry="first", step="buy"),
    ]
    assert journey_numbers(ask(story))["converted_entries"] == 1


def test_each_version_is_judged_by_its_own_definition(ask: Ask) -> None:
    """Two versions, two goals: a goal event converts the entries whose version names it."""
    story = [
        defined(version=1, goal="purchase"),
        defined(version=2, goal="signup"),
        entered("ann", "10:00", entry="one", version=1),
        entered("ann", "10:00", entry="two", version=2),
        goal("ann", "11:00", name="signup"),
    ]
    document = ask(story)
    assert journey_numbers(document)["converted_entries"] == 1
    assert journey_numbers(document, version=1)["converted_entries"] == 0
    assert journey_numbers(document, version=2)["converted_entries"] == 1


def test_a_goal_event_of_two_versions_counts_in_both_and_once_in_the_journey(ask: Ask) -> None:
    """conversion_events are distinct goal events: the journey's are not the sum of its versions'."""
    story = [
        defined(version=1),
        defined(version=2),
        entered("ann", "10:00", entry="one", version=1),
        entered("ann", "10:30", entry="two", version=2),
        goal("ann", "11:00", value=5, currency="EUR"),
    ]
    document = ask(story)
    for version in (None, 1, 2):
        numbers = journey_numbers(document, version=version)
        assert numbers["conversion_events"] == 1
        assert numbers["conversion_values"] == {"EUR": "5"}
    assert journey_numbers(document)["converted_entries"] == 2
    assert journey_numbers(document)["converted_users"] == 1


def test_values_are_exact_and_never_added_across_currencies(ask: Ask) -> None:
    """0.1 + 0.2 is 0.3, and euros stay apart from dollars."""
    story = [
        defined(),
        entered("ann", "10:00"),
        goal("ann", "11:00", value="0.1", currency="EUR"),
        goal("ann", "11:01", value="0.2", currency="EUR"),
        goal("ann", "11:02", value="999999999999999.999999999", currency="USD"),
        goal("ann", "11:03", value="999999999999999.999999999", currency="USD"),
        goal("ann", "11:04", value=-1, currency="GBP"),
        goal("ann", "11:05"),
    ]
    numbers = journey_numbers(ask(story))
    assert numbers["conversion_events"] == 6
    assert numbers["conversion_values"] == {"EUR": "0.3", "GBP": "-1", "USD": "1999999999999999.999999998"}


def test_a_sum_of_zero_is_left_out(ask: Ask) -> None:
    """A purchase and its refund leave no value, however they came."""
    story = [
        defined(),
        entered("ann", "10:00"),
        goal("ann", "11:00", value="12.5", currency="EUR"),
        goal("ann", "11:30", value="-12.5", currency="EUR"),
    ]
    assert journey_numbers(ask(story))["conversion_values"] == {}


def test_the_event_clock_puts_a_conversion_at_its_first_qualifying_goal(ask: Ask) -> None:
    """converted_entries fall at the first goal, conversion_events each at their own time."""
    story = [
        defined(),
        entered("ann", "2026-11-01T10:00:00Z"),
        goal("ann", "2026-11-02T10:00:00Z"),
        goal("ann", "2026-11-03T10:00:00Z"),
    ]
    second = journey_numbers(ask(story, start="2026-11-02", end="2026-11-03"))
    third = journey_numbers(ask(story, start="2026-11-03", end="2026-11-04"))
    assert parts(second, "converted_entries", "converted_users", "conversion_events") == (1, 1, 1)
    assert parts(third, "converted_entries", "converted_users", "conversion_events") == (0, 0, 1)


def test_the_entry_clock_puts_a_conversion_at_the_entry(ask: Ask) -> None:
    """On the entry clock a cohort keeps its conversions and exits, whenever they come."""
    story = [
        defined(),
        entered("ann", "2026-11-01T10:00:00Z"),
        exited("ann", "2026-11-02T10:00:00Z"),
        goal("ann", "2026-11-02T12:00:00Z", value=1, currency="EUR"),
        entered("bob", "2026-11-01T11:00:00Z"),
        exited("bob", "2026-11-02T11:00:00Z"),
    ]
    first = journey_numbers(ask(story, start="2026-11-01", end="2026-11-02", clock="entry"))
    second = journey_numbers(ask(story, start="2026-11-02", end="2026-11-03", clock="entry"))
    names = ("exited_entries", "converted_entries", "conversion_events", "total_exits")
    assert parts(first, *names) == (2, 1, 1, 1)
    assert first["conversion_values"] == {"EUR": "1"}
    assert parts(second, *names) == (0, 0, 0, 0)
    by_event = journey_numbers(ask(story, start="2026-11-02", end="2026-11-03"))
    assert parts(by_event, *names) == (2, 1, 1, 1)


def test_a_goal_of_several_entries_falls_at_the_earliest_of_them(ask: Ask) -> None:
    """On the entry clock a goal event that qualifies for two entries counts on the earlier one's day only."""
    story = [
        defined(),
        entered("ann", "2026-11-01T10:00:00Z", entry="one"),
        entered("ann", "2026-11-02T10:00:00Z", entry="two"),
        goal("ann", "2026-11-03T10:00:00Z"),
    ]
    first = journey_numbers(ask(story, start="2026-11-01", end="2026-11-02", clock="entry"))
    second = journey_numbers(ask(story, start="2026-11-02", end="2026-11-03", clock="entry"))
    assert parts(first, "converted_entries", "conversion_events") == (1, 1)
    assert parts(second, "converted_entries", "conversion_events") == (1, 0)


def test_under_a_version_a_goal_falls_at_the_earliest_entry_of_that_version(ask: Ask) -> None:
    """The earliest of the matching entries decides the cohort."""
    story = [
        defined(version=1),
        defined(version=2),
        entered("ann", "2026-11-01T10:00:00Z", entry="one", version=1),
        entered("ann", "2026-11-02T10:00:00Z", entry="two", version=2),
        goal("ann", "2026-11-03T10:00:00Z"),
    ]
    second = ask(story, start="2026-11-02", end="2026-11-03", clock="entry")
    assert journey_numbers(second)["conversion_events"] == 0
    assert journey_numbers(second, version=1)["conversion_events"] == 0
    assert journey_numbers(second, version=2)["conversion_events"] == 1


def test_the_rate_is_on_the_entry_clock_whatever_the_query_says(ask: Ask) -> None:
    """The rate of a day is of those who entered that day, even when they convert on another."""
    story = [
        defined(),
        entered("ann", "2026-11-01T10:00:00Z"),
        entered("bob", "2026-11-01T10:00:00Z"),
        goal("ann", "2026-11-05T10:00:00Z"),
    ]
    first = journey_numbers(ask(story, start="2026-11-01", end="2026-11-02", clock="event"))
    assert parts(first, "converted_users", "conversion_rate") == (0, 0.5)
    fifth = journey_numbers(ask(story, start="2026-11-05", end="2026-11-06", clock="event"))
    assert parts(fifth, "converted_users", "conversion_rate") == (1, None)


def test_open_is_selected_by_entry_time_on_either_clock(ask: Ask) -> None:
    """active and open are states as of now: a range selects them by the entry's time."""
    story = [
        defined(),
        entered("ann", "2026-11-01T10:00:00Z"),
        exited("ann", "2026-11-02T10:00:00Z"),
        entered("bob", "2026-11-02T10:00:00Z"),
    ]
    first = journey_numbers(ask(story, start="2026-11-01", end="2026-11-02"))
    assert first["total_exits"] == 0
    assert first["total_exits_open"] == {"entries": 1, "closes_at": "2026-11-03T10:00:00.000Z"}
    assert first["active_entries"] == 0
    second = journey_numbers(ask(story, start="2026-11-02", end="2026-11-03"))
    assert parts(second, "total_exits", "active_entries") == (1, 1)
    assert second["total_exits_open"] == {"entries": 0, "closes_at": None}


def test_distinct_users_over_a_range_are_not_the_sum_of_its_days(ask: Ask) -> None:
    """A user on two days is one user of both."""
    story = [
        entered("ann", "2026-11-01T10:00:00Z", entry="one"),
        entered("ann", "2026-11-02T10:00:00Z", entry="two"),
        entered("bob", "2026-11-02T10:00:00Z"),
    ]
    days = [("2026-11-01", "2026-11-02", 1), ("2026-11-02", "2026-11-03", 2), ("2026-11-01", "2026-11-03", 2)]
    for start, end, expected in days:
        assert journey_numbers(ask(story, start=start, end=end))["entered_users"] == expected
