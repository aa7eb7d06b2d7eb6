"""What many histories on disk cost a worker: its memory, and its rate over users chosen by chance."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.cluster import Views, running
from benchmarks.context import PARTITIONS, Context, Figures
from benchmarks.corpus import expected, publish
from benchmarks.end_to_end import follow
from benchmarks.machine import MIB, memory_mib
from benchmarks.prefill import bound, message, user_of
from benchmarks.traffic import START_MS, Clock
from wayfold.agents.kafka.topics import ensure_topics, find_topics
from wayfold.agents.sink import Outgoing
from wayfold.agents.states.state_directory import StateDirectory
from wayfold.agents.worker.run import log_identity
from wayfold.settings import Settings

FEW: Final = 100_000
MANY: Final = 2_000_000
TOUCHES: Final = 400_000
PROCESSES: Final = 2


def measure(context: Context) -> Figures:
    """Fold the same number of events over few histories and over many."""
    few, many = context.count(FEW), context.count(MANY)
    touches = context.count(TOUCHES)
    figures: Figures = {"histories_few": few, "histories_many": many, "touches": touches}
    for name, count in (("few", few), ("many", many)):
        measured = _touch(context, name, count, touches)
        figures |= {f"{label}_{name}_{unit}": value for (label, unit), value in measured.items()}
    rates = figures["rate_few_events_per_s"], figures["rate_many_events_per_s"]
    costs = figures["worker_cpu_few_us_per_event"], figures["worker_cpu_many_us_per_event"]
    figures["rate_kept_percent"] = _percent(rates[1], rates[0])
    figures["rate_kept_by_cpu_percent"] = _percent(costs[0], costs[1])
    return figures


def _touch(
    context: Context, name: str, count: int, touches: int
) -> dict[tuple[str, str], float | int | str | dict[str, float]]:
    """Fill a state directory, then let a worker fold events of users chosen by chance."""
    prefix = f"histories-{name}"
    state = context.path / f"state-{name}"
    kafka = context.kafka(prefix)
    ensure_topics(kafka)
    # The worker takes only state that says that it is of this log.
    StateDirectory.open(state, log_identity(Settings(kafka=kafka), find_topics(kafka))).close()
    _prefill(state, count)
    asyncio.run(publish(context, prefix, _touches(count, touches)))
    on_disk = sum(file.stat().st_size for file in state.rglob("*.sst")) / MIB
    views = Views(context, prefix)
    with running(context, prefix, "worker", WAYFOLD_STATE_DIRECTORY=str(state)) as worker:
        figures = follow([worker], views, asyncio.run(expected(context, prefix)))
        peak = memory_mib(worker.process_id, "VmHWM")
    views.close()
    return {
        ("rate", "events_per_s"): figures["events_per_s"],
        ("worker_cpu", "us_per_event"): figures["worker_cpu_us_per_event"],
        ("peak_memory", "mib"): round(peak),
        ("on_disk", "mib"): round(on_disk),
    }


def _prefill(state: Path, count: int) -> None:
    """Fill the partitions, some in each of several processes."""
    shares = [range(first, PARTITIONS, PROCESSES) for first in range(PROCESSES)]
    command = [sys.executable, "-m", "benchmarks.prefill", str(state), str(count)]
    fillers = [subprocess.Popen([*command, *map(str, share)]) for share in shares]
    for filler in fillers:
        if filler.wait() != 0:
            raise subprocess.CalledProcessError(filler.returncode, command)


def _touches(count: int, touches: int) -> Iterator[Outgoing]:
    """Make one event each of users chosen by chance."""
    chance = random.Random(4)
    clock = Clock()
    for number in range(touches):
        index = int(chance.random() * count)
        draw = chance.random()
        if draw < 0.25:
            kind, name, more = "steps", "step.entered", f'{bound(index)},"step_id":"step-1"'
        elif draw < 0.4:
            kind, name, more = "entries", "journey.exited", f'{bound(index)},"reason":"completed"'
        else:
            kind, name, more = "messages", "message.clicked", message(index)
        at = f'"event_id":"touch-{number}","occurred_at":"{clock.text(START_MS + number)}Z"'
        value = f'{{"type":"{name}",{at},{more}}}'
        yield Outgoing(kind, user_of(index).encode(), value.encode())


def _percent(value: object, whole: object) -> float:
    assert isinstance(value, int | float)
    assert isinstance(whole, int | float)
    return round(100 * value / max(whole, 0.01), 1)
