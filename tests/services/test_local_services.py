"""The servers that tests and benchmarks start: found, killed, back again."""

from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from redis import Redis

from local_services import LocalKafka, LocalRedis, ServiceError, redis


def test_the_shared_broker_stores_a_record(kafka: str, topic_prefix: str) -> None:
    """A topic can be created on the shared broker and a record comes back from it byte for byte."""
    topic = f"{topic_prefix}.entries"
    with KafkaAdminClient(bootstrap_servers=kafka) as admin:
        admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    _send(kafka, topic, b"\x00one")
    assert _read(kafka, topic, 1) == [b"\x00one"]


def test_the_shared_redis_keeps_a_value(redis_url: str, topic_prefix: str) -> None:
    """The shared Redis keeps what is written under a test's own prefix."""
    with Redis.from_url(redis_url) as client:
        client.set(f"{topic_prefix}:greeting", "hello", ex=60)
        assert client.get(f"{topic_prefix}:greeting") == b"hello"


def test_a_killed_broker_comes_back_with_its_data(local_kafka: LocalKafka) -> None:
    """After a kill -9 the broker serves the same records on the same port and takes new ones."""
    address = local_kafka.bootstrap_servers
    with KafkaAdminClient(bootstrap_servers=address) as admin:
        admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    _send(address, "kept", b"before")
    local_kafka.kill()
    assert not local_kafka.is_running
    local_kafka.start()
    _send(address, "kept", b"after")
    assert local_kafka.bootstrap_servers == address
    assert _read(address, "kept", 2) == [b"before", b"after"]


def test_a_restarted_redis_is_empty_unless_told_otherwise(local_redis: LocalRedis, tmp_path: Path) -> None:
    """By default a restart loses everything; with an append-only file nothing is lost, even by a kill."""
    with Redis.from_url(local_redis.url) as client:
        client.set("key", "value")
        local_redis.restart()
        assert client.get("key") is None
    options = {"appendonly": "yes", "appendfsync": "always"}
    with LocalRedis(tmp_path, options=options) as durable, Redis.from_url(durable.url) as client:
        client.set("key", "value")
        durable.kill()
        durable.start()
        assert client.get("key") == b"value"


def test_a_paused_redis_answers_again_when_it_goes_on(
    local_redis: LocalRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A paused server lives but does not answer; resumed, it answers with what it had."""
    monkeypatch.setattr(redis, "REPLY_SECONDS", 0.2)
    with Redis.from_url(local_redis.url) as client:
        client.set("key", "value")
        local_redis.pause()
        assert local_redis.is_running
        with pytest.raises(TimeoutError):
            local_redis.answers()
        local_redis.resume()
        assert client.get("key") == b"value"


def test_a_taken_port_is_told(local_redis: LocalRedis) -> None:
    """Starting on a port in use is refused, saying what to do, and leaves the other server alone."""
    second = LocalRedis(port=local_redis.port)
    told = f"Port {local_redis.port} .* is taken: stop what uses it"
    with pytest.raises(ServiceError, match=told), second:
        pass
    assert not second.folder.exists()
    assert local_redis.answers()


def test_a_server_that_ends_at_once_shows_its_log() -> None:
    """A server that refuses its settings raises an error that holds the reason from its log."""
    told = "Bad directive or wrong number of arguments"
    with pytest.raises(ServiceError, match=told), LocalRedis(options={"no-such-setting": "1"}):
        pass


def _send(bootstrap_servers: str, topic: str, value: bytes) -> None:
    with KafkaProducer(bootstrap_servers=bootstrap_servers) as producer:
        producer.send(topic, value, partition=0).get(timeout=30)


def _read(bootstrap_servers: str, topic: str, count: int) -> list[bytes]:
    with KafkaConsumer(bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        values: list[bytes] = []
        while len(values) < count:
            for records in consumer.poll(timeout_ms=10_000).values():
                values.extend(record.value for record in records)
        return values
