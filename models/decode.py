"""Bytes of a record to an event, or to a refusal that says what to do; never an exception.

The good case is one typed decode and a few cheap tests. Whatever does not pass goes to
`wayfold.models.diagnose`, which reads the record again, slowly: as a CloudEvent, with nulls taken as absent, and
naming what is wrong.
"""

import re
from collections.abc import Callable, Sequence
from typing import Union

from wayfold.models.checks import RULES, check_characters, check_time
from wayfold.models.cloudevents import is_binary
from wayfold.models.diagnose import decoder, diagnose
from wayfold.models.events import EVENT_CLASSES, TOPIC_KINDS, Event, JourneyDefined
from wayfold.models.limits import MAXIMUM_DEPTH, MAXIMUM_VALUE_BYTES
from wayfold.models.readable import UNREADABLE, is_deeper_than
from wayfold.models.refusal import Refusal

Headers = Sequence[tuple[str, bytes]]
Decode = Callable[[bytes | None, Headers], Event | Refusal]

_MAY_BE_TOO_DEEP_BYTES = 2 * MAXIMUM_DEPTH
"""A shorter value cannot be nested too deeply: every level takes an opening and a closing byte."""
_BACKSLASH = 0x5C
_DELETE = 0x7F
_rounds_up = re.compile(rb"\.[0-9]{3}999[5-9]").search


def decode_event(topic_kind: str | None, value: bytes | None, headers: Headers = ()) -> Event | Refusal:
    """Read a record of this kind of topic ("entries", "steps", …); None takes every type of event.

    `value` is a bare event or a structured CloudEvent, or the data of a binary one when `headers` say so.
    Raises KeyError for a kind of topic that does not exist, and nothing whatever the bytes are.
    """
    return _decoders[topic_kind](value, headers)


def event_decoder(topic_kind: str | None) -> Decode:
    """`decode_event` for one kind of topic, for loops."""
    return _decoders[topic_kind]


def _build(topic_kind: str | None) -> Decode:
    classes = [
        cls
        for cls in EVENT_CLASSES
        if cls is not JourneyDefined and (topic_kind is None or topic_kind == cls.TOPIC)
    ]
    if not classes:
        return lambda value, headers: diagnose(topic_kind, value, headers)
    decode = decoder(Union[tuple(classes)]).decode  # noqa: UP007
    rules = RULES

    def decode_quickly(value: bytes | None, headers: Headers) -> Event | Refusal:
        if value is None or len(value) > MAXIMUM_VALUE_BYTES or (headers and is_binary(headers)):
            return diagnose(topic_kind, value, headers)
        if len(value) > _MAY_BE_TOO_DEEP_BYTES and is_deeper_than(MAXIMUM_DEPTH, value):
            return diagnose(topic_kind, value, headers)
        try:
            event: Event = decode(value)
        except UNREADABLE:
            return diagnose(topic_kind, value, headers)
        refusal: Refusal | None
        # Control characters come as escapes, as DEL, or beyond ASCII: most events have none of the three.
        if _BACKSLASH in value or _DELETE in value or not value.isascii():
            refusal = check_characters(event)
            if refusal is not None or not _is_utf8(value):
                return refusal or diagnose(topic_kind, value, headers)
        at = event.occurred_at
        # The decoder rounds to microseconds, and may round a millisecond up that is to be floored.
        if not at.microsecond % 1000 and b"999" in value and _rounds_up(value):
            return diagnose(topic_kind, value, headers)
        if not 1970 < at.year < 9999:
            refusal = check_time(event)
            if refusal is not None:
                return refusal
        rule = rules.get(event.__class__)
        if rule is None:
            return event
        return rule(event) or event

    return decode_quickly


def _is_utf8(value: bytes) -> bool:
    """Whether all of the value is UTF-8, the fields that nobody reads included."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


_decoders: dict[str | None, Decode] = {kind: _build(kind) for kind in (*TOPIC_KINDS, None)}
