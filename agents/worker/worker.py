"""A cluster worker: reads its partitions from Kafka, folds them, and stops when anything is wrong."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError
from faust.types import TP

from wayfold.agents.control.locating import FoldFailedError
from wayfold.agents.kafka.clients import client_options
from wayfold.agents.kafka.topics import (
    TopicsError,
    TopicSet,
    check_counts,
    event_topics,
    topic_kind,
    topic_name,
)
from wayfold.agents.worker.assignor import CopartitionedAssignor, Held
from wayfold.agents.worker.batch_transport import MAX_POLL_RECORDS, BatchConsumer, RecordBatch
from wayfold.agents.worker.faust_app import new_app
from wayfold.agents.worker.folding import Folding
from wayfold.agents.worker.holdings import Holdings, PartitionOpener
from wayfold.agents.worker.lane import HoleError, Lane
from wayfold.agents.worker.progress import Progress
from wayfold.state.telemetry import Telemetry

if TYPE_CHECKING:
    from wayfold.agents.effects import DeadLetterSink, FoldedPartition, OpenPartition, ViewSink
    from wayfold.settings import Settings

FINISH_TIMEOUT_S = 10.0
FLUSH_TIMEOUT_S = 3.0
CANCEL_TIMEOUT_S = 2.0
STOP_TIMEOUT_S = 8.0
RETRY_PAUSE_S = 1.0
RETRY_BACKOFF_MS = 250
JOIN_MARGIN_MS = 5_000
METADATA_MAX_AGE_MS = 30_000
"""How soon a worker notices that someone changed the topics."""
FORGOTTEN_LIMITS = (4, 12)
FORGOTTEN_WINDOW_S = 60.0
MAX_IDLE_MS = 3_600_000
"""How long the fold may take none of what was fetched and still be a member of the group."""

_log = structlog.get_logger(__name__)


class WorkerError(Exception):
    """Why a worker stopped; the message says what to do where that is known."""


class Worker:
    """One process of the cluster: a member of the consumer group with its open partitions.

    `partitions` are the open ones by number, alive: it changes with every assignment, and everything in it
    may be read between two awaits of the worker's event loop. `telemetry` is what the worker measures.
    """

    def __init__(
        self,
        settings: Settings,
        topics: TopicSet,
        open_partition: PartitionOpener,
        dead_letters: DeadLetterSink,
        views: ViewSink,
        telemetry: Telemetry | None = None,
        *,
        held: Callable[[], Held] = dict,
        start_at_oldest: bool = False,
    ) -> None:
        """Has to run in the event loop that will run the worker.

        `open_partition` is called in a thread; `held` tells the assignor of state on this disk;
        `start_at_oldest` lets partitions without state begin where Kafka's retention lets them.
        """
        self.settings = settings
        self.topics = topics
        self.telemetry = telemetry or Telemetry()
        self._prefix = settings.kafka.topic_prefix
        self._held = held
        self._holdings = Holdings(
            open_partition, self, views, self.on_failure, start_at_oldest=start_at_oldest
        )
        self.partitions: Mapping[int, FoldedPartition] = self._holdings.partitions
        self._progress = Progress(self._prefix, self._holdings.lanes, self.telemetry)
        self._folding = Folding(
            self._holdings.lanes,
            dead_letters,
            views,
            self._progress,
            self.telemetry,
            interval_s=settings.fold.batch_interval_ms / 1000,
            batch_records=settings.fold.batch_records,
            unread=self._unread_records,
        )
        self._loop = asyncio.get_running_loop()
        self._failure: BaseException | None = None
        self._stop = asyncio.Event()
        self._stopping = self._finished = False
        self._forgotten_s: list[float] = []
        self._forgotten_limit = forgotten_limit()
        self._rereading: set[tuple[str, int]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._app = new_app(settings.kafka, event_topics(self._prefix), self)

    @property
    def ready(self) -> bool:
        """Whether this worker has been given its partitions and has them open."""
        return self.telemetry.assignments > 0 and self._holdings.settled and self._failure is None

    def opened(self) -> list[OpenPartition]:
        """List the partitions that are open and ours, each with its lock."""
        return [lane.opened for lane in self._holdings.lanes.values()]

    def stop(self) -> None:
        """Ask `run` to fold what is in hand, commit and return."""
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`; raises `WorkerError` when something went wrong that only people can mend."""
        folding = asyncio.create_task(self._folding.run())
        starting = asyncio.create_task(self._app.start())
        progress = asyncio.create_task(self._progress.run(self._consumer))
        ended = asyncio.create_task(self._app_end())
        for task in (folding, starting, progress):
            task.add_done_callback(self._note_end)
        await self._stop.wait()
        try:
            if self._failure is None:
                await self._finish(folding)
            elif isinstance(self._failure, FoldFailedError):
                # Whoever skips the record is told by the group's offsets whether it was counted.
                await self._flush_progress()
        finally:
            tasks = (folding, progress, ended, *self._background)
            for task in tasks:
                task.cancel()
            if self._failure is not None:
                self._holdings.suspend()
            # From here on nothing is folded: what is open stays readable, for the views' last push.
            self._finished = True
            self._holdings.give_up_opening()
            # What they failed with was noted when they ended; a batch amid its fold takes itself back.
            await asyncio.wait(tasks, timeout=CANCEL_TIMEOUT_S)
            await self._stop_app(starting)
        if self._failure is not None:
            raise WorkerError(self._explain(self._failure)) from self._failure

    async def close(self) -> None:
        """Close the partitions' stores."""
        await self._holdings.close()

    # What Faust's side asks and tells.

    def new_kafka_consumer(self) -> AIOKafkaConsumer:
        """Make the Kafka consumer of the batch transport."""
        kafka = self.settings.kafka
        assignor = CopartitionedAssignor(self._count_partitions, self._held, self._report_topics)
        rebalance_timeout_ms = 2 * kafka.session_timeout_ms
        options = client_options(kafka)
        # The answer to a request to join comes when all members have joined.
        options["request_timeout_ms"] = max(kafka.request_timeout_ms, rebalance_timeout_ms + JOIN_MARGIN_MS)
        return AIOKafkaConsumer(
            **options,
            group_id=kafka.group,
            group_instance_id=kafka.group_instance_id,
            partition_assignment_strategy=[assignor],
            enable_auto_commit=False,
            # Out of range means that records are gone: that is never to be jumped over in silence.
            auto_offset_reset="none",
            # What a publisher's transaction took back was never published.
            isolation_level="read_committed",
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            max_poll_records=MAX_POLL_RECORDS,
            max_poll_interval_ms=MAX_IDLE_MS,
            max_partition_fetch_bytes=kafka.fetch_max_bytes,
            fetch_max_wait_ms=kafka.fetch_max_wait_ms,
            session_timeout_ms=kafka.session_timeout_ms,
            rebalance_timeout_ms=rebalance_timeout_ms,
            heartbeat_interval_ms=kafka.heartbeat_interval_ms,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )

    def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        """Give the next offset to read of each topic partition whose state is open."""
        return {
            tp: self._holdings.lanes[tp.partition].expected.get(topic_kind(self._prefix, tp.topic), 0)
            for tp in assigned
            if tp.partition in self._holdings.lanes
        }

    async def wait_for_room(self) -> bool:
        """Wait, a second at most, until more records may be fetched."""
        return await self._folding.wait_for_room()

    def on_forgotten(self) -> None:
        """Count how often the group forgets this worker; see `_note_forgotten`."""
        self._loop.call_soon_threadsafe(self._note_forgotten)

    def on_revoked(self) -> None:
        """Drop what is pending and fold nothing until the next assignment."""
        if self._finished:
            return
        self._holdings.suspend()
        self._folding.dropped()

    def on_assigned(self, assigned: set[TP]) -> None:
        """Hold these partitions."""
        if self._finished:
            return
        numbers = {tp.partition for tp in assigned}
        _log.info("partitions_assigned", partitions=sorted(numbers))
        self.telemetry.assignments += 1
        self._holdings.assign(numbers)
        self._folding.dropped()
        for number in self._holdings.lanes:
            self._progress.note(number)

    def _unread_records(self, lane: Lane) -> int:
        """Count what the log holds for a partition and was not read yet."""
        return sum(
            self._consumer.unread_records(topic_name(self._prefix, kind), lane.number)
            for kind in lane.expected
        )

    def on_batch(self, batch: RecordBatch) -> None:
        """Queue a batch in its partition's lane."""
        lane = self._holdings.lanes.get(batch.partition)
        if lane is None or self._stopping:
            return
        kind = topic_kind(self._prefix, batch.topic)
        try:
            if lane.accept(kind, batch, time.monotonic()):
                self._folding.arrived()
        except HoleError as hole:
            self._reread(lane, kind, hole)

    def on_failure(self, error: BaseException) -> None:
        """Stop the worker; the first failure is the one that is told."""
        if self._failure is None:
            self._failure = error
        self._stop.set()

    # What the holdings ask.

    async def ranges(self, number: int) -> Mapping[str, tuple[int, int]]:
        """Give the first kept offset and the end of each topic kind's log; waits while Kafka is away."""
        places = [TopicPartition(topic, number) for topic in event_topics(self._prefix)]
        while True:
            try:
                begins, ends = await self._consumer.run_in_thread(lambda kafka: _ranges(kafka, places))
            except KafkaError as error:
                _log.warning("log_ranges_unknown", partition=number, reason=repr(error))
                await asyncio.sleep(RETRY_PAUSE_S)
            else:
                return {topic_kind(self._prefix, tp.topic): (begins[tp], ends[tp]) for tp in places}

    async def first_times(self, number: int) -> Mapping[str, int]:
        """Give the record time of the first record that Kafka keeps of each topic kind."""
        places = {TopicPartition(topic, number): 0 for topic in event_topics(self._prefix)}
        found = await self._consumer.run_in_thread(lambda kafka: kafka.offsets_for_times(places))
        return {
            topic_kind(self._prefix, tp.topic): at.timestamp for tp, at in found.items() if at is not None
        }

    async def start(self, number: int, positions: Mapping[str, int]) -> None:
        """Read a partition from these offsets on; does nothing when it is not ours any more."""
        # Where it starts may be something to commit, and what its state reflects something to tell.
        self._folding.arrived()
        self._progress.note(number)
        sought = {TP(topic_name(self._prefix, kind), number): offset for kind, offset in positions.items()}
        try:
            await self._consumer.seek_wait(sought)
        except (IllegalStateError, TimeoutError) as error:
            # A rebalance is on its way, and every assignment seeks.
            _log.info("seek_dropped", partition=number, reason=repr(error))
            return
        if number in self._holdings.lanes:
            self._consumer.resume_partitions(sought)

    @property
    def _consumer(self) -> BatchConsumer:
        return cast("BatchConsumer", self._app.consumer)

    def _reread(self, lane: Lane, kind: str, hole: HoleError) -> None:
        """Go back to what was not read; batches behind it are dropped until then."""
        place = (kind, lane.number)
        if place in self._rereading:
            return
        _log.warning("hole_in_log", reason=str(hole))
        self._rereading.add(place)

        async def go_back() -> None:
            try:
                await self.start(lane.number, {kind: lane.expected[kind]})
            finally:
                self._rereading.discard(place)

        task = asyncio.create_task(go_back())
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        task.add_done_callback(self._note_end)

    def _note_forgotten(self) -> None:
        """Stop when another worker has the same name in the group: the two would take turns for ever.

        Once may be a sleep past the session, or a broker that came back without its memory.
        """
        name = self.settings.kafka.group_instance_id
        now_s = time.monotonic()
        self._forgotten_s = [at_s for at_s in self._forgotten_s if now_s - at_s < FORGOTTEN_WINDOW_S] + [
            now_s
        ]
        _log.warning("forgotten_by_group", times=len(self._forgotten_s))
        if name is not None and len(self._forgotten_s) >= self._forgotten_limit:
            self.on_failure(
                WorkerError(
                    f"The group {self.settings.kafka.group} has given this worker's place away "
                    f"{len(self._forgotten_s)} times in a minute: another worker has the same name, {name}. "
                    "Give each its own kafka.group_instance_id."
                )
            )

    def _count_partitions(self, counts: Mapping[str, int]) -> int:
        """Check the topics at every rebalance: nobody may change them while workers run."""
        partitions = check_counts(counts, self._prefix)
        if partitions != self.topics.partitions:
            raise TopicsError(
                f"The event topics had {self.topics.partitions} partitions when this worker started and have "
                f"{partitions} now: users have moved between partitions, and their numbers would be wrong. "
                "Publish and replay the events into topics of another kafka.topic_prefix instead."
            )
        return partitions

    def _report_topics(self, problem: TopicsError) -> None:
        self._loop.call_soon_threadsafe(self.on_failure, problem)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.on_failure(cast("BaseException", task.exception()))

    async def _app_end(self) -> None:
        await self._app.wait_until_stopped()
        reason = self._app.crash_reason
        if reason is not None:
            self.on_failure(reason)

    async def _finish(self, folding: asyncio.Task[None]) -> None:
        """Fold and commit what is in hand."""
        self._stopping = True
        self._folding.finish()
        done, _ = await asyncio.wait({folding}, timeout=FINISH_TIMEOUT_S)
        if not done:
            _log.warning("finish_given_up", reason=f"folding took longer than {FINISH_TIMEOUT_S} s")
        await self._flush_progress()

    async def _flush_progress(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._progress.flush(self._consumer), FLUSH_TIMEOUT_S)

    async def _stop_app(self, starting: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._app.stop()
                await asyncio.gather(starting, return_exceptions=True)
        except TimeoutError:
            _log.warning("stop_given_up", reason=f"Faust did not stop within {STOP_TIMEOUT_S} s")
            starting.cancel()

    def _explain(self, error: BaseException) -> str:
        if isinstance(error, OffsetOutOfRangeError):
            return (
                f"Kafka no longer has the records that come next ({error.args[0] if error.args else error}): "
                "retention deleted them before they were folded, or the topic was created again. Start the "
                "worker again to be told which; raise the topic's retention."
            )
        return str(error) or repr(error)


def forgotten_limit() -> int:
    """Choose how often the group may forget a worker; two of one name differ, so that one goes on."""
    return random.randint(*FORGOTTEN_LIMITS)  # noqa: S311


async def _ranges(
    kafka: AIOKafkaConsumer, places: list[TopicPartition]
) -> tuple[Mapping[TopicPartition, int], Mapping[TopicPartition, int]]:
    return await kafka.beginning_offsets(places), await kafka.end_offsets(places)
