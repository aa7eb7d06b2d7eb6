"""Every number is a list: its length is the number, and the users behind it are its users."""

from typing import Any

import pytest

from tests.oracle.story import (
    account_row,
    broadcast,
    defined,
    entered,
    exited,
    goal,
    journey_numbers,
    message,
    step,
    step_numbers,
)
from wayfold.audit import oracle

STORY = [
    defined(),
    entered("ann", "10:00"),
    entered("ann", "10:00", entry="second"),
    entered("bob", "10:00"),
    step("ann", "mail", "10:01"),
    step("bob", "mail", "10:01"),
    message("sent", "ann", "10:02"),
    message("opened", "ann", "10:03"),
    message("opened", "ann", "10:04"),
    broadcast("opened", "cid", "10:05", channel="push"),
    exited("bob", "10:30"),
    goal("ann", "11:00", event_id="g1"),
    goal("ann", "12:00", "visit", journey="welcome", entry="first", step="mail"),
]
JOURNEY = {"journey_id": "welcome"}
MAIL = {**JOURNEY, "version": 1, "step_id": "mail"}


def _members(query: dict[str, Any], number: str, month: str | None = None) -> list[dict[str, Any]]:
    return oracle.members(STORY, {}, "UTC", query, number, month=month)


@pytest.mark.parametrize(
    "number",
    [
        *(
            "total_entries",
            "entered_users",
            "active_entries",
            "exited_entries",
            "exited_users",
            "total_exits",
        ),
        *("converted_entries", "converted_users", "conversion_events", "active_users"),
    ],
)
def test_a_journey_number_is_the_length_of_its_list(number: str) -> None:
    """All countable numbers of a journey."""
    numbers = journey_numbers(oracle.numbers(STORY))
    assert numbers[number] > 0
    assert len(_members(JOURNEY, number)) == numbers[number]


@pytest.mark.parametrize("number", ["entered", "entered_users", "current", "dropped", "dropped_users"])
def test_a_step_number_is_the_length_of_its_list(number: str) -> None:
    """All countable numbers of a step."""
    numbers = step_numbers(oracle.numbers(STORY))
    assert numbers[number] > 0
    assert len(_members(MAIL, number)) == numbers[number]


@pytest.mark.parametrize("what", ["events", "messages", "users"])
def test_a_status_is_the_length_of_its_list(what: str) -> None:
    """At a step and in the account's channel totals."""
    document = oracle.numbers(STORY)
    assert len(_members(MAIL, f"opened.{what}")) == step_numbers(document)["opened"][what]
    rows = {row["channel"]: row["opened"][what] for row in account_row(document)["channels"]}
    for channel in ("email", "push"):
        assert len(_members({"channel": channel}, f"opened.{what}")) == rows[channel]


def test_open_goals_and_months_are_lists_too() -> None:
    """Open entries, goals at a step by name, and a month's persons."""
    numbers = journey_numbers(oracle.numbers(STORY))
    for number in ("conversion_rate_open", "total_exits_open"):
        assert len(_members(JOURNEY, number)) == numbers[number]["entries"] > 0
    assert len(_members(MAIL, "goals:visit")) == 1
    assert _members({}, "monthly_engaged_persons", "2026-11") == [
        {"account_id": "default", "user_id": "ann"},
        {"account_id": "default", "user_id": "bob"},
    ]


def test_rows_say_what_was_counted() -> None:
    """Per user, per entry, per message and per event the row holds the identity."""
    ann: dict[str, Any] = {"account_id": "default", "user_id": "ann"}
    place = {**ann, "journey_id": "welcome", "entry_id": "first"}
    assert _members(JOURNEY, "converted_users") == [ann]
    assert _members(JOURNEY, "active_entries") == [place, {**place, "entry_id": "second"}]
    assert _members(MAIL, "opened.messages") == [
        {**place, "journey_version": 1, "step_id": "mail", "message_id": "m1"}
    ]
    assert _members(JOURNEY, "conversion_events") == [
        {**ann, "type": "goal.reached", "journey_id": None, "event_id": "g1"}
    ]


def test_users_are_those_behind_any_number() -> None:
    """Also behind numbers of entries, messages and events."""
    for number, expected in (
        ("total_entries", {"ann", "bob"}),
        ("conversion_events", {"ann"}),
        ("total_exits", {"bob"}),
    ):
        assert oracle.users(STORY, {}, "UTC", JOURNEY, number) == expected
    assert oracle.users(STORY, {}, "UTC", MAIL, "opened.messages") == {"ann"}
    assert oracle.users(STORY, {}, "UTC", {"channel": "push"}, "opened.events") == {"cid"}


def test_a_number_that_is_none_is_an_error() -> None:
    """Misspelt names do not pass as empty lists."""
    with pytest.raises(ValueError, match="no such number"):
        _members(JOURNEY, "openers")
    with pytest.raises(ValueError, match="name the journey"):
        _members({}, "total_entries")
    with pytest.raises(ValueError, match="give the month"):
        _members({}, "monthly_engaged_persons")
