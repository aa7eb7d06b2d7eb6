"""What the running system says of itself, as the audit asks for it."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from wayfold.state.reading.query import Query

Offsets = Mapping[int, Mapping[str, int]]
"""By partition and topic kind: the next offset to fold, up to which the numbers reflect the log."""


class AuditImpossibleError(Exception):
    """There is nothing that the numbers could be compared with; the message says why and what to do."""


class LiveNumbers(msgspec.Struct, frozen=True):
    """Every partition's share of the numbers, each as of one commit, by partition.

    The shares are those of `wayfold.state.partition.Partition.partial`, with the offsets and counters of
    the same commit. `watermarks` say, by account, where open conversion windows were judged: its watermark,
    or an instant ahead of it while events come in.
    """

    partials: Mapping[int, dict[str, Any]]
    watermarks: Mapping[str, int]

    @property
    def offsets(self) -> Offsets:
        """How far each partition had come."""
        return {number: partial["offsets"] for number, partial in self.partials.items()}

    @property
    def watermark_ms(self) -> int:
        """The last instant at which windows were judged, -1 without any account."""
        return max(self.watermarks.values(), default=-1)


class LiveSystem(Protocol):
    """Asks the processes that hold the partitions.

    Every method raises an error that says what to do when a partition cannot be asked.
    """

    async def numbers(self, query: Query, judged_at_ms: int = 0) -> LiveNumbers:
        """Give every partition's share of the answer to a query.

        Open windows are judged at `judged_at_ms`, or at the account's watermark when that is later.
        """

    async def users(self, query: Query, number: str) -> set[str]:
        """Give the ids of the users behind a number, over all partitions."""
