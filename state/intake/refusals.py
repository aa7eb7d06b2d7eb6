"""Refusals of records that are well-formed: for their key or their time."""

from wayfold.models.events import Event, UserEvent
from wayfold.models.record import Record
from wayfold.models.refusal import Reason, Refusal

FUTURE_LIMIT_MS = 3_600_000
DAY_MS = 86_400_000


def future(event: Event) -> Refusal:
    """An event too far ahead of its record's own time."""
    return Refusal(
        Reason.FUTURE,
        "occurred_at",
        f"{event.occurred_at.isoformat()} is more than an hour after the log took the record: "
        "mend the publisher's clock",
    )


def late(event: Event, retention_ms: int) -> Refusal:
    """An event too far behind what its account had before it in its topic partition."""
    return Refusal(
        Reason.LATE,
        "occurred_at",
        f"{event.occurred_at.isoformat()} is more than {retention_ms // DAY_MS} days before an earlier event "
        "of the account in this partition of the topic: load old events in the order of their time, before "
        "newer ones, or raise the retention",
    )


def skipped_by_operator(note: str) -> Refusal:
    """A record that an operator turned into a dead letter."""
    return Refusal(Reason.SKIPPED, "", f"an operator skipped this record{': ' if note else ''}{note}")


def wrong_key(record: Record, event: UserEvent) -> Refusal:
    """A record whose key is not its user."""
    found = "no key" if record.key is None else repr(record.key[:80])
    return Refusal(
        Reason.WRONG_KEY,
        "user_id",
        f"the record has {found}, not the user id {event.user_id!r}, as its key: "
        "publish with the user id as key",
    )
