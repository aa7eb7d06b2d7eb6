"""CloudEvents 1.0 to bare events: structured JSON, and the binary mode of the Kafka binding.

The attributes `id`, `type`, `time` and `subject` become `event_id`, `type`, `occurred_at` and `user_id`. The
fields of `data` come on top of them, so that an `event_id`, `occurred_at` or `user_id` of its own wins.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from wayfold.models.readable import UNREADABLE, Fields
from wayfold.models.refusal import Reason, Refusal

HEADER_PREFIX: Final = "ce_"
VERSION_HEADER: Final = "ce_specversion"
SPECVERSION: Final = "1.0"
ATTRIBUTE_OF_FIELD: Final[Mapping[str, str]] = {
    "event_id": "id",
    "type": "type",
    "occurred_at": "time",
    "user_id": "subject",
}
_fields = msgspec.json.Decoder(Fields)


def is_binary(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Whether record headers carry the attributes of a CloudEvent."""
    return any(name == VERSION_HEADER for name, _ in headers)


def is_structured(fields: Fields) -> bool:
    """Whether a JSON object is a CloudEvent, which has no attribute `event_id`, and not a bare event."""
    return "specversion" in fields and "event_id" not in fields


def from_structured(fields: Fields) -> Fields | Refusal:
    """The bare event's fields of a structured CloudEvent."""
    refusal = _check_version(fields)
    if refusal is not None:
        return refusal
    if "data_base64" in fields:
        message = "`data_base64` cannot be read: send the event's fields as a JSON object in `data`."
        return Refusal(Reason.WRONG_FIELD, "data_base64", message)
    raw = fields.get("data")
    if raw is None or bytes(raw) == b"null":
        return _with_data(fields, {})
    if not bytes(raw).startswith(b"{"):
        message = "`data` must be a JSON object with the event's fields."
        return Refusal(Reason.WRONG_FIELD, "data", message)
    return _with_data(fields, _fields.decode(raw))


def from_binary(headers: Sequence[tuple[str, bytes | None]], data: Fields) -> Fields | Refusal:
    """The bare event's fields of a binary CloudEvent: attributes from headers, the rest from the value."""
    attributes: Fields = {}
    for name, value in headers:
        if not name.startswith(HEADER_PREFIX) or value is None:
            continue
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return Refusal(Reason.WRONG_FIELD, name, f"The header `{name}` must be text in UTF-8.")
        attributes[name.removeprefix(HEADER_PREFIX)] = msgspec.Raw(msgspec.json.encode(text))
    return _check_version(attributes) or _with_data(attributes, data)


def _with_data(attributes: Fields, data: Fields) -> Fields:
    outer = {field: attributes[name] for field, name in ATTRIBUTE_OF_FIELD.items() if name in attributes}
    fields = {**outer, **data}
    if "type" in outer:
        fields["type"] = outer["type"]
    return fields


def _check_version(attributes: Fields) -> Refusal | None:
    try:
        version = msgspec.json.decode(attributes["specversion"], type=str)
    except UNREADABLE:
        version = ""
    if version == SPECVERSION:
        return None
    message = f"`specversion` is {version[:40]!r}, but only CloudEvents {SPECVERSION} are read."
    return Refusal(Reason.WRONG_FIELD, "specversion", message)
