"""Where the event topics begin and end."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from wayfold.agents.kafka.clients import blocking_client_options
from wayfold.agents.kafka.topics import event_topics, partition_count, topic_kind
from wayfold.settings import KafkaSettings

Place = tuple[int, str]
"""A partition of a topic kind."""
ISOLATION: Final = "read_committed"


class Bounds(NamedTuple):
    """By place, the offset of the first record that is there, and of the next one to come."""

    begins: Mapping[Place, int]
    ends: Mapping[Place, int]


class TopicBounds:
    """Asks Kafka; not for use from several threads at once.

    Raises `TopicsError` and `BrokerUnreachableError` when the topics cannot be used.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._prefix = settings.topic_prefix
        partitions = range(partition_count(settings))
        self._places = [
            TopicPartition(topic, number) for topic in event_topics(self._prefix) for number in partitions
        ]
        self._consumer = KafkaConsumer(
            **blocking_client_options(settings),
            group_id=None,
            enable_auto_commit=False,
            isolation_level=ISOLATION,
        )

    def read(self) -> Bounds:
        """Give where the topics begin and end now; raises kafka's `KafkaError`."""
        return Bounds(
            self._by_place(self._consumer.beginning_offsets(self._places)),
            self._by_place(self._consumer.end_offsets(self._places)),
        )

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def _by_place(self, found: Mapping[TopicPartition, int]) -> dict[Place, int]:
        return {(at.partition, topic_kind(self._prefix, at.topic)): offset for at, offset in found.items()}
