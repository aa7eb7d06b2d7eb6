"""`make bench`: measures Wayfold on real servers, prints tables and keeps the results."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks.benches import BENCHES, chosen
from benchmarks.machine import REPOSITORY, use_cores
from benchmarks.report import keep, print_report
from benchmarks.run import ServiceError, run

CORES = 2
RESULTS = REPOSITORY / "benchmarks" / "results"


def main(arguments: list[str]) -> int:
    """Run what is named, or everything; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ", ".join(bench.name for bench in BENCHES)
    parser.add_argument("bench", nargs="*", help=f"one or some of {names}; all when left out")
    parser.add_argument("--scale", type=float, default=float(os.environ.get("BENCH_SCALE", "1")))
    parser.add_argument(
        "--results", type=Path, help="folder for the results; only full runs are kept without"
    )
    given = parser.parse_args(arguments)
    try:
        benches = chosen(given.bench)
    except KeyError as error:
        parser.error(f"there is no bench {error}; there are {names}")
    use_cores(CORES)
    console = Console(width=120) if not sys.stdout.isatty() else Console()
    began = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    try:
        report = run(benches, given.scale, began, lambda title: console.print(f"… {title}"))
    except ServiceError as error:
        console.print(str(error), style="red")
        return 1
    print_report(report, console)
    folder = given.results or (RESULTS if given.scale == 1 else None)
    if folder is not None:
        console.print(f"Kept in {keep(report, folder, given.bench)}")
    problems = [outcome for outcome in report.outcomes if outcome.problem]
    for outcome in problems:
        console.print(f"[bold red]{outcome.bench}[/]: {outcome.problem}", highlight=False)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
