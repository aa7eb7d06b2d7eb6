"""Metric families of one page, with a limit on how many series of journeys it takes."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from wayfold.exporters.prometheus.names import Kind, Name
from wayfold.state.telemetry import Histogram


class Families:
    """Gathers samples by metric; those beyond `limit` are counted in `left_out` instead."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._families: dict[str, Metric] = {}
        self.left_out = 0

    def bounded(self, name: Name, labels: Sequence[str], value: float) -> None:
        """Add a sample whose labels come from events or definitions: it counts against the limit."""
        if self._taken >= self._limit:
            self.left_out += 1
            return
        self._taken += 1
        self.add(name, labels, value)

    def add(self, name: Name, labels: Sequence[str], value: float) -> None:
        """Add a sample whose number is bounded by itself."""
        family = self._families.get(name.name)
        if family is None:
            make = CounterMetricFamily if name.kind is Kind.COUNTER else GaugeMetricFamily
            family = self._families[name.name] = make(name.name, name.meaning, labels=name.labels)
        family.add_metric(labels, value)  # type: ignore[attr-defined]

    def add_histogram(self, name: Name, histogram: Histogram) -> None:
        """Add a histogram without labels."""
        cumulated, buckets = 0, []
        for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
            cumulated += count
            buckets.append(("+Inf" if bound == float("inf") else repr(bound), float(cumulated)))
        family = HistogramMetricFamily(name.name, name.meaning)
        family.add_metric([], buckets, histogram.total)
        self._families[name.name] = family

    def collect(self) -> Iterable[Metric]:
        """Give the families; with this method the object is a collector of prometheus-client."""
        return self._families.values()
