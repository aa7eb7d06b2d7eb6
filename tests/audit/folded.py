"""A system to audit that is folded in memory."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from tests.generators.logs import Logged, log_of
from tests.generators.world import TOPICS
from tests.oracle.story import DAY_MS
from tests.state.draining import drained
from wayfold.audit.audit import System, Verdict, audit
from wayfold.audit.gathering import LogRules
from wayfold.audit.live import LiveNumbers, Offsets
from wayfold.audit.log_sources import Entry
from wayfold.audit.oracle import Limits as OracleLimits
from wayfold.audit.questions import Scope
from wayfold.state.limits import Limits
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.query import Query
from wayfold.state.reading.watermarks import greatest
from wayfold.state.store.memory_store import MemoryStore

PARTITIONS = 2
RETENTION_MS = 400 * DAY_MS


def logs_of(events: Iterable[dict[str, Any]]) -> list[list[Logged]]:
    """The records of each partition, in the order of the events."""
    return log_of([(TOPICS[str(event["type"])], event) for event in events], PARTITIONS)


class Folded:
    """Partitions in memory and their log: a system to audit whose rows can be changed.

    `logs` are given instead of events where the partitions' logs are to differ.
    """

    def __init__(
        self,
        events: Iterable[dict[str, Any]] = (),
        time_zone: str = "UTC",
        *,
        logs: list[list[Logged]] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        self.partitions = PARTITIONS
        self.time_zone = time_zone
        self.limits = limits or {}
        self.logs = logs or logs_of(events)
        self.stores = [MemoryStore(number) for number in range(PARTITIONS)]
        for partition, log in zip(self.opened(), self.logs, strict=True):
            for topic, record in log:
                partition.fold(topic, [record])
            partition.commit()

    def opened(self) -> list[Partition]:
        given = FoldSettings(partitions=PARTITIONS, time_zone=self.time_zone, limits=Limits(**self.limits))
        return [Partition(store, number, given) for number, store in enumerate(self.stores)]

    async def audited(self, seed: int = 0, **scope: Any) -> Verdict:
        """Audit it, holding up to a thousand events."""
        rules = LogRules(
            partitions=PARTITIONS,
            partitioner="murmur2",
            retention_ms=RETENTION_MS,
            limits=OracleLimits(**self.limits),
        )
        asked = msgspec.structs.replace(Scope(seed=seed), **scope)
        return await audit(System(self, self, rules, {}, self.time_zone), asked, max_events=1_000)

    async def numbers(self, query: Query, judged_at_ms: int = 0) -> LiveNumbers:
        opened = self.opened()
        watermarks = greatest(partition.watermarks for partition in opened)
        judged = {account: max(at_ms, judged_at_ms) for account, at_ms in watermarks.items()}
        return LiveNumbers({one.number: one.partial(query, judged) for one in opened}, judged)

    async def users(self, query: Query, number: str) -> set[str]:
        return {user for partition in self.opened() for user in drained(partition.users(query, number))}

    def read(self, ends: Offsets) -> Iterator[Entry]:
        for number, log in enumerate(self.logs):
            for topic, record in log:
                if record.offset < ends[number].get(topic, 0):
                    yield number, topic, record
