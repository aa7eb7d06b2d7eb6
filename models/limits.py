"""What field values may be: sizes, patterns, and the words that say so in a refusal."""

import re
import reprlib
from typing import Final

MAXIMUM_VALUE_BYTES: Final = 1_048_576
"""Size of one event as it is published."""
MAXIMUM_DEPTH: Final = 256
"""Levels of nested lists and objects; a fixed limit, so that no stack's depth decides what is valid."""
MAXIMUM_IDENTIFIER_CHARACTERS: Final = 256
MAXIMUM_TEXT_CHARACTERS: Final = 4096
MAXIMUM_INTEGER: Final = 2**53 - 1
"""The greatest whole number that every JSON library keeps exact."""
PROPERTY_INTEGER_LIMIT: Final = 2**63
"""Whole numbers among properties lie in [-limit, limit), which every store can keep."""

CHANNEL_PATTERN: Final = "^[a-z][a-z0-9_]{0,31}$"
CURRENCY_PATTERN: Final = "^[A-Z]{3}$"
CONTROL_CHARACTER_PATTERN: Final = "[\\u0000-\\u001f\\u007f-\\u009f]"

EXPECTED_IDENTIFIER: Final = (
    f"a string of 1 to {MAXIMUM_IDENTIFIER_CHARACTERS} characters without control characters"
)
EXPECTED_LABEL: Final = (
    f"a string of at most {MAXIMUM_IDENTIFIER_CHARACTERS} characters without control characters"
)
EXPECTED_TEXT: Final = f"a string of at most {MAXIMUM_TEXT_CHARACTERS} characters"
EXPECTED_CHANNEL: Final = (
    "a lower-case word such as push, sms or email (letters a-z, digits and _, at most 32 characters)"
)
EXPECTED_CURRENCY: Final = "three capital letters such as EUR"
EXPECTED_TIME: Final = "an RFC 3339 time with its offset, such as 2026-11-01T12:34:56.789Z, from 1970 to 9999"
EXPECTED_VERSION: Final = "a whole number of at least 1, without quotes and decimal point"
EXPECTED_DURATION: Final = "a whole number of milliseconds, at least 0"
EXPECTED_PROPERTIES: Final = "a JSON object without numbers that are too large to be kept"
EXPECTED_PROPERTY_INTEGER: Final = "a whole number of at most 64 bits; send larger ones as strings"
EXPECTED_PROPERTY_NUMBER: Final = "a number smaller than 1.8e308; send larger ones as strings"

is_channel: Final = re.compile(CHANNEL_PATTERN[1:-1]).fullmatch
is_currency: Final = re.compile(CURRENCY_PATTERN[1:-1]).fullmatch
find_control_character: Final = re.compile(CONTROL_CHARACTER_PATTERN).search


def shortened(text: str, characters: int = 80) -> str:
    """Text cut to a length that fits in a message."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def shown(value: object) -> str:
    """Any value as Python writes it, cut to a length that fits in a message, however large it is."""
    if isinstance(value, str):
        return shortened(repr(value[:200]))
    if isinstance(value, int) and value.bit_length() > _SHOWN_BITS:
        return f"a number of {value.bit_length()} bits"
    return shortened(_shown.repr(value))


class _Shown(reprlib.Repr):
    """Writes a few items of a few levels, and of numbers inside no more than can be read."""

    def repr_int(self, value: int, level: int) -> str:
        return super().repr_int(value, level) if value.bit_length() <= _SHOWN_BITS else "…"


_SHOWN_BITS: Final = 256
_shown: Final = _Shown()
_shown.maxstring = _shown.maxother = 80
