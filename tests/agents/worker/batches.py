"""Batches as the transport gives them, for tests without Kafka."""

from aiokafka import ConsumerRecord

from wayfold.agents.worker.batch_transport import RecordBatch


def record(
    offset: int, kind: str = "entries", partition: int = 0, value: str | None = None
) -> ConsumerRecord[bytes, bytes]:
    """A record whose value names its place, unless one is given."""
    text = f"{kind}/{partition}/{offset}" if value is None else value
    return ConsumerRecord(
        f"t.{kind}", partition, offset, 1_700_000_000_000 + offset, 0, b"user", text.encode(), None, 4, 2, ()
    )


def batch(
    *offsets: int, kind: str = "entries", partition: int = 0, start: int | None = None, end: int | None = None
) -> RecordBatch:
    """What one fetch gave: these offsets, from `start` to `end` when the log has gaps there."""
    return RecordBatch(
        f"t.{kind}",
        partition,
        [record(offset, kind, partition) for offset in offsets],
        offsets[0] if start is None else start,
        offsets[-1] + 1 if end is None else end,
    )


def empty(start: int, end: int, kind: str = "entries", partition: int = 0) -> RecordBatch:
    """What a poll gives that passed nothing but offsets without records."""
    return RecordBatch(f"t.{kind}", partition, (), start, end)
