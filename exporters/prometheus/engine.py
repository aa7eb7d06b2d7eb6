"""What the engine measures, as metrics."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from wayfold import __version__
from wayfold.exporters.prometheus.families import Families
from wayfold.exporters.prometheus.names import ENGINE, Kind
from wayfold.state.store.errors import StoreFailedError, StoreProblem
from wayfold.state.telemetry import Telemetry

BY_NAME = {name.name: name for name in ENGINE}
REFUSED = "refused_total:"


class SizedStore(Protocol):
    """A store that knows its size."""

    def size_bytes(self) -> int:
        """Size on disk."""


class MeasuredPartition(Protocol):
    """What metrics need of `wayfold.state.partition.Partition`."""

    @property
    def number(self) -> int:
        """Number of the partition."""

    @property
    def watermark_ms(self) -> int:
        """Greatest `occurred_at` accepted, in milliseconds UTC; -1 when none was."""

    @property
    def offsets(self) -> Mapping[str, int]:
        """Topic kind → next offset."""

    @property
    def definition_conflicts(self) -> int:
        """Journey versions that were defined with several contents."""

    @property
    def counters(self) -> Mapping[str, int]:
        """Durable counters: accepted_total, duplicate_total, refused_total:<reason>."""


def add_engine(families: Families, telemetry: Telemetry, partitions: Sequence[MeasuredPartition]) -> None:
    """Add the engine's metrics."""
    families.add(BY_NAME["wayfold_build_info"], [__version__], 1)
    families.add(BY_NAME["wayfold_partitions"], [], len(partitions))
    for partition in partitions:
        _add_partition(families, partition)
    for number, records in sorted(telemetry.lag_records.items()):
        families.add(BY_NAME["wayfold_lag_records"], [str(number)], records)
    for number, lag_ms in sorted(telemetry.lag_ms.items()):
        families.add(BY_NAME["wayfold_lag_seconds"], [str(number)], lag_ms / 1000)
    for number, at_ms in sorted(telemetry.snapshot_ms.items()):
        families.add(BY_NAME["wayfold_last_snapshot_timestamp_seconds"], [str(number)], at_ms / 1000)
    for name in ENGINE:
        if not name.field:
            continue
        measured = getattr(telemetry, name.field)
        if name.kind is Kind.HISTOGRAM:
            families.add_histogram(name, measured)
        else:
            families.add(name, [], measured)


def _add_partition(families: Families, partition: MeasuredPartition) -> None:
    number = str(partition.number)
    if partition.watermark_ms >= 0:
        seconds = partition.watermark_ms / 1000
        families.add(BY_NAME["wayfold_watermark_timestamp_seconds"], [number], seconds)
    for topic, offset in sorted(partition.offsets.items()):
        families.add(BY_NAME["wayfold_next_offset"], [number, topic], offset)
    counters = partition.counters
    families.add(BY_NAME["wayfold_definition_conflicts"], [number], partition.definition_conflicts)
    families.add(BY_NAME["wayfold_accepted_total"], [number], counters.get("accepted_total", 0))
    families.add(BY_NAME["wayfold_duplicates_total"], [number], counters.get("duplicate_total", 0))
    for counter, count in sorted(counters.items()):
        if counter.startswith(REFUSED):
            families.add(BY_NAME["wayfold_refused_total"], [number, counter.removeprefix(REFUSED)], count)
    size_bytes = getattr(getattr(partition, "store", None), "size_bytes", None)
    if size_bytes is not None:
        try:
            families.add(BY_NAME["wayfold_state_bytes"], [number], size_bytes())
        except StoreFailedError as error:
            # One that was closed meanwhile has no size here; the page has the rest.
            if error.problem is not StoreProblem.CLOSED:
                raise
