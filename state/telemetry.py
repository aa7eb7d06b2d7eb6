"""What a host measures of its own work: plain numbers in memory, shown by exporters.

Nothing counts with them: the numbers of journeys, and how many records were refused, are part of the
state and live there. These start at zero with the process.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RECORDS: Final = (1.0, 10.0, 100.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0)


class Histogram:
    """How often a measured value fell at or below each of some bounds, and the sum of all values.

    `counts` has one more place than `bounds`, for the values above the last.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Note one value, in the unit of the bounds."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Note the seconds that the body takes, also when it raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - start)


class Telemetry:
    """One host's measurements; the host calls, an exporter reads. Not for use from several threads."""

    def __init__(self) -> None:
        self.batch_records = Histogram(RECORDS)
        """Records of each committed batch."""
        self.fold_seconds = Histogram(SECONDS)
        """Time to fold each batch in memory, without the pauses in between."""
        self.commit_seconds = Histogram(SECONDS)
        """Time of each atomic write to the store."""
        self.publish_seconds = Histogram(SECONDS)
        """Time of each push of views to Redis."""
        self.read_seconds = Histogram(SECONDS)
        """Time of each read of numbers, from the question to the finished answer."""
        self.snapshot_seconds = Histogram(SECONDS)
        """Time of each snapshot, from the checkpoint to the end of its upload."""
        self.publish_failures = 0
        """Pushes of views that failed and are tried again."""
        self.publish_refused_journeys = 0
        """Journeys and accounts whose numbers Redis refuses now, while it takes others."""
        self.snapshot_failures = 0
        """Snapshots that could not be made or uploaded."""
        self.snapshot_ms: dict[int, int] = {}
        """By partition: when the state was that its latest snapshot holds, in milliseconds UTC."""
        self.assignments = 0
        """Times that this process was given partitions."""
        self.lag_records: dict[int, int] = {}
        """By partition: records in the log, over all topics, that are not folded yet."""
        self.lag_ms: dict[int, int] = {}
        """By partition: for how long the oldest record not folded yet has been in the log, 0 if none."""

    def revoked(self, partition: int) -> None:
        """Forget what was measured of a partition that this process no longer has."""
        self.lag_records.pop(partition, None)
        self.lag_ms.pop(partition, None)
        self.snapshot_ms.pop(partition, None)
