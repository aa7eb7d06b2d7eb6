"""Numbers of journeys that are plain counts: those that can be had for many journeys and ranges at once."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from wayfold.state.histories.history import STATUSES
from wayfold.state.reading.query import Query
from wayfold.state.reading.reader import DIMENSIONS, filters_of


class Counted(NamedTuple):
    """The metric whose cells hold a number, and which of their two counts it is."""

    metric: str
    slot: int = 0

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The filters that apply to the number."""
        return DIMENSIONS if self.metric in STATUSES else ("version",)


COUNTED: Final[Mapping[str, Counted]] = {
    **{
        number: Counted(number)
        for number in (
            "total_entries",
            "active_entries",
            "exited_entries",
            "converted_entries",
            "conversion_events",
            "total_exits",
        )
    },
    **{
        f"{status}.{counter}": Counted(status, slot)
        for status in STATUSES
        for slot, counter in enumerate(("events", "messages"))
    },
}
"""The numbers, by the names that readers ask for."""


class NotCountedError(ValueError):
    """A question for counts that cannot be had; `dimension` is the wrong filter's, "" for the number."""

    def __init__(self, message: str, dimension: str = "") -> None:
        super().__init__(message)
        self.dimension = dimension


def counted(query: Query) -> Counted:
    """What holds the number of a query; raises `NotCountedError` for another number, or a filter it lacks."""
    found = COUNTED.get(query.number or "")
    if found is None:
        raise NotCountedError(f"{query.number!r} is none of {', '.join(COUNTED)}")
    for name in filters_of(query):
        if name not in found.dimensions:
            raise NotCountedError(f"does not apply to {query.number}; leave it out", name)
    return found
