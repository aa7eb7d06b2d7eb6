"""The Kafka topics: their names, their creation, and the check that they fit together.

All topics have the same number of partitions and are keyed by user, so that everything about a user lies
in the same partition number everywhere. Numbers are only right while that holds, so it is checked before
a worker starts, and again whenever the brokers say something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from wayfold.agents.kafka.clients import blocking_client_options
from wayfold.agents.sink import EVENT_KINDS
from wayfold.models.control import CONTROL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wayfold.settings import KafkaSettings

DEAD_LETTERS = "dead-letters"
TIMESTAMP_TYPE = "message.timestamp.type"
LOG_TIME = "LogAppendTime"
"""The time of a record is that at which Kafka took it, whatever the publisher's clock says."""

NO_ID = str(UUID(int=0))
"""What brokers tell that know no ids of topics."""
TIMEOUT_MS = 60_000
LETTER_LIMIT_BYTES = 64 * 1024 * 1024


class TopicsError(Exception):
    """Topics that cannot be folded as they are; the message says which and what to do."""


class BrokerUnreachableError(Exception):
    """No broker answered; the message says which addresses were tried."""


def topic_name(prefix: str, kind: str) -> str:
    """Name the topic of a kind: `wayfold.entries`."""
    return f"{prefix}.{kind}"


def topic_kind(prefix: str, topic: str) -> str:
    """Give the kind of a topic that `topic_name` named."""
    return topic.removeprefix(f"{prefix}.")


def event_topics(prefix: str) -> list[str]:
    """Name every topic that is folded."""
    return [topic_name(prefix, kind) for kind in EVENT_KINDS]


def all_topics(prefix: str) -> list[str]:
    """Name every topic that a worker needs: the event topics, the dead letters and the control topic."""
    return [*event_topics(prefix), topic_name(prefix, DEAD_LETTERS), topic_name(prefix, CONTROL)]


def check_counts(counts: Mapping[str, int], prefix: str) -> int:
    """Return the number of partitions that all event topics have.

    `counts` is the number of partitions by topic name. Raises `TopicsError` when a topic is missing or
    the numbers differ.
    """
    missing = [topic for topic in event_topics(prefix) if not counts.get(topic)]
    if missing:
        raise _missing(missing)
    return _equal_count({topic: counts[topic] for topic in event_topics(prefix)})


class TopicSet(msgspec.Struct, frozen=True):
    """The event topics as Kafka has them: how many partitions each has, and Kafka's own id of each."""

    partitions: int
    topic_ids: dict[str, str]

    @property
    def ids_by_kind(self) -> dict[str, str]:
        """Kafka's id of each event topic, by topic kind."""
        return {name.rpartition(".")[2]: topic_id for name, topic_id in self.topic_ids.items()}


def find_topics(settings: KafkaSettings) -> TopicSet:
    """Ask Kafka for the topics and check that nothing is missing and that they fit together.

    Raises `TopicsError` and `BrokerUnreachableError`.
    """
    prefix = settings.topic_prefix
    with admin(settings) as client:
        described = _described(client, prefix)
    missing = [topic for topic in all_topics(prefix) if topic not in described]
    if missing:
        raise _missing(missing)
    counts = {name: len(topic["partitions"]) for name, topic in described.items()}
    partitions = check_counts(counts, prefix)
    control = topic_name(prefix, CONTROL)
    if counts[control] != 1:
        raise TopicsError(
            f"The topic {control} has {counts[control]} partitions and must have one, because its events are "
            "read in their order. Delete it and create it with `wayfold topics create`; what was decided in "
            "it (skipped records) has to be decided again."
        )
    topic_ids = {topic: str(described[topic].get("topic_id", NO_ID)) for topic in event_topics(prefix)}
    if NO_ID in topic_ids.values():
        raise TopicsError(
            "The brokers do not tell the ids of topics, by which one that was deleted and created again is "
            "known. Use brokers of Kafka 2.8 or later."
        )
    return TopicSet(partitions, topic_ids)


def partition_count(settings: KafkaSettings) -> int:
    """Return the partition count of the event topics; raises as `find_topics` does."""
    return find_topics(settings).partitions


def ensure_topics(settings: KafkaSettings) -> list[str]:
    """Create the topics that are missing and return their names.

    New event topics get the partition count of those that exist, or `topic_partitions` when there are
    none. Raises `TopicsError` when those that exist do not fit together, and `BrokerUnreachableError`.
    """
    prefix = settings.topic_prefix
    with admin(settings) as client:
        counts = {name: len(topic["partitions"]) for name, topic in _described(client, prefix).items()}
        existing = {topic: counts[topic] for topic in event_topics(prefix) if topic in counts}
        partitions = _equal_count(existing) if existing else settings.topic_partitions
        missing = [topic for topic in all_topics(prefix) if topic not in counts]
        if missing:
            _create(client, [_new_topic(topic, partitions, settings) for topic in missing])
            client.wait_for_topics(missing, timeout_ms=TIMEOUT_MS)
    return missing


def _create(client: KafkaAdminClient, topics: Sequence[NewTopic]) -> None:
    answer: Mapping[str, Any] = client.create_topics(topics, timeout_ms=TIMEOUT_MS, raise_errors=False)
    refused = [
        f"{topic['name']}: {topic['error_message']}"
        for topic in answer["topics"]
        # Another worker may be creating them at this moment; whoever comes second finds them there.
        if topic["error_code"] not in (0, TopicAlreadyExistsError.errno)
    ]
    if refused:
        raise TopicsError(f"Kafka does not create the topics: {'; '.join(refused)}")


@contextmanager
def admin(settings: KafkaSettings) -> Iterator[KafkaAdminClient]:
    """Open an admin client; raises `BrokerUnreachableError` when no broker answers."""
    try:
        client = KafkaAdminClient(**blocking_client_options(settings))
    except KafkaError as error:
        raise BrokerUnreachableError(
            f"No Kafka broker answered at {settings.bootstrap_servers} ({settings.security_protocol}): "
            f"{error}. Check kafka.bootstrap_servers, kafka.security_protocol and that the brokers run."
        ) from error
    try:
        yield client
    finally:
        client.close()


def _described(client: KafkaAdminClient, prefix: str) -> dict[str, Mapping[str, Any]]:
    described: Sequence[Mapping[str, Any]] = client.describe_topics(all_topics(prefix))
    return {str(topic["name"]): topic for topic in described if topic["partitions"]}


def _equal_count(counts: Mapping[str, int]) -> int:
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{topic} has {count}" for topic, count in counts.items())
        raise TopicsError(
            f"The event topics have unequal partition counts: {listed}. A user's events would lie in "
            "different partitions and be counted wrong. Create topics with one count for all under another "
            "kafka.topic_prefix, and publish or replay the events into them; adding partitions to these "
            "would not move the records that are there."
        )
    return next(iter(counts.values()))


def _missing(topics: Sequence[str]) -> TopicsError:
    return TopicsError(
        f"Kafka has no topic {', '.join(topics)}. Create what is missing with `wayfold topics create`, or "
        "set kafka.topic_prefix to the prefix of the topics that there are."
    )


def _new_topic(name: str, partitions: int, settings: KafkaSettings) -> NewTopic:
    configs = {"retention.ms": str(settings.topic_retention_ms), TIMESTAMP_TYPE: LOG_TIME}
    if name == topic_name(settings.topic_prefix, DEAD_LETTERS):
        # Letters wait for a person, and each is larger than the record that it keeps.
        configs = {"retention.ms": "-1", "max.message.bytes": str(LETTER_LIMIT_BYTES)}
        partitions = 1
    if name == topic_name(settings.topic_prefix, CONTROL):
        # What was decided holds until it is taken back, and is read whole: of each key the latest is enough.
        configs = {"retention.ms": "-1", "cleanup.policy": "compact"}
        partitions = 1
    return NewTopic(
        name=name,
        num_partitions=partitions,
        replication_factor=settings.topic_replication_factor,
        topic_configs=configs,
    )
