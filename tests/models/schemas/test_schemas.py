"""The schemas in docs/ are those of the code, and what they accept is accepted."""

import json
from contextlib import nullcontext, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.models.schemas.validators import validator
from wayfold.models.decode import decode_event
from wayfold.models.definition import DefinitionError, read_definition
from wayfold.models.events import EVENT_CLASS_OF_TYPE
from wayfold.models.examples import EXAMPLES, as_cloudevent
from wayfold.models.refusal import Refusal
from wayfold.models.schemas.documents import definition_schema, envelope_schema, event_schema
from wayfold.models.schemas.write import FOLDER, generated, write

DOCS = Path(__file__).parents[3] / "docs"
THOROUGHLY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TYPES = st.sampled_from(list(EXAMPLES))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.decimals(-(10**15), 10**15, places=3).map(float)
    | st.sampled_from([0, 1, 2.0, 10**15, 10**15 - 1, -(2**63), 2**63, 1e30, 0.1, 1e-9])
    | st.text(max_size=5)
    | st.integers(250, 260).map(lambda length: "é" * length)
    | st.sampled_from(
        ["", "EUR", "EUR\n", "push", "push\n", "Push", "12.5", "1e3", "-0.000000001", "1.0000000001"]
    )
    | st.sampled_from(
        ["ios", "completed", "dtmf", "failed", "subtract", "message", "end", "a\x00", "\x7f", "é"]
    )
)
TIMES = st.sampled_from(["Z", "z", "+00:00", "+24:00", "-12:30", "+0200", ""]).flatmap(
    lambda offset: (
        st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda at: at.isoformat() + offset)  # noqa: DTZ001
        | st.sampled_from(["1970-01-01T00:00:00", "9999-12-31T23:59:59.9999999", "2026-02-30T00:00:00"]).map(
            lambda text: text + offset
        )
    )
)
NESTED = SCALARS | st.lists(SCALARS, max_size=1) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=1)
VALUES = (
    SCALARS
    | TIMES
    | st.lists(SCALARS, max_size=2)
    | st.dictionaries(
        st.text(max_size=3),
        SCALARS | st.lists(SCALARS | st.lists(SCALARS, max_size=1), max_size=2),
        max_size=2,
    )
)


@cache
def schema_of(type_: str) -> Any:
    """The validator of a bare event."""
    return validator(event_schema(type_))


@cache
def envelope_of(type_: str) -> Any:
    """The validator of a structured CloudEvent."""
    return validator(envelope_schema(type_))


DEFINITION = definition_schema()
DEFINITIONS = validator(DEFINITION)


def is_accepted(fields: dict[str, Any]) -> bool:
    """Whether the decoder takes the event."""
    return not isinstance(decode_event(None, json.dumps(fields).encode()), Refusal)


def has_fine_amount(fields: dict[str, Any]) -> bool:
    """Whether an amount has more than 9 decimals as a JSON number, which a schema cannot say of floats."""
    return any(isinstance(fields.get(name), float) and abs(fields[name]) < 1e-8 for name in ("cost", "value"))


def test_files_in_docs_are_those_that_the_code_makes() -> None:
    """After a change of the events, `python -m wayfold.models.schemas` brings docs/ up to date."""
    texts = generated()
    assert {f"{FOLDER}/{path.name}" for path in (DOCS / FOLDER).iterdir()} | {"asyncapi.json"} == set(texts)
    stale = [name for name, text in texts.items() if (DOCS / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run: python -m wayfold.models.schemas"


def test_writing_leaves_nothing_stale(tmp_path: Path) -> None:
    """Writing makes every file, removes schemas of former events, and changes nothing the second time."""
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "former.event.json").write_text("{}")
    assert len(write(tmp_path)) == len(generated()) + 1
    assert not (tmp_path / FOLDER / "former.event.json").exists()
    assert write(tmp_path) == []


@pytest.mark.parametrize("type_", list(EVENT_CLASS_OF_TYPE))
def test_examples_are_valid_and_accepted(type_: str) -> None:
    """The example of every event is valid under its schema, bare and as a CloudEvent, and decodes."""
    schema = event_schema(type_)
    validator(schema).validate(EXAMPLES[type_])
    assert schema["examples"] == [EXAMPLES[type_]]
    validator(envelope_schema(type_)).validate(as_cloudevent(EXAMPLES[type_]))
    assert is_accepted(EXAMPLES[type_])
    assert is_accepted(as_cloudevent(EXAMPLES[type_]))


@pytest.mark.parametrize("type_", list(EVENT_CLASS_OF_TYPE))
def test_every_field_is_described(type_: str) -> None:
    """A reader of a schema finds a sentence at every field."""
    for name, schema in event_schema(type_)["properties"].items():
        assert schema["description"].endswith("."), name


@st.composite
def changed_fields(draw: st.DrawFn, fields: dict[str, Any]) -> dict[str, Any]:
    """An event with some fields replaced, taken out or added."""
    changed = dict(fields)
    known = [
        *fields,
        "variant",
        "platform",
        "account_id",
        "journey_id",
        "entry_id",
        "step_id",
        "cost",
        "machine",
    ]
    for name in draw(
        st.lists(st.sampled_from([*known, "value", "currency", "properties", "extra"]), max_size=3)
    ):
        if name in changed and draw(st.booleans()):
            del changed[name]
        else:
            changed[name] = draw(TIMES if name == "occurred_at" else VALUES)
    return changed


@given(st.data(), TYPES)
@THOROUGHLY
def test_what_the_schema_accepts_the_decoder_accepts(data: st.DataObject, type_: str) -> None:
    """No event that is valid under its schema is refused."""
    fields = data.draw(changed_fields(EXAMPLES[type_]))
    assume(fields.get("type") == type_ and not has_fine_amount(fields))
    if schema_of(type_).is_valid(fields):
        verdict = decode_event(None, json.dumps(fields).encode())
        assert not isinstance(verdict, Refusal), verdict


@given(st.data(), TYPES)
@THOROUGHLY
def test_what_the_envelope_schema_accepts_the_decoder_accepts(data: st.DataObject, type_: str) -> None:
    """No CloudEvent that is valid under its schema is refused."""
    envelope = as_cloudevent(EXAMPLES[type_])
    inside = data.draw(changed_fields(envelope["data"]))
    assume(not has_fine_amount(inside))
    envelope |= {"data": inside}
    for name in data.draw(st.lists(st.sampled_from([*envelope, "extension"]), max_size=2)):
        envelope[name] = data.draw(TIMES if name == "time" else VALUES)
    if envelope_of(type_).is_valid(envelope):
        verdict = decode_event(None, json.dumps(envelope).encode())
        assert not isinstance(verdict, Refusal), verdict


WAYS = SCALARS | st.lists(
    st.fixed_dictionaries({"step_id": SCALARS}, optional={"name": SCALARS, "colour": SCALARS}), max_size=2
)
NODES = SCALARS | st.lists(
    st.fixed_dictionaries(
        {"node_id": SCALARS},
        optional={"inputs": SCALARS | st.lists(SCALARS, max_size=2), "colour": SCALARS},
    ),
    max_size=2,
)
STEPS = st.lists(
    st.fixed_dictionaries(
        {"step_id": SCALARS, "type": st.sampled_from(["message", "wait", "end", "ivr_menu", "pause"])},
        optional={"channel": SCALARS, "name": SCALARS, "colour": SCALARS, "next": WAYS, "nodes": NODES},
    ),
    max_size=3,
    unique_by=lambda step: repr(step["step_id"]),
)
GOALS = st.fixed_dictionaries(
    {"name": SCALARS}, optional={"properties": st.dictionaries(st.text(max_size=3), VALUES, max_size=2)}
)


@given(st.data())
@THOROUGHLY
def test_what_the_definition_schema_accepts_can_be_defined(data: st.DataObject) -> None:
    """No definition that is valid under its schema is refused."""
    fields: dict[str, Any] = dict(DEFINITION["examples"][0])
    strategies = {
        "steps": STEPS,
        "goal": GOALS,
        "conversion_window": st.sampled_from(["3d", "9999999w", "-1d", "5"]),
    }
    names = [*fields, "conversion_window", "type", "colour"]
    for name in data.draw(st.lists(st.sampled_from(names), max_size=3)):
        if name in fields and data.draw(st.booleans()):
            del fields[name]
        else:
            fields[name] = data.draw(strategies.get(name, VALUES))
    if DEFINITIONS.is_valid(fields):
        with suppress(DefinitionError) if names_clash(fields["steps"]) else nullcontext():
            read_definition(fields)


def names_clash(steps: list[dict[str, Any]]) -> bool:
    """Whether a name stands twice, or a step leads to one that is not there, which no schema can see."""
    known = {step["step_id"] for step in steps}
    ways = [step.get("next") or [] for step in steps]
    named = [[way.get("name") for way in of_step] for of_step in ways]
    named += [[node["node_id"] for node in step.get("nodes") or []] for step in steps]
    leads_out = any(way["step_id"] not in known for of_step in ways for way in of_step)
    return leads_out or any(len(set(names)) < len(names) for names in named)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([{"step_id": "a", "type": "wait"}] * 2, "names every step differently"),
        ([{"step_id": "a", "type": "wait", "next": [{"step_id": "b"}]}], "is no step of this definition"),
        ([{"step_id": "a", "type": "wait", "next": [{"step_id": "a"}] * 2}], "name every way on"),
        (
            [{"step_id": "a", "type": "ivr_menu", "nodes": [{"node_id": "n", "inputs": []}] * 2}],
            "names every node differently",
        ),
    ],
)
def test_names_that_repeat_or_lead_nowhere_are_beyond_a_schema(steps: Any, says: str) -> None:
    """The rules that the definition's schema cannot state are kept by the code."""
    repeated = {**DEFINITION["examples"][0], "steps": steps}
    assert DEFINITIONS.is_valid(repeated)
    with pytest.raises(DefinitionError, match=says):
        read_definition(repeated)


@pytest.mark.parametrize(
    "step",
    [
        {"step_id": "a", "type": "end", "next": []},
        {"step_id": "a", "type": "wait", "nodes": []},
        {"step_id": "a", "type": "ivr_menu", "nodes": [{"node_id": "n"}]},
    ],
)
def test_the_schema_knows_which_step_may_have_what(step: dict[str, Any]) -> None:
    """Ends lead nowhere, and only menus have nodes: a schema says so as the code does."""
    content = {**DEFINITION["examples"][0], "steps": [step]}
    assert not DEFINITIONS.is_valid(content)
    with pytest.raises(DefinitionError):
        read_definition(content)


def test_examples_survive_yaml() -> None:
    """The example of a definition means the same when it is written as YAML."""
    example = DEFINITION["examples"][0]
    assert read_definition(yaml.safe_load(yaml.safe_dump(example))) == read_definition(example)


@pytest.mark.parametrize("text", ["\x1f", "\x7f", "a\x85"])
def test_a_goal_asks_for_no_control_characters(text: str) -> None:
    """Neither the schema nor the reader takes a text with one; numbers and plain texts are taken by both."""
    fields = dict(DEFINITION["examples"][0])
    for wanted in ({"plan": text}, {text: 1}):
        fields["goal"] = {"name": "bought", "properties": wanted}
        assert not DEFINITIONS.is_valid(fields)
        with pytest.raises(DefinitionError):
            read_definition(fields)
    fields["goal"] = {"name": "bought", "properties": {"plan": "gold", "seats": 3, "paid": True, "by": None}}
    assert DEFINITIONS.is_valid(fields)
    read_definition(fields)
