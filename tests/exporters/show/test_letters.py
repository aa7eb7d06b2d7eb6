"""Dead letters survive the way through a text file, whatever bytes they hold."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from wayfold.exporters.show.letters import LettersError, print_letters, read_lines, write_line
from wayfold.models.refusal import DeadLetter, Reason, Refusal

REFUSAL = Refusal(Reason.MISSING_FIELD, "user_id", "user_id is missing; every event needs it.")
CONTENT = st.one_of(st.none(), st.binary(max_size=50), st.text(max_size=20).map(str.encode))


@given(
    key=CONTENT,
    value=CONTENT,
    headers=st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=9)), max_size=2),
)
def test_a_letter_comes_back_byte_for_byte(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    """A line of JSON holds a letter with every byte of its key, value and headers."""
    letter = DeadLetter("steps", 2, 41, 1_793_613_607_000, REFUSAL, key, value, headers)
    ((read, sent),) = read_lines([write_line(letter)])
    assert (read.key, read.value, list(read.headers), sent) == (key, value, headers, value)
    assert (read.topic, read.partition, read.offset, read.refusal) == ("steps", 2, 41, REFUSAL)


def test_a_mended_value_is_what_is_sent() -> None:
    """What stands under value after editing is what is sent again."""
    letter = DeadLetter("steps", 2, 41, 0, REFUSAL, None, b'{"user_id": null}', [])
    line = write_line(letter).replace(b"null", b"7")
    ((_, sent),) = read_lines([line, b"\n"])
    assert sent == b'{"user_id": 7}'


def test_a_line_that_is_no_letter() -> None:
    """A broken line is named by its number before anything is sent."""
    letter = write_line(DeadLetter("steps", 2, 41, 0, REFUSAL, None, None, []))
    with pytest.raises(LettersError, match="line 2 is no letter"):
        list(read_lines([letter, b"{"]))


def test_the_table() -> None:
    """The table names the record, the reason and what to do, and shows the beginning of the value."""
    out = io.StringIO()
    letters = [DeadLetter("steps", 2, 41, 0, REFUSAL, None, b"x" * 500 + b"\xff", [])]
    print_letters(letters, Console(file=out, width=200))
    assert "steps/2/41" in out.getvalue()
    assert "user_id is missing; every event needs it." in out.getvalue()
    assert "x" * 99 in out.getvalue().replace("\n", "")
