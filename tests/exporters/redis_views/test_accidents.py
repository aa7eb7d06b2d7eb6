"""Workers whose partitions change hands, before a Redis that is emptied and rolled back, by chance."""

import asyncio
import copy
import random

import pytest
from redis import Redis

from tests.exporters.redis_views.fakes import FakeOpened, FakePartition, is_right, until
from tests.exporters.redis_views.pushing import dump, restore
from tests.exporters.redis_views.working import OTHER, PREFIX, WELCOME, until_right, worker

pytestmark = pytest.mark.services


@pytest.mark.parametrize("seed", range(3))
async def test_numbers_are_right_after_any_accidents(redis: Redis, own_redis_url: str, seed: int) -> None:
    """Two workers, four partitions that change hands, flushes and old dumps: at rest all is right."""
    generator = random.Random(seed)
    logs = [FakePartition(number) for number in range(4)]
    dumps = [dump(redis)]
    async with worker(own_redis_url) as one, worker(own_redis_url) as two:
        opened = [FakeOpened(partition) for partition in logs]
        owner = [generator.choice([one, two]) for _ in logs]
        revoked: list[FakeOpened] = []
        former: list[FakeOpened] = []
        for _ in range(300):
            number = generator.randrange(4)
            logs[number].commit_at_random(generator, [WELCOME, OTHER])
            owner[number].committed(opened[number])
            accident = generator.random()
            if accident < 0.02:
                redis.flushall()
            elif accident < 0.04:
                dumps.append(dump(redis))
            elif accident < 0.06:
                restore(redis, generator.choice(dumps))
            elif accident < 0.10:
                # An owner that does not learn that its partition was given away goes on for a while.
                (former if generator.random() < 0.3 else revoked).append(opened[number])
                logs[number] = copy.deepcopy(logs[number])  # each owner has a store of its own
                opened[number] = FakeOpened(logs[number])
                owner[number] = generator.choice([one, two])
                owner[number].committed(opened[number])
            await asyncio.sleep(generator.choice([0, 0.001, 0.01]))
            for given_away in revoked:
                given_away.revoked = True
        await until_right(redis, logs, WELCOME, OTHER)
        for given_away in former:
            given_away.revoked = True
        await until(lambda: not one.unready() and not two.unready(), what="both are settled")
        assert all(is_right(redis, logs, name, PREFIX) for name in (WELCOME, OTHER))
