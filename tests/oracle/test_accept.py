"""Which records are accepted: late, future, repeated and malformed ones, per partition in their order."""

import json
from typing import Any

import pytest

from tests.oracle.story import defined, entered, goal, message, when
from wayfold.audit import oracle
from wayfold.audit.oracle.rules import TOPIC_OF
from wayfold.audit.oracle.times import instant_ms

HOUR = 3_600_000
RETENTION = 400 * 24 * HOUR


def _record(event: dict[str, Any], offset: int = 0, delay_ms: int = 0, **changes: Any) -> tuple[Any, ...]:
    """The record of an event, logged `delay_ms` after it occurred, in its topic and with its key."""
    event = {**event, **changes}
    event = {name: value for name, value in event.items() if value is not ...}
    timestamp_ms = instant_ms(event["occurred_at"]) + delay_ms
    key = None if "user_id" not in event else event["user_id"].encode()
    return (TOPIC_OF.get(event["type"], "entries"), offset, timestamp_ms, key, json.dumps(event).encode())


def _reasons(*records: tuple[Any, ...], retention_ms: int = RETENTION) -> dict[str, int]:
    return dict(oracle.accept(records, retention_ms).refused)


def test_good_records_are_accepted_once() -> None:
    """A repeat is counted and has no effect."""
    event = entered("ann", "10:00")
    result = oracle.accept([_record(event, 0), _record(event, 1), _record(entered("bob", "11:00"), 2)])
    assert [some["user_id"] for some in result.accepted] == ["ann", "bob"]
    assert (result.duplicates, dict(result.refused)) == (1, {})
    assert result.watermark_ms == instant_ms(when("11:00"))


def test_the_first_of_two_contents_of_one_id_counts() -> None:
    """The same id with other content is its publisher's error."""
    first, second = entered("ann", "10:00", event_id="x"), entered("ann", "11:00", event_id="x")
    result = oracle.accept([_record(first, 0), _record(second, 1)])
    assert (result.accepted, result.duplicates) == ([first], 1)


def test_more_than_the_retention_behind_the_watermark_is_late() -> None:
    """Exactly the retention behind is accepted, one millisecond more is not."""
    newest = _record(entered("ann", "10:00"))
    just = _record(entered("bob", "09:00"), 1, delay_ms=HOUR)
    late = _record(entered("cid", "08:59:59.999"), 2, delay_ms=HOUR)
    result = oracle.accept([newest, just, late], HOUR)
    assert [some["user_id"] for some in result.accepted] == ["ann", "bob"]
    assert result.reasons == {("entries", 2): "late"}


def test_lateness_is_decided_in_the_order_of_arrival() -> None:
    """Old events that come first are not late: old logs replay into an empty system."""
    assert (
        _reasons(_record(entered("cid", "01:00")), _record(entered("ann", "10:00")), retention_ms=HOUR) == {}
    )


def test_more_than_an_hour_ahead_of_the_record_is_future() -> None:
    """Exactly an hour is accepted; a refused record does not move the watermark."""
    event = entered("ann", "10:00")
    assert _reasons(_record(event, delay_ms=-HOUR)) == {}
    result = oracle.accept([_record(event, delay_ms=-HOUR - 1)])
    assert (dict(result.refused), result.watermark_ms) == ({"future": 1}, -1)


def test_every_content_of_a_version_is_accepted_and_a_conflict_counted() -> None:
    """The same again is no conflict; of others each counts once, however often it came."""
    contents = [defined(), defined(at="2026-11-05T00:00:00Z"), defined(goal="signup"), defined(goal="signup")]
    contents += [defined(name="Hello"), defined(version=2), defined(journey="winback")]
    records = [_record(event, offset, event_id=f"d-{offset}") for offset, event in enumerate(contents)]
    result = oracle.accept(records)
    assert (len(result.accepted), result.duplicates, dict(result.refused)) == (7, 0, {})
    assert result.definition_conflicts == {("default", "welcome", 1): 2}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "journey.left"}, "unknown_type"),
        ({"event_id": ...}, "missing_field"),
        ({"event_id": ""}, "wrong_field"),
        ({"event_id": "x" * 257}, "wrong_field"),
        ({"event_id": "a\u0000b"}, "wrong_field"),
        ({"event_id": 7}, "wrong_field"),
        ({"journey_version": 0}, "wrong_field"),
        ({"journey_version": "1"}, "wrong_field"),
        ({"journey_version": True}, "wrong_field"),
        ({"journey_id": ...}, "missing_field"),
        ({"entry_id": ...}, "missing_field"),
        ({"account_id": 3}, "wrong_field"),
    ],
)
def test_fields_of_entries(changes: dict[str, Any], reason: str) -> None:
    """Missing and wrong fields are told apart."""
    assert _reasons(_record(entered("ann", "10:00"), **changes)) == {reason: 1}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channel": "E-Mail"}, "wrong_field"),
        ({"channel": ...}, "missing_field"),
        ({"platform": "amiga"}, "wrong_field"),
        ({"step_id": ...}, "missing_field"),
        ({"entry_id": ...}, "missing_field"),
        ({"cost": "0.1"}, "missing_field"),
        ({"currency": "EUR"}, "missing_field"),
        ({"cost": "0.1", "currency": "eur"}, "wrong_field"),
        ({"cost": "a lot", "currency": "EUR"}, "wrong_field"),
        ({"cost": "0.0000000001", "currency": "EUR"}, "wrong_field"),
        ({"cost": 10**15, "currency": "EUR"}, "wrong_field"),
    ],
)
def test_fields_of_messages(changes: dict[str, Any], reason: str) -> None:
    """All of the journey's fields or none, a lower-case channel, and money with its currency."""
    assert _reasons(_record(message("sent", "ann", "10:00"), **changes)) == {reason: 1}


def test_a_goal_names_its_whole_place_or_none() -> None:
    """journey_id, entry_id and step_id come together."""
    assert _reasons(_record(goal("ann", "10:00", journey="welcome"))) == {"missing_field": 1}
    assert _reasons(_record(goal("ann", "10:00", journey="welcome", entry="e", step="s"))) == {}


def test_what_is_extra_is_ignored_on_events_and_refused_in_definitions() -> None:
    """An unknown field of a definition is a mistake that would change its meaning."""
    assert _reasons(_record(entered("ann", "10:00"), colour="red")) == {}
    assert _reasons(_record(defined(), colour="red")) == {"wrong_field": 1}


def test_what_is_no_json_object_is_unparseable() -> None:
    """Garbage, other JSON values, NaN, broken UTF-8 and tombstones."""
    values = [
        b"",
        b"{",
        b"3",
        b"[]",
        b'{"type": NaN}',
        b'{"type": "\xff"}',
        b"\x00\x01",
        None,
    ]
    records = [("entries", offset, 0, b"ann", value) for offset, value in enumerate(values)]
    assert _reasons(*records) == {"unparseable": len(values)}
    assert _reasons(("entries", 0, 0, b"ann", b"[" * 100_000)) == {"too_large": 1}


def test_topic_key_and_partition_must_be_the_events() -> None:
    """A record under another user's key would be folded elsewhere, so it is refused."""
    topic, offset, timestamp_ms, key, value = _record(entered("ann", "10:00"))
    assert _reasons(("steps", offset, timestamp_ms, key, value)) == {"wrong_topic": 1}
    assert _reasons((topic, offset, timestamp_ms, b"bob", value)) == {"wrong_key": 1}
    record = (topic, offset, timestamp_ms, key, value)
    right = oracle.partition_of(b"ann", 4)
    assert not oracle.accept([record], partition=right, partitions=4).refused
    assert oracle.accept([record], partition=(right + 1) % 4, partitions=4).refused == {"wrong_partition": 1}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"abc", 479470107),
    ],
)
def test_partitions_are_those_of_kafkas_own_partitioner(key: bytes, expected: int) -> None:
    """murmur2 as Kafka's own tests state it."""
    for partitions in (1, 3, 8, 1000):
        assert oracle.partition_of(key, partitions) == (expected & 0x7FFFFFFF) % partitions


def test_cloud_events_are_read_in_both_modes() -> None:
    """Structured and binary, with the envelope's fields where data has none of its own."""
    event = entered("ann", "10:00")
    data = {name: event[name] for name in ("journey_id", "journey_version", "entry_id")}
    envelope = {
        "specversion": "1.0",
        "id": event["event_id"],
        "type": "journey.entered",
        "time": event["occurred_at"],
        "subject": "ann",
        "source": "/shop",
    }
    at_ms = instant_ms(event["occurred_at"])
    structured = json.dumps({**envelope, "data": data}).encode()
    headers = [(f"ce_{name}", value.encode()) for name, value in envelope.items()]
    result = oracle.accept(
        [
            ("entries", 0, at_ms, b"ann", structured),
            ("entries", 1, at_ms, b"ann", json.dumps(data).encode(), headers),
            ("entries", 2, at_ms, b"ann", json.dumps(event).encode()),
        ]
    )
    assert (len(result.accepted), result.duplicates, dict(result.refused)) == (1, 2, {})
