"""A client for services: typed events to Kafka, keyed by their user, acknowledged by every replica in sync.

    with Publisher("localhost:9092") as publisher:
        publisher.publish(GoalReached(event_id="o-7", occurred_at=now, user_id="ada", name="purchase"))

An event that Wayfold would refuse is refused here, before it is sent. Publishing an event again, with the
same `event_id`, is harmless: it counts once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from wayfold.agents.ingest.accept import outgoing
from wayfold.agents.sink import BROADCAST_KINDS
from wayfold.models.encode import InvalidEventError, encode_event
from wayfold.models.events import Event
from wayfold.models.partitioner import PARTITIONERS, Partitioner

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["InvalidEventError", "PublishError", "Published", "Publisher"]

DELIVERY_TIMEOUT_S: Final = 120.0
BLOCK_TIMEOUT_S: Final = 30.0
LINGER_MS: Final = 5
ERRORS_LISTED: Final = 5


class PublishError(Exception):
    """Events of which Kafka did not acknowledge that they are durable; publish them again.

    `event_ids` are theirs, `causes` what the Kafka client said of each. There are none when no broker
    answered a new `Publisher`, which has taken no event yet.
    """

    def __init__(self, failures: Sequence[tuple[str, BaseException]], unreached: str = "") -> None:
        self.event_ids = [event_id for event_id, _ in failures]
        self.causes = [cause for _, cause in failures]
        listed = "; ".join(f"{event_id}: {_said(cause)}" for event_id, cause in failures[:ERRORS_LISTED])
        more = f"; and {len(failures) - ERRORS_LISTED} more" if len(failures) > ERRORS_LISTED else ""
        message = (
            f"{len(failures)} events were not acknowledged ({listed}{more}). Publish them again: an event "
            "that did arrive is not counted twice."
        )
        if unreached:
            message = f"No event was taken: {unreached}. Check the brokers' addresses."
        super().__init__(message)


class Published:
    """An event on its way; `wait` until it is acknowledged, or leave that to `Publisher.flush`."""

    def __init__(self, event_id: str, copies: Sequence[Any]) -> None:
        self.event_id = event_id
        self._copies = copies

    def wait(self, timeout_s: float = DELIVERY_TIMEOUT_S) -> None:
        """Return when every replica in sync has the event; raises `PublishError`."""
        for copy in self._copies:
            try:
                copy.get(timeout=timeout_s)
            except KafkaError as error:
                raise PublishError([(self.event_id, error)]) from error


class Publisher:
    """Publishes events; for use by any number of threads, and best kept for the life of the process.

    `topic_prefix` and `partitioner` are the settings of the Wayfold that reads (`kafka.topic_prefix`,
    `fold.partitioner`). An event that is not acknowledged is tried again for `delivery_timeout_s` seconds;
    the broker drops what such a retry repeats. `options` go to kafka-python's KafkaProducer, for TLS,
    logins and compression.

    Raises `PublishError` when no broker answers.
    """

    def __init__(
        self,
        bootstrap_servers: str | Sequence[str],
        *,
        topic_prefix: str = "wayfold",
        partitioner: Partitioner = "murmur2",
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
        **options: Any,
    ) -> None:
        self._prefix = topic_prefix
        self._partition_of = PARTITIONERS[partitioner]
        self._failures: deque[tuple[str, BaseException]] = deque()
        self._waiting: dict[object, str] = {}
        self._lock = threading.Lock()
        self._is_broken = False
        self._options: dict[str, Any] = {
            "bootstrap_servers": bootstrap_servers,
            "acks": "all",
            "enable_idempotence": True,
            "delivery_timeout_ms": int(delivery_timeout_s * 1000),
            "max_block_ms": int(BLOCK_TIMEOUT_S * 1000),
            "bootstrap_timeout_ms": int(BLOCK_TIMEOUT_S * 1000),
            "linger_ms": LINGER_MS,
            # A topic that a publisher creates has the wrong number of partitions.
            "allow_auto_create_topics": False,
            **options,
        }
        try:
            self._producer = self._connected()
        except KafkaError as error:
            raise PublishError([], unreached=_said(error)) from error

    def _connected(self) -> KafkaProducer:
        return KafkaProducer(**self._options)

    def _working(self) -> KafkaProducer:
        """Give the producer, a new one after an error that the old one does not get over.

        kafka-python's idempotent producer fails everything that follows an error that cannot be retried.
        """
        with self._lock:
            if self._is_broken:
                self._producer.close(0)
                self._producer = self._connected()
                self._is_broken = False
            return self._producer

    def publish(self, event: Event) -> Published:
        """Hand an event over and return at once, unless the client's buffer is full.

        Definitions and statuses of journeys go to every partition, all others to that of their user. Raises
        `InvalidEventError` for an event that would be refused, and `PublishError` when the topic does not
        exist, the buffer stays full, or no broker answers any more.
        """
        record = outgoing(event, encode_event(event))
        topic = f"{self._prefix}.{record.kind}"
        try:
            producer = self._working()
            partitions = sorted(producer.partitions_for(topic))
            if record.kind not in BROADCAST_KINDS and record.key is not None:
                partitions = [self._partition_of(record.key, len(partitions))]
            copies = [
                producer.send(topic, record.value, record.key, partition=partition)
                for partition in partitions
            ]
        except KafkaError as error:
            raise PublishError([(event.event_id, _explained(error, topic))]) from error
        failed = self._failing(event.event_id)
        for copy in copies:
            self._waiting[copy] = event.event_id
            copy.add_errback(failed)
            copy.add_both(self._settling(copy))
        return Published(event.event_id, copies)

    def flush(self, timeout_s: float = DELIVERY_TIMEOUT_S) -> None:
        """Return when everything published is acknowledged; raises `PublishError` naming what is not."""
        try:
            self._producer.flush(timeout_s)
        except KafkaError as error:
            waiting = dict.fromkeys(list(self._waiting.values()))
            failures = [*self._taken_failures(), *((event_id, error) for event_id in waiting)]
            raise PublishError(failures) from error
        failures = self._taken_failures()
        if failures:
            raise PublishError(failures)

    def close(self, timeout_s: float = DELIVERY_TIMEOUT_S) -> None:
        """Flush, then disconnect; raises `PublishError` as `flush` does."""
        try:
            self.flush(timeout_s)
        finally:
            self._producer.close(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        # What went wrong in the block is what its caller must hear of.
        self._producer.close()

    def _failing(self, event_id: str) -> Callable[[BaseException], None]:
        def failed(error: BaseException) -> None:
            # No lock: the client calls this while it is being closed, and closing holds the lock.
            self._failures.append((event_id, error))
            self._is_broken = self._is_broken or not getattr(error, "retriable", False)

        return failed

    def _settling(self, copy: object) -> Callable[[object], None]:
        def settled(_: object) -> None:
            self._waiting.pop(copy, None)

        return settled

    def _taken_failures(self) -> list[tuple[str, BaseException]]:
        failures: list[tuple[str, BaseException]] = []
        while self._failures:
            failures.append(self._failures.popleft())
        return failures


def _explained(error: KafkaError, topic: str) -> KafkaError:
    if isinstance(error, KafkaTimeoutError | UnknownTopicOrPartitionError):
        return KafkaTimeoutError(
            f"no metadata of {topic}: check that the brokers answer and that the topic is there "
            "(`wayfold topics create`)"
        )
    return error


def _said(cause: BaseException) -> str:
    return str(cause) or type(cause).__name__
