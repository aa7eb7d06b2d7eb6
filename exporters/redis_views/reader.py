"""Reads the numbers back from Redis, for `wayfold serve` and `wayfold show`."""

import time
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec
from xxhash import xxh3_128_hexdigest

from wayfold.exporters.api.instants import instant
from wayfold.exporters.api.local import in_turns
from wayfold.exporters.api.source import Freshness, KnownAccount, SourceUnavailableError
from wayfold.exporters.redis_views.committed import TIME_ZONE
from wayfold.exporters.redis_views.hashes import HashReader, JourneyHashes
from wayfold.exporters.redis_views.keys import JourneyName, Keys, index_member, name_of_member
from wayfold.exporters.redis_views.link import AWAY, RedisLink
from wayfold.exporters.redis_views.registry import (
    PartitionClaim,
    Roster,
    read_roster,
    read_watermark,
    watermark_look,
    watermark_told,
)
from wayfold.exporters.redis_views.shapes import (
    UTC,
    account_partial,
    journey_partial,
    put_dwell,
    summary_partial,
)
from wayfold.settings import RedisSettings
from wayfold.state.reading.numbers import finishing
from wayfold.state.reading.query import Query

STATE_AGE_S: Final = 0.2
"""For how long what readers are told of the state is not asked for again."""
FRESH_MS: Final = 2_500
"""A claim at most this old tells the lag as it is; an older one may hide that much more."""

T = TypeVar("T")


class RedisReader:
    """Reads documents, owners and freshness; every method raises `SourceUnavailableError` when it cannot."""

    def __init__(self, settings: RedisSettings) -> None:
        self._link = RedisLink(settings, text=True)
        self._keys = Keys(settings.prefix)
        self._hashes = HashReader(self._link, self._keys)
        self._state: str | None = None
        self._state_until_s = 0.0

    async def document(self, query: Query) -> Mapping[str, Any]:
        """Answer a query without filters or range: of all journeys, of an account's, or of one.

        While Redis lacks the views of a partition it is unavailable: a sum of the others is no number.
        """
        return await self._answered(self._document(query))

    async def owners(self) -> Mapping[int, str | None]:
        """Every partition's number with the URL of the worker that has it, None when none has it whole.

        A worker that folds a partition again, since its state was lost, is behind what Redis shows of it.
        """
        roster = await self._answered(read_roster(self._link, self._keys))
        return {
            number: claim.url if claim and claim.complete and claim.expires_at_ms > roster.now_ms else None
            for number, claim in _by_partition(roster.claims).items()
        }

    async def freshness(self, account_id: str | None = None) -> Freshness:
        """How fresh the numbers in Redis are, to who asks for an account or for all."""
        roster = await self._answered(read_roster(self._link, self._keys))
        return _freshness(roster, await self._answered(self._watermark_ms(roster, account_id)))

    async def state(self) -> str | None:
        """Name what the numbers in Redis, and those of the workers, reflect at least; None while some lack.

        Workers tell of what they have changed as soon as it is in Redis, and with every claim, once a second,
        how many commits they have.
        """
        now_s = time.monotonic()
        if now_s >= self._state_until_s:
            self._state = _state(*await self._answered(self._hashes.state_parts()))
            self._state_until_s = now_s + STATE_AGE_S
        return self._state

    async def accounts(self) -> list[KnownAccount]:
        """List the accounts of the journeys in the index, by id."""
        return await self._answered(self._accounts())

    async def unready(self) -> list[str]:
        """Why the numbers cannot be read or are not all there; empty when they are."""
        try:
            claims, now_ms = await self._answered(read_roster(self._link, self._keys))
        except SourceUnavailableError as error:
            return [str(error)]
        if not claims:
            return ["no worker has ever written to this Redis under this prefix"]
        reasons = []
        for number, claim in _by_partition(claims).items():
            if claim is None or claim.expires_at_ms <= now_ms:
                reasons.append(f"no worker has partition {number}")
            elif not claim.complete:
                reasons.append(f"Redis does not have all numbers of partition {number} yet")
        return reasons

    async def close(self) -> None:
        """Let go of the connections."""
        await self._link.close()

    async def _answered(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except AWAY as error:
            raise SourceUnavailableError(
                f"Redis at {self._link.address} does not answer: {error or type(error).__name__}"
            ) from None

    async def _document(self, query: Query) -> Mapping[str, Any]:
        roster, watermark_ms, journeys = await self._read(query)
        fresh = _freshness(roster, watermark_ms)
        document = await in_turns(finishing([_partial(journeys, query, watermark_ms)], query))
        if query.detail == "all":
            put_dwell(document, {journey.name: journey.hashes for journey in journeys})
        return {"as_of": instant(fresh.as_of_ms), "lag_ms": fresh.lag_ms, **document}

    async def _accounts(self) -> list[KnownAccount]:
        roster, members = await self._hashes.index()
        refused = [member for claim in roster.claims.values() for member in claim.refused]
        names = [name_of_member(member) for member in {*members, *refused}]
        self._check_readable(roster, [])
        counts = Counter(name.account_id for name in names if name.journey_id)
        ids = sorted({name.account_id for name in names})
        looks: list[tuple[str, ...]] = []
        for account_id in ids:
            looks.append(("HGET", self._keys.journey(JourneyName(account_id, "")).metadata, TIME_ZONE))
            looks.append(watermark_look(self._keys, account_id))
        told = await self._link.many(looks)
        return [
            KnownAccount(
                account_id=account_id,
                time_zone=told[2 * index] or UTC,
                journeys=counts[account_id],
                watermark_ms=watermark_told(told[2 * index + 1]),
            )
            for index, account_id in enumerate(ids)
        ]

    async def _watermark_ms(self, roster: Roster, account_id: str | None) -> int:
        """The watermark of an account, or the greatest of all."""
        if account_id is not None:
            return await read_watermark(self._link, self._keys, account_id)
        return max((claim.watermark_ms for claim in roster.claims.values()), default=-1)

    async def _read(self, query: Query) -> tuple[Roster, int, list[JourneyHashes]]:
        """The claims, the watermark, and the journeys and accounts that a query is about, all readable."""
        if query.account_id is not None and query.journey_id is not None and query.detail == "all":
            name = JourneyName(query.account_id, query.journey_id)
            roster, watermark_ms, journeys = await self._hashes.read_one(name)
            self._check_readable(roster, [name])
            return roster, watermark_ms, journeys
        roster, members = await self._hashes.index()
        refused = [member for claim in roster.claims.values() for member in claim.refused]
        names = [
            name
            # A journey that Redis has never taken is in no index.
            for name in map(name_of_member, sorted({*members, *refused}))
            if query.account_id in (None, name.account_id) and query.journey_id in (None, name.journey_id)
            if name.journey_id or query.detail == "all"
        ]
        self._check_readable(roster, names)
        if query.detail == "all":
            journeys = await self._hashes.read_all(names)
        else:
            journeys = await self._hashes.read_summaries(names)
        afterwards = await read_roster(self._link, self._keys)
        self._check_readable(afterwards, names)
        if _readable_since(afterwards) != _readable_since(roster):
            raise SourceUnavailableError(
                f"Redis at {self._link.address} lost numbers while they were read; ask again"
            )
        return roster, await self._watermark_ms(roster, query.account_id), journeys

    def _check_readable(self, roster: Roster, names: Sequence[JourneyName]) -> None:
        """Raise SourceUnavailableError when Redis does not have the journeys' views of every partition."""
        gaps = _gaps(roster)
        if gaps:
            raise SourceUnavailableError(
                f"Redis at {self._link.address} does not have all numbers under the prefix "
                f"{self._keys.prefix!r}: {'; '.join(gaps)}"
            )
        refused = {member for claim in roster.claims.values() for member in claim.refused}
        missing = [name for name in names if index_member(name) in refused] if refused else []
        if missing:
            first = self._keys.journey(missing[0]).base
            raise SourceUnavailableError(
                f"Redis at {self._link.address} refuses the numbers of {len(missing)} of the journeys and "
                f"accounts that are asked for, such as those below {first}; the log of the workers says why"
            )


def _state(roster: Roster, revisions: Mapping[str, str]) -> str | None:
    if _gaps(roster):
        return None
    claims = [
        (
            number,
            claim.epoch,
            claim.token,
            claim.expires_at_ms > roster.now_ms,
            claim.commits,
            claim.complete,
            claim.readable_since_ms,
            claim.refused,
        )
        for number, claim in sorted(roster.claims.items())
    ]
    return xxh3_128_hexdigest(msgspec.msgpack.encode([claims, sorted(revisions.items())]))


def _partial(journeys: Sequence[JourneyHashes], query: Query, watermark_ms: int) -> dict[str, Any]:
    named = [journey for journey in journeys if journey.name.journey_id]
    accounts = [journey for journey in journeys if not journey.name.journey_id]
    return {
        "watermarks": {query.account_id or "": watermark_ms},
        "journeys": [
            journey_partial(*journey) if query.detail == "all" else summary_partial(*journey)
            for journey in named
        ],
        "accounts": [account_partial(*journey) for journey in accounts],
    }


def _by_partition(claims: Mapping[int, PartitionClaim]) -> dict[int, PartitionClaim | None]:
    """Claims of every partition there is; None for one that nobody has claimed."""
    count = max((claim.partitions for claim in claims.values()), default=0)
    return {number: claims.get(number) for number in range(count)}


def _gaps(roster: Roster) -> list[str]:
    """Why what Redis has would be the sum of some partitions only; empty when it is that of all."""
    claims, now_ms = roster
    if not claims:
        emptied = "no worker has written to it, or it was emptied a moment ago and they will write again"
        return [f"{emptied}; see that workers run and use this Redis and prefix"]
    pushed, orphaned = [], []
    for number, claim in _by_partition(claims).items():
        if claim is None or (claim.readable_since_ms is None and claim.expires_at_ms <= now_ms):
            orphaned.append(str(number))
        elif claim.readable_since_ms is None:
            pushed.append(str(number))
    gaps = []
    if pushed:
        gaps.append(f"those of partition {', '.join(pushed)} are being pushed, try again in a moment")
    if orphaned:
        gaps.append(f"no worker has pushed those of partition {', '.join(orphaned)}; see that workers run")
    return gaps


def _readable_since(roster: Roster) -> dict[int, int | None]:
    return {number: claim.readable_since_ms for number, claim in roster.claims.items()}


def _freshness(roster: Roster, watermark_ms: int) -> Freshness:
    claims = _by_partition(roster.claims).values()
    lags = [None if claim is None else _lag_ms(claim, roster.now_ms) for claim in claims]
    known = [lag for lag in lags if lag is not None]
    return Freshness(
        as_of_ms=time.time_ns() // 1_000_000,
        watermark_ms=watermark_ms,
        lag_ms=max(known) if known and len(known) == len(lags) else None,
    )


def _lag_ms(claim: PartitionClaim, now_ms: int) -> int | None:
    if claim.lag_ms is None:
        return None
    age_ms = now_ms - claim.as_of_ms
    return claim.lag_ms if age_ms <= FRESH_MS else claim.lag_ms + age_ms
