"""Kafka and Redis in Docker, for machines where an engine runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from local_services import wait_until
from local_services.install import kafka_version
from local_services.kafka import broker_answers
from local_services.process import free_port

KAFKA_IMAGE = f"apache/kafka:{kafka_version()}"
REDIS_IMAGE = "redis:7.0.15"
ENGINE_SOCKET = Path("/var/run/docker.sock")
START_SECONDS = 60.0


def engine_answers() -> bool:
    """Whether a Docker engine can be talked to (the client alone is not enough)."""
    if "DOCKER_HOST" not in os.environ and not ENGINE_SOCKET.exists():
        return False
    import docker

    try:
        client = docker.from_env(timeout=5)
    except docker.errors.DockerException:
        return False
    with client:
        try:
            return bool(client.ping())
        except (docker.errors.DockerException, OSError):
            return False


@contextmanager
def kafka_container() -> Iterator[str]:
    """A broker of the same version and settings as the local one; gives its bootstrap servers."""
    from testcontainers.core.container import DockerContainer

    port = free_port()
    listeners = {"PLAINTEXT": "0.0.0.0:9092", "CONTROLLER": "0.0.0.0:9093"}
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": ",".join(f"{name}://{address}" for name, address in listeners.items()),
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_LOG_RETENTION_MS": "-1",
        "KAFKA_NUM_PARTITIONS": "4",
    }
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    for name, value in settings.items():
        container = container.with_env(name, value)
    with container:
        answers = partial(broker_answers, "127.0.0.1", port)
        wait_until(answers, seconds=START_SECONDS, what=f"Kafka in Docker ({KAFKA_IMAGE}) answers")
        yield f"127.0.0.1:{port}"


@contextmanager
def redis_container() -> Iterator[str]:
    """A redis-server of Debian's version; gives its URL."""
    from testcontainers.redis import RedisContainer

    with RedisContainer(REDIS_IMAGE) as container:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
