"""Definitions through Redis: as they were published, whatever an earlier release left there."""

import json
from typing import Any

import msgspec
import pytest
from redis import Redis

from tests.exporters.redis_views.fakes import FakeOpened
from tests.state.reading.test_definitions import FILTER, FULL
from tests.state.test_partition import entered, fold, opened
from wayfold.exporters.redis_views import RedisViews
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.settings import RedisSettings
from wayfold.state.partition import Partition
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.query import Query
from wayfold.state.telemetry import Telemetry

pytestmark = pytest.mark.services

METADATA = "test:{default/welcome}:metadata"


@pytest.fixture
def partition() -> Partition:
    partition = opened()
    fold(partition, "definitions", FULL)
    fold(partition, "entries", entered("e"))
    return partition


async def shown_after_a_start(url: str, partition: Partition) -> dict[str, Any]:
    """The journey that Redis shows once a worker that has just started has pushed everything."""
    settings = RedisSettings(url=url, prefix="test", publish_interval_ms=0)
    views, reader = RedisViews(settings, Telemetry()), RedisReader(settings)
    async with views.running():
        views.committed(FakeOpened(partition))
        assert await views.flush()
    document = await reader.document(Query())
    await reader.close()
    journey: dict[str, Any] = document["journeys"][0]
    return journey


@pytest.mark.usefixtures("redis")
async def test_a_definition_is_read_back_as_it_was_published(
    own_redis_url: str, partition: Partition
) -> None:
    """Goal, window, ways on and nodes in Redis are those of the partition, byte by byte."""
    journey = await shown_after_a_start(own_redis_url, partition)
    expected = finish([partition.partial(Query())], Query())["journeys"][0]
    assert msgspec.json.encode(journey) == msgspec.json.encode(expected)
    assert journey["versions"][0]["goal"] == {"name": "bought", "properties": FILTER}


async def test_what_an_earlier_release_left_is_read(
    redis: Redis, own_redis_url: str, partition: Partition
) -> None:
    """A definition without goal and window is read without them, and its steps lead on all the same."""
    await shown_after_a_start(own_redis_url, partition)
    told = json.loads(redis.hget(METADATA, "1") or "")
    redis.hset(METADATA, "1", json.dumps({name: told[name] for name in ("name", "steps", "conflicts")}))
    reader = RedisReader(RedisSettings(url=own_redis_url, prefix="test"))
    (version,) = (await reader.document(Query()))["journeys"][0]["versions"]
    await reader.close()
    assert (version["defined"], version["goal"], version["conversion_window_ms"]) == (True, None, None)
    assert version["steps"][0]["next"] == [{"step_id": "opened", "name": None}]


async def test_what_an_earlier_release_left_is_replaced(
    redis: Redis, own_redis_url: str, partition: Partition
) -> None:
    """A worker that starts writes the definitions of its partitions anew."""
    await shown_after_a_start(own_redis_url, partition)
    redis.hset(METADATA, "1", json.dumps({"name": "Welcome", "steps": [], "conflicts": 0}))
    journey = await shown_after_a_start(own_redis_url, partition)
    assert journey["versions"][0]["goal"]["name"] == "bought"
