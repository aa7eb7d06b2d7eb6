"""Fixtures for every test: real Kafka and Redis, found or started, and names that nobody else uses."""

import os
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from local_services import LocalKafka, LocalRedis, ServiceError
from tests.services.containers import engine_answers, kafka_container, redis_container

SERVICE_FIXTURES = {"kafka", "redis_url", "local_kafka", "local_redis"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever uses a real server, so that `-m "not services"` leaves exactly the others."""
    for item in items:
        if isinstance(item, pytest.Function) and SERVICE_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.services)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed in CI: a machine that lacks something must not look like a success."""
    report = yield
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and os.environ.get("CI", "").lower() in {"1", "true"}
    ):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CI skips nothing, but this test would be skipped: {reason}"
    return report


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of a real Kafka, shared by the whole run: use `topic_prefix` for every name."""
    with _server("WAYFOLD_TEST_KAFKA", kafka_container, _started_kafka) as bootstrap_servers:
        yield bootstrap_servers


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a real Redis, shared by the whole run: use `topic_prefix` for every key, and never flush it."""
    with _server("WAYFOLD_TEST_REDIS", redis_container, _started_redis) as url:
        yield url


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics, keys and consumer groups that no other test has."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def local_kafka() -> Iterator[LocalKafka]:
    """A broker of one's own, to kill(), restart() and pause(); takes about four seconds."""
    with _needed_here(), LocalKafka() as server:
        yield server


@pytest.fixture
def local_redis() -> Iterator[LocalRedis]:
    """A redis-server of one's own, to kill(), restart(), pause() and flush."""
    with _needed_here(), LocalRedis() as server:
        yield server


@contextmanager
def _server(
    variable: str,
    in_docker: Callable[[], AbstractContextManager[str]],
    started_here: Callable[[], AbstractContextManager[str]],
) -> Iterator[str]:
    """The server that the environment names, else one in Docker, else one started on this machine."""
    named = os.environ.get(variable)
    if named:
        yield named
        return
    source = in_docker if engine_answers() else started_here
    with _needed_here(), source() as address:
        yield address


@contextmanager
def _started_kafka() -> Iterator[str]:
    with LocalKafka() as server:
        yield server.bootstrap_servers


@contextmanager
def _started_redis() -> Iterator[str]:
    with LocalRedis() as server:
        yield server.url


@contextmanager
def _needed_here() -> Iterator[None]:
    """Skip, with the reason, what needs a server that cannot be had."""
    try:
        yield
    except ServiceError as error:
        pytest.skip(f"no real server to test with: {error}")
