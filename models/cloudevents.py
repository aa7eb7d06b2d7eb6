"""CloudEvents 1.0 to bare events: structured JSON, and the binary mode of the Kafka binding.

The attributes `id`, `type`, `time` and `subject` become `event_id`, `type`, `occurred_at` and `user_id`. The
fields of `data` come on top of them, so that data which names one of these itself wins.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from wayfold.models.refusal import Reason, Refusal

HEADER_PREFIX: Final = "ce_"
FIELD_OF_ATTRIBUTE: Final = {
    "id": "event_id",
    "type": "type",
    "time": "occurred_at",
    "subject": "user_id",
}

Fields = dict[str, msgspec.Raw]

_fields = msgspec.json.Decoder(Fields)
_text = msgspec.json.Decoder(str)


def is_binary(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Whether record headers carry the attributes of a CloudEvent."""
    return any(name.startswith(HEADER_PREFIX) for name, _ in headers)


def is_structured(fields: Mapping[str, msgspec.Raw]) -> bool:
    """Whether a JSON object is a CloudEvent; a bare event has an `event_id`, which no attribute may be called."""
    return "specversion" in fields and "event_id" not in fields


def from_structured(fields: Fields) -> Fields | Refusal:
    """The bare event's fields of a structured CloudEvent."""
    version = bytes(fields["specversion"])
    if version != b'"1.0"':
        return _wrong_version(version.decode())
    if "data_base64" in fields:
        message = "`data_base64` cannot be read: send `data` as a JSON object, with datacontenttype application/json."
        return Refusal(Reason.WRONG_FIELD, "data_base64", message)
    data: Fields = {}
    raw = fields.get("data")
    if raw is not None and bytes(raw) != b"null":
        if not bytes(raw).startswith(b"{"):
            return Refusal(
                Reason.WRONG_FIELD, "data", "`data` must be a JSON object with the event's fields."
            )
        data = _fields.decode(raw)
    return {**_attributes(fields), **data}


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
    version = attributes.get("specversion")
    if version is not None and bytes(version) != b'"1.0"':
        return _wrong_version(bytes(version).decode())
    return {**_attributes(attributes), **data}


def _attributes(fields: Fields) -> Fields:
    return {field: fields[name] for name, field in FIELD_OF_ATTRIBUTE.items() if name in fields}


def _wrong_version(found: str) -> Refusal:
    message = f'`specversion` is {found[:40]}, but this reads CloudEvents 1.0 only: send "1.0".'
    return Refusal(Reason.WRONG_FIELD, "specversion", message)
