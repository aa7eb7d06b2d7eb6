"""The bare fields of an event, out of a record's bytes: as they are, or out of CloudEvents 1.0."""

from collections.abc import Mapping, Sequence
from typing import Any

from wayfold.audit.oracle.events import load_json
from wayfold.audit.oracle.rules import RefusedError

Headers = Sequence[tuple[str, bytes]]


def bare(value: bytes | None, headers: Headers = ()) -> dict[str, Any]:
    """The event's bare fields; RefusedError when there are none."""
    if value is None:
        raise RefusedError("unparseable")
    try:
        fields = load_json(value)
        attributes = {
            name[3:].lower(): text.decode() for name, text in headers if name.lower().startswith("ce_")
        }
    except OverflowError as error:
        raise RefusedError("too_large") from error
    except ValueError as error:
        raise RefusedError("unparseable") from error
    if not isinstance(fields, dict):
        raise RefusedError("unparseable")
    if "specversion" in attributes:
        return _unwrapped(attributes, fields)
    return _unwrapped(fields, fields.get("data")) if "specversion" in fields else fields


def _unwrapped(attributes: Mapping[str, Any], data: Any) -> dict[str, Any]:
    if attributes["specversion"] != "1.0":
        raise RefusedError("wrong_field")
    if not isinstance(data, dict):
        raise RefusedError("missing_field" if data is None else "wrong_field")
    names = {"event_id": "id", "type": "type", "occurred_at": "time", "user_id": "subject"}
    outer = {name: attributes[attribute] for name, attribute in names.items() if attribute in attributes}
    return {**outer, **data, **({"type": attributes["type"]} if "type" in attributes else {})}
