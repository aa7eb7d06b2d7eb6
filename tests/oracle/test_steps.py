"""Steps: arrivals, current and dropped, variants, dwell, and goals at a step."""

from tests.oracle.programs import Ask
from tests.oracle.story import defined, entered, exited, goal, parts, step, step_numbers


def test_an_entry_counts_once_at_a_step_however_often_it_arrives(ask: Ask) -> None:
    """entered counts entries, and falls at the first arrival."""
    story = [
        step("ann", "mail", "2026-11-01T10:00:00Z"),
        step("ann", "mail", "2026-11-02T10:00:00Z"),
        step("ann", "mail", "2026-11-01T10:00:00Z", entry="second"),
        step("bob", "mail", "2026-11-02T10:00:00Z"),
    ]
    assert parts(step_numbers(ask(story)), "entered", "entered_users") == (3, 2)
    second_day = ask(story, start="2026-11-02", end="2026-11-03")
    assert parts(step_numbers(second_day), "entered", "entered_users") == (1, 1)


def test_steps_are_facts_before_the_entry_is_known(ask: Ask) -> None:
    """An arrival counts at once under the version it names; current waits for the entry."""
    story = [step("ann", "mail", "10:00")]
    assert parts(step_numbers(ask(story)), "entered", "current") == (1, 0)
    story.append(entered("ann", "09:00"))
    assert parts(step_numbers(ask(story)), "entered", "current") == (1, 1)


def test_current_is_the_latest_step_of_an_entry_that_has_not_exited(ask: Ask) -> None:
    """One entry is current at one step only, its latest by time."""
    story = [entered("ann", "09:00"), step("ann", "wait", "11:00"), step("ann", "mail", "10:00")]
    document = ask(story)
    assert step_numbers(document, "mail")["current"] == 0
    assert step_numbers(document, "wait")["current"] == 1
    assert step_numbers(ask([*story, exited("ann", "12:00")]), "wait")["current"] == 0


def test_of_two_steps_in_one_millisecond_the_greater_event_id_is_the_latest(ask: Ask) -> None:
    """A tie is settled by the event ids, not by arrival."""
    story = [
        entered("ann", "09:00"),
        step("ann", "mail", "10:00", event_id="2"),
        step("ann", "wait", "10:00", event_id="1"),
    ]
    document = ask(story)
    assert (step_numbers(document, "mail")["current"], step_numbers(document, "wait")["current"]) == (1, 0)


def test_dropped_is_who_exited_at_its_latest_step_without_converting(ask: Ask) -> None:
    """A late goal inside the window takes the drop back."""
    story = [
        defined(),
        entered("ann", "09:00"),
        step("ann", "mail", "10:00"),
        step("ann", "wait", "11:00"),
        exited("ann", "12:00"),
    ]
    document = ask(story)
    assert parts(step_numbers(document, "mail"), "dropped", "dropped_users") == (0, 0)
    assert parts(step_numbers(document, "wait"), "dropped", "dropped_users") == (1, 1)
    assert step_numbers(ask([*story, goal("ann", "12:30")]), "wait")["dropped"] == 0


def test_an_arrival_after_the_exit_is_still_the_latest_step(ask: Ask) -> None:
    """Steps are ordered among themselves; the exit does not hide later ones."""
    story = [entered("ann", "09:00"), step("ann", "mail", "10:00"), exited("ann", "11:00")]
    story.append(step("ann", "wait", "12:00"))
    document = ask(story)
    assert (step_numbers(document, "mail")["dropped"], step_numbers(document, "wait")["dropped"]) == (0, 1)


def test_dropped_has_both_clocks(ask: Ask) -> None:
    """By exit time on the event clock, by the entry's time on the entry clock."""
    story = [
        entered("ann", "2026-11-01T09:00:00Z"),
        step("ann", "mail", "2026-11-02T09:00:00Z"),
        exited("ann", "2026-11-03T09:00:00Z"),
    ]

    def dropped(day: int, clock: str) -> int:
        document = ask(story, start=f"2026-11-0{day}", end=f"2026-11-0{day + 1}", clock=clock)
        return int(step_numbers(document)["dropped"])

    assert [dropped(day, "event") for day in (1, 2, 3)] == [0, 0, 1]
    assert [dropped(day, "entry") for day in (1, 2, 3)] == [1, 0, 0]


def test_current_is_selected_by_the_entry_time(ask: Ask) -> None:
    """A state as of now: the range selects by the time of the entry."""
    story = [entered("ann", "2026-11-01T09:00:00Z"), step("ann", "mail", "2026-11-02T09:00:00Z")]
    assert step_numbers(ask(story, start="2026-11-01", end="2026-11-02"))["current"] == 1
    assert step_numbers(ask(story, start="2026-11-02", end="2026-11-03"))["current"] == 0


def test_the_variant_is_that_of_the_arrival_that_counts(ask: Ask) -> None:
    """entered has the first arrival's variant, current the latest one's."""
    story = [
        entered("ann", "09:00"),
        step("ann", "mail", "10:00", variant="A"),
        step("ann", "mail", "11:00", variant="B"),
    ]
    assert parts(step_numbers(ask(story, variant="A")), "entered", "current") == (1, 0)
    assert parts(step_numbers(ask(story, variant="B")), "entered", "current") == (0, 1)


def test_dwell_is_the_time_to_the_next_step_or_the_exit(ask: Ask) -> None:
    """Each arrival ends with the next arrival of its entry or with its exit, whichever is earlier."""
    story = [
        step("ann", "mail", "10:00"),
        step("ann", "wait", "10:05"),
        exited("ann", "10:20"),
        step("bob", "mail", "10:00"),
    ]
    document = ask(story)
    assert step_numbers(document, "mail")["dwell"]["count"] == 1
    assert abs(step_numbers(document, "mail")["dwell"]["p50_ms"] - 300_000) <= 3_000
    assert step_numbers(document, "wait")["dwell"]["count"] == 1
    assert abs(step_numbers(document, "wait")["dwell"]["p99_ms"] - 900_000) <= 9_000


def test_an_exit_before_an_arrival_does_not_end_its_dwell(ask: Ask) -> None:
    """Only an exit at or after the arrival ends it; one in the same millisecond makes it zero."""
    late = [exited("ann", "09:00"), step("ann", "mail", "10:00")]
    assert step_numbers(ask(late))["dwell"] == {"count": 0, "p50_ms": None, "p90_ms": None, "p99_ms": None}
    same = [exited("ann", "10:00"), step("ann", "mail", "10:00")]
    assert step_numbers(ask(same))["dwell"] == {"count": 1, "p50_ms": 0, "p90_ms": 0, "p99_ms": 0}


def test_every_arrival_is_a_dwell_of_its_own(ask: Ask) -> None:
    """A loop through one step gives a sample per pass; percentiles are by nearest rank."""
    story = [step("ann", "mail", f"10:{minute:02d}") for minute in (0, 1, 3, 6, 10)]
    dwell = step_numbers(ask(story))["dwell"]
    assert dwell["count"] == 4
    for name, minutes in (("p50_ms", 2), ("p90_ms", 4), ("p99_ms", 4)):
        assert abs(dwell[name] - minutes * 60_000) <= minutes * 600


def test_goals_add_up_whatever_they_are_called(ask: Ask) -> None:
    """A goal whose name ends like the name of a time is counted like any other."""
    users = [f"user {number}" for number in range(9)]
    story = [entered(user, "10:00") for user in users]
    story += [
        goal(user, "10:05", "seen_at_ms", journey="welcome", entry="first", step="buy") for user in users
    ]
    goals = step_numbers(ask(story), "buy")["goals"]
    assert goals["seen_at_ms"]["events"] == 9


def test_a_goal_shows_at_the_step_that_it_names(ask: Ask) -> None:
    """Under the version of its entry, once that is known, by name, with exact sums; any goal event does."""
    story = [
        goal(
            "ann",
            "10:30",
            "upsell",
            value="1.5",
            currency="EUR",
            journey="welcome",
            entry="first",
            step="buy",
        ),
        goal(
            "ann", "10:40", "upsell", value="2", currency="EUR", journey="welcome", entry="first", step="buy"
        ),
        goal("ann", "10:50", "visit", journey="welcome", entry="first", step="buy"),
        goal("ann", "10:55", "visit"),
        entered("bob", "10:00", version=2),
    ]
    versions = ask(story)["journeys"][0]["versions"]
    assert [row["steps"] for row in versions if row["journey_version"] == 2] == [[]]
    document = ask([*story, entered("ann", "10:00", version=2)])
    assert step_numbers(document, "buy", version=2)["goals"] == {
        "upsell": {"events": 2, "values": {"EUR": "3.5"}},
        "visit": {"events": 1, "values": {}},
    }
