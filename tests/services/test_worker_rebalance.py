"""Workers that come and go: every record is folded once by whoever owns its partition in the end."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from local_services import LocalKafka
from tests.services.cluster import Publisher, Running, running_worker, settings_for, until, until_folded
from wayfold.agents.worker import worker as worker_module
from wayfold.agents.worker.worker import WorkerError
from wayfold.settings import Settings


@pytest.fixture
def settings(kafka: str, topic_prefix: str, tmp_path: Path) -> Settings:
    return settings_for(kafka, topic_prefix, tmp_path / "first")


@pytest.fixture
def publisher(settings: Settings) -> Iterator[Publisher]:
    with Publisher(settings) as publisher:
        yield publisher


def another(settings: Settings, tmp_path: Path, name: str, **kafka: object) -> Settings:
    """The settings of another worker of the same group: a state directory of its own."""
    return settings_for(
        settings.kafka.bootstrap_servers, settings.kafka.topic_prefix, tmp_path / name, **kafka
    )


def numbers(worker: Running) -> list[int]:
    return sorted(worker.worker.partitions)


def folded(worker: Running) -> int:
    return sum(len(values) for values in worker.remembered.values())


async def until_shared(*workers: Running) -> None:
    """Wait until two workers have two partitions each."""
    await until(lambda: [len(numbers(worker)) for worker in workers] == [2, 2], "both have their share")


async def test_a_second_worker_takes_its_share_and_gives_it_back(
    settings: Settings, publisher: Publisher, tmp_path: Path
) -> None:
    """Partitions move to a worker that joins and back when it leaves, and nothing is lost or doubled."""
    async with running_worker(settings) as first:
        publisher.publish(400)
        await until_folded([first], publisher.sent)
        async with running_worker(another(settings, tmp_path, "second")) as second:
            await until_shared(first, second)
            publisher.publish(400, "steps")
            await until_folded([first, second], publisher.sent)
            publisher.publish(400)
        await until_folded([first], publisher.sent)
        assert numbers(first) == [0, 1, 2, 3]


async def test_rebalances_under_load_lose_and_double_nothing(
    settings: Settings, publisher: Publisher, tmp_path: Path
) -> None:
    """While records keep coming, workers join and leave one after the other."""
    done = asyncio.Event()

    async def keep_publishing() -> None:
        while not done.is_set():
            await asyncio.to_thread(publisher.publish, 200)

    publishing = asyncio.create_task(keep_publishing())
    async with running_worker(settings) as first:
        await until(lambda: len(numbers(first)) == 4, "the first worker has everything")
        for round_number in range(2):
            async with running_worker(another(settings, tmp_path, f"guest-{round_number}")) as guest:
                await until_shared(first, guest)
                await until(lambda: folded(guest) > 400, "the guest folds")
        done.set()
        await publishing
        await until_folded([first], publisher.sent)


async def test_partitions_stay_with_the_worker_that_has_their_state(
    settings: Settings, publisher: Publisher, tmp_path: Path
) -> None:
    """When a worker joins, no partition moves but those it takes over."""
    async with running_worker(settings) as first:
        publisher.publish(40)
        await until_folded([first], publisher.sent)
        opened = {number: first.worker.partitions[number] for number in numbers(first)}
        async with running_worker(another(settings, tmp_path, "second")) as second:
            await until_shared(first, second)
            await until_folded([first, second], publisher.sent)
            assert all(first.worker.partitions[number] is opened[number] for number in numbers(first))


async def test_a_static_member_takes_its_partitions_back_at_once(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """A worker with a name of its own in the group resumes without waiting for its session to end."""
    settings = settings_for(
        kafka,
        topic_prefix,
        tmp_path,
        group_instance_id="worker-1",
        session_timeout_ms=60_000,
    )
    with Publisher(settings) as publisher:
        async with running_worker(settings) as worker:
            publisher.publish(40)
            await until_folded([worker], publisher.sent)
        publisher.publish(40)
        started_s = time.monotonic()
        async with running_worker(settings) as worker:
            await until_folded([worker], publisher.sent)
        assert time.monotonic() - started_s < 30


async def test_two_static_members_keep_their_partitions_over_a_restart(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """While one of two named workers restarts, the other keeps exactly what it has."""
    named = [
        settings_for(
            kafka,
            topic_prefix,
            tmp_path / name,
            group_instance_id=name,
            session_timeout_ms=30_000,
            heartbeat_interval_ms=500,
        )
        for name in ("one", "two")
    ]
    with Publisher(named[0]) as publisher:
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(running_worker(named[0]))
            async with running_worker(named[1]) as second:
                await until_shared(first, second)
                publisher.publish(200)
                await until_folded([first, second], publisher.sent)
                shares = numbers(first), numbers(second)
            publisher.publish(200)
            assert numbers(first) == shares[0]
            second = await stack.enter_async_context(running_worker(named[1]))
            await until_folded([first, second], publisher.sent)
            assert (numbers(first), numbers(second)) == shares


async def test_a_broker_restart_is_waited_for(
    local_kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """Workers outlive a broker that is killed and comes back, and go on where they were."""
    settings = settings_for(local_kafka.bootstrap_servers, topic_prefix, tmp_path / "first")
    with Publisher(settings) as publisher:
        async with (
            running_worker(settings) as first,
            running_worker(another(settings, tmp_path, "second")) as second,
        ):
            publisher.publish(400)
            await until_folded([first, second], publisher.sent)
            for _ in range(2):
                await asyncio.to_thread(local_kafka.kill)
                await asyncio.to_thread(local_kafka.restart)
                await asyncio.to_thread(publisher.publish, 400)
                await until_folded([first, second], publisher.sent)


async def test_two_workers_of_one_name_do_not_take_turns_for_ever(
    kafka: str, topic_prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When two workers have the same name in the group, one stops and says which setting is wrong."""
    limits = iter((4, 40))
    monkeypatch.setattr(worker_module, "forgotten_limit", lambda: next(limits))
    settings = settings_for(kafka, topic_prefix, tmp_path / "one", group_instance_id="same")
    with Publisher(settings) as publisher:
        async with running_worker(settings) as first:
            publisher.publish(40)
            await until_folded([first], publisher.sent)
            other = another(settings, tmp_path, "two", group_instance_id="same")
            async with running_worker(other) as second:
                with pytest.raises(WorkerError, match=r"kafka\.group_instance_id"):
                    async with asyncio.timeout(60):
                        await asyncio.shield(first.task)
                publisher.publish(40)
                await until_folded([second], publisher.sent)
