"""Entries: their identity, repeats, simultaneous ones, ties, and what an exit alone does not do."""

from tests.oracle.programs import Ask
from tests.oracle.story import defined, entered, exited, goal, journey_numbers, parts


def test_a_repeated_entry_by_one_user_counts_again(ask: Ask) -> None:
    """Two entry ids are two entries of one user."""
    story = [
        defined(),
        entered("ann", "10:00", entry="first"),
        exited("ann", "11:00", entry="first"),
        entered("ann", "12:00", entry="second"),
    ]
    numbers = journey_numbers(ask(story))
    assert parts(numbers, "total_entries", "entered_users", "active_entries", "exited_entries") == (
        2,
        1,
        1,
        1,
    )


def test_two_simultaneous_entries_of_one_user_are_two(ask: Ask) -> None:
    """Entries of one user may run side by side; one goal converts both, one exit ends one."""
    story = [
        defined(),
        entered("ann", "10:00", entry="first"),
        entered("ann", "10:00", entry="second"),
        exited("ann", "11:00", entry="second"),
        goal("ann", "10:30"),
    ]
    numbers = journey_numbers(ask(story))
    assert parts(numbers, "total_entries", "active_entries", "exited_entries") == (2, 1, 1)
    assert parts(numbers, "converted_entries", "converted_users", "conversion_events") == (2, 1, 1)


def test_of_several_entered_events_the_earliest_is_time_and_version(ask: Ask) -> None:
    """One entry id entered twice is one entry, of the earlier event's version."""
    story = [
        entered("ann", "12:00", version=2),
        entered("ann", "10:00", version=1),
    ]
    document = ask(story)
    assert journey_numbers(document)["total_entries"] == 1
    assert journey_numbers(document, version=1)["total_entries"] == 1
    assert journey_numbers(document, version=2)["total_entries"] == 0
    assert journey_numbers(ask(story, start="2026-11-02T11:00"))["total_entries"] == 0


def test_at_equal_times_the_greater_event_id_is_the_later(ask: Ask) -> None:
    """Two entered events of one entry in one millisecond: the lesser event id is its version."""
    story = [
        entered("ann", "10:00", version=2, event_id="b"),
        entered("ann", "10:00", version=1, event_id="a"),
    ]
    document = ask(story)
    assert journey_numbers(document, version=1)["total_entries"] == 1
    assert journey_numbers(document, version=2)["total_entries"] == 0


def test_event_ids_are_ordered_by_their_characters(ask: Ask) -> None:
    """Ids are text, compared character by character: "10" comes before "9", and "é" after "z"."""
    for lesser, greater in (("10", "9"), ("z", "é"), ("a", "ab"), ("B", "a"), ("\uffff", "\U0001f600")):
        story = [
            entered("ann", "10:00", version=2, event_id=greater),
            entered("ann", "10:00", version=1, event_id=lesser),
        ]
        assert journey_numbers(ask(story), version=1)["total_entries"] == 1


def test_an_exit_alone_counts_nowhere(ask: Ask) -> None:
    """An entry exists once its journey.entered is known; until then its exit is held."""
    story = [defined(), exited("ann", "11:00")]
    numbers = journey_numbers(ask(story))
    assert parts(numbers, "total_entries", "exited_entries", "exited_users", "total_exits") == (0, 0, 0, 0)
    story.append(entered("ann", "10:00"))
    numbers = journey_numbers(ask(story))
    assert parts(numbers, "total_entries", "exited_entries", "exited_users", "total_exits") == (1, 1, 1, 1)


def test_one_event_id_counts_once_per_user_and_journey(ask: Ask) -> None:
    """The same id again is no second event, but it is one for another user or another journey."""
    once = entered("ann", "10:00", event_id="same")
    story = [
        once,
        dict(once),
        entered("bob", "10:00", event_id="same"),
        entered("ann", "10:00", event_id="same", journey="other"),
    ]
    document = ask(story)
    assert journey_numbers(document)["total_entries"] == 2
    assert journey_numbers(document, journey="other")["total_entries"] == 1


def test_accounts_never_meet(ask: Ask) -> None:
    """The same user, journey and entry ids in two accounts are different things, and goals stay in theirs."""
    story = [
        defined(account="north"),
        defined(account="south"),
        entered("ann", "10:00", account="north"),
        entered("ann", "10:00", account="south"),
        goal("ann", "11:00", account="south"),
    ]
    document = ask(story)
    by_account = {row["account_id"]: row["numbers"] for row in document["journeys"]}
    assert parts(by_account["north"], "total_entries", "converted_entries") == (1, 0)
    assert parts(by_account["south"], "total_entries", "converted_entries") == (1, 1)


def test_the_rate_is_of_users_and_never_above_one(ask: Ask) -> None:
    """Three entries of two users, both of whom convert, some of them twice: the rate is 1."""
    story = [
        defined(),
        entered("ann", "10:00", entry="first"),
        entered("ann", "11:00", entry="second"),
        entered("bob", "10:00"),
        goal("ann", "12:00", event_id="g1"),
        goal("ann", "13:00", event_id="g2"),
        goal("bob", "12:00"),
    ]
    numbers = journey_numbers(ask(story))
    assert parts(numbers, "converted_entries", "converted_users", "conversion_events") == (3, 2, 3)
    assert numbers["conversion_rate"] == 1.0


def test_the_rate_over_nobody_is_null(ask: Ask) -> None:
    """Nobody entered, so there is no rate."""
    assert journey_numbers(ask([defined()]))["conversion_rate"] is None
