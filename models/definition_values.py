"""Single values of a definition, as pydantic checks them."""

import math
import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from wayfold.models.limits import (
    CHANNEL_PATTERN,
    CONTROL_CHARACTER_PATTERN,
    EXPECTED_CHANNEL,
    MAXIMUM_IDENTIFIER_CHARACTERS,
    PROPERTY_INTEGER_LIMIT,
    find_control_character,
    is_channel,
    shown,
)

MS_OF_UNIT: Final = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_window = re.compile(r"([0-9]{1,15}) ?(ms|s|m|h|d|w)")


def window_ms(text: object) -> int:
    """Milliseconds of a duration such as `3d`, `36h` or `90 m`. Raises PydanticCustomError."""
    found = _window.fullmatch(text) if isinstance(text, str) else None
    if found is not None:
        return int(found[1]) * MS_OF_UNIT[found[2]]
    raise PydanticCustomError(
        "wayfold_window",
        "{found} is no duration: write a whole number and its unit (ms, s, m, h, d, w), such as 3d or 36h",
        {"field": "conversion_window", "found": shown(text)},
    )


def _printable(text: str) -> str:
    if find_control_character(text) or any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("wayfold_text", "must have no control characters or lone surrogates")
    return text


def _channel_word(text: str) -> str:
    if is_channel(text) is None:
        raise PydanticCustomError(
            "wayfold_channel", "a channel is {expected}", {"expected": EXPECTED_CHANNEL}
        )
    return text


def _scalar(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return _printable(value)
    if isinstance(value, int) and -PROPERTY_INTEGER_LIMIT <= value < PROPERTY_INTEGER_LIMIT:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise PydanticCustomError(
        "wayfold_scalar",
        "a property is compared with a string, a number (of at most 64 bits), true, false or null, not with "
        "{kind}; put quotes around a date",
        {"kind": type(value).__name__},
    )


def whole(value: object) -> object:
    """1.0 is the whole number 1, as JSON Schema has it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Identifier = Annotated[
    str,
    Field(min_length=1, max_length=MAXIMUM_IDENTIFIER_CHARACTERS),
    AfterValidator(_printable),
    Field(json_schema_extra={"not": {"pattern": CONTROL_CHARACTER_PATTERN}}),
]
Input = Annotated[
    str,
    Field(max_length=MAXIMUM_IDENTIFIER_CHARACTERS),
    AfterValidator(_printable),
    Field(json_schema_extra={"not": {"pattern": CONTROL_CHARACTER_PATTERN}}),
]
Channel = Annotated[
    str,
    Field(min_length=1, max_length=32),
    AfterValidator(_channel_word),
    Field(json_schema_extra={"pattern": CHANNEL_PATTERN}),
]
Scalar = Annotated[str | int | float | bool | None, BeforeValidator(_scalar)]
