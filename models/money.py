"""Exact money: whole numbers of 10^-9 units, never floats."""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from wayfold.models.limits import shortened

NANO_PER_UNIT: Final = 1_000_000_000
LIMIT_UNITS: Final = 10**15
"""Amounts are smaller than this, to either side of zero."""

MAXIMUM_DECIMALS: Final = 9
EXPECTED_AMOUNT: Final = (
    "a number or a decimal string such as 12.5, with at most 9 decimals and smaller than 10^15"
)
REMEMBERED_AMOUNTS: Final = 4096
"""Prices and costs repeat: so many of them are kept with their meaning."""

_PLAIN = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,9}))?")
_DECIMAL_STRING = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?")
_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?")


class Nano(int):
    """An exact amount of money in 10^-9 units of its currency."""

    __slots__ = ()


class NumberText(str):
    """A JSON number with a fraction or an exponent, as it was written."""

    __slots__ = ()


@lru_cache(REMEMBERED_AMOUNTS)
def parse_nano(text: str) -> Nano:
    """Read a decimal string such as `12.5` or `-0.01` exactly.

    Raises ValueError, with what is wrong, for anything else: more than 9 decimals, 10^15 or more, exponents.
    """
    return _parse(text, _DECIMAL_STRING)


@lru_cache(REMEMBERED_AMOUNTS)
def parse_number(text: str) -> Nano:
    """Read the text of a JSON number such as `0.1` or `1e3` exactly. Raises ValueError like `parse_nano`."""
    return _parse(text, _NUMBER)


def nano_from_json(cls: type, found: Any) -> Nano:
    """Decode hook for `Nano`: JSON integers come as int, other numbers as NumberText, strings as str.

    Raises ValueError when it is no amount, NotImplementedError for another class.
    """
    if cls is not Nano:
        raise NotImplementedError(f"no decoding for {cls}")
    if isinstance(found, NumberText):
        return parse_number(found)
    if isinstance(found, str):
        return parse_nano(found)
    if isinstance(found, bool) or not isinstance(found, int):
        raise ValueError(f"must be {EXPECTED_AMOUNT}")
    if abs(found) >= LIMIT_UNITS:
        raise ValueError("is too large: amounts are smaller than 10^15")
    return Nano(found * NANO_PER_UNIT)


def decimal_text(nano: int) -> str:
    """Write an amount in 10^-9 units as a plain decimal: no exponent, no trailing zeros ("12.5", "-0.01")."""
    sign = "-" if nano < 0 else ""
    whole, decimals = divmod(abs(nano), NANO_PER_UNIT)
    if not decimals:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{decimals:09d}".rstrip("0")


def _parse(text: str, grammar: re.Pattern[str]) -> Nano:
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        sign, whole, decimals = plain.groups("")
        nano = int(whole + decimals.ljust(MAXIMUM_DECIMALS, "0"))
        return Nano(-nano if sign else nano)
    if grammar.fullmatch(text) is None:
        raise ValueError(f"{shortened(repr(text), 40)} is not {EXPECTED_AMOUNT}")
    amount = Decimal(text)
    if amount and amount.adjusted() >= len(str(LIMIT_UNITS)) - 1:
        raise ValueError(f"{shortened(repr(text), 40)} is too large: amounts are smaller than 10^15")
    numerator, denominator = amount.as_integer_ratio()
    nano, rest = divmod(numerator * NANO_PER_UNIT, denominator)
    if rest:
        raise ValueError(f"{shortened(repr(text), 40)} has more than 9 decimals: round it")
    return Nano(nano)
