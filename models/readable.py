"""The top level of a record's JSON, and why bytes are not readable as one."""

import re
from typing import Final

import msgspec

from wayfold.models.limits import MAXIMUM_DEPTH, MAXIMUM_VALUE_BYTES
from wayfold.models.refusal import Reason, Refusal

Fields = dict[str, msgspec.Raw]
"""Names at the top of a JSON object, and their values as they were written."""

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a JSON decoder raises for bytes that it cannot read."""

_fields = msgspec.json.Decoder(Fields)
_string = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_no_brackets = re.compile(rb"[^\[\]{}]+")


def read_fields(value: bytes | None, *, is_empty_allowed: bool = False) -> Fields | Refusal:
    """The fields of a JSON object; no bytes are an object without fields where that is allowed."""
    if not value:
        if is_empty_allowed:
            return {}
        message = "The record has no value: publish the event as a JSON object."
        return Refusal(Reason.UNPARSEABLE, "", message)
    if len(value) > MAXIMUM_VALUE_BYTES:
        message = (
            f"The event has {len(value)} bytes, but may have at most {MAXIMUM_VALUE_BYTES}: send less in it."
        )
        return Refusal(Reason.TOO_LARGE, "", message)
    try:
        value.decode()
        if is_deeper_than(MAXIMUM_DEPTH, value):
            message = f"The event is nested deeper than {MAXIMUM_DEPTH} levels: send a flatter one."
            return Refusal(Reason.TOO_LARGE, "", message)
        return _fields.decode(value)
    except UNREADABLE as error:
        return Refusal(
            Reason.UNPARSEABLE, "", f"The event is not a JSON object in UTF-8: {_hint(value, error)}"
        )


def is_deeper_than(limit: int, value: bytes) -> bool:
    """Whether lists and objects in JSON text are nested deeper than `limit` levels."""
    if value.count(b"[") + value.count(b"{") <= limit:
        return False
    depth = 0
    for byte in _no_brackets.sub(b"", _string.sub(b"", value)):
        depth += 1 if byte in b"[{" else -1
        if depth > limit:
            return True
    return False


def _hint(value: bytes, error: Exception) -> str:
    start = value.lstrip()[:1]
    if value.startswith(b"\xef\xbb\xbf"):
        return "it starts with a byte order mark: leave that out."
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} ends it; encode text as UTF-8."
    if start == b"[":
        return "it is a list: publish each event as a record of its own."
    if start != b"{":
        return f"it starts with {value[:20].decode(errors='replace')!r}."
    if value.lstrip()[1:].lstrip()[:1] == b"'":
        return "names and strings stand in double quotes, not in single ones."
    return f"{str(error).removeprefix('JSON is malformed: ')}."
