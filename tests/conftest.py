"""Fixtures for every test: real Kafka and Redis, found or started, and names that nobody else uses."""

import os
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from local_services import LocalKafka, LocalRedis, ServiceError
from tests.services.containers import engine_answers, kafka_container, redis_container
from tests.services.shared import VARIABLE, served, shared_address

SERVICE_FIXTURES = {"kafka", "redis_url", "local_kafka", "local_redis"}
WITH_SHARED_SERVERS = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Be ready to start servers for the processes that run the tests, when there are several."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        stack = config.stash[WITH_SHARED_SERVERS] = ExitStack()
        stack.enter_context(served({"kafka": _kafka, "redis": _redis}))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the servers of the run."""
    if stack := config.stash.get(WITH_SHARED_SERVERS, None):
        stack.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever uses a real server, so that `-m "not services"` leaves exactly the others.

    Those come first: they wait much, and what is quick fills the time that is left at the end.
    """
    for item in items:
        if isinstance(item, pytest.Function) and SERVICE_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.services)
    items.sort(key=lambda item: item.get_closest_marker("services") is None)


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
    with _shared("kafka", _kafka) as bootstrap_servers:
        yield bootstrap_servers


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of a real Redis, shared by the whole run: use `topic_prefix` for every key, and never flush it."""
    with _shared("redis", _redis) as url:
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
def _shared(name: str, start: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """The server of the run; where one process runs all tests it is that process's own."""
    with ExitStack() as stack:
        with _needed_here():
            address = shared_address(name) if VARIABLE in os.environ else stack.enter_context(start())
        yield address


@contextmanager
def _kafka() -> Iterator[str]:
    """The broker that the environment names, else one in Docker, else one started on this machine."""
    if named := os.environ.get("WAYFOLD_TEST_KAFKA"):
        yield named
    elif engine_answers():
        with kafka_container() as bootstrap_servers:
            yield bootstrap_servers
    else:
        with LocalKafka() as server:
            yield server.bootstrap_servers


@contextmanager
def _redis() -> Iterator[str]:
    """The Redis that the environment names, else one in Docker, else one started on this machine."""
    if named := os.environ.get("WAYFOLD_TEST_REDIS"):
        yield named
    elif engine_answers():
        with redis_container() as url:
            yield url
    else:
        with LocalRedis() as server:
            yield server.url


@contextmanager
def _needed_here() -> Iterator[None]:
    """Skip, with the reason, what needs a server that cannot be had."""
    try:
        yield
    except ServiceError as error:
        pytest.skip(f"no real server to test with: {error}")
