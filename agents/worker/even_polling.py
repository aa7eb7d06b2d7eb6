"""Polls that bring the topics of a backlog forward together, and hand on the records as they are.

aiokafka hands its buffers over one after the other: ten thousand records of one topic partition, then ten
thousand of another. While a worker catches up, the steps of a day would then be folded long before or after
the day's messages, and each history read, changed and taken back again and again: catching up cost half as
much again. So a poll takes a little at a time: of each partition in turn, so that one that catches up does
not keep a fresh one waiting, and there of the topic that is furthest behind.

It also makes an object of eleven fields of each record, which it has already as one that knows the five that
count. That is left out: it was half of what fetching costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Any

from aiokafka.consumer.fetcher import FetchResult
from faust.transport.drivers import aiokafka as driver

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer
    from faust.types import TP

SLICE_RECORDS = 500
"""Records that are taken of a topic partition before another's turn may come."""


class EvenPollingThread(driver.AIOKafkaConsumerThread):
    """A consumer thread whose polls take from the buffers evenly."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # Timestamp of the last record that was taken of each topic partition, since the last assignment.
        self._reached_ms: dict[TP, int] = {}

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Forget how far the last assignment was read, and pass the news on."""
        self._reached_ms.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Mapping[TP, list[Any]]:
        """Take what is in the buffers; wait for something when they are empty."""
        left = SLICE_RECORDS if max_records is None else max_records
        taken: dict[TP, list[Any]] = {}
        broken = failed(consumer, active_partitions)
        if broken:
            # An error comes out when nothing was taken before it, which would be lost.
            return await super()._fetch_records(consumer, broken, timeout, left)
        await self._take_evenly(consumer, active_partitions, taken, left)
        if not taken:
            first = await super()._fetch_records(
                consumer, active_partitions, timeout, min(left, SLICE_RECORDS)
            )
            left -= self._add(taken, first)
            if taken:
                await self._take_evenly(consumer, active_partitions, taken, left)
        return taken

    async def _take_evenly(
        self, consumer: AIOKafkaConsumer, among: set[TP], taken: dict[TP, list[Any]], left: int
    ) -> None:
        """Add up to `left` records to `taken`, slice by slice."""
        among = set(among)
        turns: Counter[int] = Counter()
        while left > 0:
            tp = self._next(consumer, among, turns)
            if tp is None:
                return
            # Without a timeout this takes from the buffer and does not give way to other tasks.
            found = await super()._fetch_records(consumer, {tp}, 0, min(left, SLICE_RECORDS))
            count = self._add(taken, found)
            left -= count
            turns[tp.partition] += count
            if not count:
                among.discard(tp)

    def _add(self, taken: dict[TP, list[Any]], found: Mapping[TP, list[Any]]) -> int:
        """Add a slice to what was taken before; give the number of its records."""
        for tp, records in found.items():
            self._reached_ms[tp] = records[-1].timestamp
            if tp in taken:
                taken[tp] += records
            else:
                taken[tp] = records
        return sum(map(len, found.values()))

    def _next(self, consumer: AIOKafkaConsumer, among: set[TP], turns: Mapping[int, int]) -> TP | None:
        """Find the topic partition to take from; none while the buffers hold nothing but errors."""
        fetched: Mapping[TP, Any] = consumer._fetcher._records
        ready = []
        for tp, result in fetched.items():
            if tp in among and type(result) is FetchResult:
                ready.append(tp)
                if result.has_more():
                    result._partition_records._consumer_record = _as_it_is
        reached_ms = self._reached_ms
        return min(ready, key=lambda tp: (turns[tp.partition], reached_ms.get(tp, -1)), default=None)


def failed(consumer: AIOKafkaConsumer, among: Set[TP]) -> set[TP]:
    """Topic partitions whose last fetch failed."""
    fetched: Mapping[TP, Any] = consumer._fetcher._records
    return {tp for tp, result in fetched.items() if tp in among and type(result) is not FetchResult}


def _as_it_is(_tp: TP, record: Any) -> Any:
    return record
