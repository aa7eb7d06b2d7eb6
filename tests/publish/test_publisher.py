"""The publishing client against a real Kafka: keyed right, acknowledged, and clear about what went wrong."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError, UnknownError
from kafka.future import Future

from wayfold.agents.kafka.topics import ensure_topics, topic_name
from wayfold.models.decode import decode_event
from wayfold.models.definition_file import parse_definition
from wayfold.models.events import Event
from wayfold.models.partitioner import PARTITIONERS, Partitioner
from wayfold.publish import (
    GoalReached,
    InvalidEventError,
    JourneyDefined,
    JourneyEntered,
    JourneyStatus,
    MessageSent,
    Publisher,
    PublishError,
    UserErased,
    amount,
)
from wayfold.publish import publisher as publish
from wayfold.settings import KafkaSettings

PARTITIONS = 4
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def read(kafka: str, topic_prefix: str) -> Callable[[str], list[tuple[int, bytes | None, Event]]]:
    """The topics, and a reader of one kind: (partition, key, event) of each record."""
    ensure_topics(
        KafkaSettings(bootstrap_servers=kafka, topic_prefix=topic_prefix, topic_partitions=PARTITIONS)
    )

    def read(kind: str) -> list[tuple[int, bytes | None, Event]]:
        consumer = KafkaConsumer(bootstrap_servers=kafka, group_id=None)
        try:
            places = [TopicPartition(topic_name(topic_prefix, kind), number) for number in range(PARTITIONS)]
            consumer.assign(places)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(places)
            found = []
            while any(consumer.position(place) < end for place, end in ends.items()):
                for place, records in consumer.poll(500).items():
                    for record in records:
                        event = decode_event(kind, record.value, record.headers)
                        assert isinstance(event, Event)
                        found.append((place.partition, record.key, event))
            return found
        finally:
            consumer.close()

    return read


def entered(number: int) -> JourneyEntered:
    return JourneyEntered(
        event_id=f"e-{number}",
        occurred_at=NOW,
        user_id=f"user-{number}",
        journey_id="welcome",
        journey_version=1,
        entry_id=f"n-{number}",
    )


@pytest.mark.parametrize("partitioner", ["murmur2", "crc32"])
def test_events_are_published_to_their_users_partition(
    kafka: str,
    topic_prefix: str,
    read: Callable[[str], list[tuple[int, bytes | None, Event]]],
    partitioner: Partitioner,
) -> None:
    """Everything published in the block is acknowledged behind it, keyed by the user, as it was built."""
    events = [entered(number) for number in range(100)]
    with Publisher(kafka, topic_prefix=topic_prefix, partitioner=partitioner) as publisher:
        for event in events:
            publisher.publish(event)
    found = read("entries")
    by_id = {each.event_id: each for _, _, each in found}
    assert by_id == {each.event_id: each for each in events}
    for partition, key, each in found:
        assert key == getattr(each, "user_id", "").encode()
        assert partition == PARTITIONERS[partitioner](key or b"", PARTITIONS)


def test_money_arrives_exactly_and_waiting_for_one_event_works(
    kafka: str, topic_prefix: str, read: Callable[[str], list[tuple[int, bytes | None, Event]]]
) -> None:
    """`amount` keeps decimals exact; `wait` returns when the event is durable."""
    goal = GoalReached(
        event_id="g",
        occurred_at=NOW,
        user_id="ada",
        name="purchase_completed",
        value=amount("0.1"),
        currency="EUR",
        properties={"source": "cart"},
    )
    publisher = Publisher(kafka, topic_prefix=topic_prefix)
    try:
        publisher.publish(goal).wait(10)
        assert [event for _, _, event in read("conversions")] == [goal]
    finally:
        publisher.close()


def test_definitions_and_statuses_go_to_every_partition(
    kafka: str, topic_prefix: str, read: Callable[[str], list[tuple[int, bytes | None, Event]]]
) -> None:
    """What a service says of a journey reaches all partitions, what it asks for a person that person's."""
    definition = parse_definition("{journey_id: welcome, journey_version: 1, name: Welcome, steps: []}")
    paused = JourneyStatus(event_id="s", occurred_at=NOW, journey_id="welcome", status="paused")
    erased = UserErased(event_id="e", occurred_at=NOW, user_id="ada", mode="anonymise")
    with Publisher(kafka, topic_prefix=topic_prefix) as publisher:
        publisher.publish(JourneyDefined(event_id="d", occurred_at=NOW, definition=definition))
        publisher.publish(paused)
        publisher.publish(erased)
    found = read("definitions")
    for event_id in ("d", "s"):
        places = sorted(partition for partition, _, event in found if event.event_id == event_id)
        assert places == list(range(PARTITIONS))
    assert [event for partition, _, event in found if event.event_id == "s"] == [paused] * PARTITIONS
    assert read("users") == [(PARTITIONERS["murmur2"](b"ada", PARTITIONS), b"ada", erased)]


def test_an_event_that_would_be_refused_is_not_sent(
    kafka: str, topic_prefix: str, read: Callable[[str], list[tuple[int, bytes | None, Event]]]
) -> None:
    """The error names the field and the fix, and nothing reaches the log."""
    wrong = MessageSent(
        event_id="e", occurred_at=NOW, user_id="ada", message_id="m", channel="E-Mail", cost=amount("1")
    )
    with (
        Publisher(kafka, topic_prefix=topic_prefix) as publisher,
        pytest.raises(InvalidEventError, match="channel"),
    ):
        publisher.publish(wrong)
    assert read("messages") == []


def test_a_missing_topic_says_what_to_do(kafka: str, topic_prefix: str) -> None:
    """Topics are never created by a publisher, because they would have the wrong number of partitions."""
    publisher = Publisher(kafka, topic_prefix=f"{topic_prefix}-none", max_block_ms=500)
    try:
        with pytest.raises(PublishError, match="wayfold topics create") as caught:
            publisher.publish(entered(1))
        assert caught.value.event_ids == ["e-1"]
    finally:
        publisher.close()


def test_a_broker_that_is_away_is_a_clear_error() -> None:
    """A publisher that reaches nobody says so when it is made."""
    started = time.monotonic()
    with pytest.raises(
        PublishError, match=r"No event was taken: .*127.*Check the brokers' addresses"
    ) as caught:
        Publisher("127.0.0.1:9", bootstrap_timeout_ms=300)
    assert caught.value.event_ids == []
    assert time.monotonic() - started < 10


class AwayProducer:
    """A Kafka client whose brokers went away after the first event."""

    def __init__(self, **_: object) -> None:
        self.copies: list[Future] = []

    def partitions_for(self, _: str) -> set[int]:
        return {0}

    def send(self, *_: object, **__: object) -> Future:
        self.copies.append(Future())
        if len(self.copies) == 1:
            self.copies[0].success(None)
        return self.copies[-1]

    def flush(self, _: float) -> None:
        raise KafkaTimeoutError("no answer")

    def close(self, *_: float) -> None:
        pass


def test_events_that_still_wait_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flush that takes too long names the events to publish again, and none that was acknowledged."""
    monkeypatch.setattr(publish, "KafkaProducer", AwayProducer)
    publisher = Publisher("127.0.0.1:9")
    for number in range(3):
        publisher.publish(entered(number))
    with pytest.raises(PublishError, match="2 events were not acknowledged") as caught:
        publisher.flush()
    assert caught.value.event_ids == ["e-1", "e-2"]


def test_an_event_that_finds_no_broker_any_more_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the connection has to be made anew and cannot be, the error has the event's own id."""
    monkeypatch.setattr(publish, "KafkaProducer", AwayProducer)
    publisher = Publisher("127.0.0.1:9")
    publisher.publish(entered(0))
    publisher.publish(entered(1))._copies[0].failure(UnknownError("lost"))

    def away(**_: object) -> None:
        raise KafkaTimeoutError

    monkeypatch.setattr(publish, "KafkaProducer", away)
    with pytest.raises(PublishError) as caught:
        publisher.publish(entered(2))
    assert caught.value.event_ids == ["e-2"]


def test_what_the_broker_does_not_take_is_named_by_flush(
    kafka: str, topic_prefix: str, read: Callable[[str], list[tuple[int, bytes | None, Event]]]
) -> None:
    """A failure that comes after `publish` is told by `flush`, by its ids, and what follows still works."""
    too_large = GoalReached(
        event_id="g", occurred_at=NOW, user_id="ada", name="n", properties={"x": "a" * 1_048_430}
    )
    publisher = Publisher(kafka, topic_prefix=topic_prefix, max_request_size=8 << 20)
    try:
        publisher.publish(too_large)
        with pytest.raises(PublishError, match="1 events were not acknowledged") as caught:
            publisher.flush()
        assert caught.value.event_ids == ["g"]
        publisher.publish(entered(1))
        publisher.flush()
    finally:
        publisher.close()
    assert len(read("entries")) == 1
    assert read("conversions") == []
