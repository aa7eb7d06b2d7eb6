"""Messages: statuses three ways, machines, channels and platforms, rates, cost, active users."""

from typing import Any

import pytest

from tests.oracle.programs import Ask
from tests.oracle.story import (
    account_row,
    broadcast,
    entered,
    journey_numbers,
    message,
    parts,
    step,
    step_numbers,
)


def test_a_status_counts_events_messages_and_users(ask: Ask) -> None:
    """Three clicks on two messages of one user, and one of another."""
    story = [
        message("clicked", "ann", "10:00", message="m1"),
        message("clicked", "ann", "10:01", message="m1"),
        message("clicked", "ann", "10:02", message="m2"),
        message("clicked", "bob", "10:03", message="m1"),
    ]
    assert step_numbers(ask(story))["clicked"] == {"events": 4, "messages": 3, "users": 2}


def test_statuses_are_independent(ask: Ask) -> None:
    """A later delivered never erases a clicked, and a click needs no delivery."""
    story = [message("clicked", "ann", "10:00"), message("delivered", "ann", "11:00")]
    numbers = step_numbers(ask(story))
    one, none = {"events": 1, "messages": 1, "users": 1}, {"events": 0, "messages": 0, "users": 0}
    assert parts(numbers, "clicked", "delivered", "sent") == (one, one, none)


def test_machines_are_counted_apart_from_people(ask: Ask) -> None:
    """A scanner's click is a machine_clicked, in no rate and no engagement."""
    story = [
        entered("ann", "09:00"),
        message("delivered", "ann", "10:00"),
        message("clicked", "ann", "10:01", machine=True),
        message("opened", "ann", "10:02", machine=True),
        message("viewed", "ann", "10:03", machine=True),
    ]
    document = ask(story)
    numbers = step_numbers(document)
    assert [numbers[status]["events"] for status in ("clicked", "opened", "viewed")] == [0, 0, 0]
    machines = ("machine_clicked", "machine_opened", "machine_viewed")
    assert [numbers[status]["events"] for status in machines] == [1, 1, 1]
    assert numbers["click_rate"] == 0.0
    assert journey_numbers(document)["active_users"] == 0


def test_a_message_counts_at_its_first_event_of_a_status(ask: Ask) -> None:
    """messages fall on the first day, events on their own, users on every day with one."""
    story = [
        message("opened", "ann", "2026-11-01T10:00:00Z"),
        message("opened", "ann", "2026-11-02T10:00:00Z"),
    ]
    first = step_numbers(ask(story, start="2026-11-01", end="2026-11-02"))
    second = step_numbers(ask(story, start="2026-11-02", end="2026-11-03"))
    both = step_numbers(ask(story, start="2026-11-01", end="2026-11-03"))
    assert first["opened"] == {"events": 1, "messages": 1, "users": 1}
    assert second["opened"] == {"events": 1, "messages": 0, "users": 1}
    assert both["opened"] == {"events": 2, "messages": 1, "users": 1}


def test_a_message_counts_under_the_channel_and_platform_of_its_first_event(ask: Ask) -> None:
    """Opened on two platforms: one message, at the first; the other platform has the event and the user."""
    story = [
        message("opened", "ann", "10:00", platform="web"),
        message(
            "opened", "ann", "10:00", platform="ios", event_id="a"
        ),  # less than the other's id: the first
    ]
    numbers = step_numbers(ask(story))
    assert numbers["opened"] == {"events": 2, "messages": 1, "users": 1}
    rows = {(row["channel"], row["platform"]): row["opened"] for row in numbers["channels"]}
    assert rows == {
        ("email", "ios"): {"events": 1, "messages": 1, "users": 1},
        ("email", "web"): {"events": 1, "messages": 0, "users": 1},
    }
    web = step_numbers(ask(story, platform="web"))
    assert web["opened"] == {"events": 1, "messages": 0, "users": 1}


def test_the_same_message_id_at_another_step_or_entry_is_another_message(ask: Ask) -> None:
    """A message is of its entry, version and step."""
    story = [
        message("sent", "ann", "10:00"),
        message("sent", "ann", "10:01", entry="second"),
        message("sent", "ann", "10:02", version=2),
        message("sent", "ann", "10:03", step="reminder"),
    ]
    document = ask(story)
    assert step_numbers(document)["sent"]["messages"] == 2
    assert step_numbers(document, version=2)["sent"]["messages"] == 1
    assert step_numbers(document, "reminder")["sent"]["messages"] == 1
    row = account_row(document)["channels"][0]
    assert row["sent"] == {"events": 4, "messages": 4, "users": 1}


@pytest.mark.parametrize("variant", ["A", "B"])
def test_a_message_has_the_variant_of_its_entrys_first_arrival(ask: Ask, variant: str) -> None:
    """The arrival may come after the message in any order; until it does the variant is unknown."""
    story = [message("sent", "ann", "10:01"), step("ann", "mail", "11:00", variant="B")]
    assert step_numbers(ask(story[:1], variant=variant))["sent"]["events"] == 0
    assert step_numbers(ask(story, variant=variant))["sent"]["events"] == int(variant == "B")
    story.append(step("ann", "mail", "10:00", variant="A"))
    assert step_numbers(ask(story, variant=variant))["sent"]["events"] == int(variant == "A")


def test_click_rate_divides_by_delivered_where_the_channel_reports_delivery(ask: Ask) -> None:
    """One click on two delivered of three sent e-mails is a half."""
    story = [
        *(message("sent", user, "10:00") for user in ("ann", "bob", "cid")),
        *(message("delivered", user, "10:01") for user in ("ann", "bob")),
        message("clicked", "ann", "10:02"),
        message("failed", "cid", "10:01"),
    ]
    assert parts(step_numbers(ask(story)), "click_rate", "fail_rate") == (1 / 2, 1 / 3)


def test_click_rate_divides_by_sent_where_the_channel_reports_none(ask: Ask) -> None:
    """Push has no delivery reports: one click on three sent is a third, whatever was reported."""
    story = [
        *(message("sent", user, "10:00", channel="push") for user in ("ann", "bob", "cid")),
        message("delivered", "ann", "10:01", channel="push"),
        message("clicked", "ann", "10:02", channel="push"),
    ]
    assert step_numbers(ask(story))["click_rate"] == 1 / 3


def test_click_rate_over_several_channels_divides_the_sums(ask: Ask) -> None:
    """Two clicks over one delivered e-mail and three sent pushes are two of four."""
    story = [
        message("sent", "ann", "10:00"),
        message("delivered", "ann", "10:01"),
        message("clicked", "ann", "10:02"),
        *(message("sent", user, "10:00", channel="push", message="p") for user in ("ann", "bob", "cid")),
        message("clicked", "bob", "10:02", channel="push", message="p"),
    ]
    document = ask(story)
    assert step_numbers(document)["click_rate"] == 2 / 4
    assert step_numbers(ask(story, channel="push"))["click_rate"] == 1 / 3


def test_rates_over_nothing_are_null(ask: Ask) -> None:
    """A click without any delivery has no rate."""
    assert parts(step_numbers(ask([message("clicked", "ann", "10:00")])), "click_rate", "fail_rate") == (
        None,
        None,
    )


def test_cost_is_exact_by_channel_and_currency_at_its_own_time(ask: Ask) -> None:
    """Sums of decimals, currencies apart, every sent event of a message at its own hour."""
    story = [
        message("sent", "ann", "2026-11-01T10:00:00Z", cost="0.1", currency="EUR"),
        message("sent", "ann", "2026-11-02T10:00:00Z", cost="0.2", currency="EUR"),
        message("sent", "bob", "2026-11-02T10:00:00Z", cost="0.000000001", currency="USD"),
        message("sent", "bob", "2026-11-02T10:00:00Z", channel="sms", message="s", cost=2, currency="EUR"),
    ]
    assert step_numbers(ask(story))["cost"] == {
        "email": {"EUR": "0.3", "USD": "0.000000001"},
        "sms": {"EUR": "2"},
    }
    assert step_numbers(ask(story, end="2026-11-02"))["cost"] == {"email": {"EUR": "0.1"}}


def test_a_message_outside_journeys_counts_in_the_channel_totals_and_nowhere_else(ask: Ask) -> None:
    """Broadcasts are the account's: no journey, no engaged person."""
    story = [
        broadcast("sent", "ann", "10:00", channel="sms"),
        broadcast("sent", "ann", "10:01", channel="sms", message="m2"),
        message("sent", "ann", "10:02", channel="sms"),
        message("sent", "bob", "10:02", channel="sms"),
    ]
    document = ask(story)
    row = account_row(document)
    assert [(some["channel"], some["platform"], some["sent"]) for some in row["channels"]] == [
        ("sms", "none", {"events": 4, "messages": 4, "users": 2})
    ]
    assert row["monthly_engaged_persons"] == []
    assert step_numbers(document)["sent"] == {"events": 2, "messages": 2, "users": 2}


@pytest.mark.parametrize("missing", ["entered", "sent", "clicked", None])
def test_an_active_user_entered_was_sent_a_message_and_engaged(ask: Ask, missing: str | None) -> None:
    """All three are needed, at any time and in any version of the journey."""
    story = {
        "entered": entered("ann", "12:00", version=2),
        "sent": message("sent", "ann", "11:00", version=3, entry="other"),
        "clicked": message("clicked", "ann", "10:00"),
    }
    numbers = journey_numbers(ask([event for name, event in story.items() if name != missing]))
    assert numbers["active_users"] == int(missing is None)


def test_a_broadcast_makes_nobody_active(ask: Ask) -> None:
    """The message sent must be one of the journey."""
    story = [entered("ann", "09:00"), broadcast("sent", "ann", "10:00"), message("clicked", "ann", "10:01")]
    assert journey_numbers(ask(story))["active_users"] == 0


def test_active_users_fall_at_their_views_opens_and_clicks(ask: Ask) -> None:
    """By the engagement's own time, version, step, channel, platform and variant."""
    story = [
        entered("ann", "2026-11-01T09:00:00Z"),
        step("ann", "mail", "2026-11-01T09:30:00Z", variant="A"),
        message("delivered", "ann", "2026-11-01T10:00:00Z"),
        message("opened", "ann", "2026-11-02T10:00:00Z", platform="ios"),
        message("clicked", "ann", "2026-11-03T10:00:00Z", platform="web"),
    ]

    def active(**query: Any) -> int:
        return int(journey_numbers(ask(story, **query))["active_users"])

    assert active(start="2026-11-01", end="2026-11-02") == 0
    assert active(start="2026-11-02", end="2026-11-03") == 1
    assert active(start="2026-11-02", end="2026-11-04") == 1
    assert active(start="2026-11-02", end="2026-11-03", platform="web") == 0
    assert active(variant="A", channel="email", step_id="mail", version=1) == 1
    assert active(variant="B") == 0
