"""Rows of files: lines of JSON, CSV and Parquet, each with its number, for as long as one row fits memory."""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec
import pyarrow
from pyarrow import parquet

from wayfold.agents.files.cells import Row, exact_number
from wayfold.agents.files.csv_columns import DelimiterError, find_layout, records
from wayfold.agents.files.parquet_cells import converter, plain_type, rows_of
from wayfold.models.limits import MAXIMUM_DEPTH
from wayfold.models.readable import UNREADABLE, is_deeper_than

PARQUET_ROWS: Final = 5_000
LONGEST_CELL_CHARACTERS: Final = 1 << 20
MORE: Final = "\0more"
"""Where a CSV row has its cells beyond the last column."""
TEXT_START_BYTES: Final = 4
LOOKED_AT_BYTES: Final = 4_096
"""How much of a line that is no JSON is looked at for what is wrong."""
OTHER_ENCODINGS: Final = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Byte order marks of text that is not read here, the longer ones first."""

_decode = msgspec.json.Decoder(float_hook=exact_number).decode
_find_no_number = re.compile(rb'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)').finditer


class UnreadableFileError(Exception):
    """A file that cannot be read as what its name says; the message says what to do."""


class Line(NamedTuple):
    """One row: its number from 1 (of JSONL the line), and its bytes (JSONL) or its cells (CSV, Parquet)."""

    number: int
    content: bytes | Row


class Rows:
    """The rows of a file.

    `columns` are their names, None for JSONL, whose objects may differ. `size_bytes` and `done_bytes` tell
    how far the reading is.
    """

    def __init__(self, path: Path, columns: Sequence[str] | None, raw: BinaryIO) -> None:
        self.path = path
        self.columns = columns
        self.size_bytes = path.stat().st_size
        self._raw = raw
        self._lines: Iterator[Line] = iter(())

    @property
    def done_bytes(self) -> int:
        """How much of the file, as it is on disk, was read."""
        return self.size_bytes if self._raw.closed else min(self._raw.tell(), self.size_bytes)

    def __iter__(self) -> Iterator[Line]:
        """Yield the rows; raises `UnreadableFileError` where the file is damaged."""
        return self._lines


@contextmanager
def open_rows(
    path: Path, *, delimiter: str | None = None, wanted: Collection[str] = frozenset()
) -> Iterator[Rows]:
    """Open a file by the end of its name: .jsonl or .ndjson, .csv or .tsv, each also .gz, or .parquet.

    CSV is read with the `delimiter`; without one, with that by which its header has the `wanted` columns.
    Raises `UnreadableFileError` for another name, text that is not UTF-8, or a delimiter that is not the
    file's, and OSError.
    """
    name = path.name.lower()
    kind = Path(name.removesuffix(".gz")).suffix
    if kind not in (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"):
        raise UnreadableFileError(
            f"{path} has no name that says what it is: call it .jsonl, .csv, .tsv (each also .gz) or "
            ".parquet."
        )
    with path.open("rb") as raw:
        if kind == ".parquet":
            yield _parquet_rows(path, raw)
            return
        data: io.BufferedReader | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if name.endswith(".gz") else raw
        _require_utf8(path, data)
        if kind in (".csv", ".tsv"):
            yield _csv_rows(path, raw, data, "\t" if kind == ".tsv" else ",", delimiter, wanted)
        else:
            yield _json_rows(path, raw, data)


def _require_utf8(path: Path, data: io.BufferedReader | gzip.GzipFile) -> None:
    with _naming(path):
        start = data.peek(TEXT_START_BYTES)[:TEXT_START_BYTES]
    found = next((name for mark, name in OTHER_ENCODINGS.items() if start.startswith(mark)), None)
    # Without a mark, every other byte of its first characters is zero.
    if found is None and b"\0" in start:
        found = "UTF-16 or UTF-32"
    if found is not None:
        source = found.partition(" ")[0]
        raise UnreadableFileError(
            f"{path} is {found} text, and UTF-8 is read here: convert it, for example with "
            f"`iconv -f {source} -t UTF-8`."
        )


def _json_rows(path: Path, raw: BinaryIO, data: io.BufferedReader | gzip.GzipFile) -> Rows:
    rows = Rows(path, None, raw)

    def lines() -> Iterator[Line]:
        with _naming(path):
            for number, line in enumerate(data, 1):
                # A byte order mark begins a file, and stands inside of one that was put together of several.
                content = line.strip().removeprefix(codecs.BOM_UTF8)
                if content:
                    yield Line(number, content)

    rows._lines = lines()
    return rows


def _csv_rows(
    path: Path,
    raw: BinaryIO,
    data: io.BufferedReader | gzip.GzipFile,
    usual: str,
    delimiter: str | None,
    wanted: Collection[str],
) -> Rows:
    csv.field_size_limit(LONGEST_CELL_CHARACTERS)
    text = io.TextIOWrapper(data, encoding="utf-8-sig", newline="")
    try:
        with _naming(path):
            layout = find_layout(text, usual, delimiter, wanted)
    except DelimiterError as error:
        raise UnreadableFileError(f"{path} {error}") from None
    if not layout.columns:
        raise UnreadableFileError(f"{path} is empty: its first line must name the columns.")
    columns = layout.columns
    rows = Rows(path, columns, raw)

    def lines() -> Iterator[Line]:
        with _naming(path):
            for number, cells in records(text, layout):
                row: dict[str, Any] = dict.fromkeys(columns, "") | dict(zip(columns, cells, strict=False))
                if len(cells) > len(columns):
                    row[MORE] = cells[len(columns) :]
                yield Line(number, row)

    rows._lines = lines()
    return rows


def _parquet_rows(path: Path, raw: BinaryIO) -> Rows:
    with _naming(path):
        file = parquet.ParquetFile(raw)
        schema = file.schema_arrow
        plain = pyarrow.schema([field.with_type(plain_type(field.type)) for field in schema])
        converters = {field.name: convert for field in schema if (convert := converter(field.type))}
    rows = Rows(path, list(schema.names), raw)

    def lines() -> Iterator[Line]:
        number = 0
        with _naming(path):
            for batch in file.iter_batches(batch_size=PARQUET_ROWS):
                for row in rows_of(batch.cast(plain), converters):
                    number += 1
                    yield Line(number, row)

    rows._lines = lines()
    return rows


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Say which file could not be read."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise UnreadableFileError(
            f"{path} is no UTF-8 text: convert it, for example with iconv. ({error})"
        ) from error
    except (csv.Error, EOFError, gzip.BadGzipFile, zlib.error, pyarrow.ArrowException) as error:
        raise UnreadableFileError(f"{path} is damaged or not what its name says: {error}.") from error


def read_object(line: bytes | str) -> Row:
    """Read a line of JSON as a row, its numbers exactly; raises ValueError when it is no object."""
    text = line.encode() if isinstance(line, str) else line
    if is_deeper_than(MAXIMUM_DEPTH, text):
        raise ValueError(f"The line is nested deeper than {MAXIMUM_DEPTH} levels.")
    try:
        found = _decode(text)
    except (*UNREADABLE, ValueError) as error:
        raise ValueError(no_number(text) or f"The line is no JSON: {error}.") from error
    if not isinstance(found, dict):
        hint = (
            " A list's items each need a line: `jq -c '.[]'` writes them so."
            if isinstance(found, list)
            else ""
        )
        raise ValueError(f"The line is JSON, but no object.{hint}")
    return found


def no_number(line: bytes) -> str | None:
    """Say so when a line that is no JSON has a word that some programs write for numbers that are none."""
    word = next((found[1].decode() for found in _find_no_number(line[:LOOKED_AT_BYTES]) if found[1]), None)
    if word is None:
        return None
    return f"The line has {word}, which is no number and no JSON: write null, or leave the field out."
