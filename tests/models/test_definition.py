"""Definitions: every mistake is named with its fix, and equal content is the same version."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from wayfold.models.decode import decode_event
from wayfold.models.definition import DefinitionError, Goal, JourneyDefinition, read_definition
from wayfold.models.definition_file import parse_definition
from wayfold.models.events import JourneyDefined

WELCOME: dict[str, Any] = {
    "journey_id": "welcome",
    "journey_version": 1,
    "name": "Welcome",
    "steps": [
        {"step_id": "mail", "type": "message", "channel": "email"},
        {"step_id": "pause", "name": "Three days", "type": "wait"},
    ],
    "goal": {"name": "purchase", "properties": {"plan": "pro", "seats": 3, "trial": False}},
}
YAML = """
journey_id: welcome
journey_version: 1
name: Welcome
conversion_window: 3d
goal:
  name: purchase
  properties: {plan: pro, seats: 3, trial: false}
steps:
  - {step_id: mail, type: message, channel: email}
  - {step_id: pause, name: Three days, type: wait}
"""


def problems(content: object) -> list[tuple[str, str]]:
    """The field and the message of every problem of a definition that must be wrong."""
    with pytest.raises(DefinitionError) as raised:
        read_definition(content)
    return [(problem.field, problem.message) for problem in raised.value.problems]


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    """The definition with one place changed; ... removes it."""
    content: dict[str, Any] = json.loads(json.dumps(WELCOME))
    inner: Any = content
    for name in path[:-1]:
        inner = inner[name]
    if to is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return content


def test_what_is_left_out_has_its_default() -> None:
    """Account, window, step names and the channel of other steps may be left out."""
    definition = read_definition(WELCOME)
    assert (definition.account_id, definition.conversion_window_ms) == ("default", 259_200_000)
    assert [step.name for step in definition.steps] == ["mail", "Three days"]
    assert [step.channel for step in definition.steps] == ["email", None]


def test_yaml_json_and_mapping_say_the_same() -> None:
    """A definition is the same from a YAML file, a JSON file and a mapping."""
    assert (
        parse_definition(YAML) == parse_definition(json.dumps(WELCOME).encode()) == read_definition(WELCOME)
    )


@pytest.mark.parametrize(
    ("path", "to", "field", "says"),
    [
        (
            ("steps", 0, "channel"),
            ...,
            "steps[0].channel",
            "a message step needs a channel, one of push, sms",
        ),
        (("steps", 1, "channel"), "push", "steps[1].channel", "only a message step has a channel"),
        (("steps", 0, "channel"), "E-Mail", "steps[0].channel", "a lower-case word"),
        (("steps", 1, "type"), "sleep", "steps[1].type", "must be one of message, wait"),
        (("steps", 1, "type"), ..., "steps[1].type", "say one of message, wait"),
        (("steps", 1, "step_id"), "mail", "steps[1].step_id", "'mail' is the step_id of steps[0] too"),
        (("steps", 1, "step_id"), ..., "steps[1].step_id", "name the step as its events do"),
        (("steps", 1, "color"), "red", "steps[1].color", "the fields here are step_id, name, type, channel"),
        (("steps", 1), "pause", "steps[1]", "an object with step_id and type"),
        (("steps",), "none", "steps", "a list of at most 2000 steps"),
        (("steps",), ..., "steps", "the list may be empty"),
        (("goals",), {}, "goals", "did you mean goal?"),
        (("goal",), "purchase", "goal", "an object with the goal's name"),
        (("goal", "name"), ..., "goal.name", "leave `goal` out"),
        (("goal", "propertys"), {}, "goal.propertys", "did you mean properties?"),
        (("goal", "properties", "plan"), ["pro"], "goal.properties.plan", "not with list"),
        (("goal", "properties", "plan"), 2**63, "goal.properties.plan", "at most 64 bits"),
        (("goal", "properties", "plan"), float("nan"), "goal.properties.plan", "not with float"),
        (("journey_id",), 2024, "journey_id", "put quotes around it"),
        (("journey_id",), "", "journey_id", "1 to 256 characters"),
        (("journey_id",), "a\nb", "journey_id", "control characters"),
        (("journey_id",), ..., "journey_id", "say which journey this is"),
        (("journey_version",), 0, "journey_version", "at least 1"),
        (("journey_version",), "1", "journey_version", "without quotes"),
        (("journey_version",), True, "journey_version", "whole number"),
        (("name",), ..., "name", "say what people call the journey"),
        (("conversion_window_ms",), -1, "conversion_window_ms", "at least 0"),
        (("conversion_window",), "3 days", "conversion_window", "3d or 36h"),
        (("conversion_window",), 3, "conversion_window", "its unit"),
        (("conversion_window",), "-3d", "conversion_window", "whole number"),
        (("conversion_window",), "999999999999999w", "conversion_window_ms", "at most 9007199254740991"),
        (("time_zone",), "Europe/Berlin", "time_zone", "the account's: set it in the settings"),
        (("event_id",), "x", "event_id", "given when the definition is published"),
    ],
)
def test_mistakes_are_named_with_their_fix(path: tuple[Any, ...], to: Any, field: str, says: str) -> None:
    """Each mistake names the field by its path and says what to write instead."""
    (found,) = problems(changed(*path, to=to))
    assert found[0] == field
    assert found[1].startswith(field)
    assert says in found[1]


def test_all_mistakes_are_told_at_once() -> None:
    """A definition with several mistakes is not mended one by one."""
    content = changed("steps", 0, "channel", to=...) | {"journey_version": 0, "goals": {}}
    assert [field for field, _ in problems(content)] == ["journey_version", "steps[0].channel", "goals"]


def test_a_summary_is_short() -> None:
    """Of hundreds of mistakes a summary tells the first few and how many there are."""
    with pytest.raises(DefinitionError) as raised:
        read_definition({**WELCOME, "steps": [{} for _ in range(500)]})
    assert len(raised.value.problems) == 1000
    assert raised.value.summary().endswith("And 995 more.")


@pytest.mark.parametrize("content", [None, [], "welcome", 3, {}])
def test_other_things_are_no_definitions(content: object) -> None:
    """A file that holds something else says what a definition is, or all that it lacks."""
    assert problems(content)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "neither YAML nor JSON"),
        ("name: a\nname: b", "'name' stands here twice"),
        ("? {a: 1}\n: 2", "neither YAML nor JSON"),
        (b"\xff\xfe\xff", "neither YAML nor JSON"),
        ("[" * 20_000, "nested too deeply"),
        ("x" * 2_000_000, "larger than"),
        ("", "must be an object"),
    ],
)
def test_files_that_cannot_be_read_say_why(text: str | bytes, says: str) -> None:
    """Broken YAML, repeated keys, odd bytes and huge files are told, not raised."""
    with pytest.raises(DefinitionError, match=says):
        parse_definition(text)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0s", 0),
        ("1500ms", 1500),
        ("90 m", 5_400_000),
        ("36h", 129_600_000),
        ("3d", 259_200_000),
        ("2w", 1_209_600_000),
    ],
)
def test_windows_have_units(text: str, milliseconds: int) -> None:
    """A window is a whole number and its unit."""
    assert read_definition({**WELCOME, "conversion_window": text}).conversion_window_ms == milliseconds


def test_a_window_is_given_once() -> None:
    """A window in both spellings is refused, not chosen between."""
    both = {**WELCOME, "conversion_window": "3d", "conversion_window_ms": 1}
    assert problems(both)[0][0] == "conversion_window"


def test_equality_is_of_content() -> None:
    """Order of fields, spelled-out defaults and 3 or 3.0 do not matter; everything else does."""
    same = {**dict(reversed(WELCOME.items())), "account_id": "default", "conversion_window": "3d"}
    definition = read_definition(WELCOME)
    assert read_definition(same) == definition
    assert read_definition(changed("goal", "properties", "seats", to=3.0)) == definition
    assert hash(read_definition(same)) == hash(definition)
    for path, to in (
        (("name",), "Hello"),
        (("steps", 1, "name"), ...),
        (("steps",), WELCOME["steps"][::-1]),
        (("goal", "properties", "trial"), 0),
        (("goal", "properties", "plan"), None),
        (("goal",), None),
        (("account_id",), "other"),
        (("conversion_window_ms",), 0),
    ):
        assert read_definition(changed(*path, to=to)) != definition


@pytest.mark.parametrize("goal", [WELCOME["goal"], {"name": "x", "properties": {"plan": None}}, None])
def test_a_published_definition_is_read_back_the_same(goal: Any) -> None:
    """The event of a definition decodes to an equal definition, under an id that its content gives."""
    definition = read_definition({**WELCOME, "goal": goal})
    at = datetime(2026, 11, 1, 9, 30, 0, 250_000, UTC)
    event = decode_event("definitions", definition.to_event(at))
    assert isinstance(event, JourneyDefined)
    assert event.definition == definition
    assert (event.occurred_at, event.event_id, event.account_id) == (at, definition.event_id, "default")
    assert definition.to_event(at) == read_definition({**WELCOME, "goal": goal}).to_event(at)


def test_definitions_do_not_change() -> None:
    """A definition that was read is immutable."""
    with pytest.raises(ValueError, match="frozen"):
        read_definition(WELCOME).name = "Other"


@pytest.mark.parametrize(
    ("properties", "reached"),
    [
        ({"plan": "pro", "seats": 3, "trial": False}, True),
        ({"plan": "pro", "seats": 3.0, "trial": False, "more": "x"}, True),
        ({"plan": "pro", "seats": 3, "trial": 0}, False),
        ({"plan": "pro", "seats": "3", "trial": False}, False),
        ({"plan": "pro", "seats": 3}, False),
        ({"plan": "pro", "seats": 3, "trial": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_goals_match_by_all_their_properties(properties: dict[str, Any] | None, reached: bool) -> None:
    """Every property must be there with an equal scalar, where true and false are no numbers."""
    goal = read_definition(WELCOME).goal
    assert goal is not None
    assert goal.matches("purchase", properties) is reached
    assert not goal.matches("other", properties)


def test_goals_without_properties_match_by_name() -> None:
    """A goal that names no property takes every event of its name, and null is only matched by null."""
    assert Goal(name="purchase").matches("purchase", None)
    assert Goal(name="purchase").matches("purchase", {"a": 1})
    assert Goal(name="p", properties={"a": None}).matches("p", {"a": None})
    assert not Goal(name="p", properties={"a": None}).matches("p", {"b": 1})


def test_a_definition_is_checked_however_it_is_made() -> None:
    """Building a definition in code checks as much as reading one does."""
    with pytest.raises(ValueError, match="steps"):
        JourneyDefinition(journey_id="a", journey_version=1, name="a", steps=({},))  # type: ignore[arg-type]
