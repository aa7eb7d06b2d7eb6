"""Cells of Parquet columns: exact decimals, floats by their shortest text, times as fine as they are.

Arrow gives times as whole numbers here, because those that are finer than microseconds, or beyond the year
9999, have no Python type of their own.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

import pyarrow
from pyarrow import types

from wayfold.agents.files.cells import FineTime, Unusable, UnusableCellError, as_text, canonical, shortest

Convert = Callable[[Any], Any]
"""Makes a cell of what Arrow gives; it is never asked about None."""

EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the zone comes later
NANOSECONDS_OF: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
MILLISECONDS_PER_DAY: Final = 86_400_000
FLOATS: Final = {16: "e", 32: "f", 64: "d"}


def plain_type(kind: Any) -> Any:
    """Give the type that a column is read as: its own, with times as whole numbers."""
    if types.is_timestamp(kind) or types.is_date64(kind) or types.is_time64(kind) or types.is_duration(kind):
        return pyarrow.int64()
    if types.is_date32(kind) or types.is_time32(kind):
        return pyarrow.int32()
    if types.is_struct(kind):
        return pyarrow.struct([field.with_type(plain_type(field.type)) for field in kind])
    if types.is_map(kind):
        return pyarrow.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    if types.is_fixed_size_list(kind):
        return pyarrow.list_(plain_type(kind.value_type), kind.list_size)
    if types.is_large_list(kind):
        return pyarrow.large_list(plain_type(kind.value_type))
    if types.is_list(kind):
        return pyarrow.list_(plain_type(kind.value_type))
    if types.is_dictionary(kind) and plain_type(kind.value_type) != kind.value_type:
        return plain_type(kind.value_type)
    return kind


def converter(kind: Any) -> Convert | None:
    """Give what makes cells of a type's values, None when they are cells already."""
    if any(is_one(kind) for is_one in CELLS):
        return None
    for is_one, convert in CONVERTED:
        if is_one(kind):
            return convert
    for is_one, make in MADE:
        if is_one(kind):
            return make(kind)
    return _unusable(f"a column of the type {kind}, which is none that events have")


def _unusable(reason: str) -> Convert:
    cell = Unusable(reason)
    return lambda _: cell


def _timestamps(kind: Any) -> Convert:
    size = NANOSECONDS_OF[kind.unit]
    zone = None if kind.tz is None else _zone(kind.tz)

    def convert(value: int) -> Any:
        microseconds, nanoseconds = divmod(value * size, 1_000)
        try:
            at = EPOCH + timedelta(microseconds=microseconds)
            if zone is not None:
                at = at.replace(tzinfo=UTC).astimezone(zone)
        except OverflowError:
            return Unusable("a time that is not in the years 1 to 9999")
        return FineTime.of(at, nanoseconds) if nanoseconds else at

    return convert


def _zone(name: str) -> tzinfo:
    try:
        found: tzinfo = pyarrow.lib.string_to_tzinfo(name)
    except (pyarrow.ArrowException, LookupError, ValueError):
        return UTC  # the instant is the same
    return found


def _date(days: int) -> Any:
    try:
        return date(1970, 1, 1) + timedelta(days=days)
    except OverflowError:
        return Unusable("a date that is not in the years 1 to 9999")


def _times(kind: Any) -> Convert:
    size = NANOSECONDS_OF[kind.unit]

    def convert(value: int) -> Any:
        microseconds, nanoseconds = divmod(value * size, 1_000)
        at = (EPOCH + timedelta(microseconds=microseconds)).time()
        return f"{at.isoformat(timespec='microseconds')}{nanoseconds:03d}" if nanoseconds else at

    return convert


def _floats(kind: Any) -> Convert:
    pack = FLOATS[kind.bit_width]
    return lambda value: shortest(value, pack)


def _text(value: bytes) -> Any:
    """Read text that its writer did not call text."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Unusable("bytes that are no text")


def _objects(kind: Any) -> Convert:
    """A struct has every field in every row, so one without a value is left out, as an empty cell is."""
    inner = {field.name: _inner(field.type) for field in kind}
    return lambda value: {name: inner[name](found) for name, found in value.items() if found is not None}


def _maps(kind: Any) -> Convert:
    name_of, content_of = _inner(kind.key_type), _inner(kind.item_type)

    def convert(value: list[tuple[Any, Any]]) -> Any:
        try:
            return {as_text(name_of(name)): content_of(content) for name, content in value}
        except UnusableCellError as error:
            return Unusable(f"a map with a key that {error}")

    return convert


def _lists(kind: Any) -> Convert:
    inner = _inner(kind.value_type)
    return lambda value: [inner(each) for each in value]


def _inner(kind: Any) -> Convert:
    convert = converter(kind)
    if convert is None:
        return lambda value: value
    return lambda value: None if value is None else convert(value)


CELLS: Final = (types.is_string, types.is_large_string, types.is_integer, types.is_boolean)
CONVERTED: Final[tuple[tuple[Callable[[Any], bool], Convert], ...]] = (
    (types.is_decimal, canonical),
    (types.is_date32, _date),
    (types.is_date64, lambda value: _date(value // MILLISECONDS_PER_DAY)),
    (types.is_binary, _text),
    (types.is_large_binary, _text),
    (types.is_fixed_size_binary, _text),
)
MADE: Final[tuple[tuple[Callable[[Any], bool], Callable[[Any], Convert | None]], ...]] = (
    (types.is_floating, _floats),
    (types.is_timestamp, _timestamps),
    (types.is_time, _times),
    (types.is_struct, _objects),
    (types.is_map, _maps),
    (types.is_list, _lists),
    (types.is_large_list, _lists),
    (types.is_fixed_size_list, _lists),
    (types.is_dictionary, lambda kind: converter(kind.value_type)),
)


def rows_of(batch: Any, converters: Mapping[str, Convert]) -> list[dict[str, Any]]:
    """Give the rows of a batch that was read as plain types."""
    columns = {
        name: column.to_pylist() for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    for name, convert in converters.items():
        columns[name] = [None if value is None else convert(value) for value in columns[name]]
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
