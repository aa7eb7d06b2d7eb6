"""JSON Schemas (2020-12) of every event, of its CloudEvents forms, and of a definition."""

import copy
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from wayfold.models.cloudevents import ATTRIBUTE_OF_FIELD, SPECVERSION
from wayfold.models.definition import JourneyDefinition
from wayfold.models.definition_values import MS_OF_UNIT
from wayfold.models.events import (
    EVENT_CLASS_OF_TYPE,
    Event,
    GoalReached,
    JourneyDefined,
    MessageEvent,
    MessageSent,
    UserEvent,
)
from wayfold.models.examples import EXAMPLES
from wayfold.models.limits import MAXIMUM_INTEGER
from wayfold.models.schemas.values import (
    IDENTIFIER,
    MEANINGS,
    PRINTABLE_SCALAR,
    PROPERTY,
    TIME,
    Schema,
    meaning,
    value_schema,
)

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IDENTITY: Final = "urn:wayfold:schema:"
ENVELOPE: Final = tuple(ATTRIBUTE_OF_FIELD)
"""Fields of a bare event that a CloudEvent has as attributes."""


def event_schema(type_: str) -> Schema:
    """The schema of a bare event."""
    cls = EVENT_CLASS_OF_TYPE[type_]
    schema = _definition_event() if cls is JourneyDefined else _plain_event(cls)
    return {
        "$schema": DIALECT,
        "$id": f"{IDENTITY}{type_}",
        "title": type_,
        "description": first_sentence(cls),
        **schema,
        "examples": [EXAMPLES[type_]],
    }


def data_schema(type_: str) -> Schema:
    """The schema of a CloudEvent's data: the event's fields without those that the envelope has.

    It refers to `$defs` of the document that it stands in.
    """
    schema = body(event_schema(type_))
    del schema["properties"]["type"]
    schema["required"] = [name for name in schema["required"] if name not in ENVELOPE]
    schema["title"] = f"data of {type_}"
    schema.pop("$defs", None)
    return schema


def envelope_schema(type_: str, data: Schema | None = None) -> Schema:
    """The schema of a structured CloudEvent; `data` is the schema of its data, when it stands elsewhere."""
    cls = EVENT_CLASS_OF_TYPE[type_]
    properties: Schema = {
        "specversion": {"const": SPECVERSION},
        "id": {**IDENTIFIER, "description": MEANINGS["event_id"]},
        "source": {"type": "string", "minLength": 1, "description": "Who publishes; not read."},
        "type": {"const": type_},
        "time": {**TIME, "description": MEANINGS["occurred_at"]},
        "datacontenttype": {"const": "application/json"},
        "event_id": False,
        "data_base64": False,
        "data": data_schema(type_) if data is None else data,
    }
    required = ["specversion", "id", "source", "type", "time", "data"]
    schema: Schema = {"title": f"{type_} as a CloudEvent", "type": "object", "properties": properties}
    if issubclass(cls, UserEvent):
        properties["subject"] = {**IDENTIFIER, "description": MEANINGS["user_id"]}
        in_data = {"properties": {"data": {"required": ["user_id"]}}}
        schema["anyOf"] = [{"required": ["subject"]}, in_data]
    return {**schema, "required": required, **(_shared(cls) if data is None else {})}


def definition_schema() -> Schema:
    """The schema of a definition file."""
    schema = _definition_body()
    schema["properties"]["conversion_window"] = {
        "type": "string",
        "pattern": _window_pattern(),
        "description": "The conversion window with its unit, such as 3d.",
    }
    schema["properties"]["type"] = {"const": JourneyDefined.TYPE}
    schema["not"] = {"required": ["conversion_window", "conversion_window_ms"]}
    example = {name: value for name, value in EXAMPLES[JourneyDefined.TYPE].items() if name not in ENVELOPE}
    return {
        "$schema": DIALECT,
        "$id": f"{IDENTITY}definition",
        "title": "definition",
        "description": "A journey's definition, as a YAML or JSON file.",
        **schema,
        "examples": [example],
    }


def body(schema: Schema) -> Schema:
    """A copy of a schema to stand inside of another document: without dialect and identity."""
    return copy.deepcopy({name: value for name, value in schema.items() if name not in ("$schema", "$id")})


def _plain_event(cls: type[Event]) -> Schema:
    properties: Schema = {"type": {"const": cls.TYPE, "description": MEANINGS["type"]}}
    required = ["type"]
    for field in msgspec.structs.fields(cls):
        properties[field.name] = {
            **value_schema(field.name, field.type, is_optional=not field.required),
            "description": meaning(cls, field.name),
        }
        if field.required:
            required.append(field.name)
        elif field.default is not None:
            properties[field.name]["default"] = field.default
    schema: Schema = {"type": "object", "properties": properties, "required": required}
    rules = [_all_or_none(group) for group in _groups(cls)]
    if rules:
        schema["allOf"] = rules
    return {**schema, **_shared(cls)}


def _shared(cls: type[Event]) -> Schema:
    """What the schema of an event refers to in itself."""
    return {"$defs": {"property": PROPERTY}} if cls is GoalReached else {}


def _groups(cls: type[Event]) -> Iterable[tuple[str, ...]]:
    """Fields of a class that come together."""
    if issubclass(cls, MessageEvent):
        yield ("journey_id", "journey_version", "entry_id", "step_id")
    if cls is MessageSent:
        yield ("cost", "currency")
    if cls is GoalReached:
        yield ("value", "currency")
        yield ("journey_id", "entry_id", "step_id")


def _all_or_none(fields: tuple[str, ...]) -> Schema:
    return {
        "oneOf": [
            {"required": list(fields), "properties": {name: {"not": {"type": "null"}} for name in fields}},
            {"properties": {name: {"type": "null"} for name in fields}},
        ]
    }


def _definition_event() -> Schema:
    schema = _definition_body()
    head = {name: schema["properties"].pop(name) for name in ("account_id",)}
    schema["properties"] = {
        "type": {"const": JourneyDefined.TYPE, "description": MEANINGS["type"]},
        "event_id": {**IDENTIFIER, "description": MEANINGS["event_id"]},
        "occurred_at": {**TIME, "description": MEANINGS["occurred_at"]},
        **head,
        **schema["properties"],
    }
    schema["required"] = ["type", "event_id", "occurred_at", *schema["required"]]
    return schema


def _definition_body() -> Schema:
    """What pydantic knows of a definition, in place, and the rules on fields that it does not know."""
    whole = JourneyDefinition.model_json_schema()
    definitions = whole.pop("$defs")
    schema: Schema = _without_titles(_in_place(whole, definitions))
    goal = schema["properties"]["goal"]["anyOf"][0]
    goal["properties"]["properties"]["additionalProperties"] = PRINTABLE_SCALAR
    step = schema["properties"]["steps"]["items"]
    step["required"].remove("name")
    step["if"] = {"properties": {"type": {"const": "message"}}}
    step["then"] = {"required": ["channel"], "properties": {"channel": {"type": "string"}}}
    step["else"] = {"properties": {"channel": {"type": "null"}}}
    absent: Schema = {"type": "null"}
    step["allOf"] = [
        {
            "if": {"properties": {"type": {"const": "ivr_menu"}}},
            "else": {"properties": {"nodes": absent}},
        },
        {"if": {"properties": {"type": {"const": "end"}}}, "then": {"properties": {"next": absent}}},
    ]
    for properties in (step["properties"], schema["properties"]):
        for name, of in properties.items():
            of.setdefault("description", _MEANINGS_IN_DEFINITIONS[name])
    order = ("type", "properties", "required", "additionalProperties")
    return {name: schema[name] for name in order}


_MEANINGS_IN_DEFINITIONS: Final = {
    "account_id": MEANINGS["account_id"],
    "journey_id": "The journey, as its events call it.",
    "journey_version": "The version, which never changes once it is published.",
    "name": "What people call it.",
    "steps": "The steps in order; each step_id once.",
    "goal": "Which goal events convert; null when none does.",
    "conversion_window_ms": "For how long after the exit a goal still converts, in milliseconds.",
    "step_id": "The step, as its events call it.",
    "type": "What the step does.",
    "channel": "The channel of a message step; other steps have none.",
    "next": "Where the step leads, each way with a name of its own; the following step when left out.",
    "nodes": "The menus of a call, each with the inputs that it expects; only in an ivr_menu step.",
}


def _in_place(schema: Any, definitions: Schema) -> Any:
    if isinstance(schema, list):
        return [_in_place(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _in_place(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _in_place(inner, definitions) for name, inner in schema.items()}


def _without_titles(schema: Any) -> Any:
    """Drop the titles that pydantic derives from names."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _without_titles(inner)
        for name, inner in schema.items()
        if not (name == "title" and isinstance(inner, str))
    }


def _window_pattern() -> str:
    """Whole numbers with a unit, of so few digits that the milliseconds stay within the limit."""
    parts = [f"[0-9]{{1,{len(str(MAXIMUM_INTEGER // ms)) - 1}}} ?{unit}" for unit, ms in MS_OF_UNIT.items()]
    return f"^(?:{'|'.join(parts)})$"


def first_sentence(cls: type[Event]) -> str:
    """What an event class says of itself."""
    text = " ".join((cls.__doc__ or "").split())
    return text.partition("; ")[0].partition(". ")[0].rstrip(".") + "."
