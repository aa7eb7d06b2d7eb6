"""Every bench: what it measures, what it needs, how long it may take, and what is asked of it."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from benchmarks.context import Figures

Results = Mapping[str, Figures]
"""By name of a bench."""


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """A bench is the function `measure` of a module, run in a process of its own.

    `needs` are benches that have to run before, in the same run: because they prepare something or because
    their figure is compared with. `longest_s` is when it counts as hung.
    """

    name: str
    module: str
    title: str
    longest_s: float
    needs: tuple[str, ...] = ()


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a bench: `of` gives the figure that must be at least, or at most, `threshold`."""

    bench: str
    title: str
    unit: str
    threshold: float
    bound: Literal["at least", "at most"]
    of: Callable[[Results], float]

    def is_met(self, figure: float) -> bool:
        """Whether a figure is good enough."""
        return figure >= self.threshold if self.bound == "at least" else figure <= self.threshold


CORPUS: Final = Bench(
    name="corpus", module="benchmarks.corpus", title="Publishing of the corpus", longest_s=300
)
BENCHES: Final = (
    Bench(
        name="limit",
        module="benchmarks.limit",
        title="The limit: getmany alone",
        longest_s=120,
        needs=("corpus",),
    ),
    Bench(
        name="end-to-end",
        module="benchmarks.end_to_end",
        title="One worker: Kafka to Redis, all work on",
        longest_s=360,
        needs=("corpus", "limit"),
    ),
    Bench(
        name="two-workers",
        module="benchmarks.two_workers",
        title="Two workers: Kafka to Redis, all work on",
        longest_s=360,
        needs=("corpus", "limit", "end-to-end"),
    ),
    Bench(
        name="quix",
        module="benchmarks.quix_counter",
        title="Quix Streams, one counter per user",
        longest_s=300,
        needs=("corpus", "end-to-end"),
    ),
    Bench(
        name="faust",
        module="benchmarks.faust_table",
        title="A plain Faust agent, one counter per user",
        longest_s=300,
        needs=("corpus", "end-to-end"),
    ),
    Bench(name="fold", module="benchmarks.fold", title="The fold alone", longest_s=240),
    # A broker that has just been started compiles itself for a minute, on the same cores.
    Bench(
        name="latency",
        module="benchmarks.latency",
        title="From an event to Redis",
        longest_s=180,
        needs=("corpus", "limit"),
    ),
    Bench(
        name="reading",
        module="benchmarks.reading",
        title="A journey over HTTP, cluster",
        longest_s=180,
        needs=("corpus", "limit"),
    ),
    Bench(
        name="reading-embedded",
        module="benchmarks.reading_embedded",
        title="A journey over HTTP, embedded host",
        longest_s=180,
    ),
    Bench(name="page", module="benchmarks.page", title="The page in a browser", longest_s=240),
    Bench(name="histories", module="benchmarks.histories", title="Many histories on disk", longest_s=600),
)


def figure(bench: str, name: str) -> Callable[[Results], float]:
    """Take a figure of a bench as it is."""

    def of(results: Results) -> float:
        value = results[bench][name]
        assert isinstance(value, int | float)
        return float(value)

    return of


def ratio(bench: str, other: str) -> Callable[[Results], float]:
    """Divide the rates of two benches."""
    above, below = figure(bench, "events_per_s"), figure(other, "events_per_s")
    return lambda results: above(results) / below(results)


def at_least(bench: str, title: str, threshold: float, unit: str, of: Callable[[Results], float]) -> Target:
    """Ask for much."""
    return Target(bench=bench, title=title, unit=unit, threshold=threshold, bound="at least", of=of)


def at_most(bench: str, title: str, threshold: float, unit: str, of: Callable[[Results], float]) -> Target:
    """Ask for little."""
    return Target(bench=bench, title=title, unit=unit, threshold=threshold, bound="at most", of=of)


END: Final = "end-to-end"
TWO: Final = "two-workers"
TARGETS: Final = (
    at_least(END, "one worker, end to end", 60_000, "events/s", figure(END, "events_per_s")),
    at_least(TWO, "two workers, end to end", 60_000, "events/s", figure(TWO, "events_per_s")),
    at_least("faust", "times a plain Faust agent with a table", 20, "x", ratio(END, "faust")),
    at_least("quix", "times Quix Streams with a counter", 1.5, "x", ratio(END, "quix")),
    at_least("fold", "the fold alone", 100_000, "events/s", figure("fold", "events_per_s")),
    at_most("latency", "event to Redis at 10,000 events/s, p99", 250, "ms", figure("latency", "p99_ms")),
    at_most(
        "histories",
        "peak memory with 2 million histories",
        1_024,
        "MiB",
        figure("histories", "peak_memory_many_mib"),
    ),
    at_least(
        "histories",
        "rate with 2 million histories, of that with 100,000",
        70,
        "%",
        figure("histories", "rate_kept_percent"),
    ),
    at_most("page", "first number of the page", 1_000, "ms", figure("page", "first_number_ms")),
    at_most("page", "a killed server is said", 2_000, "ms", figure("page", "outage_said_ms")),
    at_most("reading", "a journey over HTTP, cluster, p99", 10, "ms", figure("reading", "p99_ms")),
    at_most(
        "reading-embedded",
        "a journey over HTTP, embedded host, p99",
        10,
        "ms",
        figure("reading-embedded", "p99_ms"),
    ),
)


def chosen(names: list[str]) -> list[Bench]:
    """Give the benches of these names (all when there are none) with what they need, in the order of running.

    Raises KeyError with a name that there is not.
    """
    by_name = {bench.name: bench for bench in (CORPUS, *BENCHES)}
    wanted: set[str] = set()
    waiting = list(names or (bench.name for bench in BENCHES))
    while waiting:
        bench = by_name[waiting.pop()]
        wanted.add(bench.name)
        waiting += [name for name in bench.needs if name not in wanted]
    return [bench for bench in (CORPUS, *BENCHES) if bench.name in wanted]
