"""Open windows in an audit: how many there are now and later, and when they close."""

import re
from collections.abc import Callable, Iterator, Mapping
from struct import Struct

import pytest

from tests.generators.logs import log_of
from tests.generators.world import TOPICS
from tests.oracle.story import DAY_MS, HOUR_MS, defined, entered, exited, goal
from tests.state.draining import drained
from wayfold.agents.audit.audit import System, Verdict, audit
from wayfold.agents.audit.gathering import LogRules
from wayfold.agents.audit.live import LiveNumbers, Offsets
from wayfold.agents.audit.log_sources import Entry
from wayfold.agents.audit.oracle_time import instant_ms
from wayfold.agents.audit.questions import Scope, later_instants
from wayfold.models.zone import MINUTE_MS
from wayfold.state.histories.closings import CONVERTED, UNCONVERTED
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.query import Query
from wayfold.state.store import keys
from wayfold.state.store.memory_store import MemoryStore

PARTITIONS = 2
RETENTION_MS = 400 * DAY_MS
LAST_MS = instant_ms("2026-11-08T09:00:00Z")
closing_fields = Struct(">cIQQIIQ").unpack
SEEDS = range(5)
OPEN_PATH = re.compile(r".*numbers\.(conversion_rate|total_exits)_open\.(entries|closes_at)")


def story() -> Iterator[dict[str, object]]:
    """Ten users whose windows close one after another, a day apart; every third has converted."""
    yield defined(window_ms=10 * DAY_MS)
    for number in range(10):
        day = f"2026-10-{20 + number}"
        yield entered(f"u{number}", f"{day}T08:00:00Z")
        yield exited(f"u{number}", f"{day}T09:00:00Z")
        if number % 3 == 0:
            yield goal(f"u{number}", f"{day}T08:30:00Z")


class Folded:
    """Partitions in memory and their log: a system to audit whose rows can be changed."""

    def __init__(self) -> None:
        self.partitions = PARTITIONS
        self.logs = log_of([(TOPICS[str(event["type"])], event) for event in story()], PARTITIONS)
        self.stores = [MemoryStore(number) for number in range(PARTITIONS)]
        for partition, log in zip(self.opened(), self.logs, strict=True):
            for topic, record in log:
                partition.fold(topic, [record])
            partition.commit()

    def opened(self) -> list[Partition]:
        given = FoldSettings(partitions=PARTITIONS)
        return [Partition(store, number, given) for number, store in enumerate(self.stores)]

    def closings(self) -> list[tuple[int, bytes, bytes]]:
        """Rows of open windows, by when they close: the partition, the key, the value."""
        rows = [
            (number, key, value)
            for number, store in enumerate(self.stores)
            for key, value in store.scan(keys.CLOSING, keys.after(keys.CLOSING))
        ]
        return sorted(rows, key=lambda row: closes_at_ms(row[1]))

    async def numbers(self, query: Query, judged_at_ms: int = 0) -> LiveNumbers:
        opened = self.opened()
        at_ms = max(judged_at_ms, *(partition.watermark_ms for partition in opened))
        return LiveNumbers({one.number: one.partial(query, at_ms) for one in opened}, at_ms)

    async def users(self, query: Query, number: str) -> set[str]:
        return {user for partition in self.opened() for user in drained(partition.users(query, number))}

    def read(self, ends: Offsets) -> Iterator[Entry]:
        for number, log in enumerate(self.logs):
            for topic, record in log:
                if record.offset < ends[number].get(topic, 0):
                    yield number, topic, record


Damage = Callable[[bytes, bytes], Mapping[bytes, bytes]]
"""What becomes of a row, from its key and value."""


def lost(key: bytes, value: bytes) -> Mapping[bytes, bytes]:
    return {}


def taken_for_the_other(key: bytes, value: bytes) -> Mapping[bytes, bytes]:
    return {key: UNCONVERTED if value == CONVERTED else CONVERTED}


def doubled(key: bytes, value: bytes) -> Mapping[bytes, bytes]:
    return {key: value, closing_later(key, MINUTE_MS): value}


def closing_among_the_last(key: bytes, value: bytes) -> Mapping[bytes, bytes]:
    return {closing_later(key, LAST_MS - HOUR_MS - closes_at_ms(key)): value}


def closing_later(key: bytes, later_ms: int) -> bytes:
    kind, scope, version, at_ms, *identity = closing_fields(key)
    return keys.closing_key(kind, scope, version, at_ms + later_ms, *identity)


def closes_at_ms(key: bytes) -> int:
    return int(closing_fields(key)[3])


async def audited(folded: Folded, seed: int) -> Verdict:
    rules = LogRules(partitions=PARTITIONS, partitioner="murmur2", retention_ms=RETENTION_MS)
    return await audit(System(folded, folded, rules, {}, "UTC"), Scope(seed=seed), max_events=1_000)


@pytest.mark.parametrize("seed", SEEDS)
async def test_windows_are_equal_now_and_later(seed: int) -> None:
    """What is open at instants between the watermark and the last closing is compared, and is equal."""
    folded = Folded()
    said = await folded.numbers(Query())
    assert closes_at_ms(folded.closings()[-1][1]) == LAST_MS
    instants = later_instants(Scope(seed=seed), said)
    assert sorted(set(instants)) == list(instants)
    assert said.watermark_ms < instants[0] < instants[-1] <= LAST_MS
    assert later_instants(Scope(seed=seed), await folded.numbers(Query(), LAST_MS + 1)) == ()
    assert (await audited(folded, seed)).differences == []


@pytest.mark.parametrize("damage", [lost, taken_for_the_other, doubled, closing_among_the_last])
@pytest.mark.parametrize("place", [1, 3, 4])
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_damaged_window_is_found(damage: Damage, place: int, seed: int) -> None:
    """A window that is lost, doubled, converted or not, or closes too late, differs, and nothing else."""
    folded = Folded()
    number, key, value = folded.closings()[place]
    del folded.stores[number].pairs[key]
    folded.stores[number].write(list(damage(key, value).items()))
    found = (await audited(folded, seed)).differences
    assert found
    assert [difference.path for difference in found if not OPEN_PATH.fullmatch(difference.path)] == []
