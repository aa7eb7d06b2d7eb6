"""The slow reading of a record: CloudEvents, nulls taken as absent, and what exactly is wrong."""

import difflib
import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, get_args, get_origin

import msgspec

from wayfold.models import cloudevents
from wayfold.models.checks import check_event, wrong
from wayfold.models.definition import DefinitionError, read_definition
from wayfold.models.events import (
    EVENT_CLASS_OF_TYPE,
    EVENT_CLASSES,
    Duration,
    Event,
    Identifier,
    Instant,
    JourneyDefined,
    Label,
    Text,
    Version,
)
from wayfold.models.limits import (
    EXPECTED_CHANNEL,
    EXPECTED_CURRENCY,
    EXPECTED_DURATION,
    EXPECTED_IDENTIFIER,
    EXPECTED_LABEL,
    EXPECTED_PROPERTIES,
    EXPECTED_TEXT,
    EXPECTED_TIME,
    EXPECTED_VERSION,
)
from wayfold.models.money import EXPECTED_AMOUNT, Nano, NumberText, nano_from_json
from wayfold.models.readable import UNREADABLE, Fields, read_fields
from wayfold.models.refusal import Reason, Refusal

Headers = Sequence[tuple[str, bytes | None]]


def decoder(cls: Any) -> msgspec.json.Decoder[Any]:
    """A decoder of an event class, of a union of them, or of one field's type."""
    return msgspec.json.Decoder(cls, dec_hook=nano_from_json, float_hook=NumberText)


@functools.cache
def _fields_of(cls: type[Event]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(cls)


@functools.cache
def _whole_numbers_of(cls: type[Event]) -> tuple[str, ...]:
    kinds = (Version, Version | None, Duration)
    return tuple(field.name for field in _fields_of(cls) if field.type in kinds)


def diagnose(topic_kind: str | None, value: bytes | None, headers: Headers = ()) -> Event | Refusal:
    """Read a record that the quick way did not take.

    `topic_kind` None allows every type of event.
    """
    binary = cloudevents.is_binary(headers)
    fields = read_fields(value, is_empty_allowed=binary)
    if isinstance(fields, Refusal):
        return fields
    is_cloudevent = binary or cloudevents.is_structured(fields)
    if is_cloudevent:
        found = cloudevents.from_binary(headers, fields) if binary else cloudevents.from_structured(fields)
        if isinstance(found, Refusal):
            return found
        fields = found
    cls = event_class(fields)
    if isinstance(cls, Refusal):
        return cls
    attributes = cloudevents.ATTRIBUTE_OF_FIELD if is_cloudevent else {}
    event = (
        _read_definition(fields, attributes)
        if cls is JourneyDefined
        else _read_event(cls, fields, attributes)
    )
    if isinstance(event, Event) and topic_kind not in (None, event.TOPIC):
        message = (
            f"{event.TYPE} belongs on the topic of {event.TOPIC}, not of {topic_kind}: publish it there."
        )
        return Refusal(Reason.WRONG_TOPIC, "type", message)
    return event


def event_class(fields: Fields) -> type[Event] | Refusal:
    """The class of an event by its `type`."""
    raw = fields.get("type")
    if raw is None or bytes(raw) == b"null":
        message = "`type` is missing: say which event this is, such as message.sent."
        return Refusal(Reason.MISSING_FIELD, "type", message)
    try:
        name = msgspec.json.decode(raw, type=str)
    except UNREADABLE:
        return wrong("type", _text(raw), "the name of an event, such as message.sent")
    cls = EVENT_CLASS_OF_TYPE.get(name)
    if cls is not None:
        return cls
    near = difflib.get_close_matches(name[:80].lower(), EVENT_CLASS_OF_TYPE, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else f"the types are {', '.join(EVENT_CLASS_OF_TYPE)}."
    return Refusal(Reason.UNKNOWN_TYPE, "type", f"There is no event type {name[:80]!r}: {hint}")


def _read_event(cls: type[Event], fields: Fields, attributes: Mapping[str, str]) -> Event | Refusal:
    """An event of a known class; fields that are null count as absent."""
    present = {name: raw for name, raw in fields.items() if bytes(raw) != b"null"}
    for name in _whole_numbers_of(cls):
        if name in present:
            present[name] = msgspec.Raw(_zero_decimals.sub(b"", bytes(present[name])))
    at = present.get("occurred_at")
    if at is not None:
        found = _time.fullmatch(bytes(at))
        if found is None:
            return wrong("occurred_at", _text(at), EXPECTED_TIME)
        present["occurred_at"] = msgspec.Raw(b"".join(found.groups(b"")))
    try:
        event: Event = _decoders[cls].decode(msgspec.json.encode(present))
    except UNREADABLE as error:
        return _wrong_field(cls, present, attributes) or Refusal(Reason.WRONG_FIELD, "", f"{error}.")
    return check_event(event) or event


def _read_definition(fields: Fields, attributes: Mapping[str, str]) -> JourneyDefined | Refusal:
    """A journey's definition in its event; unlike other events it has no fields but the known ones."""
    head = {name: raw for name, raw in fields.items() if name in _PUBLISHED_FIELDS}
    published = _read_event(_Published, head, attributes)
    if isinstance(published, Refusal):
        return published
    try:
        content = {
            name: msgspec.json.decode(raw) for name, raw in fields.items() if name not in _NOT_OF_DEFINITIONS
        }
        definition = read_definition(content)
    except DefinitionError as error:
        first = error.problems[0]
        reason = Reason.MISSING_FIELD if first.is_missing else Reason.WRONG_FIELD
        return Refusal(reason, first.field, error.summary())
    except UNREADABLE as error:
        return Refusal(Reason.WRONG_FIELD, "", f"{error}.")
    return JourneyDefined(
        event_id=published.event_id,
        occurred_at=published.occurred_at,
        account_id=definition.account_id,
        definition=definition,
    )


class _Published(Event, frozen=True, kw_only=True, tag="journey.defined"):
    """What a definition's event has besides the definition."""

    TYPE: ClassVar[str] = "journey.defined"


_NOT_OF_DEFINITIONS = ("type", "event_id", "occurred_at", "user_id")
_PUBLISHED_FIELDS = ("type", *_Published.__struct_fields__)
_decoders: dict[type[Event], msgspec.json.Decoder[Any]] = {
    _Published: decoder(_Published),
    **{cls: decoder(cls) for cls in EVENT_CLASSES if cls is not JourneyDefined},
}
_time = re.compile(
    rb'("[0-9-]{10}[Tt][0-9:]{8})(\.[0-9]{1,6})?(?:(?<=\.[0-9]{6})[0-9]+)?((?:[Zz]|[+-][0-9]{2}:[0-9]{2})")'
)
"""A time as it is written; more than 6 digits of a second are left out, where a decoder would round."""
_zero_decimals = re.compile(rb"\.0+\Z")


def _wrong_field(cls: type[Event], present: Fields, attributes: Mapping[str, str]) -> Refusal | None:
    """The first field that is missing or wrong, in the order of the class."""
    for field in _fields_of(cls):
        raw = present.get(field.name)
        if raw is None:
            if field.required:
                return _missing(cls, field.name, present, attributes)
            continue
        try:
            decoder(field.type).decode(raw)
        except UNREADABLE:
            return wrong(field.name, _text(raw), expected(field.name, field.type))
    return None


def _missing(cls: type[Event], name: str, present: Fields, attributes: Mapping[str, str]) -> Refusal:
    where = f" (or the attribute `{attributes[name]}`)" if name in attributes else ""
    known = {field.name for field in _fields_of(cls)}
    others = {other[:80].lower().replace("_", ""): other for other in present if other not in known}
    near = difflib.get_close_matches(name.replace("_", ""), others, n=1, cutoff=0.75)
    hint = f" Is it the field {others[near[0]][:80]!r}? Then rename that." if near else ""
    return Refusal(Reason.MISSING_FIELD, name, f"A {cls.TYPE} needs `{name}`{where}, which is missing.{hint}")


_EXPECTED: dict[Any, str] = {
    Identifier: EXPECTED_IDENTIFIER,
    Label: EXPECTED_LABEL,
    Text: EXPECTED_TEXT,
    Version: EXPECTED_VERSION,
    Duration: EXPECTED_DURATION,
    Instant: EXPECTED_TIME,
    Nano: EXPECTED_AMOUNT,
    bool: "true or false",
}
_EXPECTED_BY_NAME = {
    "channel": EXPECTED_CHANNEL,
    "currency": EXPECTED_CURRENCY,
    "properties": EXPECTED_PROPERTIES,
}


def expected(name: str, annotation: Any) -> str:
    """What a field of an event must be, as the end of a sentence. Raises LookupError for unknown types."""
    if name in _EXPECTED_BY_NAME:
        return _EXPECTED_BY_NAME[name]
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(get_args(annotation))
    for part in (annotation, *get_args(annotation)):
        if part in _EXPECTED:
            return _EXPECTED[part]
    raise LookupError(f"nothing says what {name} must be")


def _text(raw: msgspec.Raw) -> str:
    return bytes(raw)[:400].decode(errors="replace")
