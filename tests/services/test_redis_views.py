"""Views in Redis through the accidents of real processes: a stopped worker, a Redis back from an old dump."""

import asyncio
import os
import random
import signal
import socket
import sys
from pathlib import Path

import pytest
from redis import Redis

from local_services import LocalRedis
from tests.exporters.redis_views.fakes import FakeOpened, FakePartition, is_right, until
from wayfold.exporters.redis_views import RedisViews
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.settings import RedisSettings
from wayfold.state.telemetry import Telemetry

REPOSITORY = Path(__file__).resolve().parents[2]
PREFIX = "test"
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "deploy")])}
WELCOME = JourneyName("acme", "welcome")

# A worker that commits all the time, and does not learn that its partition was given away.
WORKER = """
import asyncio, sys
from tests.exporters.redis_views.fakes import FakeOpened, FakePartition
from tests.services.test_redis_views import WELCOME, views_of
async def main():
    partition = FakePartition(0)
    opened = FakeOpened(partition)
    async with views_of(sys.argv[1]).running() as views:
        for total in range(1, 1_000_000):
            partition.commit(WELCOME, "journey", total_entries=total, active_entries=total)
            views.committed(opened)
            await asyncio.sleep(0.005)
asyncio.run(main())
"""


def views_of(url: str) -> RedisViews:
    """A view sink of fake partitions."""
    settings = RedisSettings(url=url, prefix=PREFIX, publish_interval_ms=5)
    return RedisViews(settings, Telemetry(), source="log", views_of=lambda partition: partition)


def total_of(redis: Redis) -> int:
    """What Redis shows."""
    return int(redis.hget(f"{PREFIX}:{{acme/welcome}}:journey", "total_entries") or 0)


async def test_a_stopped_worker_writes_nothing_stale(local_redis: LocalRedis) -> None:
    """A worker stopped amid its pushes, and continued after another took over, changes no number."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, local_redis.url, cwd=REPOSITORY, env=ENVIRONMENT
    )
    successor = FakePartition(0)
    try:
        with Redis.from_url(local_redis.url) as redis:
            await until(lambda: total_of(redis) > 20, seconds=30, what="the worker has pushed")
            process.send_signal(signal.SIGSTOP)
            successor.commit(WELCOME, "journey", total_entries=7)
            successor.sequence = 10**6
            async with views_of(local_redis.url).running() as views:
                opened = FakeOpened(successor)
                views.committed(opened)
                assert await views.flush()
                process.send_signal(signal.SIGCONT)
                for total in range(8, 60):
                    successor.commit(WELCOME, "journey", total_entries=total)
                    views.committed(opened)
                    await asyncio.sleep(0.02)
                    assert total_of(redis) <= total
                assert process.returncode is None
                assert await views.flush()
                assert is_right(redis, [successor], WELCOME, PREFIX)
    finally:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("lost", ["nothing was saved", "an old dump"])
async def test_redis_killed_and_restarted_is_mended(local_redis: LocalRedis, lost: str) -> None:
    """After a SIGKILL Redis comes back empty or with an old dump, and soon shows every number again."""
    generator = random.Random(4)
    partitions = [FakePartition(number) for number in range(4)]
    opened = [FakeOpened(partition) for partition in partitions]
    other = JourneyName("acme", "other")
    async with views_of(local_redis.url).running() as views:
        for turn in range(60):
            for partition, held in zip(partitions, opened, strict=True):
                partition.commit_at_random(generator, [WELCOME, other] if turn > 20 else [WELCOME])
                views.committed(held)
            await asyncio.sleep(0.005)
            if turn == 20 and lost == "an old dump":
                with Redis.from_url(local_redis.url) as redis:
                    redis.save()
        local_redis.kill()
        await asyncio.to_thread(local_redis.start)
        with Redis.from_url(local_redis.url) as redis:
            for name in (WELCOME, other):
                await until(
                    lambda name=name: is_right(redis, partitions, name, PREFIX),  # type: ignore[misc]
                    seconds=20,
                    what="Redis shows everything again",
                )


@pytest.mark.services
async def test_tls_with_certificates_on_both_sides(tmp_path: Path) -> None:
    """Views go to a Redis with TLS that asks for a client certificate and has one of its own."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "tls-port": str(port),
        "tls-cert-file": str(certificate),
        "tls-key-file": str(key),
        "tls-ca-cert-file": str(certificate),
    }
    partition = FakePartition(0)
    partition.commit(WELCOME, "journey", total_entries=2)
    with LocalRedis(options=options) as server, Redis.from_url(server.url) as redis:
        settings = RedisSettings(
            url=f"rediss://localhost:{port}/0",
            prefix=PREFIX,
            tls_ca_file=certificate,
            tls_certificate_file=certificate,
            tls_key_file=key,
        )
        async with RedisViews(settings, Telemetry(), views_of=lambda partition: partition).running() as views:
            views.committed(FakeOpened(partition))
            assert await views.flush()
            assert is_right(redis, [partition], WELCOME, PREFIX)
