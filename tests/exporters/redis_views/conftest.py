"""A Redis that these tests may flush, shared by them and started once."""

from collections.abc import Iterator

import pytest
from redis import Redis

from local_services import LocalRedis, ServiceError
from wayfold.exporters.redis_views import care_loop, loop


@pytest.fixture(scope="package")
def own_redis_url() -> Iterator[str]:
    """URL of a redis-server that only these tests use."""
    try:
        with LocalRedis() as server:
            yield server.url
    except ServiceError as error:
        pytest.skip(f"no real server to test with: {error}")


@pytest.fixture
def redis(own_redis_url: str) -> Iterator[Redis]:
    """A client of an empty Redis."""
    with Redis.from_url(own_redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture(autouse=True)
def quick_verification(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verify ten times a second, and whole keys as often, so that tests need not wait."""
    monkeypatch.setattr(care_loop, "VERIFY_INTERVAL_S", 0.1)
    monkeypatch.setattr(care_loop, "DEEP_VERIFY_INTERVAL_S", 0.1)
    monkeypatch.setattr(loop, "MOST_BACKOFF_S", 0.2)
