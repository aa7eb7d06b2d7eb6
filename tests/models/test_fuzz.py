"""Whatever the bytes are, decoding answers, and its quick way agrees with its slow one."""

import json
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from wayfold.models.decode import decode_event
from wayfold.models.diagnose import diagnose
from wayfold.models.events import TOPIC_KINDS, Event
from wayfold.models.examples import EXAMPLES, as_binary, as_cloudevent
from wayfold.models.refusal import Refusal

THOROUGHLY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KINDS = st.sampled_from([*TOPIC_KINDS, None])
BARE = [json.dumps(fields).encode() for fields in EXAMPLES.values()]
STRUCTURED = [json.dumps(as_cloudevent(fields)).encode() for fields in EXAMPLES.values()]
NUMBERS = (
    st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e300, -0.0, 2**63, 2**53, 10**15])
)
ODD_TEXT = st.text() | st.sampled_from(
    ["", "\ud800", "\x00", "a\x7f", "9" * 300, "2026-11-01T00:00:00Z", "1.5"]
)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def verdict(kind: str | None, value: bytes | None, headers: Any = ()) -> Event | Refusal:
    """What decoding answers; any exception fails the test."""
    found = decode_event(kind, value, headers)
    assert isinstance(found, Event | Refusal)
    if isinstance(found, Refusal):
        assert found.message
        assert found.field.isprintable() or found.field.startswith("properties.")
        json.dumps([found.reason, found.field, found.message]).encode()
    return found


@given(KINDS, st.binary(max_size=300))
@settings(deadline=None)
def test_random_bytes_are_answered(kind: str | None, value: bytes) -> None:
    """Random bytes are refused without an exception."""
    assert isinstance(verdict(kind, value), Refusal)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An event with some bytes cut out, put in, or replaced."""
    value = bytearray(draw(st.sampled_from([*BARE, *STRUCTURED])))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(value)))
        length = draw(st.integers(0, 5))
        value[start : start + length] = draw(
            st.binary(max_size=4) | st.sampled_from([b'"', b"{", b"\\u0000", b"999"])
        )
    return bytes(value)


@given(KINDS, damaged())
@THOROUGHLY
def test_damaged_events_are_answered_the_same_both_ways(kind: str | None, value: bytes) -> None:
    """The quick way accepts exactly what the slow way accepts, and reads the same from it."""
    quick, slow = verdict(kind, value), diagnose(kind, value)
    assert quick == slow


@pytest.mark.parametrize("name", ["\0conversion_window_ms", "a\nb", "\x1b[31m", "\u2028", "\ud800"])
@pytest.mark.parametrize("place", [(), ("goal",), ("steps", 0), ("steps", 0, "next", 0)])
def test_unknown_names_of_a_definition_are_told_in_one_line(name: str, place: tuple[str | int, ...]) -> None:
    """A name that breaks lines or terminals stands escaped in the field and the message, wherever it is."""
    event = json.loads(json.dumps(EXAMPLES["journey.defined"]))
    inner = event
    for part in place:
        if part == "next":
            inner.setdefault("next", [{"step_id": "end"}])
        inner = inner[part]
    inner[name] = 1
    found = verdict("definitions", json.dumps(event).encode())
    assert isinstance(found, Refusal)
    assert found.field.isprintable()
    assert found.message.isprintable()


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """An event in any form with some of its fields replaced by any JSON value."""
    event = draw(st.sampled_from(list(EXAMPLES.values())))
    fields = as_cloudevent(event) if draw(st.booleans()) else dict(event)
    for name in draw(st.lists(st.sampled_from([*fields, "extra", "specversion"]), max_size=3)):
        fields[name] = draw(JSON_VALUES)
    return json.dumps(fields, ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


@given(KINDS, changed())
@THOROUGHLY
def test_changed_events_are_answered_the_same_both_ways(kind: str | None, value: bytes) -> None:
    """Any JSON in any field is answered, and the quick way agrees with the slow one."""
    assert verdict(kind, value) == diagnose(kind, value)


@given(KINDS, st.lists(st.tuples(st.sampled_from(["ce_specversion", "ce_id", "ce_type", "x"]), st.binary())))
@settings(deadline=None)
@example(None, [("ce_specversion", b"1.0"), ("ce_type", b"user.erased"), ("ce_id", b"\xff")])
def test_any_headers_are_answered(kind: str | None, headers: list[tuple[str, bytes]]) -> None:
    """Headers with any bytes never raise, with or without a value."""
    data, good = as_binary(EXAMPLES["user.erased"])
    verdict(kind, json.dumps(data).encode(), [*good, *headers])
    verdict(kind, None, headers)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_deep_nesting_is_answered_alike_from_any_depth_of_the_stack(opening: bytes) -> None:
    """What is nested too deeply does not depend on who calls."""
    start = json.dumps({**EXAMPLES["journey.entered"], "x": 0}).encode()[:-2]
    values = [start + opening * depth for depth in (100, 400, 100_000)]
    values += [start + b"[" * depth + b"]" * depth + b"}" for depth in (255, 256, 900)]

    def from_depth(levels: int) -> list[Event | Refusal]:
        if levels:
            return from_depth(levels - 1)
        return [verdict("entries", value) for value in values]

    free = sys.getrecursionlimit() - _stack_depth()
    assert from_depth(0) == from_depth(free - 400)


def _stack_depth() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth
