"""Numbers of partitions in this process: the embedded host's source, and a worker's share."""

import asyncio
import secrets
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import merge
from typing import Any, Final, Protocol, TypeVar, cast

from xxhash import xxh3_128_hexdigest

from wayfold.exporters.api.instants import instant
from wayfold.exporters.api.source import (
    CLOSED_MEANWHILE,
    BadQuestionError,
    Freshness,
    Judged,
    KnownAccount,
    SourceUnavailableError,
    parameter_of,
)
from wayfold.models.zone import Zone
from wayfold.state.reading.counted import NotCountedError
from wayfold.state.reading.lists import NoListError
from wayfold.state.reading.numbers import finishing
from wayfold.state.reading.partition_numbers import AccountShare, JudgedAnewError
from wayfold.state.reading.query import Query
from wayfold.state.reading.watermarks import greatest, watermark_of
from wayfold.state.store.errors import StoreFailedError, StoreProblem
from wayfold.state.telemetry import Telemetry

T = TypeVar("T")

TURN_S: Final = 0.001


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
        """Grows with every commit, also with one that folded no record."""

    @property
    def accounts(self) -> Mapping[str, AccountShare]:
        """Accounts by id, with their zone and journeys here."""

    @property
    def offsets(self) -> Mapping[str, int]:
        """Topic kind → next offset to fold."""

    @property
    def counters(self) -> Mapping[str, int]:
        """How many records were accepted, repeated and refused."""

    def partial(self, query: Query, watermarks: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Give the partition's share of a numbers document."""

    def read(
        self, query: Query, watermarks: Mapping[str, int] | None = None
    ) -> Generator[None, None, dict[str, Any]]:
        """Give the same in pieces, as of the commit before the first."""

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
        # Of this life alone: a state that was made anew may come to as many commits with other numbers.
        self._life = secrets.token_hex(8)
        self._read_seconds = (telemetry or Telemetry()).read_seconds
        self._lag_ms = lag_ms
        self._unready = unready
        self._zone = zone

    async def document(self, query: Query) -> Mapping[str, Any]:
        """Answer with a numbers document.

        One journey as a whole takes a millisecond or two and is read in one go. Anything larger lets the
        fold and other readers work between two partitions, and a summary or a series in turns; it stays
        exact, because a user is in one partition only and each partition is read at one commit.
        """
        with self._read_seconds.timed(), none_closed():
            partitions = self._partitions()
            watermarks = greatest(partition.watermarks for partition in partitions)
            fresh = self._fresh(watermark_of(watermarks, query.account_id))
            small = query.journey_id is not None and query.is_plain
            partials = []
            for partition in partitions:
                partials.append(await share_of(partition, query, watermarks))
                if not small:
                    await asyncio.sleep(0)
            return await finished(partials, query, fresh)

    async def users(self, query: Query, number: str) -> Sequence[str]:
        """List the users behind a number, over all partitions."""
        return list(merge(*await local_users(self._partitions(), query, number)))

    async def freshness(self, account_id: str | None = None) -> Freshness:
        """Say how fresh an answer given now is, to who asks for an account or for all."""
        watermarks = greatest(partition.watermarks for partition in self._partitions())
        return self._fresh(watermark_of(watermarks, account_id))

    async def state(self) -> str:
        """Name what an answer given now reflects."""
        commits = ",".join(f"{partition.number}:{partition.commits}" for partition in self._partitions())
        return xxh3_128_hexdigest(f"{self._life} {commits}".encode())

    async def accounts(self) -> Sequence[KnownAccount]:
        """List the accounts there are, by id."""
        partitions = self._partitions()
        watermarks = greatest(partition.watermarks for partition in partitions)
        zones: dict[str, str] = {}
        journeys: dict[str, set[str]] = {}
        for partition in partitions:
            for account_id, share in partition.accounts.items():
                zones[account_id] = share.time_zone
                journeys.setdefault(account_id, set()).update(share.journey_ids)
            await asyncio.sleep(0)
        return [
            KnownAccount(
                account_id=account_id,
                time_zone=time_zone,
                journeys=len(journeys[account_id]),
                watermark_ms=watermarks.get(account_id, -1),
            )
            for account_id, time_zone in sorted(zones.items())
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

    def _fresh(self, watermark_ms: int) -> Freshness:
        as_of_ms = time.time_ns() // 1_000_000
        return Freshness(as_of_ms=as_of_ms, watermark_ms=watermark_ms, lag_ms=self._lag_ms())


async def share_of(
    partition: ReadablePartition, query: Query, watermarks: Mapping[str, int]
) -> dict[str, Any]:
    """Give a partition's share of a document, in turns; others work meanwhile.

    Raises `SourceUnavailableError` when it cannot answer now, `BadQuestionError` for what has no answer.
    """
    try:
        return await in_turns(partition.read(query, watermarks))
    except JudgedAnewError as error:
        raise SourceUnavailableError(str(error)) from None
    except NotCountedError as error:
        raise BadQuestionError(parameter_of(error.dimension), str(error)) from None


async def finished(partials: Sequence[Mapping[str, Any]], query: Query, fresh: Freshness) -> dict[str, Any]:
    """Make the numbers document of all partitions' shares, with how fresh it is; in turns."""
    document = await in_turns(finishing(partials, query))
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
            return [await in_turns(partition.users(query, number)) for partition in partitions]
    except JudgedAnewError as error:
        raise SourceUnavailableError(str(error)) from None
    except NoListError as error:
        raise BadQuestionError(parameter_of(error.dimension), str(error)) from None


@contextmanager
def none_closed() -> Iterator[None]:
    """Raise `SourceUnavailableError` when a partition is closed while it is read."""
    try:
        yield
    except StoreFailedError as error:
        if error.problem is not StoreProblem.CLOSED:
            raise
        raise SourceUnavailableError(CLOSED_MEANWHILE) from None


async def in_turns(pieces: Generator[None, None, T]) -> T:
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
