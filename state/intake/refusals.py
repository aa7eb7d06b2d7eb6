"""What is said of records that are refused for their key or their time."""

from wayfold.models.events import UserEvent
from wayfold.models.record import Record
from wayfold.models.refusal import Reason, Refusal

FUTURE_LIMIT_MS = 3_600_000
DAY_MS = 86_400_000


def out_of_time(record: Record, event: UserEvent, at_ms: int, retention_ms: int) -> Refusal:
    """An event too far ahead of its record's own time, or too far behind the partition's latest event."""
    if at_ms > record.timestamp + FUTURE_LIMIT_MS:
        return Refusal(
            Reason.FUTURE,
            "occurred_at",
            f"{event.occurred_at.isoformat()} is more than an hour after the log took the record: "
            "mend the publisher's clock",
        )
    return Refusal(
        Reason.LATE,
        "occurred_at",
        f"{event.occurred_at.isoformat()} is more than {retention_ms // DAY_MS} days before the latest event "
        "of the partition: it is past the retention; replay old logs into an empty system, or raise it",
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
