"""Values of events made from the cells of a row."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from wayfold.agents.files.cells import Row, as_text, copied, exact_number
from wayfold.agents.files.readers import read_object

_COLUMN = re.compile(r"\{([^{}]+)\}")

_EXPONENT = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?[eE][+-]?[0-9]{1,3}")
_SAMPLE = datetime(2026, 11, 21, 13, 30, 15, 250_000, UTC)

Make = Callable[[Row], Any]
"""Makes a value of a row; None leaves the field out."""

SAME: Final = object()
TRUE: Final = frozenset({"true", "1", "yes", "y", "t"})
FALSE: Final = frozenset({"false", "0", "no", "n", "f"})


def cell(row: Row, column: str) -> Any:
    """Give a cell; None when it is empty. `a.b` also finds `b` in the object `a`."""
    found = row.get(column)
    if found is None and "." in column and column not in row:
        head, _, rest = column.partition(".")
        inner = row.get(head)
        return cell(inner, rest) if isinstance(inner, Mapping) else None
    return None if found == "" else found


def columns_of(template: str) -> list[str]:
    """List the columns that a template names; raises ValueError for braces that enclose no column."""
    if "{" in (rest := _COLUMN.sub("", template)) or "}" in rest:
        raise ValueError(
            f"{template!r} has braces that do not enclose a column's name: write {{column}}; a text cannot "
            "have braces of its own."
        )
    return _COLUMN.findall(template)


def text_of(template: str) -> Make:
    """Fill a template such as `{order}-paid`; None for a row in which a column that it names is empty.

    A template that is one column gives that cell as it is.
    """
    columns = columns_of(template)
    if not columns:
        return lambda _: template
    if template == f"{{{columns[0]}}}":
        only = columns[0]
        return lambda row: cell(row, only)
    pieces = _COLUMN.split(template)

    def fill(row: Row) -> str | None:
        parts = list(pieces)
        for place in range(1, len(parts), 2):
            found = cell(row, parts[place])
            if found is None:
                return None
            parts[place] = as_text(found)
        return "".join(parts)

    return fill


def translated(make: Make, words: Mapping[str, Any], default: Any) -> Make:
    """Replace values by what `words` has for their text, else by `default`; `SAME` leaves them."""

    def translate(row: Row) -> Any:
        found = make(row)
        if found is None:
            return None
        return words.get(as_text(found), found if default is SAME else default)

    return translate


def whole_number(value: Any) -> Any:
    """Read an integer; what is none stays as it is, for the event's own check to name it."""
    text = as_text(value)
    try:
        return int(text)
    except ValueError:
        return value


def truth(value: Any) -> Any:
    """Read true or false from the usual words."""
    word = as_text(value).strip().lower()
    return True if word in TRUE else False if word in FALSE else value


def amount(value: Any) -> str:
    """Write an amount as plain decimal text: programs write 0.00005 as 5e-05."""
    text = as_text(value)
    if _EXPONENT.fullmatch(text) is None:
        return text
    try:
        return as_text(exact_number(text))
    except ValueError:
        return text


def properties(value: Any) -> Any:
    """Give an object whole; one that is written as JSON in a text is read."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return copied(read_object(value))
        except ValueError:
            return value
    return copied(value)


def instant(form: str | None, zone_name: str) -> Callable[[Any], Any]:
    """Make a reader of times: ISO 8601 without `form`, or `epoch_s`, `epoch_ms`, or a strptime pattern.

    Times without an offset are in the zone. What is no time stays as it is. Raises
    ZoneInfoNotFoundError for an unknown zone.
    """
    zone = ZoneInfo(zone_name)

    def read(value: Any) -> Any:
        try:
            at = _parse(value, form)
        except (ValueError, OverflowError, ArithmeticError):
            return as_text(value)
        if at.tzinfo is None:
            at = at.replace(tzinfo=zone)
        return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    return read


def check_time_format(form: str | None) -> None:
    """Raise ValueError for a form in which no date could be read."""
    if form is None or form in ("epoch_s", "epoch_ms"):
        return
    fix = (
        'leave it out for ISO 8601, or write epoch_s, epoch_ms, or a pattern such as "%d.%m.%Y %H:%M" with '
        "the directives of Python's strptime."
    )
    try:
        read = datetime.strptime(_SAMPLE.strftime(form), form)  # noqa: DTZ007 - only its date matters
    except (ValueError, re.error) as error:
        raise ValueError(f"{form!r} cannot be read ({error}): {fix}") from None
    if read.date() != _SAMPLE.date():
        raise ValueError(f"{form!r} does not say year, month and day: {fix}")


def _parse(value: Any, form: str | None) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone comes later
    text = as_text(value)
    if form in ("epoch_s", "epoch_ms"):
        micros = Decimal(text) * (1_000_000 if form == "epoch_s" else 1_000)
        seconds, rest = divmod(int(micros), 1_000_000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
    if form is not None:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the zone comes later
    return datetime.fromisoformat(text)


def converted(make: Make, convert: Callable[[Any], Any]) -> Make:
    """Convert the values that there are."""
    return lambda row: None if (found := make(row)) is None else convert(found)


def with_objects(named: Iterable[str]) -> set[str]:
    """Give the columns that are named, and those whose objects `a.b` looks into."""
    return {each for column in named for each in (column, column.partition(".")[0])}


def unknown_columns(named: Iterable[str], columns: Iterable[str]) -> list[str]:
    """List the columns that are named and not there."""
    known = set(columns)
    return sorted(column for column in named if not known & with_objects([column]))
