"""Amounts are read and written exactly."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wayfold.models.money import LIMIT_UNITS, NANO_PER_UNIT, decimal_text, parse_nano, parse_number

NO_DECIMALS = (
    "",
    "abc",
    "1,5",
    "1.",
    ".5",
    "+1",
    " 1",
    "1\n",
    "1_000",
    "١",
    "NaN",
    "Infinity",
    "0x1",
    "1e3",
    "--1",
)
OUTSIDE_THE_LIMITS = ("1000000000000000", "-1000000000000000.0", "0.0000000001", "1.0000000001", "9" * 2000)
NANOS = st.integers(1 - LIMIT_UNITS * NANO_PER_UNIT, LIMIT_UNITS * NANO_PER_UNIT - 1)


@given(NANOS)
@settings(deadline=None)
def test_writing_and_reading_gives_the_amount_back(nano: int) -> None:
    """Every amount survives a round through its decimal text."""
    assert parse_nano(decimal_text(nano)) == nano


@given(NANOS)
@settings(deadline=None)
def test_the_text_is_the_exact_decimal(nano: int) -> None:
    """The decimal text equals the amount divided by 10^9, in plain digits."""
    text = decimal_text(nano)
    assert Decimal(text) * NANO_PER_UNIT == nano
    assert "e" not in text.lower()


@pytest.mark.parametrize(
    ("nano", "text"),
    [(12_500_000_000, "12.5"), (3_000_000_000, "3"), (-10_000_000, "-0.01"), (0, "0"), (1, "0.000000001")],
)
def test_texts_have_no_trailing_zeros(nano: int, text: str) -> None:
    """Amounts are written as a person would."""
    assert decimal_text(nano) == text


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0.1", 100_000_000),
        ("12345678901.123456789", 12_345_678_901_123_456_789),
        ("-0.000000001", -1),
        ("007", 7_000_000_000),
        ("1.5000000000000", 1_500_000_000),
        ("999999999999999.999999999", LIMIT_UNITS * NANO_PER_UNIT - 1),
    ],
)
def test_decimal_strings_are_read_exactly(text: str, nano: int) -> None:
    """No digit is lost on the way through a decimal string."""
    assert parse_nano(text) == nano


@pytest.mark.parametrize(
    ("text", "nano"), [("1e3", 1000 * NANO_PER_UNIT), ("1.5E-3", 1_500_000), ("0e999", 0), ("5e-9", 5)]
)
def test_json_numbers_may_have_exponents(text: str, nano: int) -> None:
    """A JSON number with an exponent is as exact as one without."""
    assert parse_number(text) == nano


@pytest.mark.parametrize("text", [*NO_DECIMALS, *OUTSIDE_THE_LIMITS])
def test_other_strings_are_no_amounts(text: str) -> None:
    """What is not a plain decimal within the limits is refused with what is wrong."""
    with pytest.raises(ValueError, match=r"is not a number|is too large|more than 9 decimals"):
        parse_nano(text)


@pytest.mark.parametrize("text", ["1e15", "1e-10", "1e400", "1e-400", "0.30000000000000004"])
def test_numbers_outside_the_limits_are_refused(text: str) -> None:
    """Numbers that are too large or too fine are refused, never rounded."""
    with pytest.raises(ValueError, match=r"is too large|more than 9 decimals"):
        parse_number(text)
