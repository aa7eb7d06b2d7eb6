"""Benches at a tiny scale: they measure to the end and report what their targets ask for."""

from pathlib import Path

import pytest
from benchmarks.benches import BENCHES, TARGETS, Bench, chosen, figure
from benchmarks.context import BenchError, Context
from benchmarks.run import run

TINY = 0.002
SMALL = 0.03
WITH_RATES = ("limit", "end-to-end", "two-workers")


def test_the_fold_alone_is_measured() -> None:
    """A run of the fold gives a rate, a cost for each topic, and a figure for its target."""
    report = run(chosen(["fold"]), TINY, "2026-11-22")
    (outcome,) = report.outcomes
    assert outcome.problem == ""
    costs = outcome.figures["fold_us_per_event"]
    assert isinstance(costs, dict)
    assert costs.keys() == {"entries", "steps", "messages", "conversions"}
    assert all(cost > 0 for cost in costs.values())
    (target,) = [target for target in TARGETS if target.bench == "fold"]
    assert target.of(report.results) > 0


def test_a_bench_that_fails_says_why_and_the_next_goes_on() -> None:
    """A bench that cannot run has its problem in the report, and those after it are measured all the same."""
    broken = Bench(name="reading-embedded", module="benchmarks.nowhere", title="Nothing", longest_s=60)
    report = run([broken, *chosen(["fold"])], TINY, "2026-11-22")
    assert "No module named 'benchmarks.nowhere'" in report.outcomes[0].problem
    assert list(report.results) == ["fold"]


def test_a_bench_that_hangs_is_ended() -> None:
    """A bench that takes longer than it may is ended and reported."""
    (fold,) = chosen(["fold"])
    hanging = Bench(name=fold.name, module=fold.module, title=fold.title, longest_s=0.05)
    report = run([hanging], TINY, "2026-11-22")
    assert report.outcomes[0].problem.startswith("took longer than")


def test_every_bench_can_be_imported() -> None:
    """Every bench's module is there and has the function that measures."""
    for bench in BENCHES:
        module = __import__(bench.module, fromlist=["measure"])
        assert callable(module.measure)


@pytest.mark.services
def test_workers_are_measured_from_kafka_to_redis() -> None:
    """The corpus is published, read at the limit, folded by one worker and by two, until Redis has it all."""
    report = run(chosen(["two-workers"]), SMALL, "2026-11-22")
    assert [outcome.problem for outcome in report.outcomes] == [""] * 4
    assert report.results["corpus"]["events"] == 30_000
    rate_of = {name: figure(name, "events_per_s")(report.results) for name in WITH_RATES}
    assert min(rate_of.values()) > 0
    assert max(rate_of, key=lambda name: rate_of[name]) == "limit"
    one, two = (figure(name, "peak_memory_mib")(report.results) for name in ("end-to-end", "two-workers"))
    assert one < two


def test_a_missing_competitor_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its environment Quix Streams is not measured, and the message says how to install it."""
    from benchmarks import quix_counter

    monkeypatch.setattr(quix_counter, "PYTHON", tmp_path / "python")
    context = Context(bootstrap_servers="", redis_url="", folder=str(tmp_path), prefix="p")
    with pytest.raises(BenchError, match="make bench"):
        quix_counter.measure(context)
