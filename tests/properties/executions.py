"""Ways in which one event set may reach the fold: all of them must end in the same numbers."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.generators.logs import Logged, batches, interleaved, log_of
from tests.generators.seeded import with_repeats
from tests.generators.world import TIME_ZONES, Event
from tests.properties.dict_store import DictStore
from wayfold.state.numbers import finish
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.query import Query

Events = list[tuple[str, Event]]


class Execution(NamedTuple):
    """How events arrive and what happens on the way.

    `accidents` are the chances, per batch, that it is folded and then discarded, that the process dies before
    its commit, that it is reopened after it, that batches come again, and that the store falls back to an
    earlier copy of itself.
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


def run(events: Events, execution: Execution, generator: random.Random) -> list[Partition]:
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
        cache_histories=generator.choice((1, 3, 8_000)),
    )
    partitions = []
    for number, log in enumerate(log_of(arriving, execution.partitions)):
        if execution.interleaved:
            log = interleaved(log, generator)  # noqa: PLW2901 - the same log, read otherwise
        partitions.append(_fold(log, number, execution, settings, generator))
    return partitions


def _fold(
    log: Sequence[Logged],
    number: int,
    execution: Execution,
    settings: FoldSettings,
    generator: random.Random,
) -> Partition:
    store = DictStore()
    partition = Partition(store, number, settings)
    cut = batches(log, generator, execution.largest_batch)
    older, older_place = store.copy(), 0
    place = 0
    while place < len(cut):
        batch = cut[place]
        _fold_batch(partition, batch)
        accident = generator.choice(_ACCIDENTS) if generator.random() < execution.accidents else ""
        if accident == "discarded":
            partition.discard()
            continue
        if accident == "died":
            partition = Partition(store, number, settings)
            continue
        partition.commit()
        place += 1
        if accident == "reopened":
            partition.close()
            partition = Partition(store, number, settings)
        elif accident == "came again":
            place = max(0, place - generator.randint(1, 3))
        elif accident == "copied":
            older, older_place = store.copy(), place
        elif accident == "fell back":
            store, place = older.copy(), older_place
            partition = Partition(store, number, settings)
    return partition


_ACCIDENTS = ("discarded", "died", "reopened", "came again", "copied", "fell back")


def _fold_batch(partition: Partition, batch: Sequence[Logged]) -> None:
    """Hand the batch over in runs of one topic, as the log's order has them."""
    start = 0
    for place, logged in enumerate(batch):
        if place + 1 == len(batch) or batch[place + 1].topic != logged.topic:
            partition.fold(logged.topic, [some.record for some in batch[start : place + 1]])
            start = place + 1


def answer(partitions: Sequence[Partition], query: Mapping[str, Any]) -> Event:
    """The numbers document over the partitions."""
    asked = Query(**query)
    watermark_ms = max(partition.watermark_ms for partition in partitions)
    return finish([partition.partial(asked, watermark_ms) for partition in partitions], asked)
