"""What a run reports: figures, verdicts, machine."""

import io
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from benchmarks.benches import BENCHES, TARGETS, chosen
from benchmarks.context import percentile
from benchmarks.machine import REPOSITORY, Meter, describe
from benchmarks.report import (
    as_markdown,
    judged,
    keep,
    kept,
    name_of,
    print_report,
    standing,
)
from benchmarks.run import Outcome, Report
from rich.console import Console

RESULTS = REPOSITORY / "benchmarks" / "results"


def report(scale: float = 1.0, **rates: float) -> Report:
    """A run in which these benches had these rates."""
    return Report(
        began="2026-11-22 06:00 UTC",
        scale=scale,
        machine=describe({"kafka": "4.1"}),
        outcomes=[
            Outcome(bench=name.replace("_", "-"), figures={"events_per_s": rate}, seconds=1.0)
            for name, rate in rates.items()
        ],
    )


def verdicts(of: Report) -> dict[str, str]:
    """By target, what became of it."""
    return {one.target.title: one.verdict for one in judged(of)}


def test_targets_are_those_of_benches_that_there_are() -> None:
    """Every target belongs to a bench, and every bench that is asked of finds what it is compared with."""
    names = {bench.name for bench in BENCHES}
    assert {target.bench for target in TARGETS} <= names
    for target in TARGETS:
        assert target.bench in {bench.name for bench in chosen([target.bench])}


def test_a_bench_brings_what_it_needs_in_order() -> None:
    """Choosing a comparison runs what it is compared with first, and an unknown name is refused."""
    assert [bench.name for bench in chosen(["quix"])] == ["corpus", "limit", "end-to-end", "quix"]
    assert [bench.name for bench in chosen(["fold"])] == ["fold"]
    with pytest.raises(KeyError):
        chosen(["fastest"])


def test_verdicts_are_honest() -> None:
    """A figure below what is asked is a MISS, one that reaches it a PASS, and ratios are of the same run."""
    found = report(limit=500_000, end_to_end=59_999, faust=2_000, quix=50_000, fold=100_000)
    assert verdicts(found) == {
        "one worker, end to end": "MISS",
        "times a plain Faust agent with a table": "PASS",
        "times Quix Streams with a counter": "MISS",
        "the fold alone": "PASS",
    }


def test_what_was_not_measured_gets_no_verdict() -> None:
    """A bench that failed is named with its problem and judged neither way."""
    found = report(end_to_end=70_000)
    found.outcomes.append(Outcome(bench="quix", problem="Quix Streams is not installed"))
    assert list(verdicts(found)) == ["one worker, end to end"]
    assert "| quix | not measured | Quix Streams is not installed |" in as_markdown(found)


def test_the_report_says_what_it_was_measured_on() -> None:
    """Cores, processor, memory, kernel, versions, commit and the share of the limit stand in the report."""
    text = as_markdown(report(limit=500_000, end_to_end=75_000))
    machine = describe({"kafka": "4.1"})
    for part in (machine.processor, machine.kernel, machine.commit, "kafka 4.1", "faust-streaming", "python"):
        assert part in text
    assert "| share of the limit | 15.0 % |" in text


def test_a_small_run_says_so() -> None:
    """Figures of a run at a smaller scale are marked as such."""
    assert "Scale 0.05" in as_markdown(report(scale=0.05, limit=1.0))
    assert "Scale" not in as_markdown(report(limit=1.0))


def test_noise_is_marked() -> None:
    """A figure that was measured while others were busy is marked as noisy."""
    found = report(limit=1.0)
    assert "noisy" not in as_markdown(found)
    found.outcomes[0].others_cores = 0.9
    assert "(noisy)" in as_markdown(found)


def test_results_are_kept_as_json_and_markdown(tmp_path: Path) -> None:
    """A run is kept under its time, commit and machine, the JSON reads back, and it can be printed."""
    found = report(limit=500_000, end_to_end=75_000)
    machine = found.machine
    found.machine = msgspec.structs.replace(machine, commit="0d06e73 with changes", processor="A B", cores=3)
    path = keep(found, tmp_path)
    assert path.name == "2026-11-22-0600-0d06e73-with-changes-3-cores-a-b.md"
    written: dict[str, Any] = json.loads(path.with_suffix(".json").read_bytes())
    assert msgspec.convert(written, Report) == found
    console = Console(file=io.StringIO(), width=120)
    print_report(found, console)
    assert isinstance(console.file, io.StringIO)
    assert re.search(r"one worker, end to end.*60,000.*75,000.*PASS", console.file.getvalue())


def test_every_run_stays_and_is_listed(tmp_path: Path) -> None:
    """A later run takes no earlier one's place, and the folder's README lists both with their rates."""
    earlier, later = report(end_to_end=75_000), report(end_to_end=50_000, two_workers=90_000)
    later.began = "2026-11-22 06:10 UTC"
    some = keep(earlier, tmp_path, ["end-to-end"])
    whole = keep(later, tmp_path)
    assert some.stem.endswith("-end-to-end")
    rows = (tmp_path / "README.md").read_text().splitlines()
    (first,) = [number for number, row in enumerate(rows) if whole.name in row]
    (second,) = [number for number, row in enumerate(rows) if some.name in row]
    assert first < second
    assert "| 50,000 events/s | 90,000 events/s | 1 of 2 |" in rows[first]
    assert "| 75,000 events/s | not measured | 0 of 1 |" in rows[second]
    assert standing(tmp_path) == later


def test_what_is_missed_is_said() -> None:
    """The report names the targets that were missed, and says how many were not measured."""
    found = as_markdown(report(end_to_end=59_999, fold=100_000))
    assert f"1 of 2 targets missed: one worker, end to end. {len(TARGETS) - 2} not measured." in found
    assert "0 of 1 targets missed: none." in as_markdown(report(fold=100_000))


def test_every_kept_run_has_its_page_and_its_name() -> None:
    """What is kept is named after its time, commit and machine, and can be read by people."""
    assert kept(RESULTS)
    for name, run in kept(RESULTS):
        assert name.startswith(name_of(run))
        assert (RESULTS / f"{name}.md").is_file()


def test_percentiles_are_of_the_nearest_rank() -> None:
    """The percentile of a share is the least value that so many are at most."""
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert percentile([7.0], 0.99) == 7.0


def test_the_meter_sees_our_own_work() -> None:
    """Work of this process counts as ours."""
    meter = Meter()
    sum(number * number for number in range(2_000_000))
    ours, others = meter.cores()
    assert ours > 0
    assert others >= 0
