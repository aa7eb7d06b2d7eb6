"""Definitions from files: YAML and JSON, bounded before anything is built of them."""

import json

import pytest

from wayfold.models.definition import DefinitionError, read_definition
from wayfold.models.definition_file import parse_definition

YAML = """
journey_id: welcome
journey_version: 1
name: Welcome
steps:
  - {step_id: pause, type: wait}
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "neither YAML nor JSON"),
        ("name: a\nname: b", "'name' stands here twice"),
        ("? {a: 1}\n: 2", "neither YAML nor JSON"),
        (b"\xff\xfe\xff", "neither YAML nor JSON"),
        ("[" * 20_000, "nested too deeply"),
        ("[" * 200_000, "nested too deeply"),
        ("- " * 100_000, "nested too deeply"),
        ('{"a": ' * 300, "nested too deeply"),
        ("x" * 2_000_000, "larger than"),
        ("# " + "x" * 262_144, "at most 262144: write it as JSON"),
        ('{"name": 1, "steps": {"a": 1, "a": 2}}', "'a' stands twice"),
        ('{"name": NaN' + " " * 262_144 + "}", "NaN is no JSON"),
        ("&a [*a]", "must be an object"),
        ("name: " + ":".join(["59"] * 5000), "more than 1000 digits"),
        ("", "must be an object"),
    ],
)
def test_files_that_cannot_be_read_say_why(text: str | bytes, says: str) -> None:
    """Broken YAML, repeated keys, odd bytes and huge files are told, not raised."""
    with pytest.raises(DefinitionError, match=says):
        parse_definition(text)


def test_aliases_repeat_what_is_small_and_nothing_huge() -> None:
    """YAML may say once what stands in several places, but a few lines must not stand for billions."""
    named = "- {step_id: pause, type: wait, next: &ways [{step_id: done, name: A}]}"
    again = "- {step_id: more, type: wait, next: *ways}"
    steps = f"{named}\n  {again}\n  - {{step_id: done, type: end}}"
    definition = parse_definition(YAML.replace("- {step_id: pause, type: wait}", steps))
    assert definition.steps[0].next == definition.steps[1].next != definition.steps[2].next
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)]
    with pytest.raises(DefinitionError, match="more than 250000 values, repeated by aliases"):
        parse_definition("\n".join(lines))


def test_json_may_be_as_large_as_an_event() -> None:
    """A definition that is too large for YAML is read as JSON, with or without a byte order mark."""
    steps = [{"step_id": f"s{number}", "name": "x" * 250, "type": "wait"} for number in range(2000)]
    text = json.dumps({"journey_id": "welcome", "journey_version": 1, "name": "Welcome", "steps": steps})
    assert len(text) > 500_000
    assert parse_definition(text) == parse_definition("\ufeff" + text) == read_definition(json.loads(text))
