"""A run as a table for people, as Markdown to keep, and as JSON."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.benches import BENCHES, CORPUS, TARGETS, Target
from benchmarks.context import Value
from benchmarks.run import Outcome, Report

TITLES: Final = {bench.name: bench.title for bench in (CORPUS, *BENCHES)}
SLUG_CHARACTERS: Final = re.compile(r"[^a-z0-9]+")
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
    console.print(missed_line(report), highlight=False)
    for line in _machine_lines(report):
        console.print(line, highlight=False)


def as_markdown(report: Report) -> str:
    """Write the run as a Markdown document."""
    lines = [f"# Benchmarks of {report.began}", "", *(f"- {line}" for line in _machine_lines(report)), ""]
    lines += [missed_line(report), "", *targets_table(report)]
    lines += markdown_table(
        ("bench", "figure", "value"),
        (
            (outcome.bench, name, value)
            for outcome in report.outcomes
            for name, value in _rows(report, outcome)
        ),
    )
    return "\n".join(lines)


def targets_table(report: Report) -> list[str]:
    """The targets with their figures and verdicts, as the lines of a Markdown table."""
    return markdown_table(("target", "asked", "measured", "verdict"), map(_target_row, judged(report)))


def missed(report: Report) -> list[str]:
    """The targets that were not reached."""
    return [one.target.title for one in judged(report) if one.verdict == "MISS"]


def missed_line(report: Report) -> str:
    """A line that says what is missed, and of which targets nothing is known."""
    of_all = judged(report)
    unknown = len(TARGETS) - len(of_all)
    line = f"{len(missed(report))} of {len(of_all)} targets missed: {'; '.join(missed(report)) or 'none'}."
    return line + (f" {unknown} not measured." if unknown else "")


def keep(report: Report, folder: Path, benches: Sequence[str] = ()) -> Path:
    """Write JSON and Markdown into a folder, under time, commit and machine; return the Markdown's path.

    `benches` are those that were asked for, when not all were. The folder's README lists all that is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = name_of(report, benches)
    (folder / f"{stem}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    path = folder / f"{stem}.md"
    path.write_text(as_markdown(report), encoding="utf-8")
    (folder / "README.md").write_text(index(folder), encoding="utf-8")
    return path


def name_of(report: Report, benches: Sequence[str] = ()) -> str:
    """Name the files of a run, as in `2026-11-22-2251-0d06e73a8ad3-2-cores-amd-epyc`."""
    machine = report.machine
    parts = (report.began[:16], machine.commit, f"{machine.cores} cores", machine.processor, *benches)
    return SLUG_CHARACTERS.sub("-", " ".join(parts).lower().replace(":", "")).strip("-")


def kept(folder: Path) -> list[tuple[str, Report]]:
    """The runs that are kept in a folder, the newest first, with the name of each."""
    found = [
        (path.stem, msgspec.json.decode(path.read_bytes(), type=Report)) for path in folder.glob("*.json")
    ]
    return sorted(found, key=lambda run: (run[1].began, run[0]), reverse=True)


def standing(folder: Path) -> Report:
    """The newest of the full runs that judge the most targets: what can be said of the speed as a whole.

    Raises LookupError when no full run is kept.
    """
    full = [report for _, report in kept(folder) if report.scale == 1]
    if not full:
        raise LookupError(f"{folder} holds no run at full scale: `make bench` makes one")
    return max(full, key=lambda report: (len(judged(report)), report.began))


def index(folder: Path) -> str:
    """Write the list of what is kept in a folder."""
    lines = ["# Kept benchmarks", "", "Each run under its time, commit and machine; the newest first.", ""]
    lines += markdown_table(
        ("run", "commit", "machine", "one worker", "two workers", "missed"),
        (_index_row(name, report) for name, report in kept(folder)),
    )
    return "\n".join(lines)


def _index_row(name: str, report: Report) -> tuple[str, ...]:
    machine = report.machine
    rates = [report.results.get(bench, {}).get("events_per_s") for bench in ("end-to-end", "two-workers")]
    return (
        f"[{report.began}]({name}.md)",
        machine.commit,
        f"{machine.cores} cores of {machine.processor}",
        *("not measured" if rate is None else f"{_shown(rate)} events/s" for rate in rates),
        f"{len(missed(report))} of {len(judged(report))}",
    )


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


def markdown_table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Write a Markdown table, and an empty line behind it."""
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
