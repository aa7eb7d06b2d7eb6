"""Why a record was not accepted, and the record kept with that reason."""

import enum
from collections.abc import Sequence

import msgspec


class Reason(enum.StrEnum):
    """The kinds of refusal; `docs/events.md` says what to do about each."""

    UNPARSEABLE = "unparseable"
    """The bytes are no JSON object in UTF-8."""
    TOO_LARGE = "too_large"
    """The record is larger, or nested deeper, than the limits allow."""
    UNKNOWN_TYPE = "unknown_type"
    """`type` is none of the event types."""
    MISSING_FIELD = "missing_field"
    """A field that this type of event needs is absent or null."""
    WRONG_FIELD = "wrong_field"
    """A field has a value that it cannot have."""
    WRONG_TOPIC = "wrong_topic"
    """The event is valid but belongs on another topic."""
    WRONG_KEY = "wrong_key"
    """The record's key is not the event's `user_id`."""
    WRONG_PARTITION = "wrong_partition"
    """The record lies in a partition that its user does not belong to."""
    LATE = "late"
    """The event is older than the retention allows."""
    FUTURE = "future"
    """The event lies more than an hour after its record's own timestamp."""
    LIMIT = "limit"
    """The journey has as many different names, or the user as many events, as are taken."""
    DEFINITION_CONFLICT = "definition_conflict"
    """The version is defined already with another content: refused over HTTP, before it is in the log."""
    SKIPPED = "skipped"
    """An operator decided that this record is not to be folded."""


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Why a record was not accepted.

    `field` is a dotted path such as `steps[2].channel`, or "" when it is about the record as a whole.
    `message` is a sentence that says what was found and what to send instead.
    """

    reason: Reason
    field: str
    message: str


class DeadLetter(msgspec.Struct, frozen=True):
    """A refused record, byte for byte, with where it lay and why it was refused.

    `topic` is the topic's kind ("entries", …); `timestamp_ms` is the record's own, in milliseconds UTC.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    refusal: Refusal
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
