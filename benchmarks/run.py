"""Runs benches one after the other, each in a process of its own, against servers of the run's own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from benchmarks.benches import Bench, Results
from benchmarks.context import Context, Figures
from benchmarks.machine import REPOSITORY, Machine, Meter, describe, redis_version
from local_services import LocalKafka, LocalRedis, ServiceError, install

PREFIX: Final = "bench"
WITHOUT_SERVERS: Final = {"fold", "reading-embedded"}
TAIL_LINES: Final = 25
# As long as a broker waits by default: workers that start together share the partitions from the beginning.
BROKER_OPTIONS: Final = {"group.initial.rebalance.delay.ms": "3000"}


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a bench: its figures, or why there are none.

    `ours_cores` and `others_cores` are how many cores were busy meanwhile with us and with others' work.
    """

    bench: str
    figures: Figures = {}
    problem: str = ""
    seconds: float = 0.0
    ours_cores: float = 0.0
    others_cores: float = 0.0


class Report(msgspec.Struct, kw_only=True):
    """A whole run."""

    began: str
    scale: float
    machine: Machine
    outcomes: list[Outcome]

    @property
    def results(self) -> Results:
        """The figures of the benches that came through."""
        return {outcome.bench: outcome.figures for outcome in self.outcomes if not outcome.problem}


def run(
    benches: Sequence[Bench], scale: float, began: str, on_event: Callable[[str], None] = lambda _: None
) -> Report:
    """Run the benches; those that fail or hang say so in their outcome, and the others go on."""
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="wayfold-bench-")))
        context = Context(bootstrap_servers="", redis_url="", folder=str(folder), prefix=PREFIX, scale=scale)
        servers: dict[str, str] = {}
        if any(bench.name not in WITHOUT_SERVERS for bench in benches):
            context, servers = stack.enter_context(_servers(context))
        machine = describe(servers)
        for bench in benches:
            on_event(bench.title)
            failed = {outcome.bench for outcome in outcomes if outcome.problem}
            missing = failed.intersection(bench.needs)
            if missing:
                problem = f"needs {', '.join(sorted(missing))}, which failed"
                outcomes.append(Outcome(bench=bench.name, problem=problem))
            else:
                outcomes.append(_measure(bench, context))
    return Report(began=began, scale=scale, machine=machine, outcomes=outcomes)


@contextmanager
def _servers(context: Context) -> Iterator[tuple[Context, dict[str, str]]]:
    with LocalKafka(options=BROKER_OPTIONS) as kafka, LocalRedis() as redis:
        versions = {
            "kafka": install.kafka_version(),
            "redis-server": redis_version(install.redis_command()),
        }
        found = msgspec.structs.replace(
            context, bootstrap_servers=kafka.bootstrap_servers, redis_url=redis.url
        )
        yield found, versions


def _measure(bench: Bench, context: Context) -> Outcome:
    folder = context.path / bench.name
    folder.mkdir()
    context = msgspec.structs.replace(context, folder=str(folder))
    context_file, result_file = folder / "context.json", folder / "result.json"
    context_file.write_bytes(msgspec.json.encode(context))
    command = [sys.executable, "-m", "benchmarks.one", bench.module, str(context_file), str(result_file)]
    log = folder / "bench.log"
    meter, began_s = Meter(), time.monotonic()
    problem = _run_bounded(command, log, bench.longest_s)
    ours, others = meter.cores()
    outcome = Outcome(
        bench=bench.name,
        problem=problem,
        seconds=round(time.monotonic() - began_s, 1),
        ours_cores=ours,
        others_cores=others,
    )
    if not problem:
        outcome.figures = msgspec.json.decode(result_file.read_bytes(), type=Figures)
    return outcome


def _run_bounded(command: list[str], log: Path, longest_s: float) -> str:
    """Run a command and end it, with all that it started, when it takes too long; say what went wrong."""
    path = [str(REPOSITORY), str(REPOSITORY / "deploy"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, cwd=REPOSITORY, start_new_session=True
        )
        try:
            status = process.wait(longest_s)
        except subprocess.TimeoutExpired:
            return f"took longer than {longest_s:.0f} s\n{_tail(log)}"
        finally:
            _end_group(process.pid)
            process.wait()
    return "" if status == 0 else _tail(log) or f"ended with status {status}"


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:])


__all__ = ["Outcome", "Report", "ServiceError", "run"]
