"""Where the API takes numbers from: one small interface, with an implementation for each host."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from wayfold.models.zone import Zone
from wayfold.state.reading.query import Query

CLOSED_MEANWHILE: Final = "a partition was closed meanwhile, and is opened again here or elsewhere; ask again"


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How fresh numbers are.

    `as_of_ms` is when they were read and `watermark_ms` the greatest `occurred_at` accepted of the account's
    users, or of all accounts' (-1 when none was), both in milliseconds UTC. `lag_ms` is how long the oldest
    event that is not counted yet has been in the log, 0 when all are counted, None when nobody can say.
    """

    as_of_ms: int
    watermark_ms: int
    lag_ms: int | None


class KnownAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account: its zone, how many journeys it has, its watermark in milliseconds UTC (-1 without one)."""

    account_id: str
    time_zone: str
    journeys: int
    watermark_ms: int


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a partition's records, as of one commit.

    `offsets` has the next one of each topic kind, `counters` how many records were accepted, repeated and
    refused, under the partition's own names. `ends` is where each topic of the partition's log ends now, None
    when nobody here can say.
    """

    offsets: Mapping[str, int]
    counters: Mapping[str, int]
    ends: Mapping[str, int] | None = None


class NumbersSource(Protocol):
    """Answers questions about numbers.

    Every method may raise `SourceUnavailableError`, and those that take a query `BadQuestionError`.
    """

    async def document(self, query: Query) -> Mapping[str, Any]:
        """Answer with a numbers document that holds what the query asks for, freshness included."""

    async def users(self, query: Query, number: str) -> Sequence[str]:
        """List the ids of the users behind a number of the query's journey, or of its step, sorted."""

    async def freshness(self, account_id: str | None = None) -> Freshness:
        """Say how fresh an answer given now is, to who asks for an account or for all."""

    async def state(self) -> str | None:
        """Name what an answer given now reflects, cheaply.

        An answer that is read afterwards reflects at least that, and a number that changes later changes the
        name: at once where one process has all, within about a second in a cluster. The name may change
        without any number. None while not all numbers are there, and nothing can be promised.
        """

    async def accounts(self) -> Sequence[KnownAccount]:
        """List the accounts there are, by id."""

    async def judged(self) -> Mapping[int, Judged]:
        """Say what became of the records of every partition, by its number."""

    def zone(self, account_id: str) -> Zone:
        """Give the calendar of an account."""

    async def unready(self) -> list[str]:
        """Say why no good answer can be given now; empty when one can."""


class SourceUnavailableError(Exception):
    """The numbers cannot be had now; the message says why and what to do."""

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class BadQuestionError(Exception):
    """A question that has no answer; `parameter` is the part that is wrong, the message says what to ask."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


PARAMETERS: Final = {"step_id": "step"}
"""Parameters of the API that have another name than the dimension that they filter by."""


def parameter_of(dimension: str) -> str:
    """Name of the parameter that filters by a dimension; without one that of the number."""
    return PARAMETERS.get(dimension, dimension or "number")
