"""A record of the log, as the fold reads it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Record(Protocol):
    """What the fold needs of a log record; aiokafka's ConsumerRecord has the same attributes."""

    @property
    def offset(self) -> int:
        """Place in its topic partition."""

    @property
    def timestamp(self) -> int:
        """When the log took the record, in milliseconds UTC."""

    @property
    def key(self) -> bytes | None:
        """The user id as UTF-8, None on records that carry no user."""

    @property
    def value(self) -> bytes | None:
        """The event as it was published."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Record headers, names as published."""


class LogRecord(msgspec.Struct, frozen=True, gc=False):
    """A record outside Kafka: from the embedded host's log, a file, or a test.

    `timestamp` is in milliseconds UTC; the other attributes are those of `Record`.
    """

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
