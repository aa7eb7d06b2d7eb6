"""Request bodies to single events, still as bytes: which content types there are and what each holds."""

import codecs
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

Headers = tuple[tuple[str, bytes], ...]

OBJECT_OR_ARRAY: Final = frozenset(
    {"application/json", "application/cloudevents+json", "application/cloudevents-batch+json"}
)
LINES: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
CONTENT_TYPES: Final = (
    "application/json",
    "application/x-ndjson",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
)
BINARY_PREFIX: Final = "ce-"

OTHER_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
"""Byte order marks of text that is not read here; that of UTF-32 LE begins with that of UTF-16 LE."""

MAXIMUM_BRACKETS: Final = 500_000
"""Brackets and commas that are looked at in an array that holds something unreadable; a fifth of a second."""

_array = msgspec.json.Decoder(list[msgspec.Raw])
_structure = re.compile(rb'(?:[^"\[\]{},]|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+([\[\]{},]?)', re.DOTALL).finditer


class UnreadableBodyError(Exception):
    """The body as a whole cannot be read; `status` is the HTTP status, the message says what to send."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def split_body(content_type: str, body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """Give the bytes of each event in a body, in order; they are not looked at any further.

    A byte order mark before the first is left out. Raises `UnreadableBodyError` for another content type
    (415), and for an array that is no JSON or text that is not UTF-8 by its mark (400).
    """
    kind = content_type.partition(";")[0].strip().lower()
    body = _without_mark(body)
    if kind in LINES:
        return [line for line in body.split(b"\n") if line.strip()]
    if kind not in OBJECT_OR_ARRAY:
        raise UnreadableBodyError(
            415,
            f"Content-Type {content_type or '(none)'!r} is not read here: send one of "
            f"{', '.join(CONTENT_TYPES)}.",
        )
    if body.lstrip(b" \t\r\n").startswith(b"["):
        try:
            return _array.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # One event that cannot be read does not take the others with it.
            events = _split_by_brackets(body)
            if events is None:
                raise UnreadableBodyError(400, f"The array is no valid JSON: {error}.") from error
            return events
    return [body]


def _without_mark(body: bytes) -> bytes:
    """Leave out the byte order mark that some programs put before UTF-8."""
    if body.startswith(OTHER_MARKS):
        raise UnreadableBodyError(400, "The body is UTF-16 or UTF-32 text: send it in UTF-8.")
    return body.removeprefix(codecs.BOM_UTF8)


def _split_by_brackets(body: bytes) -> list[bytes] | None:
    """Give what stands between the commas of an array, whatever it is; None when that cannot be said."""
    events: list[bytes] = []
    depth = start = 0
    for count, found in enumerate(_structure(body), 1):
        mark, end = found[1], found.end()
        if not mark or count > MAXIMUM_BRACKETS:
            return None
        if mark in b"[{":
            depth += 1
            start = end if depth == 1 else start
        elif mark in b"]}":
            depth -= 1
            if depth == 0:
                last = body[start : end - 1]
                is_whole = mark == b"]" and not body[end:].strip()
                return [*events, last] if is_whole and (events or last.strip()) else None
        elif depth == 1:
            events.append(body[start : end - 1])
            start = end
    return None


def require_plain(content_encoding: str | None) -> None:
    """Raise `UnreadableBodyError` (415) for a compressed body."""
    if (content_encoding or "identity").strip().lower() != "identity":
        raise UnreadableBodyError(
            415, f"Content-Encoding {content_encoding!r} is not read here: send the body uncompressed."
        )


def binary_attributes(headers: Mapping[str, str]) -> Headers:
    """Give the attributes of a CloudEvent in HTTP's binary mode as record headers; none for other requests.

    HTTP calls them `ce-id`, a Kafka record `ce_id`.
    """
    if "ce-specversion" not in headers:
        return ()
    return tuple(
        (f"ce_{name[len(BINARY_PREFIX) :].lower()}", value.encode())
        for name, value in headers.items()
        if name.lower().startswith(BINARY_PREFIX)
    )
