"""docs/events.md tells the truth: examples decode, tables are complete, the generated part is current."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from wayfold.models.decode import decode_event
from wayfold.models.definition import JourneyDefinition, Next, Node, Step
from wayfold.models.definition_file import MAXIMUM_YAML_BYTES, parse_definition
from wayfold.models.definition_problems import (
    MAXIMUM_GOAL_PROPERTIES,
    MAXIMUM_INPUTS,
    MAXIMUM_NEXT,
    MAXIMUM_NODES,
    MAXIMUM_STEPS,
)
from wayfold.models.events import EVENT_CLASS_OF_TYPE, TOPIC_KIND_OF_TYPE, TOPIC_KINDS, Event, JourneyDefined
from wayfold.models.examples import EXAMPLES
from wayfold.models.limits import MAXIMUM_DEPTH, MAXIMUM_VALUE_BYTES
from wayfold.models.refusal import Reason
from wayfold.models.schemas.page import with_events
from wayfold.models.schemas.write import write

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def first_cells(*, below: str) -> list[str]:
    """What stands in backquotes in the first column of the first table below some text."""
    table = PAGE.partition(below)[2].partition("\n|---")[2].partition("\n\n")[0]
    return [re.findall(r"`([^`]+)`", line.split("|")[1])[0] for line in table.splitlines()[1:]]


def test_the_list_of_events_is_that_of_the_code() -> None:
    """After a change of the events, `python -m wayfold.models.schemas` brings the page up to date."""
    assert with_events(PAGE) == PAGE, "run: python -m wayfold.models.schemas"


def test_writing_renews_the_page(tmp_path: Path) -> None:
    """Only what stands between the two marks is written anew."""
    (tmp_path / "events.md").write_text(PAGE.replace("### journey.entered", "### journey.left", 1))
    assert tmp_path / "events.md" in write(tmp_path)
    assert (tmp_path / "events.md").read_text() == PAGE
    with pytest.raises(ValueError, match="must have a line"):
        with_events("# Events")


def test_every_json_example_decodes() -> None:
    """Every type is shown, and every block of JSON is accepted as it stands."""
    shown = [decode_event(None, block.encode()) for block in blocks("json")]
    assert all(isinstance(event, Event) for event in shown), shown
    types = [event.TYPE for event in shown if isinstance(event, Event)]
    assert set(types) == set(EVENT_CLASS_OF_TYPE)


def test_the_cloudevents_shown_are_the_same_event() -> None:
    """The structured and the binary example mean the first example of the page."""
    structured = next(block for block in blocks("json") if "specversion" in block)
    head, value = blocks("text")[0].strip().split("\n\n")
    headers = [(name, text.encode()) for name, text in (line.split(": ") for line in head.splitlines())]
    expected = decode_event(None, json.dumps(EXAMPLES["journey.entered"]).encode())
    assert decode_event(None, structured.encode()) == expected
    assert decode_event("entries", value.encode(), headers) == expected


def test_the_definition_shown_is_that_of_the_example() -> None:
    """The YAML of the page can be defined, and is what the example event publishes."""
    (text,) = blocks("yaml")
    event = decode_event(None, json.dumps(EXAMPLES["journey.defined"]).encode())
    assert isinstance(event, JourneyDefined)
    assert parse_definition(text) == event.definition


def test_every_reason_is_explained() -> None:
    """The table of refusals has every reason, in the order of the code, and no other."""
    assert first_cells(below="## When an event is refused") == [reason.value for reason in Reason]


def test_every_field_of_a_definition_is_explained() -> None:
    """The table of definitions has every field."""
    fields = set(first_cells(below="## Definitions"))
    assert set(JourneyDefinition.model_fields) | {"conversion_window"} <= fields
    assert {f"steps[].{name}" for name in Step.model_fields} <= fields
    assert {f"steps[].next[].{name}" for name in Next.model_fields} <= fields
    assert {f"steps[].nodes[].{name}" for name in Node.model_fields} <= fields


def test_every_topic_has_its_types() -> None:
    """The table of topics names every topic, and with each the types that belong there."""
    assert first_cells(below="**Over Kafka**") == [f"wayfold.{kind}" for kind in TOPIC_KINDS]
    for kind in TOPIC_KINDS:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `wayfold.{kind}` |"))
        first, *others = re.findall(r"`([^`]+)`", row.split("|")[2])
        group = first.partition(".")[0]
        types = [first, *(name if not name.startswith(".") else group + name for name in others)]
        assert types == [type_ for type_, topic in TOPIC_KIND_OF_TYPE.items() if topic == kind]


@pytest.mark.parametrize(
    "limit",
    [
        *(MAXIMUM_VALUE_BYTES, MAXIMUM_DEPTH, MAXIMUM_STEPS, MAXIMUM_GOAL_PROPERTIES, MAXIMUM_YAML_BYTES),
        *(MAXIMUM_NEXT, MAXIMUM_NODES, MAXIMUM_INPUTS),
    ],
)
def test_limits_are_those_of_the_code(limit: Any) -> None:
    """The numbers that the page gives are the ones that are applied."""
    assert re.search(rf"\b(?:{limit}|{limit:,})\b", PAGE)
