"""Fetches the hashes of journeys: first which there are, then those of each journey at one moment."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from wayfold.exporters.redis_views.keys import DWELL, JourneyName, Keys, index_member
from wayfold.exporters.redis_views.link import RedisLink, text
from wayfold.exporters.redis_views.registry import PartitionClaim, decode_claims

AT_ONCE: Final = 500
TRANSACTIONS_AT_ONCE: Final = 16


class JourneyHashes(NamedTuple):
    """What Redis has of a journey: its definitions, and the hash of each view but histograms."""

    name: JourneyName
    metadata: dict[str, str]
    hashes: dict[str, dict[str, str]]


class _Found(NamedTuple):
    """What there is to read of a journey."""

    name: JourneyName
    metadata: dict[str, str]
    views: list[str]


async def read_journeys(
    link: RedisLink, keys: Keys, names: Sequence[JourneyName]
) -> tuple[dict[int, PartitionClaim], list[JourneyHashes]]:
    """Read the claims on partitions, and those of the journeys that Redis knows; each is of one moment."""
    claims: dict[int, PartitionClaim] = {}
    found: list[_Found] = []
    for first in range(0, max(1, len(names)), AT_ONCE):
        claims, some = await _find(link, keys, names[first : first + AT_ONCE])
        found += some
    turns = asyncio.Semaphore(TRANSACTIONS_AT_ONCE)

    async def read(journey: _Found) -> JourneyHashes:
        in_redis = keys.journey(journey.name)
        async with turns:
            hashes = await link.at_once([("HGETALL", in_redis.view(view)) for view in journey.views])
        read_hashes = {view: _text_hash(fields) for view, fields in zip(journey.views, hashes, strict=True)}
        return JourneyHashes(journey.name, journey.metadata, read_hashes)

    return claims, list(await asyncio.gather(*map(read, found)))


async def _find(
    link: RedisLink, keys: Keys, names: Sequence[JourneyName]
) -> tuple[dict[int, PartitionClaim], list[_Found]]:
    """One round trip: the claims, and of each journey whether it is there, its definitions and its views."""
    commands: list[tuple[str, ...]] = [("HGETALL", keys.partitions)]
    for name in names:
        journey = keys.journey(name)
        commands.append(("SISMEMBER", keys.journeys, index_member(name)))
        commands.append(("HGETALL", journey.metadata))
        commands.append(("HKEYS", journey.holders))
    claims, *answers = await link.many(commands)
    found = []
    for index, name in enumerate(names):
        is_there, metadata, views = answers[3 * index : 3 * index + 3]
        if is_there:
            shown = [view for view in map(text, views) if not view.endswith(DWELL)]
            found.append(_Found(name, _text_hash(metadata), shown))
    return decode_claims(claims), found


def _text_hash(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {field.decode(): value.decode() for field, value in fields.items()}
