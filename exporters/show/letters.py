"""Dead letters in the terminal and as lines of JSON that one can mend and send again."""

import base64
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wayfold.models.refusal import DeadLetter, Refusal

SHOWN_CHARACTERS = 100


class LettersError(Exception):
    """A file of letters that cannot be read; the message says which line and why."""


class Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A letter as a line of JSON: bytes are text where they are UTF-8, else base64.

    What is mended is `value`; everything else says where the record stood and why it was refused.
    `base64` names what is base64: "key", "value", or "headers.0" for the first header.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    refusal: Refusal
    key: str | None = None
    value: str | None = None
    headers: list[tuple[str, str]] = []
    base64: list[str] = []


def write_line(letter: DeadLetter) -> bytes:
    """Write a letter as a line of JSON, without the end of line."""
    encoded: list[str] = []

    def text(name: str, content: bytes | None) -> str | None:
        if content is None:
            return None
        try:
            return content.decode()
        except UnicodeDecodeError:
            encoded.append(name)
            return base64.b64encode(content).decode()

    line = Line(
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        timestamp_ms=letter.timestamp_ms,
        refusal=letter.refusal,
        key=text("key", letter.key),
        value=text("value", letter.value),
        headers=[
            (name, text(f"headers.{place}", content) or "")
            for place, (name, content) in enumerate(letter.headers)
        ],
        base64=encoded,
    )
    return msgspec.json.encode(line)


def read_lines(lines: Iterable[bytes]) -> Iterator[tuple[DeadLetter, bytes | None]]:
    """Read lines that `write_line` wrote, each as the letter and the value that it is to be sent with.

    Raises LettersError.
    """
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            line = msgspec.json.decode(text, type=Line)
            value = _bytes(line, "value", line.value)
            headers = [
                (name, _bytes(line, f"headers.{place}", content) or b"")
                for place, (name, content) in enumerate(line.headers)
            ]
            key = _bytes(line, "key", line.key)
        except (msgspec.DecodeError, ValueError) as error:
            raise LettersError(
                f"line {number} is no letter ({error}); change only value in what `list --json` prints"
            ) from None
        place = (line.topic, line.partition, line.offset, line.timestamp_ms)
        yield DeadLetter(*place, line.refusal, key, value, headers), value


def _bytes(line: Line, name: str, content: str | None) -> bytes | None:
    if content is None:
        return None
    return base64.b64decode(content, validate=True) if name in line.base64 else content.encode()


def print_letters(letters: Sequence[DeadLetter], console: Console) -> None:
    """Print a table of letters."""
    if not letters:
        console.print("no dead letters")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("record", "reason", "what is wrong", "value"):
        table.add_column(heading, overflow="fold")
    for letter in letters:
        table.add_row(
            f"{letter.topic}/{letter.partition}/{letter.offset}",
            letter.refusal.reason.value,
            Text(
                f"{letter.refusal.field}: {letter.refusal.message}"
                if letter.refusal.field
                else letter.refusal.message
            ),
            Text(_shown(letter.value), style="dim"),
        )
    console.print(table)


def _shown(value: bytes | None) -> str:
    if value is None:
        return "(none)"
    text = value[: 4 * SHOWN_CHARACTERS].decode("utf-8", "replace")
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
