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
        {"step_id": "done", "type": "end"},
        {"step_id": "call", "type": "ivr_menu"},
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
  - {step_id: done, type: end}
  - {step_id: call, type: ivr_menu}
"""
PAUSE = {"step_id": "pause", "name": "A"}
ROOT: dict[str, Any] = {"node_id": "root", "inputs": ["1", "yes", ""]}
CANVAS: dict[str, Any] = {
    **WELCOME,
    "steps": [
        {**WELCOME["steps"][0], "next": [PAUSE, {"step_id": "mail", "name": "again"}]},
        WELCOME["steps"][1],
        WELCOME["steps"][2],
        {
            **WELCOME["steps"][3],
            "next": [{"step_id": "done"}],
            "nodes": [ROOT, {"node_id": "n", "inputs": []}],
        },
    ],
}


def ways(count: int) -> list[dict[str, str]]:
    """So many ways on, each with a name of its own."""
    return [{"step_id": "pause", "name": str(number)} for number in range(count)]


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
    assert [step.name for step in definition.steps] == ["mail", "Three days", "done", "call"]
    assert [step.channel for step in definition.steps] == ["email", None, None, None]
    assert {(step.next, step.nodes) for step in definition.steps} == {(None, None)}


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
        (
            ("steps", 1, "color"),
            "red",
            "steps[1].color",
            "the fields here are step_id, name, type",
        ),
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
        (("steps", 0, "nxt"), [], "steps[0].nxt", "did you mean next?"),
        (("steps", 0, "next"), "pause", "steps[0].next", "a list of at most 100 ways on"),
        (("steps", 0, "next"), ["pause"], "steps[0].next[0]", "an object with the step_id"),
        (("steps", 0, "next"), [{"name": "A"}], "steps[0].next[0].step_id", "name the step that comes next"),
        (("steps", 0, "next"), [{"step_id": "pase"}], "steps[0].next[0].step_id", "did you mean 'pause'?"),
        (("steps", 0, "next"), [{"step_id": "x"}], "steps[0].next[0].step_id", "no step of this definition"),
        (("steps", 0, "next"), [PAUSE, PAUSE], "steps[0].next[1].name", "'A' is the name of next[0] too"),
        (
            ("steps", 0, "next"),
            [{"step_id": "mail"}, {"step_id": "pause"}],
            "steps[0].next[1].name",
            "name every way on from a step differently",
        ),
        (("steps", 0, "next"), [{**PAUSE, "name": True}], "steps[0].next[0].name", "put quotes around it"),
        (("steps", 0, "next"), [{**PAUSE, "naem": "A"}], "steps[0].next[0].naem", "did you mean name?"),
        (("steps", 0, "next"), ways(101), "steps[0].next", "a list of at most 100"),
        (("steps", 2, "next"), [PAUSE], "steps[2].next", "an end leads nowhere"),
        (("steps", 2, "next"), [], "steps[2].next", "an end leads nowhere"),
        (("steps", 1, "nodes"), [], "steps[1].nodes", "only an ivr_menu step has nodes"),
        (("steps", 3, "nodes"), {}, "steps[3].nodes", "a list of at most 1000 nodes"),
        (("steps", 3, "nodes"), ["root"], "steps[3].nodes[0]", "an object with node_id and inputs"),
        (("steps", 3, "nodes"), [{"inputs": []}], "steps[3].nodes[0].node_id", "as the events of calls do"),
        (("steps", 3, "nodes"), [{"node_id": "a"}], "steps[3].nodes[0].inputs", "the list may be empty"),
        (("steps", 3, "nodes"), [ROOT, ROOT], "steps[3].nodes[1].node_id", "the node_id of nodes[0] too"),
        (("steps", 3, "nodes"), [{**ROOT, "input": []}], "steps[3].nodes[0].input", "did you mean inputs?"),
        (("steps", 3, "nodes"), [{**ROOT, "inputs": [1]}], "steps[3].nodes[0].inputs[0]", "put quotes"),
        (("steps", 3, "nodes"), [{**ROOT, "inputs": "12"}], "steps[3].nodes[0].inputs", "at most 100 texts"),
        (("steps", 3, "nodes"), [{**ROOT, "inputs": ["1"] * 101}], "steps[3].nodes[0].inputs", "at most 100"),
        (("steps", 3, "nodes"), [{**ROOT, "inputs": ["a\n"]}], "steps[3].nodes[0].inputs[0]", "control"),
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


def test_a_definition_says_where_its_steps_lead_and_what_its_menus_expect() -> None:
    """Ways lead to steps of the definition, to the same and to earlier ones too; menus have inputs."""
    definition = read_definition(CANVAS)
    mail, _, _, call = definition.steps
    assert [(way.step_id, way.name) for way in mail.next or ()] == [("pause", "A"), ("mail", "again")]
    assert [(way.step_id, way.name) for way in call.next or ()] == [("done", None)]
    assert [(node.node_id, node.inputs) for node in call.nodes or ()] == [
        ("root", ("1", "yes", "")),
        ("n", ()),
    ]
    assert len(read_definition(changed("steps", 0, "next", to=ways(100))).steps[0].next or ()) == 100
    assert read_definition(changed("steps", 0, "next", to=[])).steps[0].next == ()


def test_a_definition_without_ways_and_menus_is_written_as_it_always_was() -> None:
    """What does not say where it leads has the content, and so the event id, that it had before it could."""
    definition = read_definition(WELCOME)
    assert b"next" not in definition.content
    assert b"nodes" not in definition.content
    assert definition.event_id == "definition-9de7ae77e3a2b8c7bd932b3760c81b03"
    assert set(definition.steps[0].model_dump()) == {"step_id", "name", "type", "channel"}
    assert set(read_definition(CANVAS).steps[3].model_dump()) == {
        *("step_id", "name", "type", "channel"),
        *("next", "nodes"),
    }


def test_a_stored_definition_is_read_back_the_same() -> None:
    """The JSON that a store keeps of a definition says all of it."""
    definition = read_definition(CANVAS)
    assert JourneyDefinition.model_validate_json(definition.model_dump_json()) == definition


def test_all_mistakes_are_told_at_once() -> None:
    """A definition with several mistakes is not mended one by one."""
    content = changed("steps", 0, "channel", to=...) | {"journey_version": 0, "goals": {}}
    assert [field for field, _ in problems(content)] == ["journey_version", "steps[0].channel", "goals"]


@pytest.mark.parametrize("field", ["journey_version", "conversion_window", "name"])
def test_a_number_too_long_to_be_written_is_told_by_its_size(field: str) -> None:
    """What Python does not write out is refused like any other wrong value."""
    ((found, message),) = problems({**WELCOME, field: 16**5000})
    assert found == field
    assert "a number of 20001 bits" in message


def test_a_summary_is_short() -> None:
    """Of hundreds of mistakes a summary tells the first few and how many there are."""
    with pytest.raises(DefinitionError) as raised:
        read_definition({**WELCOME, "steps": [{} for _ in range(500)]})
    assert len(raised.value.problems) == 1000
    assert raised.value.summary().endswith("And 995 more.")


def test_of_very_many_mistakes_the_first_are_told_and_the_others_counted() -> None:
    """A megabyte of mistakes does not become many megabytes of sentences."""
    unknown = {f"k{number}": 1 for number in range(5000)}
    with pytest.raises(DefinitionError) as raised:
        read_definition({**WELCOME, **unknown})
    assert len(raised.value.problems) == 1000
    assert raised.value.others == 4000
    assert str(raised.value).endswith("And 4000 more.")
    assert raised.value.summary().endswith("And 4995 more.")


@pytest.mark.parametrize("content", [None, [], "welcome", 3, {}])
def test_other_things_are_no_definitions(content: object) -> None:
    """A file that holds something else says what a definition is, or all that it lacks."""
    assert problems(content)


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
        (("steps", 0, "next"), [PAUSE]),
        (("steps", 3, "nodes"), [ROOT]),
        (("goal", "properties", "trial"), 0),
        (("goal", "properties", "plan"), None),
        (("goal",), None),
        (("account_id",), "other"),
        (("conversion_window_ms",), 0),
    ):
        assert read_definition(changed(*path, to=to)) != definition
    unsaid = {"next": None, "nodes": None}
    assert read_definition({**WELCOME, "steps": [step | unsaid for step in WELCOME["steps"]]}) == definition
    assert read_definition(CANVAS) == read_definition(json.loads(json.dumps(CANVAS)))


@pytest.mark.parametrize("goal", [WELCOME["goal"], {"name": "x", "properties": {"plan": None}}, None])
@pytest.mark.parametrize("steps", [WELCOME["steps"], CANVAS["steps"]])
def test_a_published_definition_is_read_back_the_same(goal: Any, steps: Any) -> None:
    """The event of a definition decodes to an equal definition, under an id that its content gives."""
    definition = read_definition({**WELCOME, "goal": goal, "steps": steps})
    at = datetime(2026, 11, 1, 9, 30, 0, 250_000, UTC)
    event = decode_event("definitions", definition.to_event(at))
    assert isinstance(event, JourneyDefined)
    assert event.definition == definition
    assert (event.occurred_at, event.event_id, event.account_id) == (at, definition.event_id, "default")
    same = read_definition({**WELCOME, "goal": goal, "steps": steps})
    assert definition.to_event(at) == same.to_event(at)


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
        ({"plan": "pro", "seats": 3, "trial": False, "items": [{"sku": "a"}]}, True),
        ({"plan": ["pro"], "seats": 3, "trial": False}, False),
        ({"plan": {"is": "pro"}, "seats": 3, "trial": False}, False),
        ({"plan": "pro", "seats": [3], "trial": False}, False),
        ({"plan": "pro", "seats": 3, "trial": []}, False),
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
    assert not Goal(name="p", properties={"a": None}).matches("p", {"a": []})
    assert not Goal(name="p", properties={"a": 1}).matches("p", {"a": True})


def test_a_definition_is_checked_however_it_is_made() -> None:
    """Building a definition in code checks as much as reading one does."""
    with pytest.raises(ValueError, match="steps"):
        JourneyDefinition(journey_id="a", journey_version=1, name="a", steps=({},))  # type: ignore[arg-type]
