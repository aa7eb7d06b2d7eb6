"""docs/metrics.md, made from the table of names."""

from wayfold.exporters.prometheus.names import GROUPS

HEAD = """# Metrics

`/metrics` of `wayfold run`, of `wayfold serve` and of each worker, in Prometheus's text format or as
OpenMetrics. The engine's metrics come from the process that has the partitions: the worker, or the
embedded host. Accounts, journeys, versions and steps come from `wayfold run` and `wayfold serve`, whose
numbers are those of all partitions together; do not add them up over several processes that serve.

Counters of the engine are part of the state: they survive a restart and move with their partition.
What a late event can lower is a gauge, even where it mostly grows. No label holds a user, an entry, a
message or an event. `metrics.max_label_sets` bounds the series of accounts, journeys, versions and steps,
in this order, and `wayfold_metrics_left_out` says how many it left out. The process's own metrics
(`process_…`, `python_…`) are there too.
"""


def metrics_markdown() -> str:
    """Write docs/metrics.md."""
    parts = [HEAD]
    for heading, names in GROUPS.items():
        parts.append(f"\n## {heading}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
        for name in names:
            labels = ", ".join(f"`{label}`" for label in name.labels) or "–"
            parts.append(f"| `{name.name}` | {name.kind.value} | {labels} | {name.meaning} |\n")
    return "".join(parts)
