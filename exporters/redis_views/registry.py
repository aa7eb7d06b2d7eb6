"""What readers find beside the numbers: which journeys there are, and which worker has a partition."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from wayfold.exporters.redis_views.keys import JourneyName, Keys, index_member
from wayfold.exporters.redis_views.link import Evaluation, RedisLink, text
from wayfold.exporters.redis_views.scripts import CLAIM

AT_ONCE: Final = 500

T = TypeVar("T")


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says about a partition that it has.

    `token` is of this assignment of the partition alone, `turn` counts its announcements. `offsets` and
    `watermark_ms` are of the commit that is in Redis, all of it once `complete`; `lag_ms` is how long the
    oldest record not folded then had been in the log, None when not known. `commits` counts the commits of
    the partition, and `current` says whether all of the latest is in Redis. `refused` are journeys, as they
    stand in the index, that Redis does not take. `partitions` is how many there are.
    """

    worker: str
    url: str
    token: str = ""
    turn: int = 0
    offsets: Mapping[str, int] = {}
    watermark_ms: int
    lag_ms: int | None
    complete: bool
    commits: int = 0
    current: bool = False
    refused: Sequence[str] = ()
    partitions: int


class PartitionClaim(Announcement, frozen=True, kw_only=True):
    """An announcement as it stands in the hash `<prefix>:partitions`, with times by Redis's own clock.

    `epoch` is greater than that of every owner before. `as_of_ms` is when what Redis shows was still the
    latest commit. The claim counts until `expires_at_ms`.

    `readable_since_ms` is since when, without a break, Redis has had views of the whole partition (but for
    what it refuses), be they of this worker or of the one before, of the latest commit or of an earlier one;
    None while it has not. It outlasts the worker: what was pushed stays readable until Redis loses it.
    """

    as_of_ms: int
    expires_at_ms: int
    epoch: int = 0
    readable_since_ms: int | None = None


class Roster(NamedTuple):
    """Every partition's latest claim, expired ones included, and what Redis's clock showed then."""

    claims: dict[int, PartitionClaim]
    now_ms: int


class Terms(NamedTuple):
    """What the times and the epoch of a claim are made of; see `claim.lua`."""

    lifetime_ms: int
    age_ms: int
    readable: str
    epoch: int
    above_epoch: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PartitionClaim).decode


def decode_claim(claim: bytes | str) -> PartitionClaim | None:
    """Read a claim; None for what is none."""
    try:
        return _decode(claim)
    except msgspec.DecodeError:
        return None


def claim_call(keys: Keys, number: int, there: bytes, said: Announcement, terms: Terms) -> Evaluation:
    """Make a claim on a partition in the place of the one that is there, b"" for none."""
    return Evaluation(CLAIM, [keys.partitions], [str(number), there, _encode(said), *terms])


async def read_roster(link: RedisLink, keys: Keys) -> Roster:
    """Read every partition's latest claim."""
    rows, now_ms = await with_time(link, keys, link.many([("HGETALL", keys.partitions)]))
    return roster_of(rows[0], now_ms)


async def read_watermark(link: RedisLink, keys: Keys, account_id: str) -> int:
    """Read the watermark of an account, in milliseconds UTC; -1 when nobody has told one."""
    (found,) = await link.many([watermark_look(keys, account_id)])
    return watermark_told(found)


def watermark_look(keys: Keys, account_id: str) -> tuple[str, ...]:
    """The command that reads an account's watermark."""
    return ("HGET", keys.watermark(account_id), "watermark_ms")


def watermark_told(found: bytes | str | None) -> int:
    """An account's watermark as it stands in Redis; -1 when nobody has told one."""
    return -1 if found is None else int(found)


async def with_time(link: RedisLink, keys: Keys, answers: Awaitable[T]) -> tuple[T, int]:
    """Await answers, and beside them the time of the clock by which claims are made."""
    return await asyncio.gather(answers, link.time_ms(keys.partitions))


def roster_of(rows: Mapping[str, str] | Mapping[bytes, bytes], now_ms: int) -> Roster:
    """Claims as they stand in Redis; what is no claim is left out."""
    decoded = {int(number): decode_claim(claim) for number, claim in rows.items() if number.isdigit()}
    return Roster({number: claim for number, claim in decoded.items() if claim is not None}, now_ms)


async def void_claims(link: RedisLink, keys: Keys, partitions: Iterable[str]) -> None:
    """Take claims away: readers are kept out until their owners, who miss them, have pushed all again."""
    await link.many([("HDEL", keys.partitions, partition) for partition in partitions])


async def publish_names(
    link: RedisLink,
    keys: Keys,
    metadata: Mapping[JourneyName, Mapping[str, str]],
    names: Iterable[JourneyName],
) -> tuple[dict[str, Exception], bool]:
    """Put journeys into the index, and their definitions beside their numbers.

    Gives the keys that Redis refuses, and why; and whether anything was put there that had no entry.
    """
    members = [index_member(name) for name in names]
    commands: list[tuple[str, ...]] = [
        ("SADD", keys.journeys, *members[first : first + AT_ONCE])
        for first in range(0, len(members), AT_ONCE)
    ]
    for name, fields in metadata.items():
        pairs = [part for pair in fields.items() for part in pair]
        commands.append(("HSET", keys.journey(name).metadata, *pairs))
    answers = await link.each(commands)
    refused = {
        command[1]: answer
        for command, answer in zip(commands, answers, strict=True)
        if isinstance(answer, Exception)
    }
    return refused, any(not isinstance(answer, Exception) and int(answer) for answer in answers)


async def remove_names(link: RedisLink, keys: Keys, names: Iterable[JourneyName]) -> None:
    """Take journeys out of the index of which nobody has any numbers."""
    for name in names:
        journey = keys.journey(name)
        (held,) = await link.many([("HLEN", journey.holders)])
        if not held:
            await link.many([("SREM", keys.journeys, index_member(name)), ("DEL", journey.metadata)])


async def read_names(link: RedisLink, keys: Keys) -> list[str]:
    """Members of the index of journeys, sorted."""
    (members,) = await link.many([("SMEMBERS", keys.journeys)])
    return sorted(text(member) for member in members)
