"""A journey's definition: its steps in order, its goal, and its conversion window."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

DEFAULT_CONVERSION_WINDOW_MS = 259_200_000
"""Three days."""

StepType = Literal["message", "wait", "condition", "split", "action", "ivr_menu", "end"]
Scalar = str | int | float | bool | None


class Model(BaseModel):
    """Strict, immutable, and closed against unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Step(Model):
    """An element of a journey version; only a message step has a channel."""

    step_id: str
    name: str = ""
    type: StepType
    channel: str | None = None


class Goal(Model):
    """Which goal events convert: those of this name whose properties have all of these values."""

    name: str
    properties: dict[str, Scalar] = {}

    def matches(self, name: str, properties: Mapping[str, object] | None) -> bool:
        """Whether a goal event of this name and with these properties reaches the goal."""
        if name != self.name:
            return False
        if not self.properties:
            return True
        if not properties:
            return False
        for key, wanted in self.properties.items():
            found = properties.get(key, properties)
            if found != wanted or isinstance(found, bool) is not isinstance(wanted, bool):
                return False
        return True


class JourneyDefinition(Model):
    """One immutable version of a journey; `conversion_window_ms` is in milliseconds."""

    account_id: str = "default"
    journey_id: str
    journey_version: int
    name: str
    steps: tuple[Step, ...]
    goal: Goal | None = None
    conversion_window_ms: int = DEFAULT_CONVERSION_WINDOW_MS


class Problem(msgspec.Struct, frozen=True):
    """Something wrong with a definition: the dotted `field`, and a sentence with the fix."""

    field: str
    message: str
    is_missing: bool = False


class DefinitionError(ValueError):
    """A definition is wrong; `problems` names every field and its fix."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = tuple(problems)


def read_definition(content: Mapping[str, object]) -> JourneyDefinition:
    """A definition from the mapping of a file or an event. Raises DefinitionError."""
    try:
        return JourneyDefinition.model_validate_json(msgspec.json.encode(content))
    except ValidationError as error:
        raise DefinitionError([_problem(each) for each in error.errors()]) from None


def _problem(error: ErrorDetails) -> Problem:
    field = ".".join(str(part) for part in error["loc"])
    return Problem(field, f"`{field}`: {error['msg']}", error["type"] == "missing")
