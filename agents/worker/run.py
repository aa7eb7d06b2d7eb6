"""`wayfold worker`: puts a worker together from the settings and runs it until SIGTERM."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING

import structlog
import uvloop

from wayfold.agents.collector import relax_collector
from wayfold.agents.control.kafka import KafkaControl
from wayfold.agents.dead_letters import KafkaDeadLetters
from wayfold.agents.effects import NoViews
from wayfold.agents.fold_settings import fold_settings
from wayfold.agents.kafka.topic_times import times_warning
from wayfold.agents.kafka.topics import find_topics, topic_name
from wayfold.agents.states.partition_states import PartitionStates
from wayfold.agents.states.snapshot_storage import open_snapshots
from wayfold.agents.states.snapshotting import SnapshotTaker
from wayfold.agents.states.state_directory import StateDirectory
from wayfold.agents.worker.worker import Worker
from wayfold.state.snapshots.log_identity import LogIdentity, calendar_of, zones_in_use
from wayfold.state.store.store import StoreMemory

if TYPE_CHECKING:
    from wayfold.agents.effects import ViewSink
    from wayfold.agents.kafka.topics import TopicSet
    from wayfold.settings import Settings
    from wayfold.state.telemetry import Telemetry

NAMING_KIND = "entries"
"""The topic kind whose topic's id names the whole log: a topic that comes later does not change it."""

WorkerService = Callable[[Worker], AbstractAsyncContextManager[object]]
"""Something that runs beside the worker in its event loop: entered before it reads, left after its last
commit and before its stores are closed."""

_log = structlog.get_logger(__name__)


def run_worker(
    settings: Settings,
    *,
    views: ViewSink | None = None,
    services: Sequence[WorkerService] = (),
    telemetry: Telemetry | None = None,
    start_at_oldest: bool = False,
) -> None:
    """Run a worker until SIGTERM or SIGINT, and return when everything in hand is folded and committed.

    `views` hears of every commit. `services` are HTTP servers and the like; a view sink that has tasks of
    its own is given as a service too. Raises `TopicsError`, `BrokerUnreachableError`,
    `ControlError`, `StateDirectoryError`, `SnapshotUrlError`, `WorkerError`, or what a service raised; each
    message says what to do.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, views or NoViews(), services, telemetry, start_at_oldest))


async def _run(
    settings: Settings,
    views: ViewSink,
    services: Sequence[WorkerService],
    telemetry: Telemetry | None,
    start_at_oldest: bool,
) -> None:
    topics = await asyncio.to_thread(find_topics, settings.kafka)
    warning = await asyncio.to_thread(times_warning, settings.kafka)
    if warning is not None:
        _log.warning("topics_carry_publishers_times", reason=warning)
    log = log_identity(settings, topics)
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(KafkaControl(settings.kafka, topics, follow=True))
        directory = StateDirectory.open(settings.state.directory, log)
        stack.callback(directory.close)
        snapshots = open_snapshots(settings.state, log)
        states = PartitionStates(
            directory,
            StoreMemory(settings.state.memory_limit_bytes),
            fold_settings(settings, topics.partitions, settings.fold.partitioner),
            snapshots,
            control.table.skipped_in,
            start_at_oldest=start_at_oldest,
        )
        dead_letters = await stack.enter_async_context(KafkaDeadLetters(settings.kafka))
        worker = Worker(
            settings,
            topics,
            states.open,
            dead_letters,
            views,
            telemetry,
            held=directory.held,
            start_at_oldest=start_at_oldest,
        )
        stack.push_async_callback(worker.close)
        if snapshots is not None:
            taker = SnapshotTaker(
                snapshots, worker.opened, worker.telemetry, settings.state.snapshot_interval_s
            )
            await stack.enter_async_context(taker.running())
        for service in services:
            await stack.enter_async_context(service(worker))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, worker.stop)
        relax_collector()
        _log.info("worker_starts", group=settings.kafka.group, partitions=topics.partitions)
        await worker.run()


def log_identity(settings: Settings, topics: TopicSet) -> LogIdentity:
    """Say which log these topics are."""
    fold = settings.fold
    return LogIdentity(
        log_id=topics.topic_ids[topic_name(settings.kafka.topic_prefix, NAMING_KIND)],
        partitions=topics.partitions,
        partitioner=fold.partitioner,
        topic_ids=topics.topic_ids,
        calendar=calendar_of(zones_in_use(fold.time_zone, fold.account_time_zones)),
    )
