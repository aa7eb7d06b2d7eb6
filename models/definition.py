"""A journey's definition: its steps in order and where they lead, its goal, and its conversion window."""

import difflib
import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from wayfold.models.definition_problems import (
    MAXIMUM_GOAL_PROPERTIES,
    MAXIMUM_INPUTS,
    MAXIMUM_NEXT,
    MAXIMUM_NODES,
    MAXIMUM_STEPS,
    DefinitionError,
    Problem,
    definition_error,
)
from wayfold.models.definition_values import Channel, Identifier, Input, Scalar, whole, window_ms
from wayfold.models.limits import (
    MAXIMUM_INTEGER,
    MAXIMUM_VALUE_BYTES,
    shown,
)

__all__ = [
    "DEFAULT_CONVERSION_WINDOW_MS",
    "DefinitionError",
    "Goal",
    "JourneyDefinition",
    "Next",
    "Node",
    "Problem",
    "Step",
    "read_definition",
]

DEFAULT_CONVERSION_WINDOW_MS: Final = 259_200_000
"""Three days."""

StepType = Literal["message", "wait", "condition", "split", "action", "ivr_menu", "end"]
_ABSENT: Final = object()
_encode = msgspec.json.Encoder(order="deterministic").encode


class Model(BaseModel):
    """Strict, immutable, and closed against unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Next(Model):
    """A way on from a step, to another step or to the same; `name` tells the ways of a step apart."""

    step_id: Identifier
    name: Identifier | None = None


class Node(Model):
    """A menu of a call; `inputs` are the texts that it expects, pressed or said."""

    node_id: Identifier
    inputs: Annotated[tuple[Input, ...], Field(strict=False, max_length=MAXIMUM_INPUTS)]


class Step(Model):
    """An element of a journey version; message steps have a channel, `ivr_menu` steps may have nodes.

    Without `next` the following step comes next; an `end` has none.
    """

    step_id: Identifier
    name: Identifier
    type: StepType
    channel: Channel | None = None
    next: Annotated[tuple[Next, ...], Field(strict=False, max_length=MAXIMUM_NEXT)] | None = None
    nodes: Annotated[tuple[Node, ...], Field(strict=False, max_length=MAXIMUM_NODES)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_called_by_its_id(cls, content: Any) -> Any:
        if isinstance(content, Mapping) and content.get("name") is None and "step_id" in content:
            return {**content, "name": content["step_id"]}
        return content

    @model_validator(mode="after")
    def _channel_iff_message(self) -> "Step":
        if self.type == "message" and self.channel is None:
            message = "a message step needs a channel, one of push, sms, email, … or another lower-case word"
            raise PydanticCustomError("wayfold_missing", message, {"field": "channel"})
        if self.type != "message" and self.channel is not None:
            message = "only a message step has a channel: leave it out, or make the type message"
            raise PydanticCustomError("wayfold_channel", message, {"field": "channel"})
        return self

    @model_validator(mode="after")
    def _leads_on(self) -> "Step":
        if self.next is None:
            return self
        if self.type == "end":
            message = "an end leads nowhere: leave it out, or make the type another one"
            raise PydanticCustomError("wayfold_next", message, {"field": "next"})
        place, first = _repeated(way.name for way in self.next)
        if place is not None:
            name = self.next[place].name
            raise PydanticCustomError(
                "wayfold_duplicate",
                "{name} next[{first}] too: name every way on from a step differently",
                {
                    "field": f"next[{place}].name",
                    "name": "is missing, as it is in" if name is None else f"{shown(name)} is the name of",
                    "first": first,
                },
            )
        return self

    @model_validator(mode="after")
    def _menu_has_nodes(self) -> "Step":
        if self.nodes is None:
            return self
        if self.type != "ivr_menu":
            message = "only an ivr_menu step has nodes: leave them out, or make the type ivr_menu"
            raise PydanticCustomError("wayfold_nodes", message, {"field": "nodes"})
        place, first = _repeated(node.node_id for node in self.nodes)
        if place is not None:
            raise PydanticCustomError(
                "wayfold_duplicate",
                "{node_id} is the node_id of nodes[{first}] too: a step names every node differently",
                {
                    "field": f"nodes[{place}].node_id",
                    "node_id": shown(self.nodes[place].node_id),
                    "first": first,
                },
            )
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_not_said(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A step that does not say where it leads, or of nodes, is written as it always was."""
        content: dict[str, Any] = serialize(self)
        for name in ("next", "nodes"):
            if content.get(name, _ABSENT) is None:
                del content[name]
        return content


class Goal(Model):
    """Which goal events convert: those of this name whose properties have all of these values."""

    name: Identifier
    properties: Annotated[dict[Identifier, Scalar], Field(max_length=MAXIMUM_GOAL_PROPERTIES)] = {}

    def matches(self, name: str, properties: Mapping[str, object] | None) -> bool:
        """Whether a goal event of this name and with these properties reaches the goal.

        Numbers are equal by value (1 is 1.0), and true and false are no numbers.
        """
        if name != self.name:
            return False
        if not self.properties:
            return True
        if not properties:
            return False
        for key, wanted in self.properties.items():
            found = properties.get(key, _ABSENT)
            if found != wanted or isinstance(found, bool) is not isinstance(wanted, bool):
                return False
        return True


class JourneyDefinition(Model):
    """One immutable version of a journey; the window is in milliseconds.

    Two definitions are equal when their content is, whatever the order of fields it was written in.
    """

    account_id: Identifier = "default"
    journey_id: Identifier
    journey_version: Annotated[int, Field(ge=1, le=MAXIMUM_INTEGER), BeforeValidator(whole)]
    name: Identifier
    steps: Annotated[tuple[Step, ...], Field(strict=False, max_length=MAXIMUM_STEPS)]
    goal: Goal | None = None
    conversion_window_ms: Annotated[int, Field(ge=0, le=MAXIMUM_INTEGER), BeforeValidator(whole)] = (
        DEFAULT_CONVERSION_WINDOW_MS
    )

    @model_validator(mode="before")
    @classmethod
    def _window_has_a_unit(cls, content: Any) -> Any:
        if not isinstance(content, Mapping) or "conversion_window" not in content:
            return content
        rest = {name: value for name, value in content.items() if name != "conversion_window"}
        if "conversion_window_ms" in rest:
            message = "conversion_window and conversion_window_ms are both given: leave one of them out"
            raise PydanticCustomError("wayfold_window", message, {"field": "conversion_window"})
        return {**rest, "conversion_window_ms": window_ms(content["conversion_window"])}

    @model_validator(mode="after")
    def _step_ids_are_unique(self) -> "JourneyDefinition":
        place, first = _repeated(step.step_id for step in self.steps)
        if place is None:
            return self
        raise PydanticCustomError(
            "wayfold_duplicate",
            "{step_id} is the step_id of steps[{first}] too: a journey names every step differently",
            {
                "field": f"steps[{place}].step_id",
                "step_id": shown(self.steps[place].step_id),
                "first": first,
            },
        )

    @model_validator(mode="after")
    def _steps_lead_to_steps(self) -> "JourneyDefinition":
        known = {step.step_id for step in self.steps}
        for place, step in enumerate(self.steps):
            for way, to in enumerate(step.next or ()):
                if to.step_id not in known:
                    near = difflib.get_close_matches(to.step_id, known, n=1, cutoff=0.6)
                    hint = f"did you mean {shown(near[0])}?" if near else "add it, or name one that is there"
                    raise PydanticCustomError(
                        "wayfold_next",
                        "{step_id} is no step of this definition: {hint}",
                        {
                            "field": f"steps[{place}].next[{way}].step_id",
                            "step_id": shown(to.step_id),
                            "hint": hint,
                        },
                    )
        return self

    @cached_property
    def content(self) -> bytes:
        """The whole content in one form: equal bytes mean the same version, defaults filled in."""
        content = self.model_dump()
        if self.goal is not None:
            content["goal"]["properties"] = {
                name: int(value) if isinstance(value, float) and value.is_integer() else value
                for name, value in self.goal.properties.items()
            }
        return _encode(content)

    def __eq__(self, other: object) -> bool:
        """Whether the content is the same."""
        return isinstance(other, JourneyDefinition) and self.content == other.content

    def __hash__(self) -> int:
        """By content."""
        return hash(self.content)

    @property
    def event_id(self) -> str:
        """An event id made of the content, so that publishing the same definition twice is one event."""
        return f"definition-{hashlib.sha256(self.content).hexdigest()[:32]}"

    def to_event(self, occurred_at: datetime, event_id: str | None = None) -> bytes:
        """The `journey.defined` event to publish.

        `occurred_at` is an aware datetime; `event_id` is the definition's own when it is not given.
        """
        at = occurred_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = {"type": "journey.defined", "event_id": event_id or self.event_id, "occurred_at": at}
        content = self.model_dump(exclude={"steps"} if self.goal else {"steps", "goal"})
        steps = [step.model_dump(exclude_none=True) for step in self.steps]
        return msgspec.json.encode({**head, **content, "steps": steps})


def _repeated(names: Iterable[str | None]) -> tuple[int, int] | tuple[None, None]:
    """The place of the first name that stood before, and where that was."""
    places: dict[str | None, int] = {}
    for place, name in enumerate(names):
        first = places.setdefault(name, place)
        if first != place:
            return place, first
    return None, None


def read_definition(content: object) -> JourneyDefinition:
    """A definition from the mapping of a file, or of its event without the event's own fields.

    `conversion_window` may say the window with a unit, such as 3d. Raises DefinitionError with every problem
    that was found.
    """
    if isinstance(content, Mapping) and content.get("type") == "journey.defined":
        content = {name: value for name, value in content.items() if name != "type"}
    try:
        definition = JourneyDefinition.model_validate(content)
    except ValidationError as error:
        raise definition_error(error, tuple(JourneyDefinition.model_fields)) from None
    if len(definition.content) > MAXIMUM_VALUE_BYTES - 1024:
        message = f"The definition is too large: an event may have at most {MAXIMUM_VALUE_BYTES} bytes."
        raise DefinitionError([Problem("", message)])
    return definition
