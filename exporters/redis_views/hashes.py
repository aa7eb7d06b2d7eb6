"""Fetches the hashes of journeys, those of one journey at one moment."""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from wayfold.exporters.redis_views.keys import DWELL, JourneyName, Keys, index_member
from wayfold.exporters.redis_views.link import RedisLink, text

AT_ONCE: Final = 500
TRANSACTIONS_AT_ONCE: Final = 16


class JourneyHashes(NamedTuple):
    """What Redis has of a journey: its definitions, and the hash of each view but histograms."""

    name: JourneyName
    metadata: dict[str, str]
    hashes: dict[str, dict[str, str]]


async def is_named(link: RedisLink, keys: Keys, name: JourneyName) -> bool:
    """Whether Redis knows of a journey."""
    (there,) = await link.many([("SISMEMBER", keys.journeys, index_member(name))])
    return bool(there)


async def read_journeys(link: RedisLink, keys: Keys, names: Sequence[JourneyName]) -> list[JourneyHashes]:
    """Read journeys; the numbers of each are of one moment."""
    found: list[JourneyHashes] = []
    for first in range(0, len(names), AT_ONCE):
        found += await _read_part(link, keys, names[first : first + AT_ONCE])
    return found


async def _read_part(link: RedisLink, keys: Keys, names: Sequence[JourneyName]) -> list[JourneyHashes]:
    journeys = [keys.journey(name) for name in names]
    views = await link.many([("HKEYS", journey.holders) for journey in journeys])
    metadata = await link.many([("HGETALL", journey.metadata) for journey in journeys])
    turns = asyncio.Semaphore(TRANSACTIONS_AT_ONCE)

    async def read(index: int) -> JourneyHashes:
        shown = [text(view) for view in views[index] if not view.endswith(DWELL.encode())]
        async with turns:
            hashes = await link.at_once([("HGETALL", journeys[index].view(view)) for view in shown])
        return JourneyHashes(
            names[index],
            _text_hash(metadata[index]),
            {view: _text_hash(fields) for view, fields in zip(shown, hashes, strict=True)},
        )

    return list(await asyncio.gather(*map(read, range(len(names)))))


def _text_hash(fields: dict[bytes, bytes]) -> dict[str, str]:
    return {field.decode(): value.decode() for field, value in fields.items()}
