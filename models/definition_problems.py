"""What is wrong with a definition: each field by its path, with the fix."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from wayfold.models.limits import (
    EXPECTED_CHANNEL,
    EXPECTED_DURATION,
    EXPECTED_IDENTIFIER,
    EXPECTED_LABEL,
    EXPECTED_VERSION,
    MAXIMUM_INTEGER,
    shown,
)

MAXIMUM_STEPS: Final = 2000
MAXIMUM_NEXT: Final = 100
MAXIMUM_NODES: Final = 1000
MAXIMUM_INPUTS: Final = 100
MAXIMUM_GOAL_PROPERTIES: Final = 100
SUMMARY_PROBLEMS: Final = 5
MAXIMUM_PROBLEMS: Final = 1000
"""More are counted, but not told."""
STEP_TYPES: Final = ("message", "wait", "condition", "split", "action", "ivr_menu", "end")
STEP_FIELDS: Final = ("step_id", "name", "type", "channel", "next", "nodes")
FIELDS: Final[Mapping[str, Sequence[str]]] = {
    "steps[]": STEP_FIELDS,
    "steps[].next[]": ("step_id", "name"),
    "steps[].nodes[]": ("node_id", "inputs"),
    "goal": ("name", "properties"),
}
"""The fields of each object of a definition, by where it stands."""

_NOT_HERE: Final = {
    "time_zone": "the time zone is the account's: set it in the settings",
    "event_id": "leave it out: it is given when the definition is published",
    "occurred_at": "leave it out: it is given when the definition is published",
    "user_id": "leave it out: a definition is about no user",
}
_EXPECTED: Final = {
    "journey_version": EXPECTED_VERSION,
    "conversion_window_ms": f"{EXPECTED_DURATION} and at most {MAXIMUM_INTEGER}",
    "type": "one of " + ", ".join(STEP_TYPES),
    "channel": EXPECTED_CHANNEL,
    "steps": f"a list of at most {MAXIMUM_STEPS} steps, each with step_id and type",
    "goal": "null, or an object with the goal's name and optional properties",
    "goal.properties": (
        f"an object with at most {MAXIMUM_GOAL_PROPERTIES} strings, numbers, booleans or nulls"
    ),
    "steps[]": "an object with step_id and type, and a channel when it is a message",
    "steps[].next": f"a list of at most {MAXIMUM_NEXT} ways on, each with the step_id that it leads to",
    "steps[].next[]": "an object with the step_id that it leads to, and a name",
    "steps[].nodes": f"a list of at most {MAXIMUM_NODES} nodes, each with node_id and inputs",
    "steps[].nodes[]": "an object with node_id and inputs",
    "steps[].nodes[].inputs": f"a list of at most {MAXIMUM_INPUTS} texts; it may be empty",
    "steps[].nodes[].inputs[]": EXPECTED_LABEL,
    "": "an object with journey_id, journey_version, name and steps",
}
_NEEDED_BECAUSE: Final = {
    "journey_id": "say which journey this is",
    "name": "say what people call the journey",
    "journey_version": "number the versions of a journey from 1",
    "steps": "list the journey's steps in order; the list may be empty",
    "steps[].step_id": "name the step as its events do",
    "steps[].type": "say one of " + ", ".join(STEP_TYPES),
    "steps[].next[].step_id": "name the step that comes next",
    "steps[].nodes[].node_id": "name the node as the events of calls do",
    "steps[].nodes[].inputs": "list the texts that the node expects; the list may be empty",
    "goal.name": "name the goal events that convert, or leave `goal` out",
}


class Problem(msgspec.Struct, frozen=True):
    """Something wrong in a definition: the dotted path of the `field`, and a sentence with the fix."""

    field: str
    message: str
    is_missing: bool = False


class DefinitionError(ValueError):
    """A definition is wrong; `problems` has every wrong field, in the order of the definition.

    Of very many the first are told, and there are `others`.
    """

    def __init__(self, problems: Sequence[Problem], others: int = 0) -> None:
        self.problems = tuple(problems)
        self.others = others
        messages = [problem.message for problem in problems]
        super().__init__("\n".join([*messages, f"And {others} more."] if others else messages))

    def summary(self) -> str:
        """The first few problems in one paragraph, and how many more there are."""
        shown = [problem.message for problem in self.problems[:SUMMARY_PROBLEMS]]
        rest = len(self.problems) + self.others - len(shown)
        return " ".join([*shown, f"And {rest} more."] if rest else shown)


def definition_error(error: ValidationError, fields: Sequence[str]) -> DefinitionError:
    """What a validation found; `fields` are the names known at the top level."""
    found = [each for each in error.errors(include_url=False) if not _is_step_without_name(each)]
    told = [_problem(each, fields) for each in found[:MAXIMUM_PROBLEMS]]
    return DefinitionError(told, len(found) - len(told))


def _is_step_without_name(error: ErrorDetails) -> bool:
    """A step without a name is called by its id; without an id only that is missing."""
    return error["type"] == "missing" and error["loc"][0] == "steps" and error["loc"][-1] == "name"


def _problem(error: ErrorDetails, fields: Sequence[str]) -> Problem:
    names = [part for part in error["loc"] if part not in ("str", "int", "float", "bool")]
    inner: Mapping[str, Any] = error.get("ctx", {})
    if "field" in inner:
        names.append(inner["field"])
    path, place = _path(names), _path(["" if isinstance(name, int) else name for name in names])
    kind = error["type"]
    if kind == "missing":
        reason = _NEEDED_BECAUSE.get(place, "it is needed")
        return Problem(path, f"{path} is missing: {reason}.", is_missing=True)
    if kind == "extra_forbidden":
        return Problem(path, f"{path} is no field of a definition{_instead(names, fields)}")
    if kind.startswith("wayfold_"):
        text = error["msg"].removesuffix(".")
        text += "" if text.endswith("?") else "."
        return Problem(path, f"{path}: {text}", is_missing=kind == "wayfold_missing")
    expected = _expected(place)
    if expected in (EXPECTED_IDENTIFIER, EXPECTED_LABEL) and isinstance(error["input"], (int, float, date)):
        expected += "; put quotes around it"
    return Problem(path, f"{path or 'The definition'} is {shown(error['input'])}, but must be {expected}.")


def _path(names: Sequence[str | int]) -> str:
    """`steps[2].channel` for ("steps", 2, "channel"); an empty name stands for any place in a list."""
    text = ""
    for name in names:
        if isinstance(name, int) or name == "":
            text += f"[{name}]"
        else:
            text += f".{_printable(name)}" if text else _printable(name)
    return text


def _printable(name: str) -> str:
    """A name as it can be told: what would break a line or a terminal is written as an escape."""
    return name if name.isprintable() else name.encode("unicode_escape", "surrogatepass").decode()


def _expected(place: str) -> str:
    return _EXPECTED.get(place) or _EXPECTED.get(place.rpartition(".")[2]) or EXPECTED_IDENTIFIER


def _instead(names: Sequence[str | int], fields: Sequence[str]) -> str:
    *outer, name = ("" if isinstance(name, int) else name for name in names)
    if not outer and name in _NOT_HERE:
        return f": {_NOT_HERE[name]}."
    known = FIELDS[_path(outer)] if outer else fields
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f": did you mean {near[0]}?" if near else f": the fields here are {', '.join(known)}."
