"""One `wayfold worker` folding the corpus from Kafka, until Redis shows all of it; everything switched on."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
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
    return fold_corpus(context, 1)


def fold_corpus(context: Context, count: int) -> Figures:
    """Fold the corpus with so many worker processes of one group; what they need together is added up."""
    records = asyncio.run(expected(context, context.prefix))
    own = f"{context.prefix}-{count}"
    views = Views(context, own)
    began_s = time.perf_counter()
    with ExitStack() as stack:
        stack.callback(views.close)
        workers = [
            stack.enter_context(
                running(
                    context,
                    context.prefix,
                    "worker",
                    name=f"worker-{number}",
                    WAYFOLD_KAFKA_GROUP=own,
                    WAYFOLD_REDIS_PREFIX=own,
                    WAYFOLD_STATE_DIRECTORY=str(context.path / f"state-{number}"),
                )
            )
            for number in range(count)
        ]
        figures = follow(workers, views, records)
        figures["seconds_from_start_of_process"] = round(time.perf_counter() - began_s, 2)
        figures["peak_memory_mib"] = round(sum(memory_mib(worker.process_id, "VmHWM") for worker in workers))
        _check_shares(workers)
        _check(views, records)
    return figures


def follow(workers: Sequence[Process], views: Views, records: dict[int, int]) -> Figures:
    """Watch Redis until it shows everything; the rate is that from its first sign of life on.

    Where the first sign is everything, in a small run, it is that from the last look before it on.
    """
    total = sum(records.values())
    seen = 0
    first_s = first_cpu_s = 0.0
    first = 0
    deadline_s = time.perf_counter() + LONGEST_S
    while seen < total:
        for worker in workers:
            worker.check()
        time.sleep(POLL_S)
        now_s = time.perf_counter()
        seen = sum(views.records(JOURNEY_NAMES).values())
        if seen < total and not first:
            first, first_s, first_cpu_s = seen, now_s, _used_s(workers)
        if now_s > deadline_s:
            tails = "\n".join(worker.tail() for worker in workers)
            raise BenchError(f"Redis shows {seen} of {total} records after {LONGEST_S:.0f} s\n{tails}")
    passed_s = now_s - first_s
    used_s = _used_s(workers) - first_cpu_s
    if seen > total or passed_s <= 0:
        raise BenchError(f"Redis shows {seen} records of {total}, {passed_s:.3f} s after the first")
    return {
        "events_per_s": round((total - first) / passed_s),
        "seconds": round(passed_s, 2),
        "seen_first": first,
        "worker_cores": round(used_s / passed_s, 2),
        "worker_cpu_us_per_event": round(used_s / (total - first) * 1e6, 2),
    }


def _used_s(workers: Sequence[Process]) -> float:
    return sum(cpu_s(worker.process_id) for worker in workers)


def _check_shares(workers: Sequence[Process]) -> None:
    """Raise BenchError when some had all to do: a broker waits for the others before it gives partitions."""
    shares = [worker.told("partitions_assigned")[0]["partitions"] for worker in workers]
    if len({len(share) for share in shares}) > 1:
        raise BenchError(f"the partitions were not shared from the beginning: {shares}")


def _check(views: Views, records: dict[int, int]) -> None:
    """Raise BenchError when the numbers cannot be right: a fast count of nothing would win every race."""
    entries = sum(views.field(name, "journey", "total_entries") for name in JOURNEY_NAMES)
    if not 0 < entries < sum(records.values()):
        raise BenchError(f"Redis shows {entries} entries, which cannot be")
