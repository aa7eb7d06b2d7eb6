"""Which records are events: their fields, envelopes, keys and places."""

import json
from typing import Any

import pytest

from tests.oracle.records import record
from tests.oracle.story import call, defined, entered, erased, goal, message, status
from wayfold.audit import oracle
from wayfold.audit.oracle.times import instant_ms


def _reasons(*records: tuple[Any, ...]) -> dict[str, int]:
    return dict(oracle.accept(records).refused)


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
    assert _reasons(record(entered("ann", "10:00"), **changes)) == {reason: 1}


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
    assert _reasons(record(message("sent", "ann", "10:00"), **changes)) == {reason: 1}


def test_a_goal_names_its_whole_place_or_none() -> None:
    """journey_id, entry_id and step_id come together."""
    assert _reasons(record(goal("ann", "10:00", journey="welcome"))) == {"missing_field": 1}
    assert _reasons(record(goal("ann", "10:00", journey="welcome", entry="e", step="s"))) == {}


def test_properties_of_a_goal_are_any_json_values() -> None:
    """Only the properties as a whole must be an object."""
    properties = {"lines": [{"sku": 1}], "shop": {"id": None}, "n": 1.5, "ok": True}
    assert _reasons(record(goal("ann", "10:00", properties=properties))) == {}
    wrongs: list[Any] = [[], "a", 1]
    for wrong in wrongs:
        assert _reasons(record(goal("ann", "10:00"), properties=wrong)) == {"wrong_field": 1}


@pytest.mark.parametrize("value", [[], ["a"], {}, {"a": 1}])
def test_a_filter_asks_for_no_list_and_no_object(value: Any) -> None:
    """It could match nothing."""
    assert _reasons(record(defined(properties={"plan": value}))) == {"wrong_field": 1}
    assert _reasons(record(defined(properties={"plan": None, "n": 1, "ok": True, "t": "x"}))) == {}


def test_a_status_says_one_of_three_words() -> None:
    """It names its journey, and no user."""
    for word in ("running", "paused", "finished"):
        assert _reasons(record(status(word, "10:00"))) == {}
    assert _reasons(record(status("stopped", "10:00"))) == {"wrong_field": 1}
    assert _reasons(record(status("running", "10:00"), status=...)) == {"missing_field": 1}
    assert _reasons(record(status("running", "10:00"), journey_id=...)) == {"missing_field": 1}


def test_a_click_may_have_a_link_and_a_call_a_step() -> None:
    """Text of any length, and the id of a step."""
    click, start = message("clicked", "ann", "10:00"), call("started", "ann", "10:00")
    assert _reasons(record(click, link="https://shop.example/" + "x" * 500)) == {}
    assert _reasons(record(click, link=7)) == {"wrong_field": 1}
    assert _reasons(record(start, step_id="menu")) == {}
    assert _reasons(record(start, step_id="")) == {"wrong_field": 1}


MENU = {"step_id": "menu", "type": "ivr_menu"}
NODES = [{"node_id": "root", "inputs": ["1", "2"]}, {"node_id": "sales", "inputs": []}]


@pytest.mark.parametrize(
    ("step", "accepted"),
    [
        ({**MENU, "nodes": NODES}, True),
        ({**MENU, "nodes": []}, True),
        ({**MENU, "nodes": [*NODES, NODES[0]]}, False),
        ({**MENU, "nodes": [{"node_id": "root"}]}, False),
        ({**MENU, "nodes": [{"node_id": "root", "inputs": [1]}]}, False),
        ({**MENU, "nodes": [{"node_id": "root", "inputs": [], "colour": 1}]}, False),
        ({**MENU, "nodes": {}}, False),
        ({"step_id": "menu", "type": "wait", "nodes": NODES}, False),
        ({**MENU, "next": [{"step_id": "end", "name": "yes"}, {"step_id": "menu", "name": "no"}]}, True),
        ({**MENU, "next": [{"step_id": "nowhere", "name": "yes"}]}, False),
        ({**MENU, "next": [{"name": "yes"}]}, False),
        ({**MENU, "next": ["end"]}, False),
    ],
)
def test_branches_and_menus_of_a_definition(step: dict[str, Any], accepted: bool) -> None:
    """A step leads to steps of its definition, and only a menu has nodes, each once."""
    reasons = _reasons(record(defined(steps=[step, {"step_id": "end", "type": "end"}])))
    assert (reasons == {}) == accepted


def test_an_end_leads_nowhere() -> None:
    """It is the end."""
    steps = [{"step_id": "end", "type": "end", "next": [{"step_id": "end", "name": "again"}]}]
    assert _reasons(record(defined(steps=steps))) == {"wrong_field": 1}


def test_what_is_extra_is_ignored_on_events_and_refused_in_definitions() -> None:
    """An unknown field of a definition is a mistake that would change its meaning."""
    assert _reasons(record(entered("ann", "10:00"), colour="red")) == {}
    assert _reasons(record(defined(), colour="red")) == {"wrong_field": 1}


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
    """A record under another user's key would be folded elsewhere, so it is refused: an erasure too."""
    topic, offset, timestamp_ms, key, value = record(entered("ann", "10:00"))
    assert _reasons(("steps", offset, timestamp_ms, key, value)) == {"wrong_topic": 1}
    assert _reasons((topic, offset, timestamp_ms, b"bob", value)) == {"wrong_key": 1}
    for event in (entered("ann", "10:00"), erased("ann", "10:00")):
        home = oracle.partition_of(b"ann", 4)
        row = record(event)
        assert not oracle.accept([row], partition=home, partitions=4).refused
        assert oracle.accept([row], partition=(home + 1) % 4, partitions=4).refused == {"wrong_partition": 1}
        assert oracle.accept([(*row[:3], None, row[4])]).refused == {"wrong_key": 1}


def test_what_is_said_of_a_journey_needs_no_key_and_belongs_everywhere() -> None:
    """Definitions and statuses are published to every partition, under any key or none."""
    for event in (defined(), status("running", "10:00")):
        row = record(event)
        for partition, key in enumerate((None, b"ann", b"")):
            rows = [(*row[:3], key, row[4])]
            assert not oracle.accept(rows, partition=partition, partitions=3).refused


def test_the_partitioner_is_that_of_the_publishers() -> None:
    """Another one than Kafka's own can be given."""
    row = record(entered("ann", "10:00"))

    def by_length(key: bytes, partitions: int) -> int:
        return len(key) % partitions

    for partition, refused in ((3, {}), (2, {"wrong_partition": 1})):
        result = oracle.accept([row], partition=partition, partitions=4, partitioner=by_length)
        assert result.refused == refused


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
