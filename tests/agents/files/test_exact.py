"""Numbers, times and nested values keep every digit on their way from a row to an event."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow
import pytest
from pyarrow import parquet

from tests.agents.files.test_mapping import made
from wayfold.agents.files.cells import UnusableCellError, as_text, copied, encode, exact_number, shortest
from wayfold.agents.files.making import BadRow, EventMaker, MadeEvent
from wayfold.agents.files.mapping import MappingError, RowMapping, parse_mapping
from wayfold.agents.files.readers import Line, open_rows, read_object
from wayfold.agents.files.templates import properties
from wayfold.models.decode import decode_event
from wayfold.models.events import GoalReached
from wayfold.models.money import decimal_text
from wayfold.models.refusal import Reason

GOAL = """
fields: {occurred_at: "2026-11-01T12:00:00Z", user_id: u, event_id: e}
events:
  - {type: goal.reached, name: n, value: "{amount}", currency: EUR}
"""
MAPPING = parse_mapping(GOAL.encode())
AMOUNTS = [
    ("123456789.123456789", "123456789.123456789"),
    ("999999999999999.99", "999999999999999.99"),
    ("-999999999999999.999999999", "-999999999999999.999999999"),
    ("0.00005", "0.00005"),
    ("5e-05", "0.00005"),
    ("1E-9", "0.000000001"),
    ("1.5e3", "1500"),
    ("12.50", "12.5"),
    ("25.0", "25"),
    ("0.1", "0.1"),
    ("9007199254740993", "9007199254740993"),
    ("-0.01", "-0.01"),
    ("0.0", "0"),
]


def bad(mapping: RowMapping | None, row: Mapping[str, Any] | bytes) -> BadRow:
    """What is wrong with a row of which no event can be made."""
    (found,) = EventMaker(mapping).events_of([Line(7, row)])
    assert isinstance(found, BadRow)
    assert found.row == 7
    return found


def amount_of(event: dict[str, Any]) -> str:
    """The amount that the fold reads in an event that was made."""
    read = decode_event(None, msgspec.json.encode(event))
    assert isinstance(read, GoalReached)
    assert read.value is not None
    return decimal_text(read.value)


@pytest.mark.parametrize(("written", "exact"), AMOUNTS)
def test_a_json_number_keeps_its_digits(written: str, exact: str) -> None:
    """An amount in a JSON line is the amount of the event, however it is written, also inside an object."""
    if len(written) < 16 or "." in written:
        assert amount_of(made(MAPPING, f'{{"amount": {written}}}'.encode())[0]) == exact
    nested = parse_mapping(GOAL.replace("{amount}", "{a.b.c}").encode())
    (event,) = EventMaker(nested).events_of([Line(1, f'{{"a": {{"b": {{"c": {written}}}}}}}'.encode())])
    if isinstance(event, MadeEvent):
        assert json.loads(event.record.value or b"")["value"] == exact
    else:
        # The only one beyond what amounts may be: it is refused with all its digits, not rounded.
        assert f'"{exact}"' in event.refusal.message


@pytest.mark.parametrize("written", [written for written, _ in AMOUNTS if "e" in written.lower()])
def test_an_exponent_in_a_text_is_an_amount_too(written: str) -> None:
    """CSV files of programs hold 5e-05; amounts are read from it with and without a mapping."""
    exact = dict(AMOUNTS)[written]
    assert made(MAPPING, {"amount": written})[0]["value"] == exact
    row = {"type": "goal.reached", "event_id": "e", "occurred_at": "2026-11-01T12:00:00Z", "user_id": "u"}
    assert made(None, {**row, "name": "n", "value": written, "currency": "EUR"})[0]["value"] == exact
    call = {"type": "call.input_collected", "call_id": "c", "node_id": "n", "kind": "dtmf", "value": written}
    call |= {"journey_id": "j", "journey_version": "1", "entry_id": "n"}
    assert made(None, {**row, **call})[0]["value"] == written, "what was typed is no amount"


def test_constants_of_a_mapping_are_exact() -> None:
    """Numbers in the YAML of a mapping keep their digits, as values and in conditions."""
    mapping = parse_mapping(
        GOAL.replace('"{amount}"', "123456789.123456789, when: [{column: a, equals: 0.10}]").encode()
    )
    assert made(mapping, b'{"a": 0.1}')[0]["value"] == "123456789.123456789"
    assert made(mapping, b'{"a": 0.10000000000000001}') == []
    with pytest.raises(MappingError, match="inf is not a number"):
        parse_mapping(GOAL.replace('"{amount}"', ".inf").encode())


def test_the_same_number_gives_the_same_text() -> None:
    """Ids made of numbers do not depend on needless zeros or an exponent, as in a file written by a float."""
    mapping = parse_mapping(GOAL.replace("event_id: e", 'event_id: "x-{amount}"').encode())
    ids = {made(mapping, f'{{"amount": {written}}}'.encode())[0]["event_id"] for written in ("12.5", "12.50")}
    assert ids == {"x-12.5"}
    assert as_text(exact_number("100000.0")) == as_text(1e5) == as_text(100000) == "100000"
    assert as_text(exact_number("1e999")) == "1E+999"
    with pytest.raises(ValueError, match="cannot be kept"):
        exact_number("1e99999999999999999999")


def test_an_object_or_a_list_is_copied_whole() -> None:
    """Properties can be a whole column, or hold one, with numbers as numbers and every digit of them."""
    row = read_object(
        b'{"items": [{"price": 0.00005, "n": 12345678901234567890123, "tags": ["a", null, true]}], "id": 7.0}'
    )
    assert encode(copied(row)) == (
        b'{"items":[{"price":0.00005,"n":12345678901234567890123,"tags":["a",null,true]}],"id":7.0}'
    )
    text = GOAL.replace(
        "name: n", 'name: n, properties: {items: "{items}", all: [{id: "{id}"}, x, "{none}"]}'
    )
    fields = parse_mapping(text.encode()).plans[0].fields["properties"](row)
    assert encode(fields) == (
        b'{"items":[{"price":0.00005,"n":12345678901234567890123,"tags":["a",null,true]}],"all":[{"id":7.0},"x"]}'
    )
    whole = parse_mapping(GOAL.replace("name: n", 'name: n, properties: "{p}"').encode())
    make = whole.plans[0].fields["properties"]
    assert make({"p": {"a": {"b": [1]}}}) == {"a": {"b": [1]}}
    assert encode(properties('{"a": 1.50}')) == b'{"a":1.5}', "CSV files hold objects as text"
    assert properties("{no json") == "{no json"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b'{"amount": NaN}', "The line has NaN, which is no number and no JSON: write null"),
        (b'{"amount": [1, -Infinity], "x": "NaN"}', "The line has -Infinity"),
        (b'{"amount": "NaN" "x": 1}', "The line is no JSON: "),
        (b'{"amount": true}', '`value` is "true", but must be a number or a decimal string'),
        (b'{"amount": {"a": 1}}', "`value` comes from an object, but is one value: name the part"),
        (b'{"amount": [1]}', "`value` comes from a list, but is one value"),
        (b'{"amount": 1e999}', "`value` is"),
        (b'{"amount": 1e99999999999999999999}', "The line is no JSON: "),
        (b'{"amount": ' + b"9" * 5_000 + b"}", "The line is no JSON: "),
        (b'{"amount": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", "nested deeper than 256 levels"),
        (b"[1]", r"no object. A list's items each need a line"),
        ({"amount": Decimal("NaN")}, "`value` comes from a cell that is NaN"),
        ({"amount": Decimal("-inf")}, "`value` comes from a cell that is infinite"),
    ],
)
def test_what_is_no_number_is_refused_with_its_row(row: Any, message: str) -> None:
    """NaN, infinity, booleans, lists and objects are never amounts, and end no replay."""
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(bad(MAPPING, row).refusal.message)


def test_null_leaves_a_field_out() -> None:
    """A null is an empty cell: the event has no value, and a condition on its presence does not hold."""
    row = b'{"amount": null}'
    assert "value" not in made(parse_mapping(GOAL.replace(", currency: EUR", "").encode()), row)[0]
    text = GOAL.replace("currency: EUR", "currency: EUR, when: [{column: amount, present: true}]")
    assert made(parse_mapping(text.encode()), row) == []


def test_lists_are_no_words_of_conditions() -> None:
    """A cell that is a list is there, and equals no word; a list as the word is an error of the mapping."""
    text = GOAL.replace('value: "{amount}"', "when: [{column: a, present: true, is_not: x}]")
    text = text.replace(", currency: EUR", "")
    assert len(made(parse_mapping(text.encode()), b'{"a": ["x"]}')) == 1
    assert made(parse_mapping(text.replace("is_not", "equals").encode()), b'{"a": ["x"]}') == []
    with pytest.raises(MappingError, match=r"when\[0\]: \['x'\] is no text"):
        parse_mapping(text.replace("is_not: x", "equals: [x]").encode())


def test_a_line_of_an_event_with_nan_says_so() -> None:
    """Also without a mapping the message names the word, not a byte's number."""
    refusal = bad(None, b'{"type": "goal.reached", "value": NaN}').refusal
    assert (refusal.reason, refusal.message.partition(",")[0]) == (Reason.UNPARSEABLE, "The line has NaN")


def column(tmp_path: Path, values: list[Any], kind: Any) -> list[Any]:
    """The cells that are read from a Parquet file with one column."""
    path = tmp_path / "cells.parquet"
    parquet.write_table(pyarrow.table({"a": pyarrow.array(values, kind)}), path)
    with open_rows(path) as rows:
        found = []
        for line in rows:
            assert isinstance(line.content, Mapping)
            found.append(line.content["a"])
        return found


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (Decimal("123456789.123456789"), pyarrow.decimal128(20, 9), "123456789.123456789"),
        (Decimal("25.00"), pyarrow.decimal128(38, 2), "25"),
        (Decimal("7" * 40 + ".000000001"), pyarrow.decimal256(60, 9), "7" * 40 + ".000000001"),
        (0.1, pyarrow.float64(), "0.1"),
        (0.1, pyarrow.float32(), "0.1"),
        (16777216.0, pyarrow.float32(), "16777216"),
        (3.4028234663852886e38, pyarrow.float32(), "34028235" + "0" * 31),
        (0.1, pyarrow.float16(), "0.1"),
        (5e-05, pyarrow.float64(), "0.00005"),
        (2**64 - 1, pyarrow.uint64(), "18446744073709551615"),
        (True, pyarrow.bool_(), "true"),
        ("x", pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), "x"),
        (b"caf\xc3\xa9", pyarrow.binary(), "café"),
        (date(2026, 11, 1), pyarrow.date32(), "2026-11-01"),
        (date(2026, 11, 1), pyarrow.date64(), "2026-11-01"),
        (time(12, 30), pyarrow.time32("s"), "12:30:00"),
        (1, pyarrow.time64("ns"), "00:00:00.000000001"),
        (1_793_534_400_123_456_789, pyarrow.timestamp("ns"), "2026-11-01T12:00:00.123456789"),
        (-1, pyarrow.timestamp("ns", "UTC"), "1969-12-31T23:59:59.999999999+00:00"),
        (1_793_534_400, pyarrow.timestamp("s", "Europe/Amsterdam"), "2026-11-01T13:00:00+01:00"),
        (1_793_534_400_000, pyarrow.timestamp("ms", "+02:00"), "2026-11-01T14:00:00+02:00"),
    ],
)
def test_a_parquet_cell_keeps_its_value(tmp_path: Path, value: Any, kind: Any, text: str) -> None:
    """Decimals, floats of every size, integers, times as fine as they are, and text of any kind."""
    (found, empty) = column(tmp_path, [value, None], kind)
    assert (as_text(found), empty) == (text, None)


def test_a_fine_time_is_an_instant_too(tmp_path: Path) -> None:
    """A time in nanoseconds becomes the time of an event, whatever form the texts of other files have."""
    text = GOAL.replace('"2026-11-01T12:00:00Z"', '"{at}"').replace("{amount}", "1")
    mapping = parse_mapping(f"time_format: epoch_s\ntime_zone: Europe/Amsterdam\n{text}".encode())
    (naive,) = column(tmp_path, [1_793_534_400_123_456_789], pyarrow.timestamp("ns"))
    (aware,) = column(tmp_path, [1_793_534_400_123_456_789], pyarrow.timestamp("ns", "UTC"))
    assert made(mapping, {"at": naive})[0]["occurred_at"] == "2026-11-01T11:00:00.123456Z"
    assert made(mapping, {"at": aware})[0]["occurred_at"] == "2026-11-01T12:00:00.123456Z"


def test_nested_parquet_columns_are_objects_and_lists(tmp_path: Path) -> None:
    """Structs, lists and maps come as JSON has them; fields of a struct without a value are left out."""
    kind = pyarrow.list_(
        pyarrow.struct(
            [
                ("price", pyarrow.decimal128(12, 4)),
                ("share", pyarrow.float32()),
                ("at", pyarrow.timestamp("ns", "UTC")),
                ("more", pyarrow.map_(pyarrow.string(), pyarrow.timestamp("us"))),
            ]
        )
    )
    rows: list[Any] = [
        [
            {
                "price": Decimal("0.5000"),
                "share": 0.3,
                "at": 1,
                "more": [("k", datetime(2026, 1, 1, tzinfo=UTC))],
            },
            {},
        ],
        None,
    ]
    first, second = column(tmp_path, rows, kind)
    assert encode(copied(first)) == (
        b'[{"price":0.5,"share":0.3,"at":"1970-01-01T00:00:00.000000001+00:00",'
        b'"more":{"k":"2026-01-01T00:00:00"}},{}]'
    )
    assert second is None


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (b"\xff", pyarrow.binary(), "bytes that are no text"),
        (1, pyarrow.duration("ns"), r"a column of the type duration\[ns\]"),
        (2**53, pyarrow.timestamp("s"), "not in the years 1 to 9999"),
        (float("nan"), pyarrow.float64(), "is NaN"),
        (float("inf"), pyarrow.float32(), "is infinite"),
    ],
)
def test_a_parquet_cell_that_no_event_can_hold_is_refused_where_it_is_used(
    tmp_path: Path, value: Any, kind: Any, message: str
) -> None:
    """It harms no row that makes nothing of it, and is refused as a field and inside of properties."""
    (found,) = column(tmp_path, [value], kind)
    for use in (as_text, copied):
        with pytest.raises(UnusableCellError, match=message):
            use(found)
    assert len(made(MAPPING, {"amount": "1", "other": found})) == 1
    assert bad(MAPPING, {"amount": found}).refusal.field == "value"
    event = {"type": "goal.reached", "event_id": "e", "occurred_at": datetime(2026, 1, 1, tzinfo=UTC)}
    refusal = bad(None, {**event, "user_id": "u", "name": "n", "value": found}).refusal
    assert (refusal.reason, refusal.field) == (Reason.WRONG_FIELD, "value")


def test_a_type_that_is_no_text_refuses_its_row() -> None:
    """A column `type` of lists makes no events, and ends no replay."""
    assert bad(None, {"type": ["goal.reached"], "value": "1"}).refusal.field == "type"


def test_events_in_parquet_need_no_mapping(tmp_path: Path) -> None:
    """Decimals are amounts, structs are properties, and times with a zone are instants."""
    row = {"type": "goal.reached", "event_id": "e", "user_id": "u", "name": "n", "currency": "EUR"}
    table = pyarrow.table(
        {name: [value] for name, value in row.items()}
        | {
            "occurred_at": pyarrow.array([1_793_534_400_123_456_789], pyarrow.timestamp("ns", "UTC")),
            "value": pyarrow.array([Decimal("123456789.123456789")], pyarrow.decimal128(20, 9)),
            "properties": pyarrow.array([{"size": 0.1, "shop": "north"}]),
        }
    )
    parquet.write_table(table, tmp_path / "events.parquet")
    with open_rows(tmp_path / "events.parquet") as rows:
        (event,) = EventMaker(None).events_of(rows)
    assert isinstance(event, MadeEvent)
    found = json.loads(event.record.value or b"", parse_float=str)
    assert (found["value"], found["properties"]) == ("123456789.123456789", {"size": "0.1", "shop": "north"})
    assert event.at_ms == 1_793_534_400_123


def test_the_shortest_number_of_a_small_float_is_found() -> None:
    """Binary numbers of 16 and 32 bits have short texts, at the ends of their range too."""
    assert [shortest(value, "e") for value in (65504.0, 6e-08, 0.333251953125)] == [
        Decimal("6.55e4"),
        Decimal("6e-8"),
        Decimal("0.3333"),
    ]
    assert shortest(1.401298464324817e-45, "f") == Decimal("1e-45")
