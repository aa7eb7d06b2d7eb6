"""A run as a table for people, as Markdown to keep, and as JSON."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.benches import BENCHES, CORPUS, TARGETS, Target
from benchmarks.context import Value
from benchmarks.run import Outcome, Report

TITLES: Final = {bench.name: bench.title for bench in (CORPUS, *BENCHES)}
EVERYTHING: Final = "all"
NOISY_CORES: Final = 0.2
"""Cores busy with others' work from which on a figure is marked."""


class Judged(NamedTuple):
    """A target with the figure that was measured, and whether that is good enough."""

    target: Target
    figure: float

    @property
    def verdict(self) -> str:
        """PASS or MISS."""
        return "PASS" if self.target.is_met(self.figure) else "MISS"


def judged(report: Report) -> list[Judged]:
    """Judge the targets of which everything was measured."""
    ran = {target for target in TARGETS if target.bench in report.results}
    return [Judged(target, target.of(report.results)) for target in TARGETS if target in ran]


def print_report(report: Report, console: Console) -> None:
    """Print the figures, the targets and the machine."""
    figures = Table(title="Figures", title_justify="left")
    for heading in ("bench", "figure", "value"):
        figures.add_column(heading, justify="right" if heading == "value" else "left")
    for outcome in report.outcomes:
        for index, (name, value) in enumerate(_rows(report, outcome)):
            figures.add_row(outcome.bench if index == 0 else "", name, value)
        figures.add_section()
    console.print(figures)
    targets = Table(title="Targets", title_justify="left")
    for heading in ("target", "asked", "measured", "verdict"):
        targets.add_column(heading, justify="left" if heading in ("target", "verdict") else "right")
    for one in judged(report):
        colour = "green" if one.verdict == "PASS" else "bold red"
        targets.add_row(*_target_row(one)[:3], f"[{colour}]{one.verdict}[/]")
    console.print(targets)
    for line in _machine_lines(report):
        console.print(line, highlight=False)


def as_markdown(report: Report) -> str:
    """Write the run as a Markdown document."""
    lines = [f"# Benchmarks of {report.began}", "", *(f"- {line}" for line in _machine_lines(report)), ""]
    lines += _markdown_table(("target", "asked", "measured", "verdict"), map(_target_row, judged(report)))
    lines += _markdown_table(
        ("bench", "figure", "value"),
        (
            (outcome.bench, name, value)
            for outcome in report.outcomes
            for name, value in _rows(report, outcome)
        ),
    )
    return "\n".join(lines)


def keep(report: Report, folder: Path, name: str) -> Path:
    """Write JSON and Markdown into a folder; return the Markdown's path.

    A run of everything is the folder's README as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{report.began[:10]}-{name}"
    (folder / f"{stem}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    path = folder / f"{stem}.md"
    path.write_text(as_markdown(report), encoding="utf-8")
    if name == EVERYTHING:
        (folder / "README.md").write_text(as_markdown(report), encoding="utf-8")
    return path


def _rows(report: Report, outcome: Outcome) -> Iterator[tuple[str, str]]:
    if outcome.problem:
        yield "not measured", outcome.problem.splitlines()[-1]
        return
    for name, value in outcome.figures.items():
        if isinstance(value, dict):
            for inner, figure in value.items():
                yield f"{_spoken(name)}, {inner}", _shown(figure)
        else:
            yield _spoken(name), _shown(value)
    rate, limit = outcome.figures.get("events_per_s"), report.results.get("limit", {}).get("events_per_s")
    if isinstance(rate, int | float) and isinstance(limit, int | float) and outcome.bench != "limit":
        yield "share of the limit", f"{100 * rate / limit:.1f} %"
    noise = f"{outcome.ours_cores} ours, {outcome.others_cores} others'"
    yield "cores busy", noise + (" (noisy)" if outcome.others_cores >= NOISY_CORES else "")
    yield "seconds in all", _shown(outcome.seconds)


def _target_row(one: Judged) -> tuple[str, str, str, str]:
    target = one.target
    asked = f"{target.bound} {_shown(target.threshold)} {target.unit}"
    return target.title, asked, f"{_shown(round(one.figure, 2))} {target.unit}", one.verdict


def _machine_lines(report: Report) -> list[str]:
    machine = report.machine
    lines = [
        f"{machine.cores} cores of {machine.processor}, {machine.memory_mib:,} MiB, Linux {machine.kernel}",
        ", ".join(f"{name} {version}" for name, version in machine.versions.items()),
        f"Wayfold at commit {machine.commit}",
    ]
    if report.scale != 1:
        lines.append(f"Scale {report.scale:g}: figures and verdicts of so small a run mean little.")
    if any(outcome.others_cores >= NOISY_CORES for outcome in report.outcomes):
        lines.append("Others were busy on the machine: figures marked noisy are worse than they would be.")
    return lines


def _markdown_table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return [*lines, ""]


def _spoken(name: str) -> str:
    return (
        name.replace("_per_s", "/s")
        .replace("_per_event", " an event")
        .replace("_us", " µs")
        .replace("_", " ")
    )


def _shown(value: Value) -> str:
    if isinstance(value, int | float):
        return f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:,.2f}"
    return str(value)
