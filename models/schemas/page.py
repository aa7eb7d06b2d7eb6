"""The part of docs/events.md that lists every event with its fields and an example."""

import json
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from wayfold.models.diagnose import expected
from wayfold.models.events import (
    EVENT_CLASS_OF_TYPE,
    Duration,
    Event,
    Identifier,
    JourneyDefined,
    Label,
    Text,
    Version,
)
from wayfold.models.examples import EXAMPLES
from wayfold.models.limits import MAXIMUM_TEXT_CHARACTERS
from wayfold.models.money import Nano
from wayfold.models.schemas.documents import first_sentence
from wayfold.models.schemas.values import meaning

PAGE: Final = "events.md"
BEGIN: Final = "<!-- what follows is written by python -m wayfold.models.schemas -->\n"
END: Final = "<!-- what follows is written by hand -->\n"

_COMMON: Final = ("event_id", "occurred_at", "account_id", "user_id")
_VALUES: Final[dict[Any, str]] = {
    Identifier: "id",
    Label: "id, or empty",
    Text: f"text, at most {MAXIMUM_TEXT_CHARACTERS} characters",
    Version: "whole number ≥ 1",
    Duration: "whole number ≥ 0",
    Nano: "amount",
    bool: "true or false",
}
_VALUES_BY_NAME: Final = {
    "channel": "word",
    "currency": "three capital letters",
    "properties": "JSON object",
}


def with_events(page: str) -> str:
    """The page with its generated part brought up to date. Raises ValueError when its marks are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} must have a line {BEGIN!r} and below it one {END!r}")
    return f"{before}{BEGIN}\n{events()}{END}{after}"


def events() -> str:
    """All events, in the order in which one journey's come."""
    return "".join(_event(EVENT_CLASS_OF_TYPE[type_]) for type_ in EXAMPLES)


def _event(cls: type[Event]) -> str:
    head = f"### {cls.TYPE}\n\n{first_sentence(cls)} Topic: `{cls.TOPIC}`.\n\n"
    example = json.dumps(EXAMPLES[cls.TYPE], indent=2)
    return f"{head}{_fields(cls)}```json\n{example}\n```\n\n"


def _fields(cls: type[Event]) -> str:
    if cls is JourneyDefined:
        return (
            "Its fields are those of [a definition](#definitions), its window as `conversion_window_ms`.\n\n"
        )
    own = [field for field in msgspec.structs.fields(cls) if field.name not in _COMMON]
    if not own:
        return ""
    rows = [
        f"| `{field.name}` | {_value(field)} | {_presence(field)} | {meaning(cls, field.name)} |\n"
        for field in own
    ]
    return "| field | value | | meaning |\n|---|---|---|---|\n" + "".join(rows) + "\n"


def _value(field: msgspec.structs.FieldInfo) -> str:
    if field.name in _VALUES_BY_NAME:
        return _VALUES_BY_NAME[field.name]
    if get_origin(field.type) is Literal:
        return expected(field.name, field.type).removeprefix("one of ")
    return next(_VALUES[part] for part in (field.type, *get_args(field.type)) if part in _VALUES)


def _presence(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "needed"
    return "" if field.default is None else f"default {json.dumps(field.default)}"
