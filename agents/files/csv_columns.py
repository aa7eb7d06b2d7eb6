"""How a CSV file is separated, and which columns it has."""

import csv
from collections.abc import Collection, Iterator
from typing import Final, TextIO

import msgspec

DELIMITERS: Final = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}
"""Those that a header is tried with, in this order."""
WORDS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


class DelimiterError(ValueError):
    """A delimiter that cannot be one, or is not that of the file; the message says what to do."""


class Layout(msgspec.Struct, frozen=True):
    """How to read a file; `is_declared` when its first line is one such as `sep=;`, as spreadsheets write."""

    delimiter: str
    columns: list[str]
    is_declared: bool


def read_delimiter(text: str) -> str:
    """Read a delimiter as people write it: the character itself, or `tab`. Raises DelimiterError."""
    found = WORDS.get(text.lower(), text)
    if len(found) != 1 or found in '"\r\n':
        raise DelimiterError(f"{text!r} is no delimiter: write one character, such as ; or |, or tab.")
    return found


def find_layout(text: TextIO, usual: str, given: str | None, wanted: Collection[str]) -> Layout:
    """Find how a file is separated.

    A `given` delimiter holds, then one that the file declares. Else it is the one by which the header has the
    most of the `wanted` columns, then the most columns, then the `usual` one. Raises DelimiterError when the
    given one is not the file's, and csv.Error when the header cannot be read by any.
    """
    declared = _declared(text)
    headers = {
        each: _header(text, each, declared is not None)
        for each in dict.fromkeys([given or declared or usual, usual, *DELIMITERS])
    }

    def fit(delimiter: str) -> tuple[int, int]:
        columns = headers[delimiter]
        return len(set(wanted) & set(columns)), len(columns)

    best = max(headers, key=fit)
    chosen = given or declared or best
    if not fit(chosen)[0] and fit(best)[0]:
        raise DelimiterError(
            f"is not separated by {_name(chosen)}: its header is {headers[chosen]}. It seems to be separated "
            f"by {_name(best)}: say so, or leave the delimiter out."
        )
    return Layout(chosen, headers[chosen], declared is not None)


def records(text: TextIO, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of the rows below the header, each with its number from 1.

    Rows without anything in them are counted, and left out. Raises csv.Error and UnicodeDecodeError.
    """
    below_header = False
    number = 0
    for cells in _rows(text, layout.delimiter, layout.is_declared):
        if below_header:
            number += 1
            if any(cells):
                yield number, cells
        elif any(cells):
            below_header = True


def _rows(text: TextIO, delimiter: str, is_declared: bool) -> Iterator[list[str]]:
    text.seek(0)
    if is_declared:
        text.readline()
    return csv.reader(text, delimiter=delimiter)


def _header(text: TextIO, delimiter: str, is_declared: bool) -> list[str]:
    try:
        return next((cells for cells in _rows(text, delimiter, is_declared) if any(cells)), [])
    except csv.Error:
        # By another delimiter quotes may enclose half of the file.
        return []


def _declared(text: TextIO) -> str | None:
    text.seek(0)
    line = text.readline(8).rstrip("\r\n")
    return line[-1] if len(line) == 5 and line.lower().startswith("sep=") else None


def _name(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, repr(delimiter))
