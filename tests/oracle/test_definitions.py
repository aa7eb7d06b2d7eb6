"""Definitions: late ones, first ones, names and the order of steps."""

from tests.oracle.programs import Ask
from tests.oracle.story import (
    defined,
    entered,
    exited,
    goal,
    journey_numbers,
    parts,
    step,
    step_numbers,
)


def test_a_definition_that_arrives_late_counts_as_if_it_had_been_there(ask: Ask) -> None:
    """The history before it is evaluated again: conversions appear, exits and drops go."""
    story = [
        entered("ann", "10:00"),
        step("ann", "mail", "10:10"),
        exited("ann", "11:00"),
        goal("ann", "12:00", value=3, currency="EUR"),
    ]
    before = ask(story)
    assert parts(journey_numbers(before), "converted_entries", "total_exits") == (0, 1)
    assert step_numbers(before)["dropped"] == 1
    after = ask([*story, defined()])
    assert parts(journey_numbers(after), "converted_entries", "total_exits") == (1, 0)
    assert journey_numbers(after)["conversion_values"] == {"EUR": "3"}
    assert step_numbers(after)["dropped"] == 0


def test_a_definition_changes_only_its_own_version(ask: Ask) -> None:
    """An undefined version of a defined journey still has no goal."""
    story = [
        defined(version=2),
        entered("ann", "10:00", version=1),
        goal("ann", "11:00"),
    ]
    assert journey_numbers(ask(story))["converted_entries"] == 0


def test_names_and_steps_are_the_definitions(ask: Ask) -> None:
    """Steps come in the definition's order, then those that only events name; unknown ones have no type."""
    story = [
        defined(
            steps=[
                {"step_id": "z-mail", "name": "The mail", "type": "message", "channel": "email"},
                {"step_id": "a-wait", "type": "wait"},
            ]
        ),
        step("ann", "b-unknown", "10:00"),
        step("ann", "a-unknown", "10:01"),
        step("ann", "a-wait", "10:02"),
    ]
    version = ask(story)["journeys"][0]["versions"][0]
    described = [(row["step_id"], row["name"], row["type"], row["channel"]) for row in version["steps"]]
    assert described == [
        ("z-mail", "The mail", "message", "email"),
        ("a-wait", "a-wait", "wait", None),
        ("a-unknown", "a-unknown", None, None),
        ("b-unknown", "b-unknown", None, None),
    ]


def test_a_journey_is_called_as_its_greatest_defined_version(ask: Ask) -> None:
    """A later version may rename the journey; each version keeps its own name."""
    story = [
        defined(version=2, name="New"),
        defined(version=1, name="Old"),
        entered("ann", "10:00", version=3),
    ]
    journey = ask(story)["journeys"][0]
    assert journey["name"] == "New"
    assert [(row["journey_version"], row["name"]) for row in journey["versions"]][:2] == [
        (1, "Old"),
        (2, "New"),
    ]


def test_a_journey_seen_only_in_events_is_called_by_its_id(ask: Ask) -> None:
    """Nothing is hidden for want of a definition."""
    journey = ask([entered("ann", "10:00")])["journeys"][0]
    assert (journey["journey_id"], journey["name"]) == ("welcome", "welcome")
