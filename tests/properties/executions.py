"""Ways in which one event set may reach the fold: all of them must end in the same numbers."""

import json
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from tests.generators.logs import Logged, batches, interleaved, log_of
from tests.generators.seeded import with_repeats
from tests.generators.world import TIME_ZONES, Event
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.query import Query
from wayfold.state.reading.watermarks import greatest
from wayfold.state.store.memory_store import MemoryStore

Events = list[tuple[str, Event]]


class Execution(NamedTuple):
    """How events arrive and what happens on the way.

    `accidents` is the chance, per batch, of one of these: it is folded and then discarded, the process dies
    before its commit, the commit fails, the partition is reopened, batches come again, or the store falls
    back to an earlier copy of itself (a snapshot) and the log is read again from there.
    """

    name: str
    partitions: int = 1
    shuffled: bool = False
    repeated: bool = False
    interleaved: bool = False
    largest_batch: int = 10_000
    accidents: float = 0.0
    definitions: str = "in place"


EXECUTIONS = (
    Execution("straight"),
    Execution("one by one", largest_batch=1),
    Execution("shuffled", shuffled=True, largest_batch=7),
    Execution("repeated", repeated=True, largest_batch=5),
    Execution("shuffled and repeated", shuffled=True, repeated=True, largest_batch=3),
    Execution("topics interleaved", interleaved=True, largest_batch=4),
    Execution("definitions last", definitions="last", largest_batch=6),
    Execution("definitions first", definitions="first", shuffled=True),
    Execution("accidents", accidents=0.3, largest_batch=4),
    Execution("two partitions", partitions=2, shuffled=True, largest_batch=9),
    Execution("eight partitions", partitions=8, shuffled=True, repeated=True, largest_batch=6),
    Execution(
        "everything at once",
        partitions=3,
        shuffled=True,
        repeated=True,
        interleaved=True,
        largest_batch=4,
        accidents=0.3,
        definitions="last",
    ),
)


def run(
    events: Events, execution: Execution, generator: random.Random, cache_histories: int | None = None
) -> list[Partition]:
    """The partitions after the events have come to them in this way."""
    arriving = list(events)
    if execution.shuffled:
        generator.shuffle(arriving)
    if execution.definitions != "in place":
        others_first = execution.definitions == "last"
        arriving.sort(key=lambda pair: (pair[0] == "definitions") == others_first)
    if execution.repeated:
        arriving = list(with_repeats(arriving, generator))
    settings = FoldSettings(
        partitions=execution.partitions,
        account_time_zones=TIME_ZONES,
        cache_histories=cache_histories or generator.choice((1, 3, 8_000)),
        read_ahead_rows=generator.choice((1, 3, 1_024)),
        journal_records=generator.choice((0, 5, 40, 10_000)),
        judged_histories=generator.choice((1, 2, 5, 2_000)),
    )
    partitions = []
    for number, log in enumerate(log_of(arriving, execution.partitions)):
        if execution.interleaved:
            log = interleaved(log, generator)  # noqa: PLW2901 - the same log, read otherwise
        partitions.append(_fold(log, number, execution, settings, generator))
    return partitions


class _Life:
    """One partition's life: its process may end, its store survives, and may fall back to an earlier copy."""

    def __init__(self, number: int, settings: FoldSettings) -> None:
        self.number, self.settings = number, settings
        self.store = MemoryStore(number)
        self.partition = Partition(self.store, number, settings)
        self.older: tuple[dict[bytes, bytes], int] = ({}, 0)

    def start_again(self) -> None:
        """What was not committed is lost."""
        self.store = self.store.restarted()
        self.partition = Partition(self.store, self.number, self.settings)

    def commit(self, batch: Sequence[Logged], accident: str) -> bool:
        """Fold a batch; whether it was committed."""
        fold_batch(self.partition, batch)
        if accident == "discarded":
            self.partition.discard()
            return False
        if accident == "died":
            self.start_again()
            return False
        if accident == "failed":
            self.store.fail_next_write(OSError("the disk is full"))
            with suppress(OSError):
                self.partition.commit()
            self.partition.discard()
            return False
        self.partition.commit()
        return True

    def after(self, place: int, accident: str, generator: random.Random) -> int:
        """The batch to fold next, after `place` were committed."""
        if accident == "reopened":
            self.start_again()
        elif accident == "came again":
            return max(0, place - generator.randint(1, 3))
        elif accident == "copied":
            self.older = (dict(self.store.pairs), place)
        elif accident == "fell back":
            pairs, place = self.older
            self.store = MemoryStore(self.number, pairs)
            self.partition = Partition(self.store, self.number, self.settings)
        return place


def _fold(
    log: Sequence[Logged],
    number: int,
    execution: Execution,
    settings: FoldSettings,
    generator: random.Random,
) -> Partition:
    life = _Life(number, settings)
    cut = batches(log, generator, execution.largest_batch)
    place = 0
    while place < len(cut):
        accident = generator.choice(_ACCIDENTS) if generator.random() < execution.accidents else ""
        if life.commit(cut[place], accident):
            place = life.after(place + 1, accident, generator)
    while life.partition.judging_since_ms is not None:
        life.partition.commit()
    return life.partition


_ACCIDENTS = ("discarded", "died", "failed", "reopened", "came again", "copied", "fell back")


def fold_batch(partition: Partition, batch: Sequence[Logged]) -> None:
    """Hand the batch over in runs of one topic, as the log's order has them."""
    start = 0
    for place, logged in enumerate(batch):
        if place + 1 == len(batch) or batch[place + 1].topic != logged.topic:
            partition.fold(logged.topic, [some.record for some in batch[start : place + 1]])
            start = place + 1


def answer(partitions: Sequence[Partition], query: Mapping[str, Any]) -> Event:
    """The numbers document over the partitions, whose shares travel as JSON, as between processes."""
    asked = Query(**query)
    watermarks = greatest(partition.watermarks for partition in partitions)
    partials = [partition.partial(asked, watermarks) for partition in partitions]
    document: Event = finish([json.loads(json.dumps(partial)) for partial in partials], asked)
    return document
