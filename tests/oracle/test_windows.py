"""The conversion window: when a goal converts an entry, and what an exit does to it."""

from typing import Any

import pytest

from tests.oracle.programs import Ask
from tests.oracle.story import (
    DAY_MS,
    Event,
    defined,
    entered,
    erased,
    exited,
    goal,
    journey_numbers,
    parts,
    status,
)


def test_a_goal_at_the_entry_time_converts(ask: Ask) -> None:
    """The window's first end is inclusive: a goal in the entry's own millisecond counts."""
    numbers = journey_numbers(ask([defined(), entered("ann", "10:00"), goal("ann", "10:00")]))
    assert parts(numbers, "converted_entries", "converted_users", "conversion_events") == (1, 1, 1)


def test_a_goal_one_millisecond_before_the_entry_does_not_convert(ask: Ask) -> None:
    """What happened before the entry is not the journey's doing."""
    numbers = journey_numbers(ask([defined(), entered("ann", "10:00"), goal("ann", "09:59:59.999")]))
    assert parts(numbers, "converted_entries", "conversion_events") == (0, 0)


def test_a_goal_exactly_at_the_end_of_the_window_converts(ask: Ask) -> None:
    """Exactly exited_at + W still counts, so the exit is no lost one."""
    story = [
        defined(window_ms=3_600_000),
        entered("ann", "10:00"),
        exited("ann", "11:00"),
        goal("ann", "12:00:00.000"),
    ]
    assert parts(journey_numbers(ask(story)), "converted_entries", "total_exits") == (1, 0)


def test_a_goal_one_millisecond_after_the_window_does_not_convert(ask: Ask) -> None:
    """One millisecond past exited_at + W is too late: the exit stays an exit."""
    story = [
        defined(window_ms=3_600_000),
        entered("ann", "10:00"),
        exited("ann", "11:00"),
        goal("ann", "12:00:00.001"),
    ]
    assert parts(journey_numbers(ask(story)), "converted_entries", "total_exits") == (0, 1)


def test_a_window_of_zero_ends_with_the_exit(ask: Ask) -> None:
    """W = 0 counts goals up to the exit's own millisecond."""
    story = [defined(window_ms=0), entered("ann", "10:00"), exited("ann", "11:00")]
    assert journey_numbers(ask([*story, goal("ann", "11:00")]))["converted_entries"] == 1
    assert journey_numbers(ask([*story, goal("ann", "11:00:00.001")]))["converted_entries"] == 0


def test_without_an_exit_any_later_goal_converts(ask: Ask) -> None:
    """The window closes only after an exit."""
    story = [defined(window_ms=0), entered("ann", "10:00"), goal("ann", "2027-06-01T00:00:00Z")]
    assert journey_numbers(ask(story))["converted_entries"] == 1


def test_a_late_exit_takes_a_conversion_back(ask: Ask) -> None:
    """An exit known later ends the window earlier; a conversion that it no longer covers goes."""
    story = [defined(window_ms=3_600_000), entered("ann", "10:00"), goal("ann", "15:00")]
    assert parts(journey_numbers(ask(story)), "converted_entries", "total_exits") == (1, 0)
    story.append(exited("ann", "11:00"))
    assert parts(journey_numbers(ask(story)), "converted_entries", "total_exits") == (0, 1)


def test_of_several_exits_the_earliest_ends_the_window(ask: Ask) -> None:
    """A second exit of the same entry changes nothing; an earlier one moves the window."""
    story = [
        defined(window_ms=3_600_000),
        entered("ann", "10:00"),
        exited("ann", "15:00"),
        exited("ann", "11:00"),
        goal("ann", "13:00"),
    ]
    assert parts(journey_numbers(ask(story)), "exited_entries", "converted_entries", "total_exits") == (
        1,
        0,
        1,
    )


def test_a_goal_before_its_entry_in_arrival_order_converts(ask: Ask) -> None:
    """Order of arrival is nothing; order of time is everything."""
    story = [goal("ann", "12:00"), exited("ann", "11:00"), entered("ann", "10:00"), defined()]
    assert parts(journey_numbers(ask(story)), "converted_entries", "exited_entries", "total_exits") == (
        1,
        1,
        0,
    )


def test_an_exit_before_the_entry_time_is_used_as_it_is(ask: Ask) -> None:
    """Bad data closes the window where it says: a goal after entry and past exited_at + W does not count."""
    story = [defined(window_ms=3_600_000), exited("ann", "09:30"), entered("ann", "10:00")]
    assert journey_numbers(ask([*story, goal("ann", "10:30")]))["converted_entries"] == 1
    assert journey_numbers(ask([*story, goal("ann", "10:30:00.001")]))["converted_entries"] == 0


def test_open_counts_the_entries_that_a_goal_at_the_watermark_could_convert(ask: Ask) -> None:
    """Open while exited_at + W is not behind the watermark, and told when the last window closes."""
    story = [
        defined(window_ms=2 * 3_600_000),
        *(event for user in ("ann", "bob", "cid") for event in (entered(user, "10:00"),)),
        exited("ann", "11:00"),
        exited("bob", "12:00"),
        exited("cid", "10:30"),
        goal("dan", "13:00", name="other"),  # the watermark: exactly where ann's window ends
    ]
    numbers = journey_numbers(ask(story))
    assert numbers["conversion_rate_open"] == {"entries": 2, "closes_at": "2026-11-02T14:00:00.000Z"}
    assert numbers["total_exits_open"] == {"entries": 2, "closes_at": "2026-11-02T14:00:00.000Z"}


def test_open_is_judged_at_the_watermark_of_the_account(ask: Ask) -> None:
    """Events of another account, and control events, however late, close none of its windows."""
    story = [
        *(defined(window_ms=3_600_000, account=account) for account in ("acme", None)),
        *(event for account in ("acme", None) for event in _visit(account)),
        entered("bob", "12:00:00.001", account="acme", journey="other"),
        erased("zoe", "23:00"),
        status("finished", "23:00"),
        defined(version=2, at="2026-11-02T23:00:00Z"),
    ]
    document = ask(story)
    closed, still_open = (
        next(row for row in document["journeys"] if (row["account_id"], row["journey_id"]) == place)[
            "numbers"
        ]
        for place in (("acme", "welcome"), ("default", "welcome"))
    )
    assert closed["conversion_rate_open"] == {"entries": 0, "closes_at": None}
    assert still_open["conversion_rate_open"] == {"entries": 1, "closes_at": "2026-11-02T12:00:00.000Z"}
    assert still_open["total_exits_open"] == {"entries": 1, "closes_at": "2026-11-02T12:00:00.000Z"}
    assert document["watermark"] == "2026-11-02T12:00:00.001Z"


def _visit(account: str | None) -> list[Event]:
    return [entered("ann", "10:00", account=account), exited("ann", "11:00", account=account)]


def test_a_version_without_a_goal_has_nothing_open(ask: Ask) -> None:
    """Nothing can convert its entries; those of a version that nobody defined yet can still turn out to."""
    story = [
        defined(goal=None),
        entered("ann", "10:00"),
        exited("ann", "11:00"),
        entered("bob", "10:00"),
        entered("cid", "10:00", version=2),
    ]
    document = ask(story)
    nothing = {"entries": 0, "closes_at": None}
    assert journey_numbers(document, version=1)["conversion_rate_open"] == nothing
    assert journey_numbers(document, version=1)["total_exits_open"] == nothing
    assert journey_numbers(document, version=1)["active_entries"] == 1
    assert journey_numbers(document, version=2)["conversion_rate_open"]["entries"] == 1
    assert journey_numbers(document)["conversion_rate_open"]["entries"] == 1
    with_goal = ask([*story, defined(version=2, goal=None)])
    assert journey_numbers(with_goal)["conversion_rate_open"] == nothing


def test_windows_around_a_watermark(ask: Ask) -> None:
    """Of windows that end a millisecond before, at and after it, the last two are open, converted or not."""
    story = [
        defined(window_ms=3 * DAY_MS),
        *(entered(user, "2026-11-01T09:00:00Z") for user in ("y1", "y2", "y3", "y4")),
        exited("y1", "2026-11-01T10:00:00.000Z"),
        exited("y2", "2026-11-01T09:59:59.999Z"),
        exited("y3", "2026-11-01T10:00:00.001Z"),
        exited("y4", "2026-11-01T09:30:00.000Z"),
        goal("y3", "2026-11-01T09:30:00Z"),
        goal("dan", "2026-11-04T10:00:00.000Z", name="other"),
    ]
    numbers = journey_numbers(ask(story))
    assert numbers["total_exits"] == 3
    assert numbers["conversion_rate_open"] == {"entries": 2, "closes_at": "2026-11-04T10:00:00.001Z"}
    assert numbers["total_exits_open"] == {"entries": 1, "closes_at": "2026-11-04T10:00:00.000Z"}


def test_one_millisecond_past_the_window_an_entry_is_final(ask: Ask) -> None:
    """The watermark one millisecond past exited_at + W closes it."""
    story = [
        defined(window_ms=3_600_000),
        entered("ann", "10:00"),
        exited("ann", "11:00"),
        goal("dan", "12:00:00.001", name="other"),
    ]
    numbers = journey_numbers(ask(story))
    assert numbers["conversion_rate_open"] == {"entries": 0, "closes_at": None}
    assert numbers["total_exits_open"] == {"entries": 0, "closes_at": None}


def test_converted_entries_are_open_for_the_rate_but_no_open_exits(ask: Ask) -> None:
    """The rate's open entries include converted ones; total_exits' are only those it counts."""
    story = [
        defined(),
        entered("ann", "10:00"),
        exited("ann", "11:00"),
        goal("ann", "11:30"),
        entered("bob", "10:00"),
        exited("bob", "10:30"),
    ]
    numbers = journey_numbers(ask(story))
    assert numbers["conversion_rate_open"] == {"entries": 2, "closes_at": "2026-11-03T11:00:00.000Z"}
    assert numbers["total_exits_open"] == {"entries": 1, "closes_at": "2026-11-03T10:30:00.000Z"}


def test_a_window_past_the_year_9999_closes_with_it(ask: Ask) -> None:
    """The longest window that a definition may have neither fails nor writes a year of five digits."""
    story = [defined(window_ms=2**53 - 1), entered("ann", "10:00"), exited("ann", "11:00")]
    numbers = journey_numbers(ask(story))
    assert numbers["total_exits_open"] == {"entries": 1, "closes_at": "9999-12-31T23:59:59.999Z"}


def test_while_one_entry_has_not_exited_nobody_knows_when_the_last_window_closes(ask: Ask) -> None:
    """closes_at is null as long as an open entry is still in the journey."""
    story = [defined(), entered("ann", "10:00"), entered("bob", "10:00"), exited("bob", "11:00")]
    numbers = journey_numbers(ask(story))
    assert numbers["conversion_rate_open"] == {"entries": 2, "closes_at": None}
    assert numbers["total_exits_open"] == {"entries": 1, "closes_at": "2026-11-03T11:00:00.000Z"}


def test_without_a_definition_the_window_is_three_days(ask: Ask) -> None:
    """An entry of an undefined version has no goal, and the default window for what is open."""
    story = [entered("ann", "10:00"), exited("ann", "11:00"), goal("ann", "11:30")]
    numbers = journey_numbers(ask(story))
    assert parts(numbers, "total_entries", "converted_entries", "total_exits") == (1, 0, 1)
    assert numbers["total_exits_open"] == {"entries": 1, "closes_at": "2026-11-05T11:00:00.000Z"}


@pytest.mark.parametrize("query", [{}, {"start": "2026-11-02", "end": "2026-11-03"}])
def test_who_is_in_a_version_without_goal_keeps_no_window_open(ask: Ask, query: dict[str, Any]) -> None:
    """An active entry that nothing can convert says nothing of when the last window closes."""
    story = [
        defined(),
        defined(version=2, goal=None),
        entered("ann", "10:00"),
        exited("ann", "11:00"),
        entered("bob", "10:30", version=2),
    ]
    numbers = journey_numbers(ask(story, **query))
    assert numbers["active_entries"] == 1
    assert numbers["conversion_rate_open"] == {"entries": 1, "closes_at": "2026-11-03T11:00:00.000Z"}
