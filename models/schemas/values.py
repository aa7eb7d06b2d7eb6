"""JSON Schemas of single values, and what each field of an event means."""

from typing import Any, Final, Literal, get_args, get_origin

from wayfold.models.events import (
    EVENT_CLASS_OF_TYPE,
    Duration,
    Event,
    Identifier,
    Instant,
    Label,
    Property,
    Text,
    Version,
)
from wayfold.models.limits import (
    CHANNEL_PATTERN,
    CONTROL_CHARACTER_PATTERN,
    CURRENCY_PATTERN,
    MAXIMUM_IDENTIFIER_CHARACTERS,
    MAXIMUM_INTEGER,
    MAXIMUM_TEXT_CHARACTERS,
    PROPERTY_INTEGER_LIMIT,
)
from wayfold.models.money import LIMIT_UNITS, Nano

Schema = dict[str, Any]

_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_OFFSET = f"(?:[Zz]|[+-]{_CLOCK})"
_YEARS = "(?:197[1-9]|19[89][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])"
_REST_OF_TIME = rf"-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[Tt]{_CLOCK}:[0-5][0-9](?:\.[0-9]+)?"
TIME_PATTERN: Final = f"^(?:{_YEARS}{_REST_OF_TIME}{_OFFSET}|(?:1970|9999){_REST_OF_TIME}[Zz])$"
"""RFC 3339 from 1970 to 9999 in UTC. The first and the last year are written in UTC here, where an offset
could lead out of the range."""

_NO_CONTROL_CHARACTERS: Final[Schema] = {"not": {"pattern": CONTROL_CHARACTER_PATTERN}}
IDENTIFIER: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAXIMUM_IDENTIFIER_CHARACTERS,
    **_NO_CONTROL_CHARACTERS,
}
TIME: Final[Schema] = {"type": "string", "format": "date-time", "pattern": TIME_PATTERN}
AMOUNT: Final[Schema] = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": -LIMIT_UNITS, "exclusiveMaximum": LIMIT_UNITS},
        {"type": "string", "pattern": r"^-?[0-9]{1,15}(?:\.[0-9]{1,9})?$"},
    ]
}
_CHANNEL: Final[Schema] = {"type": "string", "pattern": CHANNEL_PATTERN}
_CURRENCY: Final[Schema] = {"type": "string", "pattern": CURRENCY_PATTERN}
SCALAR: Final[Schema] = {
    "type": ["string", "number", "boolean", "null"],
    "minimum": -PROPERTY_INTEGER_LIMIT,
    "exclusiveMaximum": PROPERTY_INTEGER_LIMIT,
}
PRINTABLE_SCALAR: Final[Schema] = {
    **SCALAR,
    "not": {"type": "string", "pattern": CONTROL_CHARACTER_PATTERN},
}
"""What a goal may ask for: a text there has no control characters."""
PROPERTY_REFERENCE: Final = "#/$defs/property"
PROPERTY: Final[Schema] = {
    **SCALAR,
    "type": ["string", "number", "boolean", "null", "array", "object"],
    "items": {"$ref": PROPERTY_REFERENCE},
    "additionalProperties": {"$ref": PROPERTY_REFERENCE},
}
"""Any JSON value whose whole numbers have at most 64 bits; it stands in a schema's `$defs`."""

_OF_TYPE: Final[dict[Any, Schema]] = {
    Identifier: IDENTIFIER,
    Label: {"type": "string", "maxLength": MAXIMUM_IDENTIFIER_CHARACTERS, **_NO_CONTROL_CHARACTERS},
    Text: {"type": "string", "maxLength": MAXIMUM_TEXT_CHARACTERS},
    Version: {"type": "integer", "minimum": 1, "maximum": MAXIMUM_INTEGER},
    Duration: {"type": "integer", "minimum": 0, "maximum": MAXIMUM_INTEGER},
    Instant: TIME,
    Nano: AMOUNT,
    bool: {"type": "boolean"},
    dict[str, Property]: {"type": "object", "additionalProperties": {"$ref": PROPERTY_REFERENCE}},
}
_OF_NAME: Final[dict[str, Schema]] = {"channel": _CHANNEL, "currency": _CURRENCY}

MEANINGS: Final[dict[str, str]] = {
    "type": "Which event this is.",
    "event_id": "The event's own id: the same id again has no effect.",
    "occurred_at": "When it happened, as RFC 3339 with an offset; kept in milliseconds UTC, floored.",
    "user_id": "The person; also the key of the Kafka record.",
    "account_id": "Whose journeys these are.",
    "journey_id": "The journey.",
    "journey_version": "The published version of the journey.",
    "entry_id": "One pass of the person through the journey.",
    "step_id": "The step of the journey.",
    "variant": 'The variant of a split test, "" without one.',
    "message_id": "The message: all of its events have the same.",
    "channel": "How it goes out: push, sms, email, in_app, viber, whatsapp, voice, webhook or another word.",
    "platform": "The device's platform.",
    "cost": "What sending cost, exactly, with at most 9 decimals; needs currency.",
    "value": "What the goal is worth, exactly, with at most 9 decimals; needs currency.",
    "currency": "The currency's code of three capital letters.",
    "machine": "True for a bot, a link scanner or a mail privacy proxy.",
    "link": "Which link, as its address or a name.",
    "reason": "Why it failed, in words.",
    "name": "The goal's name, as definitions call it.",
    "properties": "Any JSON; a journey's goal may ask for its strings, numbers, booleans and nulls.",
    "call_id": "The call.",
    "node_id": "The menu.",
    "parent_node_id": "The menu before this one; absent for the first.",
    "kind": "How the input was given.",
    "outcome": "How the call ended.",
    "duration_ms": "How long the call lasted, in milliseconds.",
    "status": "Whether the journey runs, is paused or has finished.",
    "mode": "What is asked for: to stay in the numbers without identity (anonymise), or to be taken out "
    "of them (subtract). Neither changes a number yet.",
}
_MEANINGS_BY_TYPE: Final[dict[tuple[str, str], str]] = {
    ("journey.exited", "reason"): "Why the entry ended.",
    ("call.input_collected", "value"): "The keys pressed or the words said.",
    **dict.fromkeys(
        ((type_, "step_id") for type_ in EVENT_CLASS_OF_TYPE if type_.startswith("call.")),
        "The step of the journey that makes the call.",
    ),
}


def meaning(cls: type[Event], name: str) -> str:
    """What a field of an event class means, in a sentence. Raises KeyError for one that is not described."""
    return _MEANINGS_BY_TYPE.get((cls.TYPE, name)) or MEANINGS[name]


def value_schema(name: str, annotation: Any, *, is_optional: bool) -> Schema:
    """The schema of a field's value; an optional one may be null. Raises LookupError for unknown types."""
    schema = dict(_of(name, annotation))
    if not is_optional:
        return schema
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    if "type" not in schema:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def _of(name: str, annotation: Any) -> Schema:
    if name in _OF_NAME:
        return _OF_NAME[name]
    if get_origin(annotation) is Literal:
        return {"enum": list(get_args(annotation))}
    for part in (annotation, *get_args(annotation)):
        if part in _OF_TYPE:
            return _OF_TYPE[part]
    raise LookupError(f"nothing says what {name} is in JSON")
