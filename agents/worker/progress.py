"""Tells Kafka and the telemetry how far the partitions have come, for monitoring only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from wayfold.agents.kafka.topics import topic_name

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from wayfold.agents.worker.batch_transport import BatchConsumer
    from wayfold.agents.worker.lane import Lane
    from wayfold.state.telemetry import Telemetry

INTERVAL_S = 1.0

_log = structlog.get_logger(__name__)


class Progress:
    """Commits the partitions' offsets to the consumer group and measures the lag, once a second.

    Nobody seeks to these offsets, so a commit that fails is only tried again a second later.
    """

    def __init__(self, prefix: str, lanes: Mapping[int, Lane], telemetry: Telemetry) -> None:
        self._prefix = prefix
        self._lanes = lanes
        self._telemetry = telemetry
        self._untold: set[int] = set()

    def committed(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Note that there is something to tell of a partition."""
        self.note(partition)

    def note(self, partition: int) -> None:
        """Tell of this partition with the next flush: what its state reflects then, if it is ours still."""
        self._untold.add(partition)

    async def run(self, consumer: BatchConsumer) -> None:
        """Measure and tell until cancelled."""
        await asyncio.gather(self._measure_often(consumer), self._commit_often(consumer))

    async def flush(self, consumer: BatchConsumer) -> None:
        """Commit what was noted since the last time; returns when Kafka has answered."""
        told, self._untold = self._untold, set()
        # Another worker that had a partition in between has told of more: nothing old is kept for later.
        offsets = {
            TopicPartition(topic_name(self._prefix, kind), number): offset
            for number in told & self._lanes.keys()
            for kind, offset in self._lanes[number].partition.offsets.items()
        }
        if not offsets:
            return
        try:
            await consumer.run_in_thread(lambda kafka: _commit(kafka, offsets))
        except KafkaError as error:
            self._untold |= told
            _log.info("progress_not_committed", reason=str(error) or type(error).__name__)

    async def _measure_often(self, consumer: BatchConsumer) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            self.measure_lag(consumer)

    async def _commit_often(self, consumer: BatchConsumer) -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            await self.flush(consumer)

    def measure_lag(self, consumer: BatchConsumer) -> None:
        """Note how many records, and for how long the oldest of them, wait to be folded."""
        now_ms = time.time_ns() // 1_000_000
        for number, lane in self._lanes.items():
            behind = lane.unfolded_records
            for kind in lane.expected:
                behind += consumer.unread_records(topic_name(self._prefix, kind), number)
            since_ms = lane.oldest_timestamp_ms() or lane.folded_timestamp_ms or now_ms
            self._telemetry.lag_records[number] = behind
            waiting = [since_ms] if behind else []
            if lane.partition.judging_since_ms is not None:
                waiting.append(lane.partition.judging_since_ms)
            self._telemetry.lag_ms[number] = max(0, now_ms - min(waiting)) if waiting else 0
        for number in self._telemetry.lag_records.keys() - self._lanes.keys():
            self._telemetry.revoked(number)


async def _commit(kafka: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    ours = kafka.assignment()
    await kafka.commit({tp: OffsetAndMetadata(offset, "") for tp, offset in offsets.items() if tp in ours})
