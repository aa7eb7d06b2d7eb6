"""`wayfold run`: the embedded host, its ingest, the API and the metrics in one process."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import structlog
import uvloop

from wayfold.agents.collector import relax_collector
from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.destinations.sink import SinkDestination
from wayfold.agents.embedded.letters_http import letters_router
from wayfold.agents.embedded.open import Opened, open_host
from wayfold.agents.embedded.skipping import skip_in_host
from wayfold.agents.embedded.watches_http import watches_router
from wayfold.agents.ingest.accept import KnownDefinition
from wayfold.agents.ingest.http import ingest_router
from wayfold.agents.sink import EVENT_KINDS
from wayfold.cli.zones import zones_of
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.given import Limits
from wayfold.exporters.api.internal import partitions_router
from wayfold.exporters.api.local import LocalNumbers
from wayfold.exporters.api.server import listen, serving
from wayfold.exporters.dashboard.built import built_page
from wayfold.exporters.dashboard.routes import page_routes
from wayfold.exporters.prometheus.page import MetricsWriter
from wayfold.exporters.show.letters import read_lines
from wayfold.models.definition import JourneyDefinition
from wayfold.settings import Settings
from wayfold.simulate.run import Simulation, simulate
from wayfold.state.telemetry import Telemetry

DEMO_PAST_DAYS: Final = 14
DEMO_EVENTS_PER_S: Final = 50
READY_RECORDS = 50_000
"""How many events may wait to be counted while the host calls itself ready."""

log = structlog.get_logger(__name__)


def run_embedded(settings: Settings, *, demo: bool, start_at_oldest: bool) -> None:
    """Run the embedded host until SIGINT or SIGTERM; with `demo` it makes its own traffic.

    `start_at_oldest` lets it go on without records that were trimmed and that no state has.

    Raises what cannot be opened or listened on, and `HostStoppedError` when the fold fails.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, demo, start_at_oldest))


async def _run(settings: Settings, demo: bool, start_at_oldest: bool) -> None:
    taken = listen(settings.http.host, settings.http.port, "http")
    async with AsyncExitStack() as stack:
        stack.callback(taken.close)
        telemetry = Telemetry()
        opened = open_host(settings, telemetry=telemetry, start_at_oldest=start_at_oldest)
        stack.push_async_callback(opened.close)
        opened.host.start()
        if opened.snapshots is not None:
            await stack.enter_async_context(opened.snapshots.running())
        source = _source(settings, opened, telemetry)
        metrics = MetricsWriter(
            telemetry,
            lambda: opened.partitions,
            source,
            max_label_sets=settings.metrics.max_label_sets,
            versions=settings.metrics.versions,
            steps=settings.metrics.steps,
        )
        prefix = settings.http.path_prefix
        page = built_page(prefix)
        app = create_app(
            source,
            metrics,
            routes=[
                ingest_router(opened.host, _known(opened), watched=opened.host.append),
                watches_router(opened.host.watches),
                letters_router(opened.dead_letters, opened.host, read_lines, partial(skip_in_host, opened)),
                partitions_router(lambda: opened.partitions),
                *page_routes(page, prefix),
            ],
            limits=Limits(buckets=settings.http.max_buckets, page=settings.http.max_page),
            max_body_bytes=settings.http.max_body_bytes,
            path_prefix=prefix,
        )
        relax_collector()
        url = await stack.enter_async_context(serving(app, taken))
        print(_welcome(url + prefix, settings, is_built=page is not None), flush=True)
        if demo:
            stack.push_async_callback(_cancelled, asyncio.create_task(_demo(opened)))
        await _until_stopped(opened)


def _welcome(url: str, settings: Settings, *, is_built: bool) -> str:
    return "\n".join(
        (
            f"Wayfold runs at {url}",
            f"  page      {url}/" if is_built else "  page      not built; `make page` builds it",
            f"  numbers   {url}/v1/journeys (or: wayfold show --url {url})",
            f"  events    POST {url}/v1/events",
            f"  API       {url}/schema",
            f"  metrics   {url}/metrics",
            f"  data      {settings.embedded.directory}",
            "Ctrl-C stops it. Accepted events are kept, and a restart goes on where it was.",
        )
    )


async def _demo(opened: Opened) -> None:
    """Make live traffic of several journeys, as `wayfold simulate` does, until cancelled.

    Where nothing is in the log yet, it looks back on some days.
    """
    is_new = opened.host.log.records_total() == 0
    simulation = Simulation(
        rate=DEMO_EVENTS_PER_S,
        seed=time.time_ns() // 1_000_000_000,
        past_days=DEMO_PAST_DAYS if is_new else 0,
    )
    try:
        await simulate(SinkDestination(opened.host), simulation)
    except DestinationError as error:
        log.warning("demo_stopped", reason=str(error))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _known(opened: Opened) -> KnownDefinition:
    """Make the function that finds a definition; every partition has them all."""

    def known(account_id: str, journey_id: str, version: int) -> JourneyDefinition | None:
        scope = opened.partitions[0].catalog.scopes.get((account_id, journey_id))
        return None if scope is None else scope.definitions.get(version)

    return known


def _source(settings: Settings, opened: Opened, telemetry: Telemetry) -> LocalNumbers:
    host = opened.host

    def unready() -> list[str]:
        if host.failure is not None:
            return [f"counting has stopped: {host.failure}"]
        if host.full is not None:
            return [f"counting waits for room on the disk: {host.full}"]
        behind = host.behind_records()
        return [f"{behind} events of the log are not counted yet"] if behind > READY_RECORDS else []

    return LocalNumbers(
        lambda: opened.partitions,
        lag_ms=host.lag_ms,
        ends=lambda: {at: end for at, end in host.log.next_offsets().items() if at[0] in EVENT_KINDS},
        unready=unready,
        zone=zones_of(settings.fold),
        telemetry=telemetry,
    )


async def _until_stopped(opened: Opened) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    failing = asyncio.create_task(opened.host.failed())
    await asyncio.wait({stopping, failing}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if failing.done():
        failing.result()
    failing.cancel()
