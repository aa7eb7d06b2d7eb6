"""A system to audit that is folded in memory."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.generators.logs import log_of
from tests.generators.world import TOPICS
from tests.oracle.story import DAY_MS
from tests.state.draining import drained
from wayfold.audit.audit import System, Verdict, audit
from wayfold.audit.gathering import LogRules
from wayfold.audit.live import LiveNumbers, Offsets
from wayfold.audit.log_sources import Entry
from wayfold.audit.questions import Scope
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.query import Query
from wayfold.state.reading.watermarks import greatest
from wayfold.state.store.memory_store import MemoryStore

PARTITIONS = 2
RETENTION_MS = 400 * DAY_MS


class Folded:
    """Partitions in memory and their log: a system to audit whose rows can be changed."""

    def __init__(self, events: Iterable[dict[str, Any]], time_zone: str = "UTC") -> None:
        self.partitions = PARTITIONS
        self.time_zone = time_zone
        self.logs = log_of([(TOPICS[str(event["type"])], event) for event in events], PARTITIONS)
        self.stores = [MemoryStore(number) for number in range(PARTITIONS)]
        for partition, log in zip(self.opened(), self.logs, strict=True):
            for topic, record in log:
                partition.fold(topic, [record])
            partition.commit()

    def opened(self) -> list[Partition]:
        given = FoldSettings(partitions=PARTITIONS, time_zone=self.time_zone)
        return [Partition(store, number, given) for number, store in enumerate(self.stores)]

    async def audited(self, seed: int) -> Verdict:
        """Audit it, holding up to a thousand events."""
        rules = LogRules(partitions=PARTITIONS, partitioner="murmur2", retention_ms=RETENTION_MS)
        return await audit(System(self, self, rules, {}, self.time_zone), Scope(seed=seed), max_events=1_000)

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
