"""The slow reading of a record: CloudEvents, nulls taken as absent, and what exactly is wrong."""

import difflib
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Literal, get_args, get_origin

import msgspec

from wayfold.models import cloudevents
from wayfold.models.checks import (
    EXPECTED_CHANNEL,
    EXPECTED_CURRENCY,
    EXPECTED_TIME,
    check_event,
    wrong,
)
from wayfold.models.definition import DefinitionError, read_definition
from wayfold.models.events import (
    EVENT_CLASS_OF_TYPE,
    EVENT_CLASSES,
    MAXIMUM_IDENTIFIER_CHARACTERS,
    MAXIMUM_TEXT_CHARACTERS,
    Duration,
    Event,
    Identifier,
    Instant,
    JourneyDefined,
    Label,
    Text,
    Version,
)
from wayfold.models.money import EXPECTED_AMOUNT, Nano, parse_nano
from wayfold.models.refusal import Reason, Refusal

MAXIMUM_VALUE_BYTES: Final = 1_048_576
MAXIMUM_DEPTH: Final = 256
"""Levels of nested lists and objects; a fixed limit, so that no stack's depth decides what is valid."""

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a JSON decoder raises for bytes that it cannot read."""

Fields = cloudevents.Fields
Headers = Sequence[tuple[str, bytes | None]]

_fields = msgspec.json.Decoder(Fields)
_string = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_brackets = re.compile(rb"[^\[\]{}]+")
_long_fraction = re.compile(rb'("[^"]*\.[0-9]{6})[0-9]+([^"]*")')


def money_from_json(cls: type, found: Any) -> Any:
    """Decode hook for `Nano`: JSON numbers come as int or as their own text, decimal strings as str."""
    if cls is not Nano:
        raise NotImplementedError(f"no decoding for {cls}")
    if isinstance(found, bool) or not isinstance(found, (int, str)):
        raise ValueError(f"expected {EXPECTED_AMOUNT}")
    if isinstance(found, int) and abs(found) >= 10**15:
        raise ValueError("too large: amounts are smaller than 10^15")
    return parse_nano(str(found))


def decoder(cls: Any) -> msgspec.json.Decoder[Any]:
    """A decoder of an event class, or of a union of them."""
    return msgspec.json.Decoder(cls, dec_hook=money_from_json, float_hook=str)


class _Published(Event, frozen=True, kw_only=True, tag="journey.defined"):
    """What a definition's event has besides the definition."""

    TYPE: ClassVar[str] = "journey.defined"


_PUBLISHED_FIELDS = ("type", *_Published.__struct_fields__)
_decoders: dict[type[Event], msgspec.json.Decoder[Any]] = {
    _Published: decoder(_Published),
    **{cls: decoder(cls) for cls in EVENT_CLASSES if cls is not JourneyDefined},
}


def diagnose(topic_kind: str | None, value: bytes | None, headers: Headers = ()) -> Event | Refusal:
    """Read a record that the quick way did not take.

    `topic_kind` None allows every type of event.
    """
    binary = cloudevents.is_binary(headers)
    fields = read_fields(value, empty_allowed=binary)
    if not isinstance(fields, Refusal):
        if binary:
            fields = cloudevents.from_binary(headers, fields)
        elif cloudevents.is_structured(fields):
            fields = cloudevents.from_structured(fields)
    if isinstance(fields, Refusal):
        return fields
    cls = event_class(fields, topic_kind)
    if isinstance(cls, Refusal):
        return cls
    if cls is JourneyDefined:
        return read_journey_defined(fields)
    return read_event(cls, fields)


def read_fields(value: bytes | None, *, empty_allowed: bool = False) -> Fields | Refusal:
    """The top level of a JSON object, its values still as they were written."""
    if not value:
        if empty_allowed:
            return {}
        return Refusal(Reason.UNPARSEABLE, "", "The record has no value: publish the event as a JSON object.")
    if len(value) > MAXIMUM_VALUE_BYTES:
        message = f"The record has {len(value)} bytes, but an event may have at most {MAXIMUM_VALUE_BYTES}."
        return Refusal(Reason.TOO_LARGE, "", message)
    try:
        value.decode()
        if is_deeper_than(MAXIMUM_DEPTH, value):
            message = f"The record is nested deeper than {MAXIMUM_DEPTH} levels."
            return Refusal(Reason.TOO_LARGE, "", message)
        return _fields.decode(value)
    except UNREADABLE as error:
        return Refusal(Reason.UNPARSEABLE, "", _unparseable(value, error))


def is_deeper_than(limit: int, value: bytes) -> bool:
    """Whether lists and objects in JSON text are nested deeper than `limit`."""
    if value.count(b"[") + value.count(b"{") <= limit:
        return False
    depth = 0
    for byte in _brackets.sub(b"", _string.sub(b"", value)):
        depth += 1 if byte in b"[{" else -1
        if depth > limit:
            return True
    return False


def event_class(fields: Fields, topic_kind: str | None) -> type[Event] | Refusal:
    """The class of an event by its `type`, which must belong on this kind of topic."""
    raw = fields.get("type")
    if raw is None or bytes(raw) == b"null":
        return Refusal(
            Reason.MISSING_FIELD, "type", "`type` is missing: say which event this is, such as message.sent."
        )
    try:
        name = msgspec.json.decode(raw, type=str)
    except UNREADABLE:
        return wrong("type", _text(raw), "the name of an event, such as message.sent")
    cls = EVENT_CLASS_OF_TYPE.get(name)
    if cls is None:
        near = difflib.get_close_matches(name.lower(), EVENT_CLASS_OF_TYPE, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else f"the types are {', '.join(EVENT_CLASS_OF_TYPE)}."
        return Refusal(Reason.UNKNOWN_TYPE, "type", f"There is no event type {name[:80]!r}: {hint}")
    if topic_kind is not None and cls.TOPIC != topic_kind:
        message = f"A {name} belongs on the topic of {cls.TOPIC}, but came on that of {topic_kind}: publish it there."
        return Refusal(Reason.WRONG_TOPIC, "type", message)
    return cls


def read_event(cls: type[Event], fields: Fields) -> Event | Refusal:
    """An event of a known class; fields that are null count as absent."""
    present = {name: raw for name, raw in fields.items() if bytes(raw) != b"null"}
    present["type"] = fields["type"]
    at = present.get("occurred_at")
    if at is not None:
        present["occurred_at"] = msgspec.Raw(_long_fraction.sub(rb"\1\2", bytes(at)))
    try:
        event: Event = _decoders[cls].decode(msgspec.json.encode(present))
    except UNREADABLE as error:
        return _wrong_fields(cls, present) or Refusal(Reason.WRONG_FIELD, "", f"{error}.")
    return check_event(event) or event


def read_journey_defined(fields: Fields) -> JourneyDefined | Refusal:
    """A journey's definition in its event; unlike other events it may have no fields that nobody knows."""
    head = read_event(_Published, {name: raw for name, raw in fields.items() if name in _PUBLISHED_FIELDS})
    if isinstance(head, Refusal):
        return head
    try:
        content = {
            name: msgspec.json.decode(raw)
            for name, raw in fields.items()
            if name == "account_id" or name not in _PUBLISHED_FIELDS
        }
        definition = read_definition(content)
    except DefinitionError as error:
        problem = error.problems[0]
        reason = Reason.MISSING_FIELD if problem.is_missing else Reason.WRONG_FIELD
        return Refusal(reason, problem.field, problem.message)
    except UNREADABLE as error:
        return Refusal(Reason.WRONG_FIELD, "", f"{error}.")
    return JourneyDefined(
        event_id=head.event_id,
        occurred_at=head.occurred_at,
        account_id=definition.account_id,
        definition=definition,
    )


def _wrong_fields(cls: type[Event], fields: Fields) -> Refusal | None:
    """The first field that is missing or wrong, in the order of the class."""
    for field in msgspec.structs.fields(cls):
        raw = fields.get(field.name)
        if raw is None:
            if field.required:
                return _missing(cls, field.name, fields)
            continue
        try:
            decoder(field.type).decode(raw)
        except UNREADABLE:
            return wrong(field.name, _text(raw), expected(field.name, field.type))
    return None


def _missing(cls: type[Event], name: str, fields: Fields) -> Refusal:
    known = {field.name for field in msgspec.structs.fields(cls)}
    others = {
        other.lower().replace("_", "").replace("-", ""): other for other in fields if other not in known
    }
    near = difflib.get_close_matches(name.replace("_", ""), others, n=1, cutoff=0.75)
    hint = f" Is it the field {others[near[0]][:80]!r}? Then rename that." if near else ""
    return Refusal(Reason.MISSING_FIELD, name, f"A {cls.TYPE} needs `{name}`, which is missing.{hint}")


_IDENTIFIER = f"a string of 1 to {MAXIMUM_IDENTIFIER_CHARACTERS} characters without control characters"
_EXPECTED: dict[Any, str] = {
    Identifier: _IDENTIFIER,
    Label: f"a string of at most {MAXIMUM_IDENTIFIER_CHARACTERS} characters without control characters",
    Text: f"a string of at most {MAXIMUM_TEXT_CHARACTERS} characters",
    Version: "a whole number of at least 1, written without quotes and decimal point",
    Duration: "a whole number of milliseconds, at least 0",
    Instant: EXPECTED_TIME,
    Nano: EXPECTED_AMOUNT,
    bool: "true or false",
}
_EXPECTED_BY_NAME = {
    "channel": EXPECTED_CHANNEL,
    "currency": EXPECTED_CURRENCY,
    "properties": "an object whose values are strings, numbers, true, false or null",
}


def expected(name: str, annotation: Any) -> str:
    """What a field of an event must be, as the end of a sentence."""
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


def _unparseable(value: bytes, error: Exception) -> str:
    start = value.lstrip()[:1]
    if value.startswith(b"\xef\xbb\xbf"):
        hint = "it starts with a byte order mark: leave that out."
    elif start == b"[":
        hint = "it is a list: publish each event as a record of its own."
    elif isinstance(error, UnicodeDecodeError):
        hint = f"byte {error.start} is no UTF-8."
    elif start != b"{":
        hint = f"it starts with {value[:20]!r}."
    else:
        hint = f"{str(error).removeprefix('JSON is malformed: ')}."
    return f"The record is not a JSON object in UTF-8: {hint}"
