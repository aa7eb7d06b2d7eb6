"""The AsyncAPI 3.0 document of the Kafka topics: channels, keys, and every form that a message may have."""

from typing import Final

from wayfold.models.cloudevents import ATTRIBUTE_OF_FIELD, HEADER_PREFIX, SPECVERSION
from wayfold.models.events import EVENT_CLASS_OF_TYPE, TOPIC_KINDS, UserEvent
from wayfold.models.examples import EXAMPLES, as_binary, as_cloudevent
from wayfold.models.refusal import Reason
from wayfold.models.schemas.documents import body, data_schema, envelope_schema, event_schema
from wayfold.models.schemas.values import IDENTIFIER, MEANINGS, PROPERTY, TIME, Schema

CONTRACT_VERSION: Final = "1.0.0"
KAFKA_BINDING_VERSION: Final = "0.5.0"
DEAD_LETTERS: Final = "dead-letters"

_SCHEMAS: Final = "#/components/schemas/"
_TOPICS: Final = {
    "entries": "Users enter and leave journeys.",
    "steps": "Entries arrive at steps.",
    "messages": "What happens to messages, inside and outside of journeys.",
    "conversions": "Business events that may convert entries.",
    "calls": "Voice calls of entries.",
    "definitions": "Versions of journeys, and whether a journey runs; published to every partition.",
    "users": "Requests about a person's data.",
}
_DESCRIPTION: Final = (
    "Services publish these events, Wayfold folds them into numbers. All topics have the same number of "
    "partitions, and the key of a record is its user_id, placed by Kafka's default partitioner (murmur2). An "
    "event is plain JSON, or a CloudEvent 1.0 in structured or binary mode. The same event_id again has no "
    "effect, so a publisher may retry."
)


def asyncapi_document() -> Schema:
    """The whole document."""
    channels = {kind: _channel(kind) for kind in TOPIC_KINDS}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Wayfold events", "version": CONTRACT_VERSION, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {**channels, DEAD_LETTERS: _dead_letters()},
        "operations": {
            **{f"receive-{kind}": _operation("receive", kind, _TOPICS[kind]) for kind in TOPIC_KINDS},
            f"send-{DEAD_LETTERS}": _operation(
                "send", DEAD_LETTERS, "Keep what was refused, with its reason."
            ),
        },
        "components": _components(),
    }


def _components() -> Schema:
    schemas: Schema = {
        "occurred_at": {**TIME, "description": MEANINGS["occurred_at"]},
        "property": _with_shared_property(PROPERTY),
    }
    messages: Schema = {}
    for type_ in EVENT_CLASS_OF_TYPE:
        data = {"$ref": f"{_SCHEMAS}{type_}.data"}
        schemas[type_] = _with_shared_parts(body(event_schema(type_)))
        schemas[f"{type_}.data"] = _with_shared_parts(data_schema(type_))
        schemas[f"{type_}.cloudevent"] = _with_shared_parts(envelope_schema(type_, data))
        messages.update(_messages(type_))
    return {
        "parameters": {
            "prefix": {"description": "The topic prefix of the installation.", "default": "wayfold"}
        },
        "messages": {**messages, "dead-letter": _dead_letter()},
        "schemas": schemas,
    }


def _with_shared_parts(schema: Schema) -> Schema:
    """Let stand once what is long and what refers to itself."""
    schema.pop("$defs", None)
    for name in ("occurred_at", "time"):
        if name in schema["properties"]:
            schema["properties"][name] = {"$ref": f"{_SCHEMAS}occurred_at"}
    if "properties" in schema["properties"]:
        schema["properties"]["properties"] = _with_shared_property(schema["properties"]["properties"])
    return schema


def _with_shared_property(schema: Schema) -> Schema:
    """A schema of JSON that refers to the shared schema of what is inside."""
    inside = {"$ref": f"{_SCHEMAS}property"}
    return {
        **schema,
        **{name: inside for name in ("items", "additionalProperties") if name in schema},
    }


def _channel(kind: str) -> Schema:
    types = [type_ for type_, cls in EVENT_CLASS_OF_TYPE.items() if kind == cls.TOPIC]
    names = [name for type_ in types for name in _messages(type_)]
    return _topic(kind, _TOPICS[kind], names)


def _topic(kind: str, description: str, messages: list[str]) -> Schema:
    return {
        "address": f"{{prefix}}.{kind}",
        "description": description,
        "parameters": {"prefix": {"$ref": "#/components/parameters/prefix"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _operation(action: str, kind: str, summary: str) -> Schema:
    return {"action": action, "channel": {"$ref": f"#/channels/{kind}"}, "summary": summary}


def _messages(type_: str) -> dict[str, Schema]:
    """The three forms of an event, by name."""
    event = EXAMPLES[type_]
    data, headers = as_binary(event)
    common = {"summary": event_schema(type_)["description"], "bindings": _key(type_)}
    return {
        type_: {
            "name": type_,
            "title": f"{type_}, bare",
            **common,
            "contentType": "application/json",
            "payload": {"$ref": f"{_SCHEMAS}{type_}"},
            "examples": [{"payload": event}],
        },
        f"{type_}.cloudevent": {
            "name": f"{type_}.cloudevent",
            "title": f"{type_} as a structured CloudEvent",
            **common,
            "contentType": "application/cloudevents+json",
            "payload": {"$ref": f"{_SCHEMAS}{type_}.cloudevent"},
            "examples": [{"payload": as_cloudevent(event)}],
        },
        f"{type_}.cloudevent-binary": {
            "name": f"{type_}.cloudevent-binary",
            "title": f"{type_} as a binary CloudEvent",
            **common,
            "contentType": "application/json",
            "headers": _binary_headers(type_),
            "payload": {"$ref": f"{_SCHEMAS}{type_}.data"},
            "examples": [{"headers": {name: value.decode() for name, value in headers}, "payload": data}],
        },
    }


def _key(type_: str) -> Schema:
    if issubclass(EVENT_CLASS_OF_TYPE[type_], UserEvent):
        key: Schema = {**IDENTIFIER, "description": "The event's user_id, as UTF-8."}
    else:
        key = {"type": ["string", "null"], "description": "Not read: the event goes to every partition."}
    return {"kafka": {"key": key, "bindingVersion": KAFKA_BINDING_VERSION}}


def _binary_headers(type_: str) -> Schema:
    values: Schema = {
        "event_id": {**IDENTIFIER, "description": MEANINGS["event_id"]},
        "type": {"const": type_},
        "occurred_at": {"$ref": f"{_SCHEMAS}occurred_at"},
        "user_id": {**IDENTIFIER, "description": MEANINGS["user_id"]},
    }
    properties: Schema = {f"{HEADER_PREFIX}specversion": {"const": SPECVERSION}}
    for field, attribute in ATTRIBUTE_OF_FIELD.items():
        properties[f"{HEADER_PREFIX}{attribute}"] = values[field]
    required = [f"{HEADER_PREFIX}{name}" for name in ("specversion", "id", "type", "time")]
    return {"type": "object", "properties": properties, "required": required}


def _dead_letters() -> Schema:
    return _topic(DEAD_LETTERS, "Refused records, byte for byte, each with its reason.", ["dead-letter"])


def _dead_letter() -> Schema:
    text: Schema = {"type": "string"}
    return {
        "name": "dead-letter",
        "title": "A refused record",
        "summary": "The value is the refused record's own; headers say where it lay and why it was refused.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": {
                "topic": {**text, "description": "The kind of topic it lay in, such as entries."},
                "partition": text,
                "offset": text,
                "timestamp_ms": text,
                "reason": {"enum": [reason.value for reason in Reason]},
                "field": {**text, "description": 'The field that is wrong, "" when it is the whole record.'},
                "message": {**text, "description": "What was found and what to send instead."},
                "key": {**text, "description": "The refused record's key, when it had one."},
            },
            "patternProperties": {"^record\\.": {"description": "The refused record's own headers."}},
            "required": ["topic", "partition", "offset", "timestamp_ms", "reason", "field", "message"],
        },
        "payload": {"description": "The bytes of the refused record."},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "topic/partition/offset of the refused record."},
                "bindingVersion": KAFKA_BINDING_VERSION,
            }
        },
    }
