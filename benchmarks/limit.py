"""The limit: how fast one process can take the records over from Kafka when it does nothing with them."""

import asyncio
import time

import uvloop
from aiokafka import AIOKafkaConsumer

from benchmarks.context import Context, Figures
from benchmarks.corpus import end_offsets
from wayfold.agents.kafka.clients import client_options
from wayfold.agents.worker.batch_transport import MAX_POLL_RECORDS

ROUNDS = 2


def measure(context: Context) -> Figures:
    """Read the corpus with `getmany` alone, with the worker's own fetch settings; the best of the rounds."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rounds = [runner.run(_read(context)) for _ in range(ROUNDS)]
    seconds, cpu_seconds, count = min(rounds)
    return {
        "events_per_s": round(count / seconds),
        "cpu_us_per_event": round(cpu_seconds / count * 1e6, 2),
        "rounds": ROUNDS,
    }


async def _read(context: Context) -> tuple[float, float, int]:
    settings = context.kafka()
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=MAX_POLL_RECORDS,
        max_partition_fetch_bytes=settings.fetch_max_bytes,
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
    )
    await consumer.start()
    try:
        ends = await end_offsets(consumer, context.prefix)
        consumer.assign(list(ends))
        await consumer.seek_to_beginning()
        left = sum(ends.values())
        count = left
        began, began_cpu = time.perf_counter(), time.process_time()
        while left > 0:
            fetched = await consumer.getmany(timeout_ms=1_000)
            left -= sum(len(records) for records in fetched.values())
        return time.perf_counter() - began, time.process_time() - began_cpu, count
    finally:
        await consumer.stop()
