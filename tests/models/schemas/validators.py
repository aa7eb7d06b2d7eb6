"""JSON Schema validators as the standard has them, where the library follows Python instead."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.validators import extend


def _pattern(
    _validator: object, pattern: str, instance: object, _schema: object
) -> Iterator[ValidationError]:
    """`$` ends the text in ECMA-262; Python's also stands before a last line break."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_formats = FormatChecker(())


@_formats.checks("date-time", raises=ValueError)
def _is_date_time(instance: object) -> bool:
    """The days of the months, which the pattern leaves to the format."""
    return not isinstance(instance, str) or bool(datetime.fromisoformat(instance.upper()))


_Validator: Any = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]


def validator(schema: dict[str, Any]) -> Any:
    """A validator of a schema, which must be a good one itself."""
    Draft202012Validator.check_schema(schema)
    return _Validator(schema, format_checker=_formats)
