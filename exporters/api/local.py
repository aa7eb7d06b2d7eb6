"""Numbers of partitions in this process: the embedded host's source, and a worker's share."""

import asyncio
import secrets
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import merge
from typing import Any, Final, Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

from wayfold.exporters.api.instants import instant
from wayfold.exporters.api.source import (
    CLOSED_MEANWHILE,
    AccountSummary,
    BadQuestionError,
    Freshness,
    Judged,
    SourceUnavailableError,
)
from wayfold.exporters.api.state import short_state
from wayfold.models.zone import Zone
from wayfold.state.reading.lists import NoListError
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.partition_numbers import JudgedAnewError, KnownAccount
from wayfold.state.reading.query import Query
from wayfold.state.reading.watermarks import greatest, watermark_of
from wayfold.state.store.errors import StoreFailedError, StoreProblem
from wayfold.state.telemetry import Telemetry

T = TypeVar("T")

TURN_S: Final = 0.001
PARAMETERS: Final = {"step_id": "step"}
"""Parameters of the API that have another name than the dimension that they filter by."""


class ReadablePartition(Protocol):
    """What reading needs of `wayfold.state.partition.Partition`; everything is as of its last commit."""

    @property
    def number(self) -> int:
        """Number of the partition, the same in every topic."""

    @property
    def watermark_ms(self) -> int:
        """Greatest `occurred_at` accepted, in milliseconds UTC; -1 when none was."""

    @property
    def watermarks(self) -> Mapping[str, int]:
        """Account → greatest `occurred_at` accepted of its users' events, in milliseconds UTC."""

    @property
    def sequence(self) -> int:
        """Grows with every commit that folded a record."""

    @property
    def commits(self) -> int:
        """Grows with every commit."""

    @property
    def accounts(self) -> Mapping[str, KnownAccount]:
        """Account → its time zone and journeys."""

    @property
    def offsets(self) -> Mapping[str, int]:
        """Topic kind → next offset to fold."""

    @property
    def counters(self) -> Mapping[str, int]:
        """How many records were accepted, repeated and refused."""

    def partial(self, query: Query, watermarks: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Give the partition's share of a numbers document."""

    def users(self, query: Query, number: str) -> Generator[None, None, list[str]]:
        """Find the partition's users behind a number in pieces; `NoListError` when it has no list."""


class LocalNumbers:
    """Answers from the partitions of this process.

    `partitions` gives those that are open now. `lag_ms` says for how long the oldest event that is not
    counted yet has been in the log, `unready` why no good answer can be given, `zone` an account's
    calendar. `ends` gives where the log ends, by topic kind and partition. The time of each read goes into
    `telemetry`.
    """

    def __init__(
        self,
        partitions: Callable[[], Sequence[ReadablePartition]],
        *,
        lag_ms: Callable[[], int],
        unready: Callable[[], list[str]],
        zone: Callable[[str], Zone],
        ends: Callable[[], Mapping[tuple[str, int], int]] | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._partitions = partitions
        self._ends = ends
        self._read_seconds = (telemetry or Telemetry()).read_seconds
        self._lag_ms = lag_ms
        self._unready = unready
        self._zone = zone
        self._lives: WeakKeyDictionary[ReadablePartition, str] = WeakKeyDictionary()

    async def document(self, query: Query) -> Mapping[str, Any]:
        """Answer with a numbers document.

        One journey as a whole takes a millisecond or two and is read in one go. Anything larger lets the
        fold and other readers work between two partitions; it stays exact, because a user is in one
        partition only and each partition is read at one commit.
        """
        with self._read_seconds.timed(), none_closed():
            partitions = self._partitions()
            watermarks = greatest(partition.watermarks for partition in partitions)
            fresh = self._fresh(watermark_of(watermarks, query.account_id))
            small = query.journey_id is not None and query.is_plain
            partials = []
            for partition in partitions:
                partials.append(share_of(partition, query, watermarks))
                if not small:
                    await asyncio.sleep(0)
            return finished(partials, query, fresh)

    async def users(self, query: Query, number: str) -> Sequence[str]:
        """List the users behind a number, over all partitions."""
        return list(merge(*await local_users(self._partitions(), query, number)))

    async def freshness(self, account_id: str | None = None) -> Freshness:
        """Say how fresh an answer given now is, to who asks for an account or for all."""
        watermarks = greatest(partition.watermarks for partition in self._partitions())
        return self._fresh(watermark_of(watermarks, account_id))

    async def state(self, account_id: str | None = None) -> str | None:
        """Give a text that differs wherever an answer may: the open partitions, their lives and commits."""
        return short_state(
            [
                (partition.number, self._life_of(partition), partition.commits)
                for partition in self._partitions()
            ]
        )

    async def accounts(self) -> Sequence[AccountSummary]:
        """List the accounts, sorted by id."""
        partitions = self._partitions()
        watermarks = greatest(partition.watermarks for partition in partitions)
        time_zones: dict[str, str] = {}
        journeys: dict[str, set[str]] = {}
        for partition in partitions:
            for account_id, known in partition.accounts.items():
                time_zones[account_id] = known.time_zone
                journeys.setdefault(account_id, set()).update(known.journeys)
        return [
            AccountSummary(
                account_id=account_id,
                time_zone=time_zone,
                journeys=len(journeys[account_id]),
                watermark_ms=watermark_of(watermarks, account_id),
            )
            for account_id, time_zone in sorted(time_zones.items())
        ]

    async def judged(self) -> Mapping[int, Judged]:
        """Say what became of the records of every partition, by its number."""
        ends = None if self._ends is None else self._ends()
        return {
            partition.number: Judged(
                offsets=dict(partition.offsets),
                counters=dict(partition.counters),
                ends=None
                if ends is None
                else {kind: end for (kind, number), end in ends.items() if number == partition.number},
            )
            for partition in self._partitions()
        }

    def zone(self, account_id: str) -> Zone:
        """Give the calendar of an account."""
        return self._zone(account_id)

    async def unready(self) -> list[str]:
        """Say why no good answer can be given now; empty when one can."""
        return self._unready()

    def _life_of(self, partition: ReadablePartition) -> str:
        """A name of this opening of a partition alone: opened again it may have lost commits."""
        life = self._lives.get(partition)
        if life is None:
            life = self._lives[partition] = secrets.token_hex(8)
        return life

    def _fresh(self, watermark_ms: int) -> Freshness:
        as_of_ms = time.time_ns() // 1_000_000
        return Freshness(as_of_ms=as_of_ms, watermark_ms=watermark_ms, lag_ms=self._lag_ms())


def share_of(partition: ReadablePartition, query: Query, watermarks: Mapping[str, int]) -> dict[str, Any]:
    """Give a partition's share of a document; raises `SourceUnavailableError` when it cannot answer now."""
    try:
        return partition.partial(query, watermarks)
    except JudgedAnewError as error:
        raise SourceUnavailableError(str(error)) from None


def finished(partials: Sequence[Mapping[str, Any]], query: Query, fresh: Freshness) -> dict[str, Any]:
    """Make the numbers document of all partitions' shares, with how fresh it is."""
    document = finish(partials, query)
    # The watermark at which open windows were judged; a partition may have gone on since.
    watermark = instant(fresh.watermark_ms) if fresh.watermark_ms >= 0 else None
    return {"as_of": instant(fresh.as_of_ms), "lag_ms": fresh.lag_ms, **document, "watermark": watermark}


async def local_users(partitions: Sequence[ReadablePartition], query: Query, number: str) -> list[list[str]]:
    """List the users behind a number, partition by partition; a user is in one partition only.

    The fold and other readers work meanwhile. Raises `SourceUnavailableError` when a partition is given to
    another worker meanwhile.
    """
    try:
        with none_closed():
            return [await _in_turns(partition.users(query, number)) for partition in partitions]
    except JudgedAnewError as error:
        raise SourceUnavailableError(str(error)) from None
    except NoListError as error:
        parameter = PARAMETERS.get(error.dimension, error.dimension or "number")
        raise BadQuestionError(parameter, str(error)) from None


@contextmanager
def none_closed() -> Iterator[None]:
    """Raise `SourceUnavailableError` when a partition is closed while it is read."""
    try:
        yield
    except StoreFailedError as error:
        if error.problem is not StoreProblem.CLOSED:
            raise
        raise SourceUnavailableError(CLOSED_MEANWHILE) from None


async def _in_turns(pieces: Generator[None, None, T]) -> T:
    """Do work that comes in pieces, in turns of a millisecond between which others work."""
    until_s = time.perf_counter() + TURN_S
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            return cast("T", done.value)
        if time.perf_counter() >= until_s:
            await asyncio.sleep(0)
            until_s = time.perf_counter() + TURN_S
