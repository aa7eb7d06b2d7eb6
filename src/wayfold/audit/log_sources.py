"""Where the audit reads the event log: the embedded host's directory, or Kafka's topics."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from kafka import KafkaConsumer, TopicPartition

from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.kafka.clients import blocking_client_options
from wayfold.agents.kafka.topics import partition_count, topic_name
from wayfold.audit.live import AuditImpossibleError, Offsets
from wayfold.models.record import Record
from wayfold.settings import KafkaSettings

READ_RECORDS: Final = 5_000
POLL_MS: Final = 500
FETCH_WAIT_MS: Final = 10
"""How long a broker waits for records to come at the end of a partition, which nobody needs.

Until it answers, the client asks it for no other partition.
"""
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
        """Give every record below `ends`, those of each topic partition in the order of their offsets.

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
        """Give every record below `ends`, one topic partition after another; see `EventLog.read`."""
        consumer = KafkaConsumer(
            **blocking_client_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_poll_records=READ_RECORDS,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        with closing(consumer):
            parts = [
                (number, kind, end)
                for number, row in sorted(ends.items())
                for kind, end in sorted(row.items())
                if end
            ]
            for number, kind, end in parts:
                self._require_all(consumer, kind, number, end)
            for number, kind, end in parts:
                for record in self._records(consumer, kind, number, end):
                    yield number, kind, record

    def _place(self, kind: str, number: int) -> TopicPartition:
        return TopicPartition(topic_name(self._settings.topic_prefix, kind), number)

    def _require_all(self, consumer: KafkaConsumer, kind: str, number: int, end: int) -> None:
        """Raise when records of a partition below the end are gone."""
        place = self._place(kind, number)
        begin = consumer.beginning_offsets([place])[place]
        upcoming = consumer.end_offsets([place])[place]
        _require_all(f"the topic {place.topic}", kind, number, begin)
        if upcoming < end:
            raise AuditImpossibleError(
                f"the topic {place.topic} ends at offset {upcoming} of partition {number} "
                f"and {end} were counted: it was made again since; {RECOUNT_ADVICE}"
            )

    def _records(self, consumer: KafkaConsumer, kind: str, number: int, end: int) -> Iterator[Record]:
        """Give the records of a partition below the end; no other partition can be read meanwhile."""
        place = self._place(kind, number)
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        quiet_polls = 0
        while (position := consumer.position(place)) < end:
            if quiet_polls == QUIET_POLLS:
                raise AuditImpossibleError(
                    f"Kafka gives no records of {place.topic}, partition {number}, from offset {position} "
                    "on; see that its brokers run, then audit again"
                )
            records = consumer.poll(timeout_ms=POLL_MS).get(place, ())
            quiet_polls = 0 if records else quiet_polls + 1
            for record in records:
                if record.offset < end:
                    yield record


def _require_all(where: str, kind: str, number: int, first: int) -> None:
    if first > 0:
        raise AuditImpossibleError(
            f"{where} begins at offset {first} of {kind}, partition {number}: retention has cut off what "
            f"came before, and {RECOUNT_ADVICE}. Keep the log for ever (a topic's retention.ms=-1) "
            "to be able to audit it"
        )
