"""Events of rows: made by a mapping, or rows that are events already; each checked before it is sent."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

import msgspec
import xxhash

from wayfold.agents.files import templates
from wayfold.agents.files.cells import Row, UnusableCellError, as_text, copied, encode, encode_in_order
from wayfold.agents.files.mapping import AMOUNTS, INTEGERS, TRUTHS, EventPlan, RowMapping
from wayfold.agents.files.readers import MORE, Line, no_number, read_object
from wayfold.agents.ingest.accept import outgoing
from wayfold.agents.sink import Outgoing
from wayfold.models.decode import decode_event
from wayfold.models.events import occurred_ms
from wayfold.models.refusal import Reason, Refusal

ONCE_REMEMBERED: Final = 1_000_000
"""How many keys of `once` are remembered; beyond, a repetition is sent again and counts once all the same."""


class MadeEvent(msgspec.Struct, frozen=True, gc=False):
    """A valid event of a row, ready to be sent; `at_ms` is its `occurred_at` in milliseconds UTC."""

    at_ms: int
    row: int
    record: Outgoing


class BadRow(msgspec.Struct, frozen=True, gc=False):
    """A row, or an event of one, that is no valid event."""

    row: int
    refusal: Refusal


class EventMaker:
    """Makes events of the rows of one file."""

    def __init__(self, mapping: RowMapping | None) -> None:
        self._mapping = mapping
        self._seen: dict[int, None] = {}

    def events_of(self, lines: Iterable[Line]) -> Iterator[MadeEvent | BadRow]:
        """Yield the events of the rows in their order, and what is wrong with the others."""
        for line in lines:
            if self._mapping is None and isinstance(line.content, bytes):
                yield _checked(line.number, line.content)
                continue
            try:
                row = read_object(line.content) if isinstance(line.content, bytes) else line.content
            except ValueError as error:
                yield BadRow(line.number, Refusal(Reason.UNPARSEABLE, "", str(error)))
                continue
            if MORE in row:
                message = "The row has more cells than there are columns: check quotes and the delimiter."
                yield BadRow(line.number, Refusal(Reason.UNPARSEABLE, "", message))
                continue
            for fields in self._fields_of(row):
                if isinstance(fields, Refusal):
                    yield BadRow(line.number, fields)
                else:
                    yield _checked(line.number, encode(fields))

    def _fields_of(self, row: Row) -> Iterator[dict[str, Any] | Refusal]:
        """Yield the fields of the row's events, or why there are none."""
        if self._mapping is None:
            yield _gathered(_as_event(row))
            return
        for place, plan in enumerate(self._mapping.plans):
            if all(condition.holds(row) for condition in plan.conditions):
                fields = self._made(plan, place, row)
                if fields is not None:
                    yield fields

    def _made(self, plan: EventPlan, place: int, row: Row) -> dict[str, Any] | Refusal | None:
        key = None
        if plan.once is not None:
            try:
                found = plan.once(row)
                key = None if found is None else as_text(found)
            except UnusableCellError as error:
                return Refusal(Reason.WRONG_FIELD, "", f"`once` {error}.")
            if key is None or not self._is_first(place, key):
                return None
        fields = _gathered((name, partial(make, row)) for name, make in plan.fields.items())
        if isinstance(fields, dict) and "event_id" not in fields:
            # By the key alone, so that a file sorted differently gives the same event.
            content = fields if key is None else {"type": fields["type"], "once": key}
            mark = xxhash.xxh3_128_hexdigest(encode_in_order(content))
            fields["event_id"] = f"{place}-{mark}"
        return fields

    def _is_first(self, place: int, key: str) -> bool:
        mark = xxhash.xxh3_64_intdigest(f"{place} {key}".encode())
        if mark in self._seen:
            return False
        self._seen[mark] = None
        if len(self._seen) > ONCE_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return True


def _gathered(made: Iterable[tuple[str, Callable[[], Any]]]) -> dict[str, Any] | Refusal:
    """Give the fields that have a value, or why one of them cannot be made."""
    fields: dict[str, Any] = {}
    for name, make in made:
        try:
            found = make()
        except UnusableCellError as error:
            return Refusal(Reason.WRONG_FIELD, name, f"`{name}` {error}.")
        if found is not None:
            fields[name] = found
    return fields


def _as_event(row: Row) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Take the cells of a row for the fields of an event; empty ones are absent."""
    kind = row.get("type")
    for name, value in row.items():
        if value is None or value == "":
            continue
        convert: Callable[[Any], Any] = copied
        if name in INTEGERS:
            convert = templates.whole_number
        elif name in TRUTHS:
            convert = templates.truth
        elif name == "properties":
            convert = templates.properties
        elif isinstance(kind, str) and (kind, name) in AMOUNTS:
            convert = templates.amount
        yield name, partial(convert, value)


def _checked(row: int, value: bytes) -> MadeEvent | BadRow:
    event = decode_event(None, value)
    if isinstance(event, Refusal):
        hint = no_number(value) if event.reason is Reason.UNPARSEABLE else None
        return BadRow(row, event if hint is None else Refusal(event.reason, event.field, hint))
    return MadeEvent(occurred_ms(event.occurred_at), row, outgoing(event, value))
