"""Reading events: every type in every form, times floored exactly, and fields as the contract has them."""

import json
import re
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wayfold.models.decode import decode_event, event_decoder
from wayfold.models.encode import InvalidEventError, encode_event
from wayfold.models.events import (
    END_OF_TIME_MS,
    EVENT_CLASS_OF_TYPE,
    CallStarted,
    Event,
    GoalReached,
    JourneyEntered,
    JourneyStatus,
    MessageClicked,
    MessageEvent,
    MessageFailed,
    MessageOpened,
    MessageSent,
    StepEntered,
    UserEvent,
    occurred_ms,
)
from wayfold.models.examples import EXAMPLES, as_binary, as_cloudevent
from wayfold.models.refusal import Refusal

TYPES = list(EXAMPLES)


def read(fields: dict[str, Any], **changes: Any) -> Event:
    """Decode an event that must be valid."""
    event = decode_event(None, json.dumps({**fields, **changes}).encode())
    assert isinstance(event, Event), event
    return event


def time_of(text: str) -> int:
    """Milliseconds of an event that occurred then."""
    return occurred_ms(read(EXAMPLES["journey.entered"], occurred_at=text).occurred_at)


def test_there_is_an_example_of_every_type() -> None:
    """No type is without an example, and no example without a type."""
    assert set(EXAMPLES) == set(EVENT_CLASS_OF_TYPE)


@pytest.mark.parametrize("type_", TYPES)
def test_bare_events_decode_to_their_class(type_: str) -> None:
    """Each type becomes its own class on its own topic, and on an ingest that takes all."""
    value = json.dumps(EXAMPLES[type_]).encode()
    event = decode_event(None, value)
    assert type(event) is EVENT_CLASS_OF_TYPE[type_]
    assert event == decode_event(EVENT_CLASS_OF_TYPE[type_].TOPIC, value)


@pytest.mark.parametrize("type_", TYPES)
def test_cloudevents_mean_the_same_as_bare_events(type_: str) -> None:
    """Structured and binary CloudEvents of an event decode to the very same object."""
    example = EXAMPLES[type_]
    bare = decode_event(None, json.dumps(example).encode())
    data, headers = as_binary(example)
    assert decode_event(None, json.dumps(as_cloudevent(example)).encode()) == bare
    assert decode_event(None, json.dumps(data).encode(), headers) == bare


@pytest.mark.parametrize("type_", TYPES)
def test_events_encode_to_what_they_were_decoded_from(type_: str) -> None:
    """Publishing a decoded event again publishes the same event."""
    event = read(EXAMPLES[type_])
    assert decode_event(None, encode_event(event)) == event


def test_an_event_that_would_be_refused_is_not_encoded() -> None:
    """Building an event by hand checks nothing, publishing it does."""
    event = msgspec.structs.replace(read(EXAMPLES["journey.entered"]), event_id="")
    with pytest.raises(InvalidEventError, match="event_id"):
        encode_event(event)


def test_absent_and_null_fields_have_their_defaults() -> None:
    """A null says the same as nothing, for every optional field."""
    for type_, example in EXAMPLES.items():
        cls = EVENT_CLASS_OF_TYPE[type_]
        if type_ == "journey.defined":
            continue
        optional = [field.name for field in msgspec.structs.fields(cls) if not field.required]
        required = {name: value for name, value in example.items() if name not in optional}
        assert read(required) == read({**required, **dict.fromkeys(optional)})


def test_defaults_are_those_of_the_contract() -> None:
    """Account, platform, machine, variant and failure reason have the values that documentation gives."""
    failed = read(EXAMPLES["message.failed"], reason=None)
    opened = read(EXAMPLES["message.opened"], machine=None)
    entered = read(EXAMPLES["step.entered"], variant=None)
    assert isinstance(failed, MessageFailed)
    assert (failed.account_id, failed.platform, failed.reason, failed.journey_id) == (
        "default",
        "none",
        "",
        None,
    )
    assert isinstance(opened, MessageOpened)
    assert opened.machine is False
    assert isinstance(entered, StepEntered)
    assert entered.variant == ""
    clicked = read(EXAMPLES["message.clicked"], link=None)
    assert isinstance(clicked, MessageClicked)
    assert clicked.link == ""
    started = read(EXAMPLES["call.started"], step_id=None)
    assert isinstance(started, CallStarted)
    assert started.step_id is None


def test_unknown_fields_are_ignored() -> None:
    """A publisher may send more than is read."""
    example = EXAMPLES["journey.entered"]
    assert read(example, colour="red", nested={"occurred_at": "never", "list": [1]}) == read(example)


def test_other_headers_do_not_matter() -> None:
    """Tracing headers leave an event as it is."""
    value = json.dumps(EXAMPLES["journey.entered"]).encode()
    headers = [("traceparent", b"00-1-2-03"), ("content-type", b"application/json")]
    assert decode_event("entries", value, headers) == decode_event("entries", value)


def test_a_decoder_for_a_loop_reads_the_same() -> None:
    """`event_decoder` is `decode_event` with the kind of topic bound."""
    value = json.dumps(EXAMPLES["journey.entered"]).encode()
    assert event_decoder("entries")(value, ()) == decode_event("entries", value)


@pytest.mark.parametrize("shape", [lambda n: {"data": {**n}}, lambda n: {"data": {**n, "type": "made.up"}}])
def test_the_data_of_a_cloudevent_wins_over_its_attributes(shape: Any) -> None:
    """Data may name the event's id, time and user itself; the type is always the envelope's."""
    own = {name: value for name, value in EXAMPLES["journey.entered"].items() if name != "type"}
    envelope = as_cloudevent(EXAMPLES["journey.entered"])
    envelope |= {"id": "other", "time": "2020-01-01T00:00:00Z", "subject": "other", **shape(own)}
    assert read(envelope) == read(EXAMPLES["journey.entered"])


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30)), st.integers(-1439, 1439))  # noqa: DTZ001
def test_milliseconds_are_exact_for_every_time_and_offset(wall: datetime, offset_minutes: int) -> None:
    """Any offset and any year give the floored milliseconds, with no float in between."""
    sign, (hours, minutes) = "-" if offset_minutes < 0 else "+", divmod(abs(offset_minutes), 60)
    text = f"{wall.isoformat()}{sign}{hours:02d}:{minutes:02d}"
    since = wall - datetime(1970, 1, 1) - timedelta(minutes=offset_minutes)  # noqa: DTZ001
    assert time_of(text) == since // timedelta(milliseconds=1)


@given(st.text("0123456789", min_size=1, max_size=12), st.sampled_from(["Z", "z", "+00:00", "-11:30"]))
@settings(deadline=None)
def test_fractions_are_floored_however_long_they_are(fraction: str, offset: str) -> None:
    """The digits after the third never round a millisecond up."""
    floored = time_of(f"2026-11-01T12:34:56.{(fraction + '00')[:3]}{offset}")
    assert time_of(f"2026-11-01T12:34:56.{fraction}{offset}") == floored


RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


@given(
    st.sampled_from(
        ["2026-11-01T12:34:56.789Z", "2026-11-01T12:34:56Z", "2026-11-01T12:34:56.789999999+01:00"]
    ),
    st.lists(
        st.tuples(st.integers(0, 34), st.integers(0, 2), st.text("0129:.,TtZz+- W", max_size=3)), max_size=2
    ),
)
@settings(deadline=None, max_examples=400)
def test_only_rfc_3339_is_a_time(text: str, changes: list[tuple[int, int, str]]) -> None:
    """Every text that is accepted as a time has the form of RFC 3339, and means what that says."""
    for start, length, replacement in changes:
        text = text[:start] + replacement + text[start + length :]
    event = decode_event(None, json.dumps({**EXAMPLES["journey.entered"], "occurred_at": text}).encode())
    compact = json.dumps({**EXAMPLES["journey.entered"], "occurred_at": text}, separators=(",", ":"))
    assert decode_event(None, compact.encode()) == event
    if isinstance(event, Event):
        assert RFC_3339.fullmatch(text)
        floored = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text.upper()))
        assert occurred_ms(event.occurred_at) == occurred_ms(floored)


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00.001+01:00", 1),
        ("9999-12-31T23:59:59.9999999Z", END_OF_TIME_MS - 1),
        ("2026-11-01T12:34:56.9999999Z", 1_793_536_496_999),
        ("2026-11-01t12:34:56z", 1_793_536_496_000),
    ],
)
def test_times_at_the_edges(text: str, at_ms: int) -> None:
    """The first and the last millisecond, and a fraction that a decoder would round up."""
    assert time_of(text) == at_ms


def test_escaped_names_and_repeated_fields_are_read_like_any_other() -> None:
    """The last of a repeated field counts, and an escaped name is the name."""
    good = json.dumps(EXAMPLES["journey.entered"])[1:].encode()
    before = b'{"occurred_at": "2026-11-01 00:00:00Z", ' + good
    after = b"{" + good[:-1] + b', "occurred\\u005fat": "2026-11-01 00:00:00Z"}'
    assert isinstance(decode_event(None, before), JourneyEntered)
    assert isinstance(decode_event(None, after), Refusal)


@pytest.mark.parametrize(
    ("amount", "nano"),
    [
        ("0.1", 100_000_000),
        ("1e3", 1_000_000_000_000),
        ("12345678901.123456789", 12_345_678_901_123_456_789),
        ("-0", 0),
        ('"-0.5"', -500_000_000),
        ("999999999999999", 999_999_999_999_999_000_000_000),
    ],
)
def test_amounts_are_exact(amount: str, nano: int) -> None:
    """JSON numbers and decimal strings become whole numbers of 10^-9 units, digit for digit."""
    goal = decode_event(
        None, json.dumps({**EXAMPLES["goal.reached"], "value": 59.9}).replace("59.9", amount).encode()
    )
    sent = decode_event(None, json.dumps(EXAMPLES["message.sent"]).replace('"0.0004"', amount).encode())
    assert isinstance(goal, GoalReached)
    assert isinstance(sent, MessageSent)
    assert (goal.value, sent.cost) == (nano, nano)


def test_message_classes_name_their_status() -> None:
    """The loop that folds messages reads the status off the class."""
    for type_, cls in EVENT_CLASS_OF_TYPE.items():
        if issubclass(cls, MessageEvent):
            assert f"message.{cls.STATUS}" == type_
            assert cls.TOPIC == "messages"


def test_events_of_one_millisecond_have_an_order() -> None:
    """Entered, step, message, goal, exited, and of calls started, menu, input, ended: ranks grow so."""
    types = ("journey.entered", "step.entered", "message.sent", "goal.reached", "journey.exited")
    calls = ("call.started", "call.menu_reached", "call.input_collected", "call.ended")
    for order in (types, calls):
        ranks = [EVENT_CLASS_OF_TYPE[type_].RANK for type_ in order]
        assert ranks == sorted(set(ranks))


def test_properties_may_be_any_json() -> None:
    """Lists and objects are read as they were sent, numbers inside of them too, and encode to the same."""
    properties = {"plan": "pro", "n": 1.0, "items": [{"sku": "a", "price": 9.5, "tags": [None, True, "1.5"]}]}
    event = read(EXAMPLES["goal.reached"], properties=properties)
    assert isinstance(event, GoalReached)
    assert event.properties == properties
    items: Any = event.properties["items"]
    assert type(items[0]["price"]) is float
    again = decode_event(None, encode_event(event))
    assert again == event


def test_a_status_is_about_a_journey_and_no_user() -> None:
    """`journey.status` is read on the topic of definitions, quickly and as a CloudEvent, without a user."""
    for status in ("running", "paused", "finished"):
        event = read(EXAMPLES["journey.status"], status=status, account_id="acme")
        assert isinstance(event, JourneyStatus)
        assert (event.journey_id, event.status, event.account_id) == ("welcome", status, "acme")
        assert not isinstance(event, UserEvent)


def test_text_beyond_ascii_is_kept() -> None:
    """Ids and names may be in any script."""
    event = read(EXAMPLES["goal.reached"], name="покупка", user_id="юзер-🙂")
    assert isinstance(event, GoalReached)
    assert (event.name, event.user_id) == ("покупка", "юзер-🙂")


def test_whole_numbers_may_be_written_with_zero_decimals() -> None:
    """1.0 is the whole number 1, as JSON Schema has it."""
    assert read(EXAMPLES["journey.entered"], journey_version=2.0) == read(
        EXAMPLES["journey.entered"], journey_version=2
    )
