"""The programs that answer a story's question: the oracle and the fold, each with the whole document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from wayfold.agents.audit import oracle

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


PROGRAMS: dict[str, Callable[..., Event]] = {"oracle": ask_oracle}
