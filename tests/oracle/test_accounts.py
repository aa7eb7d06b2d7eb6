"""Monthly engaged persons: whole months on the account's clock, each person once."""

from tests.oracle.programs import Ask
from tests.oracle.story import Event, account_row, broadcast, entered, message, step


def _months(document: Event, account: str = "default") -> list[tuple[str, int, dict[str, tuple[int, int]]]]:
    return [
        (
            row["month"],
            row["persons"],
            {some["journey_id"]: (some["persons"], some["marginal_persons"]) for some in row["journeys"]},
        )
        for row in account_row(document, account)["monthly_engaged_persons"]
    ]


def test_a_person_counts_once_a_month_however_many_journeys_and_entries(ask: Ask) -> None:
    """Journeys, entries, channels and messages do not multiply a person."""
    story = [
        entered("ann", "10:00", journey="welcome"),
        entered("ann", "11:00", journey="welcome", entry="second"),
        entered("ann", "12:00", journey="winback"),
        message("sent", "ann", "10:01"),
        entered("bob", "13:00", journey="winback"),
    ]
    assert _months(ask(story)) == [("2026-11", 2, {"welcome": (1, 0), "winback": (1, 1)})]


def test_a_person_belongs_to_the_journey_of_the_first_entry_of_the_month(ask: Ask) -> None:
    """Of two entries in one millisecond the lesser event id is the first."""
    story = [
        entered("ann", "10:00", journey="welcome", event_id="b"),
        entered("ann", "10:00", journey="winback", event_id="a"),
    ]
    assert _months(ask(story)) == [("2026-11", 1, {"winback": (1, 0)})]


def test_of_two_entries_with_one_event_id_the_lesser_journey_is_the_first(ask: Ask) -> None:
    """The same id in two journeys at one time is no repeat, and the journey decides which comes first."""
    story = [entered("ann", "10:00", journey=journey, event_id="a") for journey in ("winback", "welcome")]
    for told in (story, story[::-1]):
        assert _months(ask(told)) == [("2026-11", 1, {"welcome": (1, 0)})]


def test_marginal_persons_are_those_whom_no_other_journey_engaged_that_month(ask: Ask) -> None:
    """Another journey in another month does not matter."""
    story = [
        entered("ann", "2026-10-10T10:00:00Z", journey="winback"),
        entered("ann", "2026-11-10T10:00:00Z", journey="welcome"),
    ]
    assert _months(ask(story)) == [
        ("2026-10", 1, {"winback": (1, 1)}),
        ("2026-11", 1, {"welcome": (1, 1)}),
    ]


def test_persons_add_up_whatever_the_journey_is_called(ask: Ask) -> None:
    """A journey whose id ends like the name of a time is counted like any other."""
    story = [entered(f"user {number}", "10:00", journey="paid_at_ms") for number in range(9)]
    assert _months(ask(story)) == [("2026-11", 9, {"paid_at_ms": (9, 9)})]


def test_only_an_entry_engages(ask: Ask) -> None:
    """Steps, journey messages and broadcasts without an entry engage nobody."""
    story = [
        step("ann", "mail", "10:00"),
        message("clicked", "ann", "10:00"),
        broadcast("clicked", "ann", "10:00", channel="sms"),
    ]
    assert _months(ask(story)) == []


def test_months_begin_and_end_on_the_accounts_clock(ask: Ask) -> None:
    """Midnight of 1 November in Amsterdam is 23:00 UTC of 31 October."""
    story = [
        entered("ann", "2026-10-31T22:59:59.999Z", account="acme"),
        entered("bob", "2026-10-31T23:00:00.000Z", account="acme"),
        entered("cid", "2026-10-31T23:00:00.000Z", account="other"),
    ]
    document = ask(story, time_zones={"acme": "Europe/Amsterdam"})
    assert _months(document, "acme") == [
        ("2026-10", 1, {"welcome": (1, 1)}),
        ("2026-11", 1, {"welcome": (1, 1)}),
    ]
    assert _months(document, "other") == [("2026-10", 1, {"welcome": (1, 1)})]


def test_months_west_of_greenwich(ask: Ask) -> None:
    """In New York 1 November 2026 begins at 04:00 UTC, still in summer time."""
    story = [entered("ann", "2026-11-01T03:59:59.999Z"), entered("bob", "2026-11-01T04:00:00.000Z")]
    document = ask(story, time_zones={"default": "America/New_York"})
    assert [(month, persons) for month, persons, _ in _months(document)] == [("2026-10", 1), ("2026-11", 1)]
