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
from benchmarks.machine import Meter, describe
from benchmarks.report import as_markdown, judged, keep, print_report
from benchmarks.run import Outcome, Report
from rich.console import Console


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
    """A run is kept under its date and name, the JSON reads back as the report, and it can be printed."""
    found = report(limit=500_000, end_to_end=75_000)
    path = keep(found, tmp_path, "all")
    assert path.name == "2026-11-22-all.md"
    assert (tmp_path / "README.md").read_text() == path.read_text()
    kept: dict[str, Any] = json.loads(path.with_suffix(".json").read_bytes())
    assert msgspec.convert(kept, Report) == found
    console = Console(file=io.StringIO(), width=120)
    print_report(found, console)
    assert isinstance(console.file, io.StringIO)
    assert re.search(r"one worker, end to end.*60,000.*75,000.*PASS", console.file.getvalue())


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
