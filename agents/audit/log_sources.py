"""Where the audit reads the event log: the embedded host's directory, or Kafka's topics."""

from collections import deque
from collections.abc import Iterator, Sequence
from heapq import merge
from pathlib import Path
from typing import Any, Final, Protocol

from kafka import KafkaConsumer, TopicPartition

from wayfold.agents.audit.live import AuditImpossibleError, Offsets
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.kafka_clients import client_options
from wayfold.agents.sink import EVENT_KINDS
from wayfold.agents.topics import partition_count, topic_name
from wayfold.models.record import Record
from wayfold.settings import KafkaSettings
from wayfold.state.partition import FOLD_ORDER

READ_RECORDS: Final = 5_000
POLL_MS: Final = 500
QUIET_POLLS: Final = 120
"""Polls in a row without a record after which the brokers are taken to have no more."""

Entry = tuple[int, str, Record]
"""A record of the log: its partition, its topic kind, itself."""

RECOUNT_ADVICE: Final = "numbers can only be recomputed from a whole log"


class EventLog(Protocol):
    """A log with the same partitions in every topic kind."""

    @property
    def partitions(self) -> int:
        """How many partitions every topic kind has."""

    def read(self, ends: Offsets) -> Iterator[Entry]:
        """Give every record below `ends`, within each partition in the order in which the log took them.

        Raises `AuditImpossibleError` when records are gone.
        """


class LocalLog:
    """The log of an embedded host, which may be running. Raises `LogUnusableError` when there is none."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.partitions = DurableLog.open_to_read(directory).partitions

    def read(self, ends: Offsets) -> Iterator[Entry]:
        """Give every record below `ends`; see `EventLog.read`."""
        # What the host has counted is durable by now, and may not have been when this object was made.
        log = DurableLog.open_to_read(self._directory)
        upcoming, first = log.next_offsets(), log.first_offsets()
        for number, row in ends.items():
            for kind, end in row.items():
                _require_all(str(self._directory), kind, number, first[kind, number])
                if end > upcoming.get((kind, number), 0):
                    raise AuditImpossibleError(
                        f"{self._directory} ends before what the host has counted ({kind}, partition "
                        f"{number}, offset {end}); name the directory of this host with --data"
                    )
        cursor = log.cursor({})
        try:
            while parts := cursor.next(READ_RECORDS):
                for part in parts:
                    end = ends[part.partition].get(part.kind, 0)
                    for record in part.records:
                        if record.offset < end:
                            yield part.partition, part.kind, record
        finally:
            cursor.close()


class KafkaLog:
    """The event topics. Raises `TopicsError` or `BrokerUnreachableError` when they cannot be used."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self.partitions = partition_count(settings)

    def read(self, ends: Offsets) -> Iterator[Entry]:
        """Give every record below `ends`, partition by partition; see `EventLog.read`.

        Between topics the order is that of the records' timestamps.
        """
        consumer = KafkaConsumer(
            **client_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        try:
            for number in sorted(ends):
                yield from _PartitionOfTopics(consumer, self._settings.topic_prefix, number, ends[number])
        finally:
            consumer.close()


class _PartitionOfTopics:
    """One partition number of all topics, merged by the time at which the log took the records."""

    def __init__(self, consumer: Any, prefix: str, number: int, ends: Any) -> None:
        self._consumer = consumer
        self._number = number
        self._places = {kind: TopicPartition(topic_name(prefix, kind), number) for kind in EVENT_KINDS}
        self._ends = {self._places[kind]: end for kind, end in ends.items() if end}
        self._waiting: dict[Any, deque[Record]] = {place: deque() for place in self._ends}

    def __iter__(self) -> Iterator[Entry]:
        if not self._ends:
            return
        for kind, place in self._places.items():
            if place in self._ends:
                self._require_all(kind, place)
        self._consumer.assign(list(self._ends))
        self._consumer.seek_to_beginning(*self._ends)
        kinds = [kind for kind in FOLD_ORDER if self._places[kind] in self._ends]
        for _, _, kind, record in merge(*(self._timed(kind) for kind in kinds), key=lambda row: row[:2]):
            yield self._number, kind, record

    def _require_all(self, kind: str, place: Any) -> None:
        """Raise when records below the end are gone."""
        # One place at a time: of several, kafka-python forgets those whose topic it has not heard of yet.
        begin = self._consumer.beginning_offsets([place])[place]
        upcoming = self._consumer.end_offsets([place])[place]
        _require_all(f"the topic {place.topic}", kind, self._number, begin)
        if upcoming < self._ends[place]:
            raise AuditImpossibleError(
                f"the topic {place.topic} ends at offset {upcoming} of partition {self._number} "
                f"and {self._ends[place]} were counted: it was made again since; {RECOUNT_ADVICE}"
            )

    def _timed(self, kind: str) -> Iterator[tuple[int, int, str, Record]]:
        place, rank = self._places[kind], FOLD_ORDER.index(kind)
        while True:
            waiting = self._waiting[place]
            while waiting:
                record = waiting.popleft()
                yield record.timestamp, rank, kind, record
            if self._consumer.position(place) >= self._ends[place]:
                return
            self._fill(place)

    def _fill(self, wanted: Any) -> None:
        """Poll until there is a record of the wanted topic, or its end; others wait while they have many."""
        for _ in range(QUIET_POLLS):
            full = [place for place, waiting in self._waiting.items() if len(waiting) >= READ_RECORDS]
            self._consumer.pause(*full)
            found = self._consumer.poll(timeout_ms=POLL_MS)
            self._consumer.resume(*full)
            for place, records in found.items():
                self._take(place, records)
            if self._waiting[wanted] or self._consumer.position(wanted) >= self._ends[wanted]:
                return
        raise AuditImpossibleError(
            f"Kafka gives no records of {wanted.topic}, partition {self._number}, from offset "
            f"{self._consumer.position(wanted)} on; see that its brokers run, then audit again"
        )

    def _take(self, place: Any, records: Sequence[Record]) -> None:
        end = self._ends[place]
        self._waiting[place].extend(record for record in records if record.offset < end)


def _require_all(where: str, kind: str, number: int, first: int) -> None:
    if first > 0:
        raise AuditImpossibleError(
            f"{where} begins at offset {first} of {kind}, partition {number}: retention has cut off what "
            f"came before, and {RECOUNT_ADVICE}. Keep the log for ever (a topic's retention.ms=-1) "
            "to be able to audit it"
        )
