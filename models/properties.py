"""The properties of a goal event: any JSON, whose numbers every store and language can keep."""

import math
from typing import Any

from wayfold.models.limits import (
    EXPECTED_PROPERTY_INTEGER,
    EXPECTED_PROPERTY_NUMBER,
    PROPERTY_INTEGER_LIMIT,
    shortened,
    shown,
)
from wayfold.models.money import NumberText
from wayfold.models.refusal import Reason, Refusal

MAXIMUM_PATH_CHARACTERS = 200

Place = tuple["Place | None", str]
"""Where a value stands: what it stands in, and its own name or number there."""


def settle_properties(properties: dict[str, Any]) -> Refusal | None:
    """Check properties as they were decoded, and let those inside of lists and objects be plain JSON.

    There the decoder leaves numbers with a fraction as text; they become floats, in place.
    """
    # Not recursive: what is valid must not depend on how much of the stack is left.
    waiting: list[tuple[Place, dict[str, Any] | list[Any]]] = [((None, "properties"), properties)]
    while waiting:
        place, container = waiting.pop()
        items: Any = container.items() if isinstance(container, dict) else enumerate(container)
        for name, value in items:
            kind = value.__class__
            if kind is int:
                if not -PROPERTY_INTEGER_LIMIT <= value < PROPERTY_INTEGER_LIMIT:
                    return _wrong((place, _part(name)), shown(value), EXPECTED_PROPERTY_INTEGER)
            elif kind is NumberText:
                number = float(value)
                if math.isinf(number):
                    return _wrong((place, _part(name)), value, EXPECTED_PROPERTY_NUMBER)
                container[name] = number
            elif kind is dict or kind is list:
                waiting.append(((place, _part(name)), value))
    return None


def _part(name: str | int) -> str:
    return f"[{name}]" if isinstance(name, int) else f".{name}"


def _wrong(place: Place, found: str, expected: str) -> Refusal:
    parts: list[str] = []
    at: Place | None = place
    while at is not None:
        at, part = at
        parts.append(part)
    path = shortened("".join(reversed(parts)), MAXIMUM_PATH_CHARACTERS)
    return Refusal(Reason.WRONG_FIELD, path, f"`{path}` is {shortened(found)}, but must be {expected}.")
