"""What readers find beside the numbers: which journeys there are, and which worker has a partition."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from wayfold.exporters.redis_views.keys import JourneyName, Keys, index_member
from wayfold.exporters.redis_views.link import Evaluation, RedisLink, text
from wayfold.exporters.redis_views.scripts import CLAIM

AT_ONCE: Final = 500
MOST_UNANSWERED: Final = 100


class PartitionClaim(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says about a partition that it has, in the hash `<prefix>:partitions`.

    `sequence` and `watermark_ms` are of the commit that is in Redis, all of it once `complete`; `as_of_ms`
    is when that was still the latest; `lag_ms` is how long the oldest record not folded then had been in
    the log, None when not known. The claim counts until `expires_at_ms`; `partitions` is how many there are.

    `readable_since_ms` is since when, without a break, Redis has had views of the whole partition, be they
    of this worker or of the one before, of the latest commit or of an earlier one; None while it has not.
    It outlasts the worker: what was pushed stays readable until Redis loses it.
    """

    worker: str
    url: str
    sequence: int
    watermark_ms: int
    as_of_ms: int
    lag_ms: int | None
    expires_at_ms: int
    complete: bool
    partitions: int
    readable_since_ms: int | None = None


class HeldClaim:
    """What Redis has as the claim on a partition, by our word; it is ours once it was `taken`.

    `unanswered` are claims that Redis may have instead, because its answer was lost.
    """

    def __init__(self) -> None:
        self.there = b""
        self.unanswered: deque[bytes] = deque(maxlen=MOST_UNANSWERED)
        self.taken = False
        self.readable_since_ms: int | None = None


encode_claim = msgspec.json.Encoder().encode
decode_claim = msgspec.json.Decoder(PartitionClaim).decode


def claim_call(keys: Keys, number: int, there: bytes, claim: bytes) -> Evaluation:
    """Make a claim on a partition in the place of the one that is there, b"" for none."""
    return Evaluation(CLAIM, [keys.partitions], [str(number), there, claim])


async def read_claims(link: RedisLink, keys: Keys) -> dict[int, PartitionClaim]:
    """Every partition's latest claim, expired ones included."""
    (rows,) = await link.many([("HGETALL", keys.partitions)])
    return decode_claims(rows)


def decode_claims(rows: Mapping[str, str] | Mapping[bytes, bytes]) -> dict[int, PartitionClaim]:
    """Claims as they stand in Redis."""
    return {int(number): decode_claim(claim) for number, claim in rows.items()}


async def void_claims(link: RedisLink, keys: Keys, partitions: Iterable[str]) -> None:
    """Take claims away: readers are kept out until their owners, who miss them, have pushed all again."""
    await link.many([("HDEL", keys.partitions, partition) for partition in partitions])


async def publish_names(
    link: RedisLink,
    keys: Keys,
    metadata: Mapping[JourneyName, Mapping[str, str]],
    names: Iterable[JourneyName],
) -> None:
    """Put journeys into the index, and their definitions beside their numbers."""
    members = [index_member(name) for name in names]
    commands: list[tuple[str, ...]] = [
        ("SADD", keys.journeys, *members[first : first + AT_ONCE])
        for first in range(0, len(members), AT_ONCE)
    ]
    for name, fields in metadata.items():
        pairs = [part for pair in fields.items() for part in pair]
        commands.append(("HSET", keys.journey(name).metadata, *pairs))
    await link.many(commands)


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
