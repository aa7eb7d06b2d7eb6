"""Mapping files: what a row becomes, and errors that name the place and the fix."""

from typing import Any

import msgspec
import pytest

from wayfold.agents.files.making import BadRow, EventMaker, MadeEvent
from wayfold.agents.files.mapping import MappingError, RowMapping, parse_mapping
from wayfold.agents.files.readers import MORE, Line
from wayfold.models.refusal import Reason

ORDERS = b"""
time_zone: Europe/Amsterdam
fields: {user_id: "{customer}", journey_id: orders, journey_version: 1, entry_id: "{order}"}
events:
  - type: journey.entered
    once: "{order}"
    occurred_at: "{at}"
  - type: goal.reached
    when: [{column: status, equals: paid}, {column: amount, present: true}]
    occurred_at: "{at}"
    name: paid
    value: "{amount}"
    currency: {from: "{currency}", map: {"\xe2\x82\xac": EUR}, default: USD}
    step_id: pay
"""
GOAL = "type: goal.reached, name: n, occurred_at: '{at}'"
ROW = {
    "customer": "ada",
    "order": "7",
    "at": "2026-11-01T12:00:00",
    "status": "paid",
    "amount": "12.50",
    "currency": "€",
}


def made(mapping: RowMapping | None, *rows: dict[str, Any] | bytes) -> list[dict[str, Any]]:
    events = EventMaker(mapping).events_of([Line(number, row) for number, row in enumerate(rows, 1)])
    found = []
    for event in events:
        assert isinstance(event, MadeEvent), event
        found.append(msgspec.json.decode(event.record.value or b""))
    return found


def one_field(yaml: str, **row: Any) -> Any:
    """The value that a mapping gives the field `reason` of a failed message."""
    mapping = parse_mapping(
        b"events: [{type: message.failed, event_id: e, occurred_at: '2026-11-01T12:00:00Z', user_id: u, "
        b"message_id: m, channel: sms, reason: " + yaml.encode() + b"}]"
    )
    return made(mapping, row)[0].get("reason")


def test_a_row_becomes_several_events() -> None:
    """One row gives each event whose conditions hold, with the fields that the event can have."""
    entered, goal = made(parse_mapping(ORDERS), ROW)
    assert entered["type"] == "journey.entered"
    assert entered["journey_version"] == 1
    assert (goal["name"], goal["value"], goal["currency"]) == ("paid", "12.50", "EUR")
    assert "journey_version" not in goal


def test_an_event_for_each_case_comes_once() -> None:
    """`once` makes an event for the first row of a case only."""
    events = made(
        parse_mapping(ORDERS), ROW, {**ROW, "status": "open"}, {**ROW, "order": "8", "status": "open"}
    )
    assert [event["type"] for event in events] == ["journey.entered", "goal.reached", "journey.entered"]
    assert events[0]["event_id"] != events[2]["event_id"]


def test_the_same_row_always_gives_the_same_event_id() -> None:
    """Ids are a function of the content, so that a second replay repeats the events of the first."""
    mapping = parse_mapping(ORDERS)
    first, second = made(mapping, ROW), made(mapping, {**ROW, "status": "open"}, ROW)
    assert [event["event_id"] for event in first] == [event["event_id"] for event in second]
    other = made(mapping, {**ROW, "amount": "13"})
    assert other[1]["event_id"] != first[1]["event_id"]


def test_conditions() -> None:
    """A cell can be asked for its presence, its value, one of several, or not a value."""

    def count(condition: str, **row: Any) -> int:
        text = (
            "events: [{type: goal.reached, event_id: e, occurred_at: '2026-11-01', user_id: u, name: n, "
            f"when: [{{column: a, {condition}}}]}}]"
        )
        return len(made(parse_mapping(text.encode()), row))

    assert (count("present: true", a="x"), count("present: true", a="")) == (1, 0)
    assert (count("present: false", a="x"), count("present: false", a=None)) == (0, 1)
    assert (count("equals: 1", a="1"), count("equals: 1", a="2")) == (1, 0)
    assert (count("one_of: [x, y]", a="y"), count("one_of: [x, y]", a="z")) == (1, 0)
    assert (count("is_not: x", a="x"), count("is_not: x", a="")) == (0, 1)


def test_templates_constants_and_words() -> None:
    """Fields are constants, cells, texts with cells in them, or words that are translated."""
    assert one_field("plain") == "plain"
    assert one_field("'{a}-{b.c}'", a=1.0, b={"c": True}) == "1-true"
    assert one_field("'{a}-x'", a="") is None
    assert one_field("{from: '{a}', map: {1: one}}", a=1) == "one"
    assert one_field("{from: '{a}', map: {1: one}}", a="2") == "2"
    assert one_field("{from: '{a}', map: {1: one}, default: other}", a="2") == "other"


@pytest.mark.parametrize(
    ("form", "written", "instant"),
    [
        ("null", "2026-11-01 12:00:00.5+01:00", "2026-11-01T11:00:00.500000Z"),
        ("null", "2026-07-01 12:00", "2026-07-01T10:00:00.000000Z"),
        ("null", "2026-07-01", "2026-06-30T22:00:00.000000Z"),
        ("'%d.%m.%Y %H:%M'", "01.12.2026 08:30", "2026-12-01T07:30:00.000000Z"),
        ("'%y-%j %I %p %z'", "26-305 12 PM +0000", "2026-11-01T12:00:00.000000Z"),
        ("epoch_s", "1793534400.25", "2026-11-01T12:00:00.250000Z"),
        ("epoch_ms", "1793534400250", "2026-11-01T12:00:00.250000Z"),
    ],
)
def test_times(form: str, written: str, instant: str) -> None:
    """Times come in many forms; those without an offset are in the mapping's zone."""
    text = (
        f"time_zone: Europe/Amsterdam\ntime_format: {form}\n"
        "events: [{type: goal.reached, event_id: e, user_id: u, name: n, occurred_at: '{at}'}]"
    )
    assert made(parse_mapping(text.encode()), {"at": written})[0]["occurred_at"] == instant


def test_a_row_that_makes_no_valid_event_is_named() -> None:
    """A wrong value is refused with the row's number and what to do, and the next row goes on."""
    rows: list[dict[str, Any]] = [{**ROW, "at": "yesterday"}, {**ROW, MORE: ["x"]}, ROW]
    found = list(
        EventMaker(parse_mapping(ORDERS)).events_of([Line(number, row) for number, row in enumerate(rows, 1)])
    )
    bad = [(each.row, each.refusal.reason, each.refusal.field) for each in found if isinstance(each, BadRow)]
    assert bad == [
        (1, Reason.WRONG_FIELD, "occurred_at"),
        (1, Reason.WRONG_FIELD, "occurred_at"),
        (2, Reason.UNPARSEABLE, ""),
    ]


def test_rows_that_are_events_need_no_mapping() -> None:
    """Lines of JSON stay as they are; columns named as fields are read as such, empty cells left out."""
    line = b'{"type":"goal.reached","event_id":"e","occurred_at":"2026-11-01T12:00:00Z",'
    line += b'"user_id":"u","name":"n"}'
    assert made(None, line)[0]["name"] == "n"
    row = {
        "type": "journey.entered",
        "event_id": "e",
        "occurred_at": "2026-11-01T12:00:00Z",
        "user_id": "u",
        "journey_id": "j",
        "journey_version": "2",
        "entry_id": "n",
        "account_id": "",
    }
    assert made(None, row)[0]["journey_version"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("events: []", "events is empty"),
        (
            "events: [{type: step.left}]",
            r"events\[0\]: type is 'step.left', but must be one of journey.entered",
        ),
        ("events: [{type: step.entered, stepid: x}]", "'stepid' is no field of step.entered; its fields are"),
        ("events: [{type: step.entered, when: [{colum: x}]}]", r"events\[0\]: .*colum"),
        ("events: [{type: step.entered}]\nfeilds: {}", "feilds"),
        ("fields: {user: x}\nevents: [{type: step.entered}]", "'user' is no field of any event"),
        ("events: [{type: step.entered, step_id: {from: x, mapp: {}}}]", "'mapp' cannot stand beside from"),
        ("time_zone: Mars/Base\nevents: [{type: step.entered, occurred_at: '{a}'}]", "Mars/Base"),
        ("events: [", "The mapping: "),
        ("", r"is empty: write a list `events` with a type, occurred_at"),
        (
            "events: []\ntime_formt: x",
            "'time_formt' is not known here; there are events, fields, time_zone, time_for",
        ),
        (
            "events: [{type: step.entered, when: [{column: a}, {column: b, equal: c}]}]",
            r"events\[0\]: when\[1\]: 'equal' is not known here; there are column, present, equals, one_of",
        ),
        (f"events: [{{{GOAL}, user_id: '{{customer'}}]", r"events\[0\]: user_id: '{customer' has braces"),
        (f"events: [{{{GOAL}, user_id: 'a}}'}}]", "user_id: 'a}' has braces"),
        (f"events: [{{{GOAL}, user_id: '{{}}'}}]", "user_id: '{}' has braces"),
        (f"events: [{{{GOAL}, user_id: '{{{{order}}}}'}}]", "user_id: '{{order}}' has braces"),
        (f"events: [{{{GOAL}, user_id: u, once: '{{order'}}]", "once: '{order' has braces"),
        (f"events: [{{{GOAL}, user_id: u, value: {{from: '{{a'}}}}]", "value: '{a' has braces"),
        (f"events: [{{{GOAL}, user_id: u, properties: {{a: '{{b'}}}}]", "properties: '{b' has braces"),
        (f"events: [{{{GOAL}, user_id: {{customer}}}}]", "user_id is .*write a column in quotes"),
        (f"events: [{{{GOAL}}}]", r"events\[0\]: user_id is missing, which every goal.reached needs"),
        ("events: [{type: goal.reached, user_id: u, name: n}]", "occurred_at is missing"),
        (f"time_format: '%Q'\nevents: [{{{GOAL}, user_id: u}}]", "time_format: '%Q' cannot be read"),
        (f"time_format: '%Y %'\nevents: [{{{GOAL}, user_id: u}}]", "time_format: '%Y %' cannot be read"),
        (f"time_format: '%d %d'\nevents: [{{{GOAL}, user_id: u}}]", "time_format: '%d %d' cannot be read"),
        (f"time_format: epoch\nevents: [{{{GOAL}, user_id: u}}]", "time_format: 'epoch' does not say year"),
        (f"time_format: '%H:%M'\nevents: [{{{GOAL}, user_id: u}}]", "does not say year, month and day"),
    ],
)
def test_a_wrong_mapping_names_the_place_and_the_fix(text: str, message: str) -> None:
    """Errors of a mapping are found before a row is read."""
    with pytest.raises(MappingError, match=message):
        parse_mapping(text.encode())


def test_a_column_that_is_not_there_is_named() -> None:
    """A misspelt column is found against the file's own columns."""
    mapping = parse_mapping(ORDERS)
    mapping.require_columns([*ROW, "more"])
    mapping.require_columns(None)
    with pytest.raises(MappingError, match=r"'customer'.*did you mean 'customers'"):
        mapping.require_columns(["customers", "order", "at", "status", "amount", "currency"])
