"""Writes /metrics."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from wayfold.exporters.api.source import NumbersSource, SourceUnavailableError
from wayfold.exporters.prometheus.engine import BY_NAME, MeasuredPartition, add_engine
from wayfold.exporters.prometheus.families import Families
from wayfold.exporters.prometheus.journeys import add_journeys
from wayfold.state.reading.query import Query
from wayfold.state.telemetry import Telemetry


class MetricsWriter:
    """Writes the page for one process.

    `source` gives the journeys' numbers, None where another process shows them (a worker leaves them to
    `wayfold serve`, since distinct users of some partitions are of no use). `max_label_sets` bounds their
    series; `versions` and `steps` say whether those are shown.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        partitions: Callable[[], Sequence[MeasuredPartition]],
        source: NumbersSource | None,
        *,
        max_label_sets: int = 5_000,
        versions: bool = True,
        steps: bool = True,
    ) -> None:
        self._telemetry = telemetry
        self._partitions = partitions
        self._source = source
        self._max_label_sets = max_label_sets
        self._versions = versions
        self._steps = steps
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        GCCollector(registry=self._process)

    async def __call__(self, accept: str) -> tuple[bytes, str]:
        """Give the page in the format that the Accept header asks for, and its content type.

        Journeys that cannot be read now are absent: the engine's own metrics say why.
        """
        families = Families(self._max_label_sets)
        add_engine(families, self._telemetry, self._partitions())
        if self._source is not None:
            try:
                document = await self._source.document(Query())
            except SourceUnavailableError:
                pass
            else:
                add_journeys(families, document, versions=self._versions, steps=self._steps)
        families.add(BY_NAME["wayfold_metrics_left_out"], [], families.left_out)
        registry = CollectorRegistry()
        registry.register(families)
        encode, content_type = choose_encoder(accept)
        page: bytes = encode(registry)
        if "openmetrics" in content_type:
            return page.removesuffix(b"# EOF\n") + encode(self._process), content_type
        return page + encode(self._process), content_type
