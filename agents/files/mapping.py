"""Mapping files: which events a row of a file stands for.

A mapping is YAML:

    time_zone: Europe/Amsterdam          # of times without an offset; UTC by default
    time_format: "%d.%m.%Y %H:%M"        # else ISO 8601; or epoch_s, epoch_ms
    fields:                              # what all events have that can have it
      journey_id: orders
      journey_version: 1
      user_id: "{customer}"
    events:
      - type: journey.entered
        once: "{order}"                  # one event for each order, from its first row
        occurred_at: "{created}"
        entry_id: "{order}"
      - type: goal.reached
        when: [{column: status, equals: paid}]
        occurred_at: "{changed}"
        name: paid
        value: "{amount}"
        currency: {from: "{currency}", map: {"€": EUR}, default: USD}

`{column}` stands for a cell. A field that names an empty cell is left out. `map` replaces the words that it
has, and `default` stands for the others. Without `event_id` an event gets one from its content, so that the
same row always gives the same event. `delimiter` is that of CSV files, where it is not found by itself.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args
from zoneinfo import ZoneInfoNotFoundError

import msgspec
import yaml

from wayfold.agents.files import templates
from wayfold.agents.files.cells import Row, UnusableCellError, as_text, exact_number
from wayfold.agents.files.csv_columns import DelimiterError, read_delimiter
from wayfold.agents.files.templates import Make
from wayfold.models.events import EVENT_CLASS_OF_TYPE
from wayfold.models.money import Nano

INTEGERS: Final = frozenset({"journey_version", "duration_ms"})
TRUTHS: Final = frozenset({"machine"})
AMOUNTS: Final = frozenset(
    (kind, field.name)
    for kind, event_class in EVENT_CLASS_OF_TYPE.items()
    for field in msgspec.structs.fields(event_class)
    if Nano in (field.type, *get_args(field.type))
)
"""Event types with their fields that are amounts of money."""


class MappingError(Exception):
    """A mapping that cannot be used; the message names the place and the fix."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a cell must be for an event to be made; of what is given, all must hold."""

    column: str
    present: bool | None = None
    equals: Any = None
    one_of: list[Any] | None = None
    is_not: Any = None

    def holds(self, row: Row) -> bool:
        """Whether the row's cell is as it must be."""
        found = templates.cell(row, self.column)
        if self.present is not None and self.present is not (found is not None):
            return False
        if self.equals is not None and not _is_one_of(found, [self.equals]):
            return False
        if self.one_of is not None and not _is_one_of(found, self.one_of):
            return False
        return self.is_not is None or not _is_one_of(found, [self.is_not])


def _is_one_of(found: Any, words: Sequence[Any]) -> bool:
    """Whether a cell, written as text, is one of some words; an empty one and what has no text are none."""
    try:
        return found is not None and as_text(found) in [as_text(word) for word in words]
    except UnusableCellError:
        return False


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping as it is written."""

    events: list[dict[str, Any]]
    fields: dict[str, Any] = {}
    time_zone: str = "UTC"
    time_format: str | None = None
    delimiter: str | None = None


class _ExactLoader(yaml.SafeLoader):
    """Reads numbers exactly, as they are written."""

    def number(self, node: yaml.ScalarNode) -> Any:
        """Read a number with a fraction."""
        try:
            return exact_number(str(self.construct_scalar(node)).replace("_", ""))
        except ValueError:
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value} is not a number that can be kept", node.start_mark
            ) from None


_ExactLoader.add_constructor("tag:yaml.org,2002:float", _ExactLoader.number)


class EventPlan(msgspec.Struct, frozen=True):
    """How one event is made: its fields, when, and of which key only once."""

    fields: dict[str, Make]
    conditions: tuple[Condition, ...]
    once: Make | None


class RowMapping:
    """A mapping ready for use; `columns` are those that it names, `delimiter` is that of its CSV files."""

    def __init__(
        self,
        plans: Sequence[EventPlan],
        columns: frozenset[str],
        fingerprint: bytes,
        delimiter: str | None = None,
    ) -> None:
        self.plans = plans
        self.columns = columns
        self.fingerprint = fingerprint
        self.delimiter = delimiter

    def require_columns(self, found: Iterable[str] | None) -> None:
        """Raise MappingError when the mapping names a column that a file does not have."""
        if found is None:
            return
        names = list(found)
        for column in sorted(self.columns):
            if names.count(column) > 1:
                raise MappingError(
                    f"The mapping names the column {column!r}, which the file has more than once: rename all "
                    "but one."
                )
        for column in templates.unknown_columns(self.columns, names):
            near = difflib.get_close_matches(column, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"its columns are {', '.join(names)}."
            raise MappingError(
                f"The mapping names the column {column!r}, which the file does not have: {hint}"
            )


def load_mapping(path: Path) -> RowMapping:
    """Read a mapping file; raises MappingError and OSError."""
    return parse_mapping(path.read_bytes(), str(path))


def parse_mapping(text: bytes, name: str = "The mapping") -> RowMapping:
    """Read a mapping from its text; raises MappingError, which begins with `name`."""
    try:
        file = msgspec.convert(_whole(yaml.load(text, _ExactLoader)), _File)  # noqa: S506 - a SafeLoader
    except MappingError as error:
        raise MappingError(f"{name}: {error}") from None
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise MappingError(f"{name}: {error}") from error
    if not file.events:
        raise MappingError(f"{name}: events is empty: list the events that a row stands for.")
    for field in file.fields:
        if not any(field in each.__struct_fields__ for each in EVENT_CLASS_OF_TYPE.values()):
            raise MappingError(f"{name}: fields: {field!r} is no field of any event.")
    try:
        templates.check_time_format(file.time_format)
    except ValueError as error:
        raise MappingError(f"{name}: time_format: {error}") from None
    try:
        delimiter = None if file.delimiter is None else read_delimiter(file.delimiter)
    except DelimiterError as error:
        raise MappingError(f"{name}: delimiter: {error}") from None
    plans, columns = [], set[str]()
    for place, written in enumerate(file.events):
        try:
            plans.append(_plan(written, file, columns))
        except (MappingError, msgspec.ValidationError, ZoneInfoNotFoundError) as error:
            raise MappingError(f"{name}: events[{place}]: {error}") from error
    return RowMapping(plans, frozenset(columns), text, delimiter)


def _whole(written: Any) -> Any:
    """Give what the file says; raises MappingError when that is nothing, or has other parts."""
    if written is None:
        raise MappingError(
            "is empty: write a list `events` with a type, occurred_at and the other fields of each event "
            "that a row stands for; `fields` is for those that all have. docs/files.md shows a whole one."
        )
    _require_known(written, _File)
    return written


def _require_known(written: Any, shape: type[msgspec.Struct], place: str = "") -> None:
    """Raise MappingError for the first key that the shape does not have."""
    known = shape.__struct_fields__
    for key in written if isinstance(written, Mapping) else ():
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise MappingError(f"{place}{key!r} is not known here; there are {', '.join(known)}.{hint}")


def _plan(written: Mapping[str, Any], file: _File, columns: set[str]) -> EventPlan:
    rest = dict(written)
    kind = rest.get("type")
    if kind not in EVENT_CLASS_OF_TYPE:
        raise MappingError(f"type is {kind!r}, but must be one of {', '.join(EVENT_CLASS_OF_TYPE)}.")
    when = rest.pop("when", [])
    for place, condition in enumerate(when if isinstance(when, list) else ()):
        _require_known(condition, Condition, f"when[{place}]: ")
    conditions = msgspec.convert(when, tuple[Condition, ...])
    for place, condition in enumerate(conditions):
        for word in (condition.equals, condition.is_not, *(condition.one_of or ())):
            if isinstance(word, Mapping | list):
                raise MappingError(f"when[{place}]: {word} is no text, number, true or false.")
    columns.update(condition.column for condition in conditions)
    once = rest.pop("once", None)
    event_class = EVENT_CLASS_OF_TYPE[str(kind)]
    known = event_class.__struct_fields__
    for field in rest:
        if field != "type" and field not in known:
            raise MappingError(f"{field!r} is no field of {kind}; its fields are {', '.join(known)}.")
    rest = {field: value for field, value in file.fields.items() if field in known} | rest
    fields = {field: _field(str(kind), field, value, file, columns) for field, value in rest.items()}
    for needed in msgspec.structs.fields(event_class):
        if needed.required and needed.name not in rest and needed.name != "event_id":
            raise MappingError(f"{needed.name} is missing, which every {kind} needs: say how a row gives it.")
    return EventPlan(fields, conditions, None if once is None else _of_field("once", once, columns))


def _of_field(field: str, value: Any, columns: set[str]) -> Make:
    """Make what gives a field's value; raises MappingError, which names the field."""
    try:
        return _make(value, columns)
    except (MappingError, ValueError) as error:
        raise MappingError(f"{field}: {error}") from None


def _field(kind: str, field: str, value: Any, file: _File, columns: set[str]) -> Make:
    if isinstance(value, Mapping) and "from" not in value and field != "properties":
        raise MappingError(f'{field} is {value}, but must be a text: write a column in quotes, "{{column}}".')
    make = _of_field(field, value, columns)
    if field == "occurred_at":
        return templates.converted(make, templates.instant(file.time_format, file.time_zone))
    if field in INTEGERS:
        return templates.converted(make, templates.whole_number)
    if field in TRUTHS:
        return templates.converted(make, templates.truth)
    if field == "properties":
        return templates.converted(make, templates.properties)
    if (kind, field) in AMOUNTS:
        return templates.converted(make, templates.amount)
    return templates.converted(make, as_text)


def _make(value: Any, columns: set[str]) -> Make:
    if isinstance(value, str):
        columns.update(templates.columns_of(value))
        return templates.text_of(value)
    if isinstance(value, list):
        items = [_make(each, columns) for each in value]
        return lambda row: [found for make in items if (found := make(row)) is not None]
    if not isinstance(value, Mapping):
        return lambda _: value
    if "from" in value:
        unknown = sorted(set(value) - {"from", "map", "default"})
        if unknown:
            raise MappingError(f"{unknown[0]!r} cannot stand beside from; map and default can.")
        words = {as_text(word): other for word, other in value.get("map", {}).items()}
        make = _make(value["from"], columns)
        return templates.translated(make, words, value.get("default", templates.SAME))
    inner = {key: _make(each, columns) for key, each in value.items()}
    return lambda row: {key: found for key, make in inner.items() if (found := make(row)) is not None}
