"""Refusals: the right reason, the right field, a sentence to act on, and never an exception."""

import json
from typing import Any

import pytest

from wayfold.models.decode import decode_event
from wayfold.models.events import EVENT_CLASS_OF_TYPE, TOPIC_KINDS
from wayfold.models.examples import EXAMPLES, as_binary, as_cloudevent
from wayfold.models.limits import MAXIMUM_DEPTH, MAXIMUM_VALUE_BYTES
from wayfold.models.refusal import Reason, Refusal

ENTERED = EXAMPLES["journey.entered"]
SENT = EXAMPLES["message.sent"]
GOAL = EXAMPLES["goal.reached"]


def refused(value: bytes | None, topic_kind: str | None = None, headers: Any = ()) -> Refusal:
    """Decode a value that must be refused."""
    refusal = decode_event(topic_kind, value, headers)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.message[0].isupper() or refusal.message[0] == "`" or refusal.field, refusal.message
    assert refusal.message[-1] in ".?", refusal.message
    assert len(refusal.message) < 1000
    return refusal


def refused_fields(fields: dict[str, Any], *without: str, **changes: Any) -> Refusal:
    """Decode an event with changes that make it invalid."""
    changed = {**fields, **changes}
    return refused(json.dumps({name: changed[name] for name in changed if name not in without}).encode())


@pytest.mark.parametrize("type_", list(EXAMPLES))
def test_every_required_field_is_missed_by_name(type_: str) -> None:
    """An event without a field that it needs, or with null there, is refused for that field."""
    import msgspec

    cls = EVENT_CLASS_OF_TYPE[type_]
    required = {field.name for field in msgspec.structs.fields(cls) if field.required} - {"definition"}
    for name in ("type", *required):
        for refusal in (
            refused_fields(EXAMPLES[type_], name),
            refused_fields(EXAMPLES[type_], **{name: None}),
        ):
            assert (refusal.reason, refusal.field) == (Reason.MISSING_FIELD, name)
            assert f"`{name}`" in refusal.message


@pytest.mark.parametrize(
    ("fields", "changes", "says"),
    [
        (ENTERED, {"event_id": ""}, "1 to 256 characters"),
        (ENTERED, {"user_id": "x" * 257}, "1 to 256 characters"),
        (ENTERED, {"entry_id": "a\u0000b"}, "control characters"),
        (ENTERED, {"journey_id": "a\u0085b"}, "control characters"),
        (ENTERED, {"account_id": "a\u007fb"}, "control characters"),
        (ENTERED, {"user_id": 7}, "is 7"),
        (ENTERED, {"journey_version": 0}, "at least 1"),
        (ENTERED, {"journey_version": "1"}, "without quotes"),
        (ENTERED, {"journey_version": 1.5}, "whole number"),
        (ENTERED, {"journey_version": True}, "whole number"),
        (ENTERED, {"journey_version": 10**30}, "whole number"),
        (ENTERED, {"occurred_at": "2026-11-01"}, "RFC 3339"),
        (ENTERED, {"occurred_at": "2026-11-01T10:00:00"}, "offset"),
        (ENTERED, {"occurred_at": "2026-11-01 10:00:00Z"}, "RFC 3339"),
        (ENTERED, {"occurred_at": "2026-11-01T10:00:00+0100"}, "RFC 3339"),
        (ENTERED, {"occurred_at": "2026-11-01T10:00:0099950Z"}, "RFC 3339"),
        (ENTERED, {"occurred_at": "2026-02-30T10:00:00Z"}, "RFC 3339"),
        (ENTERED, {"occurred_at": "1969-12-31T23:59:59.999Z"}, "1970"),
        (ENTERED, {"occurred_at": "1970-01-01T00:00:00+01:00"}, "1970"),
        (ENTERED, {"occurred_at": "9999-12-31T23:59:59-01:00"}, "9999"),
        (ENTERED, {"occurred_at": 1_793_536_496}, "RFC 3339"),
        (EXAMPLES["journey.exited"], {"reason": "bored"}, "one of completed, goal"),
        (EXAMPLES["step.entered"], {"variant": "x" * 257}, "at most 256"),
        (EXAMPLES["step.entered"], {"variant": "a\tb"}, "control characters"),
        (SENT, {"channel": "E-Mail"}, "lower-case word"),
        (SENT, {"channel": "email\n"}, "lower-case word"),
        (SENT, {"channel": "a" * 33}, "at most 32"),
        (SENT, {"platform": "amiga"}, "ios, android, web, none"),
        (SENT, {"cost": "a lot"}, "at most 9 decimals"),
        (SENT, {"cost": "1e3"}, "at most 9 decimals"),
        (SENT, {"cost": 10**15}, "smaller than 10^15"),
        (SENT, {"cost": 1e-10}, "at most 9 decimals"),
        (SENT, {"cost": True}, "a number"),
        (SENT, {"currency": "eur"}, "three capital letters"),
        (SENT, {"currency": "EUR\n"}, "three capital letters"),
        (EXAMPLES["message.failed"], {"reason": "x" * 4097}, "at most 4096"),
        (EXAMPLES["message.failed"], {"step_id": "s"}, "without a journey"),
        (EXAMPLES["message.opened"], {"machine": "yes"}, "true or false"),
        (EXAMPLES["message.clicked"], {"link": "x" * 4097}, "at most 4096"),
        (EXAMPLES["message.clicked"], {"link": 7}, "at most 4096"),
        (GOAL, {"properties": [1]}, "a JSON object"),
        (GOAL, {"properties": "plan"}, "a JSON object"),
        (GOAL, {"name": ""}, "1 to 256"),
        (EXAMPLES["call.ended"], {"duration_ms": -1}, "milliseconds"),
        (EXAMPLES["call.started"], {"step_id": ""}, "1 to 256"),
        (EXAMPLES["call.ended"], {"step_id": "a\nb"}, "control characters"),
        (EXAMPLES["journey.status"], {"status": "stopped"}, "running, paused, finished"),
        (EXAMPLES["journey.status"], {"journey_id": "a\nb"}, "control characters"),
        (EXAMPLES["user.erased"], {"mode": "forget"}, "anonymise, subtract"),
    ],
)
def test_wrong_values_are_named_with_what_is_right(
    fields: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    """A wrong value is refused for its field, with what was found and what is expected."""
    refusal = refused_fields(fields, **changes)
    assert (refusal.reason, [refusal.field]) == (Reason.WRONG_FIELD, list(changes))
    assert says in refusal.message


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ('{"n": 9223372036854775808}', "properties.n"),
        ('{"n": [{"a": 1}, {"a": [1, -9223372036854775809]}]}', "properties.n[1].a[1]"),
        ('{"n": {"a": {"b": 9223372036854775808}}}', "properties.n.a.b"),
        ('{"n": [1e400]}', "properties.n[0]"),
        (f'{{"n": [{"9" * 300}]}}', "properties.n[0]"),
        ('{"n": 1e400}', "properties"),
        (f'{{"n": [{"9" * 5000}]}}', "properties"),
        (f'{{"{"k" * 5000}": {{"{"m" * 5000}": 9223372036854775808}}}}', f"properties.{'k' * 188}…"),
    ],
)
def test_properties_that_no_store_can_keep_are_named(properties: str, field: str) -> None:
    """A number beyond 64 bits, or beyond any float, is refused by its path, at whatever depth."""
    found = refused(json.dumps({**GOAL, "properties": 0}).replace("0}", properties + "}").encode())
    assert (found.reason, found.field) == (Reason.WRONG_FIELD, field)
    fits = {"n": -(2**63), "of": [2**63 - 1, {"deep": [1e300]}]}
    assert not isinstance(decode_event(None, json.dumps({**GOAL, "properties": fits}).encode()), Refusal)


def test_properties_of_any_depth_are_read_up_to_the_limit() -> None:
    """Properties may be nested as deep as any event, and one level more is too large."""
    for levels in (MAXIMUM_DEPTH - 2, MAXIMUM_DEPTH - 1):
        nested = "[" * levels + "0.5" + "]" * levels
        value = json.dumps({**GOAL, "properties": {"n": 0}}).replace('"n": 0', f'"n": {nested}').encode()
        found = decode_event(None, value)
        assert isinstance(found, Refusal) is (levels == MAXIMUM_DEPTH - 1)


@pytest.mark.parametrize("missing", ["journey_id", "journey_version", "entry_id", "step_id"])
def test_a_message_has_its_whole_place_or_none(missing: str) -> None:
    """A message that names only part of its place in a journey is refused for the missing part."""
    refusal = refused_fields(SENT, missing)
    assert (refusal.reason, refusal.field) == (Reason.MISSING_FIELD, missing)
    assert "leave all of them out" in refusal.message


@pytest.mark.parametrize("given", ["journey_id", "entry_id", "step_id"])
def test_a_goal_has_its_whole_place_or_none(given: str) -> None:
    """A goal that names only part of a step is refused."""
    assert refused_fields(GOAL, **{given: "x"}).reason is Reason.MISSING_FIELD


@pytest.mark.parametrize(("fields", "amount"), [(SENT, "cost"), (GOAL, "value")])
def test_amounts_and_currencies_come_together(fields: dict[str, Any], amount: str) -> None:
    """An amount without its currency, or the reverse, is refused for the missing one."""
    assert refused_fields(fields, amount).field == amount
    assert refused_fields(fields, "currency").field == "currency"
    assert refused_fields(fields, amount).reason is Reason.MISSING_FIELD


def test_unknown_types_come_with_the_nearest_known_one() -> None:
    """A typing error in the type is answered with the type that was meant."""
    refusal = refused_fields(ENTERED, type="journey.enterd")
    assert (refusal.reason, refusal.field) == (Reason.UNKNOWN_TYPE, "type")
    assert "did you mean journey.entered?" in refusal.message
    assert "message.sent" in refused_fields(ENTERED, type="x").message
    assert refused_fields(ENTERED, type=7).reason is Reason.WRONG_FIELD


def test_a_field_under_another_name_is_found() -> None:
    """A field in camel case is pointed at."""
    changed = {("userId" if name == "user_id" else name): value for name, value in ENTERED.items()}
    assert "Is it the field 'userId'?" in refused_fields(changed).message


@pytest.mark.parametrize("kind", TOPIC_KINDS)
def test_events_belong_on_the_topic_of_their_kind(kind: str) -> None:
    """A valid event on the topic of another kind is refused, and told where it belongs."""
    for type_, example in EXAMPLES.items():
        verdict = decode_event(kind, json.dumps(example).encode())
        if kind == EVENT_CLASS_OF_TYPE[type_].TOPIC:
            assert not isinstance(verdict, Refusal)
        else:
            assert isinstance(verdict, Refusal)
            assert (verdict.reason, verdict.field) == (Reason.WRONG_TOPIC, "type")
            assert f"topic of {EVENT_CLASS_OF_TYPE[type_].TOPIC}" in verdict.message


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "no value"),
        (b"", "no value"),
        (b"{", "truncated"),
        (b"3", "starts with '3'"),
        (b"[]", "a list"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"type": NaN}', "invalid character"),
        (b'{"type": "\xff"}', "UTF-8"),
        (b"\x00\x01", "starts with"),
        (json.dumps({**ENTERED, "x": "y"}).replace('"y"', '"\\ud800"').encode(), "not a JSON object"),
        (json.dumps({**ENTERED, "x": "y"}).encode().replace(b'"y"', b'"\xed\xa0\x80"'), "UTF-8"),
        (json.dumps({**ENTERED, "x": "y"}).encode().replace(b'"y"', b'"\xff"'), "UTF-8"),
        (json.dumps(ENTERED).encode() + b"{}", "trailing"),
        (str(ENTERED).encode(), "double quotes"),
    ],
)
def test_what_is_no_json_object_is_unparseable(value: bytes | None, says: str) -> None:
    """Garbage, other JSON values, NaN, broken UTF-8 even in fields that nobody reads, and tombstones."""
    refusal = refused(value)
    assert (refusal.reason, refusal.field) == (Reason.UNPARSEABLE, "")
    assert says in refusal.message


def test_sizes_are_limited() -> None:
    """Up to 1 MiB and 256 levels are read, one byte or one level more is refused as too large."""
    empty = json.dumps({**ENTERED, "x": ""}).encode()
    fits = empty.replace(b'"x": ""', b'"x": "' + b"y" * (MAXIMUM_VALUE_BYTES - len(empty)) + b'"')
    assert len(fits) == MAXIMUM_VALUE_BYTES
    assert not isinstance(decode_event("entries", fits), Refusal)
    assert refused(fits.replace(b"yy", b"yyy", 1)).reason is Reason.TOO_LARGE
    assert refused(b'"' + b"x" * 10_000_000).reason is Reason.TOO_LARGE
    deep = empty.replace(b'""', b"[" * (MAXIMUM_DEPTH - 1) + b"]" * (MAXIMUM_DEPTH - 1))
    assert not isinstance(decode_event("entries", deep), Refusal)
    assert refused(deep.replace(b"[]", b"[[]]")).reason is Reason.TOO_LARGE
    brackets_in_text = empty.replace(b'""', b'"' + b"[{" * 1000 + b'\\""')
    assert not isinstance(decode_event("entries", brackets_in_text), Refusal)


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"specversion": "0.3"}, Reason.WRONG_FIELD, "specversion"),
        ({"specversion": 1}, Reason.WRONG_FIELD, "specversion"),
        ({"data": [1]}, Reason.WRONG_FIELD, "data"),
        ({"data": "{}"}, Reason.WRONG_FIELD, "data"),
        ({"data": None}, Reason.MISSING_FIELD, "journey_id"),
        ({"data_base64": "e30="}, Reason.WRONG_FIELD, "data_base64"),
        ({"time": None}, Reason.MISSING_FIELD, "occurred_at"),
        ({"time": "yesterday"}, Reason.WRONG_FIELD, "occurred_at"),
        ({"id": ""}, Reason.WRONG_FIELD, "event_id"),
        ({"subject": None}, Reason.MISSING_FIELD, "user_id"),
        ({"type": "com.example.made"}, Reason.UNKNOWN_TYPE, "type"),
    ],
)
def test_wrong_cloudevents_are_refused(changes: dict[str, Any], reason: Reason, field: str) -> None:
    """An envelope that cannot be read is refused by the field that is wrong in it."""
    refusal = refused_fields(as_cloudevent(ENTERED), **changes)
    assert (refusal.reason, refusal.field) == (reason, field)


def test_a_missing_attribute_is_named_as_cloudevents_call_it() -> None:
    """The publisher of a CloudEvent reads of `time`, not only of `occurred_at`."""
    assert "the attribute `time`" in refused_fields(as_cloudevent(ENTERED), "time").message


def test_binary_attributes_must_be_text() -> None:
    """A header that is no UTF-8 and a wrong version are refused, whatever the data says."""
    data, headers = as_binary(ENTERED)
    value = json.dumps(data).encode()
    broken = [("ce_id", b"\xff") if name == "ce_id" else (name, text) for name, text in headers]
    old = [(name, b"0.3" if name == "ce_specversion" else text) for name, text in headers]
    assert refused(value, "entries", broken).field == "ce_id"
    assert refused(value, "entries", old).field == "specversion"
    assert refused(b"[]", "entries", headers).reason is Reason.UNPARSEABLE
    assert refused(None, "entries", headers).field == "journey_id"


def test_definitions_are_refused_with_every_problem() -> None:
    """A definition's refusal names the first wrong field, and its message all of them."""
    steps = [{"step_id": "a", "type": "message"}, {"step_id": "a", "type": "end"}]
    refusal = refused_fields(EXAMPLES["journey.defined"], steps=steps, goals={})
    assert (refusal.reason, refusal.field) == (Reason.MISSING_FIELD, "steps[0].channel")
    assert "goals is no field of a definition: did you mean goal?" in refusal.message
