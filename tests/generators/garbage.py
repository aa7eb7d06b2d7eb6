"""Records that are wrong in some way, or perhaps just still right: bytes, fields, keys, topics and times."""

import json
import random
from typing import Any

from tests.generators.logs import Logged
from tests.generators.world import HOUR_MS
from wayfold.models.record import LogRecord

MALFORMED = ("missing_field", "wrong_field")
"""One thing may be missing and another wrong in one event: which of them is named is not the contract's."""

WHOLE = (
    *(
        b"",
        b"null",
        b"3",
        b'"text"',
        b"[]",
        b"[{}]",
        b"{}",
        b"{",
        b"}",
        b"\x00\x01\x02",
        b"\xff\xfe{\x00}\x00",
    ),
    *(b'{"type":"journey.entered"}', b'{"type":3}', b'{"type":"journey.left"}', b"[" * 3000, b'{"a":' * 3000),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.0, 1.5, 2**31, 2**63, 2**64, 10**400, 1e300),
    *(
        "",
        " ",
        "1",
        "a",
        "x" * 256,
        "x" * 257,
        "é" * 256,
        "\x00",
        "a\x00b",
        "a\nb",
        "\x7f",
        "\x85",
        "\u2028",
        "\ufeff",
    ),
    *([], {}, [1], {"a": 1}, {"a": {"b": 1}}, "EUR", "eur", "EURO", "email", "E-mail", "none", "amiga"),
    *(
        "0.1",
        "1e3",
        "-0",
        "+1",
        ".5",
        "5.",
        "1.0000000000",
        "0.0000000001",
        "NaN",
        "Infinity",
        "1_000",
        "1,5",
    ),
    *(10**15 - 1, 10**15, -(10**15), "999999999999999.999999999", "1000000000000000", 0.1, 1e-9, 1e-10),
)
TIMES = (
    *("2026-11-02T10:00:00Z", "2026-11-02T10:00:00", "2026-11-02", "2026-11-02T10:00Z", "20261102T100000Z"),
    *(
        "2026-11-02 10:00:00Z",
        "2026-11-02t10:00:00z",
        "2026-11-02T10:00:00.Z",
        "2026-11-02T10:00:00.1234567890Z",
    ),
    *(
        "2026-11-02T10:00:00+0100",
        "2026-11-02T10:00:00+01",
        "2026-11-02T10:00:00+24:00",
        "2026-11-02T10:00:00-00:00",
    ),
    *("2026-11-02T24:00:00Z", "2026-11-02T23:59:60Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "now"),
    *(
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+01:00",
        "0001-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
    ),
    *(" 2026-11-02T10:00:00Z", "2026-11-02T10:00:00Z ", "2026-11-02T10:00:00,5Z", "２026-11-02T10:00:00Z"),
)
FIELDS = (
    *(
        "type",
        "event_id",
        "occurred_at",
        "account_id",
        "user_id",
        "journey_id",
        "journey_version",
        "entry_id",
    ),
    *(
        "step_id",
        "variant",
        "message_id",
        "channel",
        "platform",
        "machine",
        "cost",
        "currency",
        "value",
        "name",
    ),
    *(
        "properties",
        "reason",
        "steps",
        "goal",
        "conversion_window_ms",
        "call_id",
        "outcome",
        "duration_ms",
        "mode",
    ),
)


def spoiled(logged: Logged, generator: random.Random) -> Logged:
    """The record with one or two things about it changed."""
    for _ in range(generator.choice((1, 1, 1, 2))):
        logged = generator.choice(_WAYS)(logged, generator)
    return logged


def _with_value(logged: Logged, value: bytes | None) -> Logged:
    record = logged.record
    return Logged(logged.topic, LogRecord(record.offset, record.timestamp, record.key, value))


def _bytes(logged: Logged, generator: random.Random) -> Logged:
    """A few bytes changed, removed, doubled or cut off."""
    value = bytearray(logged.record.value or b"")
    if not value:
        return logged
    start = generator.randrange(len(value))
    end = min(len(value), start + generator.randint(1, 4))
    way = generator.randrange(4)
    if way == 0:
        value[start] = generator.randrange(256)
    elif way == 1:
        del value[start:end]
    elif way == 2:
        value[start:start] = value[start:end]
    else:
        del value[start:]
    return _with_value(logged, bytes(value))


def _whole(logged: Logged, generator: random.Random) -> Logged:
    return _with_value(logged, generator.choice((None, *WHOLE)))


def _field(logged: Logged, generator: random.Random) -> Logged:
    """One field removed, emptied, or with a value from elsewhere."""
    try:
        event: Any = json.loads(logged.record.value or b"")
    except (ValueError, RecursionError):
        return logged
    if not isinstance(event, dict):
        return logged
    name = generator.choice((*event, generator.choice(FIELDS)))
    if generator.random() < 0.3:
        event.pop(name, None)
    else:
        event[name] = generator.choice(TIMES if name == "occurred_at" else VALUES)
    return _with_value(
        logged, json.dumps(event, ensure_ascii=generator.random() < 0.3).encode(errors="replace")
    )


def _key(logged: Logged, generator: random.Random) -> Logged:
    record = logged.record
    key = generator.choice((None, b"", b"somebody", (record.key or b"") + b" ", b"\xff"))
    return Logged(logged.topic, LogRecord(record.offset, record.timestamp, key, record.value))


def _timestamp(logged: Logged, generator: random.Random) -> Logged:
    """The log took the record about an hour before its event, or long after."""
    record = logged.record
    timestamp = record.timestamp + generator.choice(
        (-HOUR_MS, -HOUR_MS - 1, -HOUR_MS + 1, 400 * 24 * HOUR_MS)
    )
    return Logged(logged.topic, LogRecord(record.offset, timestamp, record.key, record.value))


_WAYS = (_bytes, _bytes, _whole, _field, _field, _field, _field, _field, _field, _key, _timestamp)
