"""What the cells of a row hold, exactly, and what events may be made of them.

Numbers are int or Decimal, never binary floats: 123456789.123456789 stays what it is, and 5e-05 is 0.00005.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

Row = Mapping[str, Any]
"""Cells by column: text, int, Decimal, bool, None, times, `Unusable`, and lists and objects of these."""

MAXIMUM_DIGITS: Final = 400
"""Numbers whose plain notation is longer stay in the notation in which they came."""


class UnusableCellError(ValueError):
    """A cell that cannot stand where it is to go; the message goes on after the name of the field."""


class Unusable(msgspec.Struct, frozen=True):
    """A cell that no event can hold; `reason` says why. It does no harm where nothing is made of it."""

    reason: str


class FineTime(datetime):
    """A time that is finer than microseconds; `text` has all its digits."""

    text: str

    @classmethod
    def of(cls, at: datetime, nanoseconds: int) -> "FineTime":
        """Make the time that is `nanoseconds` (below 1,000) later than `at`."""
        found = cls(*at.timetuple()[:6], at.microsecond, at.tzinfo, fold=at.fold)
        offset = at.isoformat(timespec="microseconds")[26:]
        found.text = f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}{nanoseconds:03d}{offset}"
        return found


def exact_number(text: str) -> Decimal:
    """Read the text of a number exactly. Raises ValueError when it is none, or beyond all bounds."""
    try:
        return canonical(Decimal(text))
    except InvalidOperation:
        raise ValueError(f"the number {text[:40]} cannot be kept") from None


def canonical(number: Decimal) -> Decimal:
    """Write a number in the one way in which its value is written here: plain, without needless zeros."""
    if not number.is_finite() or abs(number.adjusted()) > MAXIMUM_DIGITS:
        return number
    whole, point, decimals = f"{number:f}".partition(".")
    if not point and number.as_tuple().exponent == 0:
        return number
    return Decimal(f"{whole}.{decimals.rstrip('0') or '0'}")


def shortest(value: float, pack: str = "d") -> Decimal:
    """Give the shortest number that is this binary one; `pack` is its size in `struct`: e, f or d."""
    if pack == "d" or not math.isfinite(value):
        return exact_number(repr(value))
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        try:
            if struct.unpack(pack, struct.pack(pack, float(text)))[0] == value:
                return exact_number(text)
        except OverflowError:
            continue
    return exact_number(repr(value))


def as_text(value: Any) -> str:
    """Write a cell as text, as it would stand in a CSV file. Raises UnusableCellError when it is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        value = shortest(value)
    if isinstance(value, Decimal):
        return _number_text(value)
    if isinstance(value, FineTime):
        return value.text
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    _require_usable(value)
    if isinstance(value, Mapping):
        raise UnusableCellError(
            "comes from an object, but is one value: name the part of it, as in {item.name}"
        )
    if isinstance(value, Sequence):
        raise UnusableCellError("comes from a list, but is one value: take another column")
    return str(value)


def copied(value: Any) -> Any:
    """Give a cell whole, as `encode` takes it, numbers as numbers; raises UnusableCellError."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        value = shortest(value)
    if isinstance(value, Decimal):
        _require_number(value)
        return value
    if isinstance(value, datetime | date | time) and not isinstance(value, FineTime):
        return value
    if isinstance(value, Mapping):
        return {as_text(name): copied(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [copied(inner) for inner in value]
    return as_text(value)


def _number_text(number: Decimal) -> str:
    _require_number(number)
    if abs(number.adjusted()) > MAXIMUM_DIGITS:
        return str(number)
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _require_number(number: Decimal) -> None:
    if not number.is_finite():
        word = "NaN" if number.is_nan() else "infinite"
        raise UnusableCellError(
            f"comes from a cell that is {word}, which no event can hold: leave such a cell empty"
        )


def _require_usable(value: Any) -> None:
    if isinstance(value, Unusable):
        raise UnusableCellError(f"comes from {value.reason}")


encode: Final = msgspec.json.Encoder(decimal_format="number").encode
"""Writes values that `as_text` and `copied` gave, exactly."""
encode_in_order: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode
"""`encode`, with the fields of every object in one order."""
