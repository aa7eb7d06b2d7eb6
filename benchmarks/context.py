"""What every bench is told, and what it gives back."""

from pathlib import Path
from typing import Final

import msgspec

from wayfold.settings import KafkaSettings

PARTITIONS: Final = 4
CORPUS_EVENTS: Final = 1_000_000

Value = float | int | str | dict[str, float]
Figures = dict[str, Value]
"""By name, the unit last, as in `events_per_s`; a table of such figures where there are several alike."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Where a bench finds the servers and the corpus, and how much it is to do.

    `scale` is 1 for figures that count; a smaller one makes everything quicker and the figures worth less.
    `folder` is the bench's own. `prefix` names the topics of the corpus.
    """

    bootstrap_servers: str
    redis_url: str
    folder: str
    prefix: str
    scale: float = 1.0

    @property
    def path(self) -> Path:
        """The bench's own folder."""
        return Path(self.folder)

    def count(self, full: int, least: int = 1_000) -> int:
        """Scale a number of events or users."""
        return max(least, int(full * self.scale))

    def seconds(self, full: float, least: float = 2.0) -> float:
        """Scale a time, in seconds."""
        return max(least, full * self.scale)

    def kafka(self, prefix: str | None = None) -> KafkaSettings:
        """Settings for topics: those of the corpus, or others with a prefix of their own."""
        prefix = prefix or self.prefix
        return KafkaSettings(
            bootstrap_servers=self.bootstrap_servers,
            topic_prefix=prefix,
            group=prefix,
            topic_partitions=PARTITIONS,
        )


class BenchError(Exception):
    """A bench that could not be measured, or that did not give the right numbers; the message says why."""


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of them are at most (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)]
