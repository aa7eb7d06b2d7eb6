"""A log folded as a host does it, through `apply_batch`, however it is cut and its topics are interleaved."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.generators.logs import Logged
from tests.generators.world import TIME_ZONES
from wayfold.agents.effects import NoProgress, NoViews, OpenPartition, apply_batch
from wayfold.models.record import LogRecord
from wayfold.models.refusal import DeadLetter
from wayfold.models.zone import month_name
from wayfold.state.histories.engagement import decode_row
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store import keys
from wayfold.state.store.memory_store import MemoryStore

Batch = list[tuple[str, list[LogRecord]]]
Row = tuple[Any, ...]


class Outcome(NamedTuple):
    """All that a log decides: reasons of refused records, counters, watermarks, rows for bills, conflicts."""

    reasons: Mapping[tuple[str, int], str]
    counters: Mapping[str, int]
    watermarks: Mapping[str, int]
    consumption: Sequence[Row]
    conflicts: Mapping[tuple[str, str, int], int]
    statuses: Mapping[tuple[str, str], str]


class Cut(NamedTuple):
    """How a log is cut into batches: of `size` records, or at random up to it.

    `interleaved` reads the topics in any order, as consumers do; else they come as they were written.
    `restarts` opens the partition anew after a batch now and then, and lets some batches come again.
    """

    name: str
    size: int
    at_random: bool = False
    interleaved: bool = False
    restarts: bool = False


class Letters:
    """Dead letters in memory."""

    def __init__(self) -> None:
        self.written: dict[tuple[str, int], DeadLetter] = {}

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        """Keep the letters; one that comes again must say what it said."""
        for letter in letters:
            known = self.written.setdefault((letter.topic, letter.offset), letter)
            assert known == letter


def batches_of(log: Sequence[Logged], cut: Cut, generator: random.Random) -> Iterator[Batch]:
    """The log in batches; the records of a topic keep their order."""
    waiting: dict[str, list[LogRecord]] = {}
    order = [logged.topic for logged in log]
    for topic, record in log:
        waiting.setdefault(topic, []).append(record)
    if cut.interleaved:
        order = _interleaved(order, generator)
    place = 0
    taken = dict.fromkeys(waiting, 0)
    while place < len(order):
        size = generator.randint(1, cut.size) if cut.at_random else cut.size
        counts: dict[str, int] = {}
        for topic in order[place : place + size]:
            counts[topic] = counts.get(topic, 0) + 1
        batch = []
        for topic, count in counts.items():
            batch.append((topic, waiting[topic][taken[topic] : taken[topic] + count]))
            taken[topic] += count
        if cut.interleaved:
            generator.shuffle(batch)
        yield batch
        place += size


def _interleaved(order: Sequence[str], generator: random.Random) -> list[str]:
    """Runs of one topic or another, some as long as the topic: one may be read whole before the others."""
    left: dict[str, int] = {}
    for topic in order:
        left[topic] = left.get(topic, 0) + 1
    mixed: list[str] = []
    while left:
        topic = generator.choice(sorted(left))
        run = min(left[topic], generator.choice((1, 3, 20, 1_000_000)))
        mixed += [topic] * run
        left[topic] -= run
        if not left[topic]:
            del left[topic]
    return mixed


async def folded(
    log: Sequence[Logged], number: int, settings: FoldSettings, cut: Cut, generator: random.Random
) -> tuple[Partition, Outcome]:
    """The partition after the log, and what the log decided."""
    store = MemoryStore(number)
    partition = Partition(store, number, settings)
    letters = Letters()
    earlier: list[Batch] = []
    for batch in batches_of(log, cut, generator):
        if cut.restarts and generator.random() < 0.2:
            store = store.restarted()
            partition = Partition(store, number, settings)
            if earlier:
                await _apply(partition, earlier[-1], letters)
        await _apply(partition, batch, letters)
        earlier = [batch]
    while partition.judging_since_ms is not None:
        await _apply(partition, [], letters)
    return partition, outcome(partition, letters)


async def _apply(partition: Partition, batch: Batch, letters: Letters) -> None:
    await apply_batch(OpenPartition(partition), batch, letters, NoViews(), NoProgress())


def outcome(partition: Partition, letters: Letters) -> Outcome:
    """What was decided, as a partition and its dead letters tell it."""
    scopes = [scope for scope in partition.catalog.numbered if scope.journey_id]
    return Outcome(
        {place: letter.refusal.reason.value for place, letter in letters.written.items()},
        partition.counters,
        partition.watermarks,
        consumption(partition),
        {
            (scope.account_id, scope.journey_id, version): count
            for scope in scopes
            for version, count in scope.definition_conflicts.items()
            if count
        },
        {(scope.account_id, scope.journey_id): scope.status for scope in scopes if scope.status},
    )


def consumption(partition: Partition) -> list[Row]:
    """The consumption rows as the store has them, with names instead of numbers."""
    accounts = [account.account_id for account in partition.catalog.accounts.values()]
    rows = []
    for key, value in partition.store.scan(keys.ENGAGEMENT, keys.after(keys.ENGAGEMENT)):
        account, month, person, count = (int.from_bytes(key[at : at + 4], "big") for at in (1, 5, 9, 13))
        user = keys.decode_person(partition.store.get(keys.number_key(keys.PERSON, person)) or b"")[1]
        row = decode_row(value)
        rows.append(
            (
                *(accounts[account], month_name(month), user, count),
                *(row.engaged_at_ms, row.billed_at_ms, row.journey_id, row.correction),
            )
        )
    return sorted(rows)


def settings_of(**settings: Any) -> FoldSettings:
    """Settings of the fold with the accounts' time zones."""
    return FoldSettings(account_time_zones=TIME_ZONES, **settings)
