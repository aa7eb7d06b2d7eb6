"""One `wayfold worker` folding the corpus from Kafka, until Redis shows all of it; everything switched on."""

import asyncio
import time
from typing import Final

from benchmarks.cluster import Process, Views, running
from benchmarks.context import BenchError, Context, Figures
from benchmarks.corpus import expected
from benchmarks.machine import cpu_s, memory_mib
from benchmarks.traffic import JOURNEYS
from wayfold.exporters.redis_views.keys import JourneyName

POLL_S: Final = 0.02
LONGEST_S: Final = 300.0
JOURNEY_NAMES: Final = [JourneyName("default", f"journey-{number}") for number in range(JOURNEYS)]


def measure(context: Context) -> Figures:
    """Fold the corpus with one worker process."""
    records = asyncio.run(expected(context, context.prefix))
    views = Views(context, context.prefix)
    began_s = time.perf_counter()
    with running(context, context.prefix, "worker") as worker:
        figures = follow(worker, views, records)
        figures["seconds_from_start_of_process"] = round(time.perf_counter() - began_s, 2)
        figures["peak_memory_mib"] = round(memory_mib(worker.process_id, "VmHWM"))
        _check(views, records)
    views.close()
    return figures


def follow(worker: Process, views: Views, records: dict[int, int]) -> Figures:
    """Watch Redis until it shows everything; the rate is that from its first sign of life on."""
    total = sum(records.values())
    seen = 0
    first_s = first_cpu_s = 0.0
    first = 0
    deadline_s = time.perf_counter() + LONGEST_S
    while seen < total:
        worker.check()
        time.sleep(POLL_S)
        now_s = time.perf_counter()
        seen = sum(views.sequences(JOURNEY_NAMES).values())
        if seen and not first:
            first, first_s, first_cpu_s = seen, now_s, cpu_s(worker.process_id)
        if now_s > deadline_s:
            raise BenchError(
                f"Redis shows {seen} of {total} records after {LONGEST_S:.0f} s\n{worker.tail()}"
            )
    passed_s = now_s - first_s
    used_s = cpu_s(worker.process_id) - first_cpu_s
    if seen > total or passed_s <= 0:
        raise BenchError(f"Redis shows {seen} records of {total}, {passed_s:.3f} s after the first")
    return {
        "events_per_s": round((total - first) / passed_s),
        "seconds": round(passed_s, 2),
        "seen_first": first,
        "worker_cores": round(used_s / passed_s, 2),
        "worker_cpu_us_per_event": round(used_s / (total - first) * 1e6, 2),
    }


def _check(views: Views, records: dict[int, int]) -> None:
    """Raise BenchError when the numbers cannot be right: a fast count of nothing would win every race."""
    entries = sum(views.field(name, "journey", "total_entries") for name in JOURNEY_NAMES)
    if not 0 < entries < sum(records.values()):
        raise BenchError(f"Redis shows {entries} entries, which cannot be")
