"""Control events: their keys, and what is made of records that this version does not know or cannot read."""

from datetime import UTC, datetime

import msgspec
import pytest

from wayfold.models.control import (
    CONTROL_EVENTS,
    RecordSkipped,
    UnreadableControlError,
    control_key,
    decode_control,
    encode_control,
)

SKIPPED = RecordSkipped(
    at=datetime(2026, 11, 27, 12, tzinfo=UTC),
    by="ann@desk",
    note="it stops the fold",
    topic="entries",
    partition=3,
    offset=1234,
    topic_id="x1",
)


def test_an_event_comes_back_as_it_was_written() -> None:
    """The key names type and record, and the value says all."""
    assert SKIPPED.key == "record.skipped/entries/3/1234"
    assert decode_control(SKIPPED.key.encode(), encode_control(SKIPPED)) == SKIPPED


def test_every_type_is_registered_under_its_own_name() -> None:
    """The type in the value, in the key and in the register is one."""
    for name, cls in CONTROL_EVENTS.items():
        assert (cls.TYPE, cls.__struct_config__.tag) == (name, name)


def test_a_type_of_a_later_version_is_no_error() -> None:
    """An older worker passes over what it does not know, whatever its value is."""
    assert decode_control(b"board.defined/main", b"\x00 not even JSON") is None
    assert decode_control(b"\xff", b"{}") is None


def test_fields_of_a_later_version_are_passed_over() -> None:
    """An event that has gained a field is still understood."""
    fields = {**msgspec.json.decode(encode_control(SKIPPED)), "severity": 7}
    assert decode_control(SKIPPED.key.encode(), msgspec.json.encode(fields)) == SKIPPED


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"nonsense", "cannot be read"),
        (b"\xff", "cannot be read"),
        (encode_control(SKIPPED).replace(b'"offset":1234', b'"offset":-1'), r"\$\.offset"),
        (encode_control(SKIPPED).replace(b"record.skipped", b"role.given"), "role.given"),
        (encode_control(SKIPPED).replace(b'"offset":1234', b'"offset":7'), "is that of .*entries/3/7"),
    ],
)
def test_a_value_that_cannot_be_read_says_why(value: bytes, said: str) -> None:
    """The message names the key and what is wrong."""
    with pytest.raises(UnreadableControlError, match=rf"(?s)record\.skipped/entries/3/1234.*{said}"):
        decode_control(SKIPPED.key.encode(), value)


def test_what_nobody_could_read_is_not_written() -> None:
    """A note that is too long, or no text, is refused by the writer, not by every reader afterwards."""
    for note in ("x" * 100_000, "\ud800"):
        with pytest.raises(UnreadableControlError):
            encode_control(msgspec.structs.replace(SKIPPED, note=note))


def test_parts_of_a_key_never_run_together() -> None:
    """A slash in a name is no separator."""
    assert control_key("role.given", "a/b", "c") != control_key("role.given", "a", "b/c")
