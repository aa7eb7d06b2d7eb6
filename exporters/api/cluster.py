"""Numbers of a cluster: plain reads from Redis, everything else from the workers that own the partitions.

What Redis holds are unfiltered numbers over all time. A slice, a range or a list is asked of every
partition's owner, twice: first how far each is, then for its share, so that all judge open conversion
windows at the same watermarks. A partition without an owner, or whose owner does not answer, fails the
question: a sum of some partitions is no number.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from heapq import merge
from typing import Any, Generic, Protocol, TypeVar

import aiohttp
import msgspec

from wayfold.exporters.api.internal import (
    TOKEN_HEADER,
    PartialsQuestion,
    PartitionStatus,
    UsersQuestion,
)
from wayfold.exporters.api.local import finished
from wayfold.exporters.api.source import (
    BadQuestionError,
    Freshness,
    Judged,
    KnownAccount,
    SourceUnavailableError,
)
from wayfold.models.zone import Zone
from wayfold.state.reading.query import Query
from wayfold.state.reading.watermarks import greatest, watermark_of
from wayfold.state.telemetry import Telemetry

T = TypeVar("T")

RETRIES = 2
"""How often a question is put again when a partition has just moved to another worker."""
RETRY_WAIT_S = 0.2


class Reply(msgspec.Struct, Generic[T]):
    """What a worker says, by partition."""

    partitions: dict[int, T]


STATUSES = msgspec.json.Decoder(Reply[PartitionStatus])
PARTIALS = msgspec.json.Decoder(Reply[dict[str, Any]])
USERS = msgspec.json.Decoder(Reply[list[str]])


class Views(Protocol):
    """What is read from Redis. Each method raises `SourceUnavailableError` when Redis cannot answer."""

    async def document(self, query: Query) -> Mapping[str, Any]:
        """Answer a query without filters or range with a numbers document, freshness included."""

    async def owners(self) -> Mapping[int, str | None]:
        """Give the URL of the worker of every partition, None when none has all of it."""

    async def freshness(self, account_id: str | None = None) -> Freshness:
        """Say how fresh the views are, to who asks for an account or for all."""

    async def state(self) -> str | None:
        """Name what the views, and the workers, reflect at least."""

    async def accounts(self) -> Sequence[KnownAccount]:
        """List the accounts there are, by id."""

    async def unready(self) -> list[str]:
        """Say why the views cannot be read or do not hold all numbers; empty when they do."""


class _MovedError(Exception):
    """A worker no longer has a partition that Redis says it has."""

    def __init__(self, missing: Sequence[int], reason: str) -> None:
        super().__init__(reason)
        self.missing = missing


class ClusterNumbers:
    """Answers from Redis and from the workers.

    `session` puts the questions to workers (its timeout bounds them), `token` is their shared secret. The
    time of each read goes into `telemetry`.
    """

    def __init__(
        self,
        views: Views,
        session: aiohttp.ClientSession,
        *,
        zone: Callable[[str], Zone],
        token: str | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._read_seconds = (telemetry or Telemetry()).read_seconds
        self._views = views
        self._session = session
        self._zone = zone
        self._headers = {} if token is None else {TOKEN_HEADER: token}

    async def document(self, query: Query) -> Mapping[str, Any]:
        """Answer with a numbers document."""
        with self._read_seconds.timed():
            if query.is_plain:
                return await self._views.document(query)
            return await self._until_settled(lambda: self._ask_document(query))

    async def users(self, query: Query, number: str) -> Sequence[str]:
        """List the users behind a number, over all partitions."""
        return await self._until_settled(lambda: self._ask_users(query, number))

    async def freshness(self, account_id: str | None = None) -> Freshness:
        """Say how fresh the views are, to who asks for an account or for all."""
        return await self._views.freshness(account_id)

    async def state(self) -> str | None:
        """Name what an answer given now reflects at least: workers may be further than Redis."""
        return await self._views.state()

    async def accounts(self) -> Sequence[KnownAccount]:
        """List the accounts there are, by id."""
        return await self._views.accounts()

    async def judged(self) -> Mapping[int, Judged]:
        """Say what became of the records of every partition, by its number."""
        statuses = await self._until_settled(self._ask_statuses)
        return {
            number: Judged(offsets=status.offsets, counters=status.counters)
            for number, status in statuses.items()
        }

    def zone(self, account_id: str) -> Zone:
        """Give the calendar of an account."""
        return self._zone(account_id)

    async def unready(self) -> list[str]:
        """Say why no good answer can be given now; empty when one can."""
        return await self._views.unready()

    async def _until_settled(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again when a partition moved in between; raise SourceUnavailableError when it stays away."""
        for retry in range(RETRIES + 1):
            try:
                return await ask()
            except _MovedError as moved:
                if retry == RETRIES:
                    which = f"partition {', '.join(map(str, moved.missing))}" if moved.missing else "workers"
                    raise SourceUnavailableError(
                        f"{which} cannot be asked: {moved}. Numbers without filters can be read as long as "
                        "Redis has them; for the others see that enough workers run and that this process "
                        "reaches them"
                    ) from None
            await asyncio.sleep(RETRY_WAIT_S * (retry + 1))
        raise AssertionError("the loop returns or raises")

    async def _ask_document(self, query: Query) -> Mapping[str, Any]:
        owners = await self._owners()
        statuses = await self._ask(owners, None, "partitions", STATUSES)
        watermarks = greatest(status.watermarks for status in statuses.values())
        if query.account_id is not None:
            own_ms = watermarks.get(query.account_id)
            watermarks = {} if own_ms is None else {query.account_id: own_ms}
        fresh = await self._views.freshness()

        def question(partitions: list[int]) -> PartialsQuestion:
            return PartialsQuestion(query=query, partitions=partitions, watermarks=watermarks)

        partials = await self._ask(owners, question, "partial", PARTIALS)
        now = Freshness(
            as_of_ms=time.time_ns() // 1_000_000,
            watermark_ms=watermark_of(watermarks, query.account_id),
            lag_ms=fresh.lag_ms,
        )
        return await finished([partials[number] for number in sorted(partials)], query, now)

    async def _ask_statuses(self) -> dict[int, PartitionStatus]:
        return await self._ask(await self._owners(), None, "partitions", STATUSES)

    async def _ask_users(self, query: Query, number: str) -> list[str]:
        def question(partitions: list[int]) -> UsersQuestion:
            return UsersQuestion(query=query, partitions=partitions, number=number)

        owners = await self._owners()
        return list(merge(*(await self._ask(owners, question, "users", USERS)).values()))

    async def _owners(self) -> dict[str, list[int]]:
        """Give the partitions by the URL of their worker."""
        by_url: dict[str, list[int]] = {}
        missing = []
        for number, url in (await self._views.owners()).items():
            if url is None:
                missing.append(number)
            else:
                by_url.setdefault(url, []).append(number)
        if missing or not by_url:
            raise _MovedError(missing, "no worker has all of it" if missing else "Redis names none")
        return by_url

    async def _ask(
        self,
        owners: Mapping[str, list[int]],
        question: Callable[[list[int]], msgspec.Struct] | None,
        path: str,
        reply: msgspec.json.Decoder[Reply[T]],
    ) -> dict[int, T]:
        """Put a question to every worker, each for its own partitions, and gather what all partitions say."""
        answers = await asyncio.gather(
            *(
                self._ask_one(f"{url}/internal/{path}", numbers, question(numbers) if question else None)
                for url, numbers in owners.items()
            )
        )
        found: dict[int, T] = {}
        for numbers, answer in zip(owners.values(), answers, strict=True):
            part = reply.decode(answer).partitions
            missing = [number for number in numbers if number not in part]
            if missing:
                raise _MovedError(missing, "it is on its way to another worker")
            found.update((number, part[number]) for number in numbers)
        return found

    async def _ask_one(self, url: str, numbers: list[int], question: msgspec.Struct | None) -> bytes:
        method = "GET" if question is None else "POST"
        body = None if question is None else msgspec.json.encode(question)
        headers = {**self._headers, "content-type": "application/json"}
        try:
            async with self._session.request(method, url, data=body, headers=headers) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _MovedError(
                numbers, f"its worker at {url} does not answer ({error or 'too slow'})"
            ) from None
        if response.status == 200:
            return content
        raise _refusal(response.status, content, url, numbers)


def _refusal(status: int, content: bytes, url: str, numbers: list[int]) -> Exception:
    """Turn a worker's problem into ours."""
    try:
        problem = msgspec.json.decode(content)
        detail, parameter = str(problem["detail"]), problem.get("parameter")
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        detail, parameter = f"it answered {status}", None
    if status == 400 and parameter:
        return BadQuestionError(parameter, detail.removeprefix(f"{parameter}: "))
    if status == 401:
        return SourceUnavailableError(f"the worker at {url} refused us: {detail}")
    return _MovedError(numbers, f"its worker at {url} failed: {detail}")
