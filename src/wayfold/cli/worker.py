"""`wayfold worker`: a cluster worker with its views in Redis and a port of its own."""

import hashlib
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

from wayfold.agents.kafka.topics import TopicSet, find_topics
from wayfold.agents.worker.run import run_worker
from wayfold.agents.worker.worker import Worker
from wayfold.cli.redis_login import check_redis_login
from wayfold.exporters.api.internal import create_internal_app
from wayfold.exporters.api.server import listen, serving
from wayfold.exporters.prometheus.page import MetricsWriter
from wayfold.exporters.redis_views import RedisViews
from wayfold.settings import Settings
from wayfold.state.partition import Partition
from wayfold.state.telemetry import Telemetry

EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - what is compared with, not listened on


def run_cluster_worker(settings: Settings, *, start_at_oldest: bool) -> None:
    """Run a worker until SIGTERM or SIGINT.

    Raises what keeps it from working: topics, brokers, Redis, the state directory, the port; each error
    says what to do.
    """
    check_redis_login(settings.redis)
    topics = find_topics(settings.kafka)
    taken = listen(settings.worker.host, settings.worker.port, "worker")
    try:
        telemetry = Telemetry()
        views = RedisViews(
            settings.redis,
            telemetry,
            url=own_url(settings, taken.getsockname()[1]),
            source=source_name(topics),
            partitions=topics.partitions,
        )

        @asynccontextmanager
        async def port(worker: Worker) -> AsyncIterator[None]:
            def partitions() -> Sequence[Partition]:
                return [cast("Partition", worker.partitions[number]) for number in sorted(worker.partitions)]

            def unready() -> list[str]:
                waiting = [] if worker.ready else ["the worker has not been given its partitions yet"]
                return waiting + views.unready()

            token = settings.worker.token
            app = create_internal_app(
                partitions,
                MetricsWriter(telemetry, partitions, None),
                unready=unready,
                token=None if token is None else token.get_secret_value(),
            )
            async with serving(app, taken):
                yield

        run_worker(
            settings,
            views=views,
            services=[views.running, port],
            telemetry=telemetry,
            start_at_oldest=start_at_oldest,
        )
    finally:
        taken.close()


def own_url(settings: Settings, port: int) -> str:
    """Give the address under which `wayfold serve` reaches this worker."""
    if settings.worker.url is not None:
        return settings.worker.url.rstrip("/")
    host = settings.worker.host
    return f"http://{socket.gethostname() if host in EVERYWHERE else host}:{port}"


def source_name(topics: TopicSet) -> str:
    """Name the log that these topics are: topics that were deleted and made again are another log."""
    ids = "\n".join(f"{name} {topic_id}" for name, topic_id in sorted(topics.topic_ids.items()))
    return hashlib.sha256(ids.encode()).hexdigest()[:16]
