"""Rows of files: lines of JSON, CSV and Parquet, each with its number, for as long as one row fits memory."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

import msgspec
import pyarrow
from pyarrow import parquet

PARQUET_ROWS: Final = 5_000
LONGEST_CELL_CHARACTERS: Final = 1 << 20
MORE: Final = "\0more"
"""Where the CSV reader puts cells beyond the last column."""

Row = Mapping[str, Any]


class UnreadableFileError(Exception):
    """A file that cannot be read as what its name says; the message says what to do."""


class Line(NamedTuple):
    """One row: its number from 1, and its bytes (JSONL) or its cells (CSV, Parquet)."""

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
def open_rows(path: Path) -> Iterator[Rows]:
    """Open a file by the end of its name: .jsonl or .ndjson, .csv or .tsv, each also .gz, or .parquet.

    Raises `UnreadableFileError` for another name, and OSError.
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
        else:
            data = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if name.endswith(".gz") else raw
            yield (
                _csv_rows(path, raw, data, kind) if kind in (".csv", ".tsv") else _json_rows(path, raw, data)
            )


def _json_rows(path: Path, raw: BinaryIO, data: BinaryIO) -> Rows:
    rows = Rows(path, None, raw)

    def lines() -> Iterator[Line]:
        with _naming(path):
            for number, line in enumerate(data, 1):
                content = line.strip()
                if content:
                    yield Line(number, content)

    rows._lines = lines()
    return rows


def _csv_rows(path: Path, raw: BinaryIO, data: BinaryIO, kind: str) -> Rows:
    csv.field_size_limit(LONGEST_CELL_CHARACTERS)
    text = io.TextIOWrapper(data, encoding="utf-8-sig", newline="")
    reader = csv.DictReader(text, delimiter="\t" if kind == ".tsv" else ",", restkey=MORE, restval="")
    with _naming(path):
        columns = reader.fieldnames
    if not columns:
        raise UnreadableFileError(f"{path} is empty: its first line must name the columns.")
    rows = Rows(path, list(columns), raw)

    def lines() -> Iterator[Line]:
        with _naming(path):
            for number, row in enumerate(reader, 1):
                yield Line(number, row)

    rows._lines = lines()
    return rows


def _parquet_rows(path: Path, raw: BinaryIO) -> Rows:
    with _naming(path):
        file = parquet.ParquetFile(raw)
    rows = Rows(path, list(file.schema_arrow.names), raw)

    def lines() -> Iterator[Line]:
        number = 0
        with _naming(path):
            for batch in file.iter_batches(batch_size=PARQUET_ROWS):
                for row in batch.to_pylist():
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


def read_object(line: bytes) -> Row:
    """Read a line of JSON as a row; raises ValueError when it is no object."""
    try:
        found = msgspec.json.decode(line, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"The line is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise ValueError("The line is JSON, but no object.")
    return found
