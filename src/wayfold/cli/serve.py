"""`wayfold serve`: the API of a cluster, from Redis and the workers; stateless, run as many as needed."""

import asyncio
import signal
from contextlib import AsyncExitStack

import aiohttp
import structlog
import uvloop
from litestar.types import ControllerRouterHandler

from wayfold.agents.collector import spare_what_is_there
from wayfold.agents.destinations.kafka import KafkaSink
from wayfold.agents.ingest.http import ingest_router, no_ingest_router
from wayfold.agents.kafka.topic_times import times_warning
from wayfold.cli.redis_login import check_redis_login
from wayfold.cli.zones import zones_of
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.cluster import ClusterNumbers
from wayfold.exporters.api.given import Limits
from wayfold.exporters.api.server import listen, serving
from wayfold.exporters.dashboard.built import built_page
from wayfold.exporters.dashboard.routes import page_routes
from wayfold.exporters.prometheus.page import MetricsWriter
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.settings import Settings
from wayfold.state.telemetry import Telemetry

_log = structlog.get_logger(__name__)


def run_server(settings: Settings, *, ingest: bool) -> None:
    """Serve until SIGINT or SIGTERM; with `ingest` events and definitions are taken too, into Kafka.

    Raises CannotListenError, and SettingsError when Redis refuses the login; with `ingest` also TopicsError
    and BrokerUnreachableError.
    """
    check_redis_login(settings.redis)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, ingest))


async def _run(settings: Settings, ingest: bool) -> None:
    taken = listen(settings.http.host, settings.http.port, "http")
    async with AsyncExitStack() as stack:
        stack.callback(taken.close)
        telemetry = Telemetry()
        reader = RedisReader(settings.redis)
        stack.push_async_callback(reader.close)
        timeout = aiohttp.ClientTimeout(total=settings.http.timeout_ms / 1000)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        token = settings.worker.token
        source = ClusterNumbers(
            reader,
            session,
            zone=zones_of(settings.fold),
            token=None if token is None else token.get_secret_value(),
            telemetry=telemetry,
        )
        metrics = MetricsWriter(
            telemetry,
            list,
            source,
            max_label_sets=settings.metrics.max_label_sets,
            versions=settings.metrics.versions,
            steps=settings.metrics.steps,
        )
        routes: list[ControllerRouterHandler] = []
        if ingest:
            sink = await KafkaSink.open(settings.kafka, settings.fold.partitioner)
            stack.push_async_callback(sink.close)
            warning = await asyncio.to_thread(times_warning, settings.kafka)
            if warning is not None:
                _log.warning("topics_carry_publishers_times", reason=warning)
            routes.append(ingest_router(sink))
        else:
            routes.append(no_ingest_router())
        prefix = settings.http.path_prefix
        page = built_page(prefix)
        routes.extend(page_routes(page, prefix))
        app = create_app(
            source,
            metrics,
            routes=routes,
            limits=Limits(buckets=settings.http.max_buckets, page=settings.http.max_page),
            max_body_bytes=settings.http.max_body_bytes,
            path_prefix=prefix,
        )
        url = await stack.enter_async_context(serving(app, taken))
        spare_what_is_there()
        print(f"Wayfold serves at {url}{prefix}", flush=True)
        if page is not None:
            print(f"The page is at {url}{prefix}/", flush=True)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
