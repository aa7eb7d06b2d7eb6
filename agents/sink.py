"""Where accepted events go: the embedded host's log or Kafka, behind one small interface."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from wayfold.models.partitioner import PARTITIONERS, Partitioner

EVENT_KINDS: Final = ("entries", "steps", "messages", "conversions", "calls", "definitions", "users")
"""The topic kinds that are folded; in Kafka each is the topic `<prefix>.<kind>`."""

BROADCAST_KINDS: Final = frozenset({"definitions"})
"""Topic kinds whose every record goes to every partition, because every partition needs to know."""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record on its way into a log: `kind` is its topic kind, `key` the user id as UTF-8.

    `partition` is only for records that are no events; events go where their user belongs.
    """

    kind: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class SinkBusyError(Exception):
    """The fold is too far behind to take more now; try again after `retry_after_s` seconds."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SinkFailedError(Exception):
    """The records could not be made durable; the message says why and what to do. Sending again is safe."""


class SinkFullError(SinkFailedError):
    """There is no room for the records; none of them is there. The message says what to do."""


class EventSink(Protocol):
    """Takes records and says when they are durable."""

    async def append(self, records: Sequence[Outgoing]) -> None:
        """Return once every record is durable.

        Raises `SinkBusyError` before anything was written, or `SinkFailedError` when some or all of the
        records may not be there.
        """


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int, partitioner: Partitioner = "murmur2") -> int:
    """Choose the partition of a key, of `partitions`: as Kafka's default partitioner does, unless told."""
    return PARTITIONERS[partitioner](key, partitions)


def partitions_of(record: Outgoing, partitions: int, partitioner: Partitioner = "murmur2") -> Sequence[int]:
    """Choose the partitions that a record goes to: the one of its user, or all where all need to know."""
    if record.partition is not None:
        return (record.partition,)
    if record.kind in BROADCAST_KINDS:
        return range(partitions)
    return (partition_of(record.key or b"", partitions, partitioner),)
