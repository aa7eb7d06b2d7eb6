"""The programs that answer a story's question: the oracle and the fold, each with the whole document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tests.generators.logs import log_of
from tests.generators.world import TOPICS
from tests.properties.executions import answer
from wayfold.audit import oracle
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store.memory_store import MemoryStore

Event = dict[str, Any]


class Ask(Protocol):
    """Give a story and a query, get the numbers document."""

    def __call__(
        self, events: Sequence[Event], *, time_zones: Mapping[str, str] | None = None, **query: Any
    ) -> Event:
        """The document over these events."""


def ask_oracle(
    events: Sequence[Event], *, time_zones: Mapping[str, str] | None = None, **query: Any
) -> Event:
    """The naive program's answer."""
    return oracle.numbers(events, time_zones or {}, "UTC", query)


def ask_fold(events: Sequence[Event], *, time_zones: Mapping[str, str] | None = None, **query: Any) -> Event:
    """The fold's answer, the story told in its order to one partition."""
    return _folded(events, time_zones or {}, 1, query)


def ask_fold_backwards(
    events: Sequence[Event], *, time_zones: Mapping[str, str] | None = None, **query: Any
) -> Event:
    """The fold's answer, the story told from its end, an event at a time, to three partitions."""
    return _folded(events[::-1], time_zones or {}, 3, query)


def _folded(
    events: Sequence[Event], time_zones: Mapping[str, str], partitions: int, query: Mapping[str, Any]
) -> Event:
    settings = FoldSettings(partitions=partitions, account_time_zones=time_zones)
    folded = [Partition(MemoryStore(number), number, settings) for number in range(partitions)]
    logs = log_of([(TOPICS[event["type"]], event) for event in events], partitions)
    for partition, log in zip(folded, logs, strict=True):
        for topic, record in log:
            partition.fold(topic, [record])
            partition.commit()
    return answer(folded, query)


PROGRAMS: dict[str, Callable[..., Event]] = {
    "oracle": ask_oracle,
    "fold": ask_fold,
    "fold backwards": ask_fold_backwards,
}
