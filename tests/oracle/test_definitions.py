"""Definitions: late ones, first ones, names and the order of steps."""

import pytest

from tests.oracle.programs import Ask
from tests.oracle.records import log
from tests.oracle.story import (
    DAY_MS,
    Event,
    defined,
    entered,
    exited,
    goal,
    journey_numbers,
    parts,
    step,
    step_numbers,
)
from wayfold.audit import oracle
from wayfold.audit.oracle.accounts import accounts_of
from wayfold.audit.oracle.events import event_set


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


def test_of_several_definitions_of_a_version_the_earliest_holds(ask: Ask) -> None:
    """Whichever came first, and of two of one time the one with the lesser event id."""
    early, late = "2026-11-01T00:00:00Z", "2026-11-01T00:00:00.001Z"
    events = [entered("ann", "10:00"), goal("ann", "11:00", "purchase")]
    holds = defined(goal="purchase", name="Holds", at=early, event_id="b")
    others = [
        defined(goal="signup", name="Later", at=late, event_id="a"),
        defined(goal="signup", name="Greater", at=early, event_id="c"),
    ]
    for story in (
        [holds, *others, *events],
        [*others, *events, holds],
        [others[0], *events, holds, others[1]],
    ):
        document = ask(story)
        assert journey_numbers(document)["converted_entries"] == 1
        assert document["journeys"][0]["name"] == "Holds"


def test_each_partition_judges_by_the_definitions_that_it_holds() -> None:
    """Where one is missing it is as if there were none; names are those of the earliest anywhere."""
    first = [entered("ann", "10:00"), goal("ann", "11:00"), defined(at="2026-11-02T00:00:00Z", name="Late")]
    second = [
        entered("bob", "10:00"),
        goal("bob", "11:00"),
        defined(goal="other", name="Early", event_id="e"),
    ]
    third = [entered("cid", "10:00"), goal("cid", "11:00")]
    parts = [event_set(events) for events in (first, second, third)]
    account = accounts_of(parts, {}, "UTC")["default"]
    entries = account.journeys["welcome"].entries.values()
    assert {entry.user: bool(entry.goals) for entry in entries} == {"ann": True, "bob": False, "cid": False}
    assert account.journeys["welcome"].name == "Early"


def test_every_content_of_a_version_is_accepted_and_a_conflict_counted() -> None:
    """The same again is no conflict; of others each counts once, however often it came."""
    contents = [
        defined(),
        defined(at="2026-11-05T00:00:00Z"),
        defined(goal="signup"),
        defined(goal="signup"),
        defined(name="Hello"),
        defined(version=2),
        defined(journey="winback"),
        defined(account="acme"),
    ]
    records = log(*(event | {"event_id": f"d-{number}"} for number, event in enumerate(contents)))
    result = oracle.accept(records)
    assert (len(result.accepted), result.duplicates, dict(result.refused)) == (8, 0, {})
    assert result.definition_conflicts == {("default", "welcome", 1): 2}


MENU = {"step_id": "menu", "type": "ivr_menu"}
END = {"step_id": "end", "type": "end"}
YES, NO = {"step_id": "end", "name": "yes"}, {"step_id": "end", "name": "no"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (defined(properties={"plan": 1}), defined(properties={"plan": 1.0}), True),
        (defined(properties={"plan": 1}), defined(properties={"plan": True}), False),
        (defined(properties={"plan": 1}), defined(properties={"plan": "1"}), False),
        (defined(properties={"plan": None}), defined(), False),
        (defined(window_ms=3 * DAY_MS), defined(window_ms=None), True),
        (defined(window_ms=3 * DAY_MS), defined(window_ms=None) | {"conversion_window": "3d"}, True),
        (defined(window_ms=3 * DAY_MS), defined(window_ms=0), False),
        (defined(goal=None), defined(), False),
        (defined(steps=[MENU]), defined(steps=[MENU | {"name": "menu"}]), True),
        (defined(steps=[MENU, END]), defined(steps=[END, MENU]), False),
        (defined(steps=[MENU | {"next": [YES]}, END]), defined(steps=[MENU | {"next": [NO]}, END]), False),
        (
            defined(steps=[MENU | {"nodes": [{"node_id": "n", "inputs": ["1"]}]}]),
            defined(steps=[MENU | {"nodes": [{"node_id": "n", "inputs": ["2"]}]}]),
            False,
        ),
    ],
)
def test_what_two_definitions_say(one: Event, other: Event, same: bool) -> None:
    """Equal numbers and lengths of time are equal however they are written; true is no number."""
    result = oracle.accept(log(one | {"event_id": "1"}, other | {"event_id": "2"}))
    assert len(result.accepted) == 2
    assert (result.definition_conflicts == {}) == same
