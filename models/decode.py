"""Bytes of a record to an event, or to a refusal that says what to do; never an exception.

The good case is one typed decode and a few cheap tests. Whatever does not pass goes to
`wayfold.models.diagnose`, which reads the record again, slowly: as a CloudEvent, with nulls taken as absent,
and naming what is wrong.
"""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Union

import msgspec

from wayfold.models.checks import RULES, check_characters
from wayfold.models.cloudevents import is_binary
from wayfold.models.diagnose import decoder, diagnose
from wayfold.models.events import EVENT_CLASSES, TOPIC_KINDS, Event, JourneyDefined
from wayfold.models.limits import MAXIMUM_DEPTH, MAXIMUM_VALUE_BYTES
from wayfold.models.readable import UNREADABLE, is_deeper_than
from wayfold.models.refusal import Refusal

Headers = Sequence[tuple[str, bytes]]
Decode = Callable[[bytes | None, Headers], Event | Refusal]

_SMALL_BYTES = 2 * MAXIMUM_DEPTH
"""A value up to here cannot be nested too deeply: every level takes an opening and a closing byte."""
_BACKSLASH = 0x5C
_DELETE = 0x7F
_TIME_FIELD = b'occurred_at"'
_is_exact_time = re.compile(
    rb'occurred_at"\s*:\s*"[0-9-]{10}[Tt][0-9:]{8}(?:\.[0-9]{1,6})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"'
).match
_has_escaped_letter = re.compile(rb"\\u00[4-7]").search


def decode_event(topic_kind: str | None, value: bytes | None, headers: Headers = ()) -> Event | Refusal:
    """Read a record of this kind of topic ("entries", "steps", …); None takes every type of event.

    `value` is a bare event or a structured CloudEvent, or the data of a binary one when `headers` say so.
    Raises KeyError for a kind of topic that does not exist, and nothing whatever the bytes are.
    """
    return _decoders[topic_kind](value, headers)


def event_decoder(topic_kind: str | None) -> Decode:
    """`decode_event` for one kind of topic, for loops."""
    return _decoders[topic_kind]


class _NeverValid(Event, frozen=True, kw_only=True, tag="never.valid"):
    """Beside a topic's only class: a union insists on `type`, a class alone would do without it."""

    impossible: Annotated[int, msgspec.Meta(gt=0, lt=0)]


def _build(topic_kind: str | None) -> Decode:
    if topic_kind == JourneyDefined.TOPIC:
        return lambda value, headers: diagnose(topic_kind, value, headers)
    classes = [cls for cls in EVENT_CLASSES if cls is not JourneyDefined and topic_kind in (None, cls.TOPIC)]
    decode = decoder(Union[(_NeverValid, *classes)]).decode
    rules = RULES

    def decode_quickly(value: bytes | None, headers: Headers) -> Event | Refusal:
        if value is None or headers or len(value) > _SMALL_BYTES:  # noqa: SIM102  # narrows None for mypy
            if value is None or _needs_care(value, headers):
                return diagnose(topic_kind, value, headers)
        try:
            event: Event = decode(value)
        except UNREADABLE:
            return diagnose(topic_kind, value, headers)
        place = value.find(_TIME_FIELD)
        if (
            # Control characters come as escapes, as DEL, or beyond ASCII: most events have none of the three.
            ((_BACKSLASH in value or _DELETE in value or not value.isascii()) and not _is_text(event, value))
            # The decoder takes more than RFC 3339, and rounds what has more than 6 digits of a second, so the
            # text is looked at, which most often has the form …T12:34:56.789Z.
            or (value[place + 24 : place + 38 : 13] != b"TZ" and not _is_exact_time(value, place))
            or value.find(_TIME_FIELD, place + 38) >= 0
            or not 1970 < event.occurred_at.year < 9999
        ):
            return diagnose(topic_kind, value, headers)
        rule = rules.get(event.__class__)
        if rule is None:
            return event
        return rule(event) or event

    return decode_quickly


def _needs_care(value: bytes, headers: Headers) -> bool:
    """Whether a value that is large or has headers must not be read the quick way."""
    if len(value) > MAXIMUM_VALUE_BYTES or is_deeper_than(MAXIMUM_DEPTH, value):
        return True
    return bool(headers) and is_binary(headers)


def _is_text(event: Event, value: bytes) -> bool:
    """Whether ids have no control characters, names no escapes, and all is UTF-8, unread fields included."""
    if check_characters(event) is not None or _has_escaped_letter(value):
        return False
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


_decoders: dict[str | None, Decode] = {kind: _build(kind) for kind in (*TOPIC_KINDS, None)}
