"""Fetches the hashes of journeys, those of each journey at one moment."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from wayfold.exporters.redis_views.keys import DWELL, JourneyName, Keys, index_member
from wayfold.exporters.redis_views.link import RedisLink
from wayfold.exporters.redis_views.registry import PartitionClaim, decode_claims

AT_ONCE: Final = 500
TRANSACTIONS_AT_ONCE: Final = 16
MOST_REMEMBERED: Final = 10_000
"""Journeys whose views are remembered."""


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


class HashReader:
    """Reads journeys through a link that gives texts.

    Which views a journey has is known only when Redis has said so. Most often they are those of the last
    time: one journey is asked for these straight away, in one round trip, and again if there are others now.
    """

    def __init__(self, link: RedisLink, keys: Keys) -> None:
        self._link = link
        self._keys = keys
        self._views: dict[JourneyName, list[str]] = {}

    async def read(
        self, names: Sequence[JourneyName]
    ) -> tuple[dict[int, PartitionClaim], list[JourneyHashes]]:
        """Read the claims on partitions, and those of the journeys that Redis knows."""
        if len(names) == 1 and names[0] in self._views:
            known = await self._read_known(names[0], self._views[names[0]])
            if known is not None:
                return known
        claims: dict[int, PartitionClaim] = {}
        found: list[_Found] = []
        for first in range(0, max(1, len(names)), AT_ONCE):
            claims, some = await self._find(names[first : first + AT_ONCE])
            found += some
        turns = asyncio.Semaphore(TRANSACTIONS_AT_ONCE)

        async def read(journey: _Found) -> JourneyHashes:
            async with turns:
                hashes = await self._link.at_once(self._reads(journey.name, journey.views))
            return JourneyHashes(
                journey.name, journey.metadata, dict(zip(journey.views, hashes, strict=True))
            )

        return claims, list(await asyncio.gather(*map(read, found)))

    async def _read_known(
        self, name: JourneyName, views: list[str]
    ) -> tuple[dict[int, PartitionClaim], list[JourneyHashes]] | None:
        """One round trip for all; None when the journey has other views by now."""
        in_index, *of_itself = self._looks(name)
        around = [("HGETALL", self._keys.partitions), in_index]
        whole = [*of_itself, *self._reads(name, views)]
        if self._link.is_cluster:  # a transaction is of one slot
            answers, of_journey = await asyncio.gather(self._link.many(around), self._link.at_once(whole))
            answers = [*answers, *of_journey]
        else:
            answers = await self._link.at_once([*around, *whole])
        claims, is_there, metadata, holders, *hashes = answers
        if not is_there or _shown(holders) != views:
            self._views.pop(name, None)
            return None
        return decode_claims(claims), [JourneyHashes(name, metadata, dict(zip(views, hashes, strict=True)))]

    async def _find(self, names: Sequence[JourneyName]) -> tuple[dict[int, PartitionClaim], list[_Found]]:
        """One round trip: the claims, and of each journey whether it is there, its definitions and views."""
        looks = [look for name in names for look in self._looks(name)]
        claims, *answers = await self._link.many([("HGETALL", self._keys.partitions), *looks])
        found = []
        for index, name in enumerate(names):
            is_there, metadata, holders = answers[3 * index : 3 * index + 3]
            if is_there:
                found.append(_Found(name, metadata, _shown(holders)))
                self._remember(found[-1])
        return decode_claims(claims), found

    def _remember(self, journey: _Found) -> None:
        if len(self._views) >= MOST_REMEMBERED:
            self._views.clear()
        self._views[journey.name] = journey.views

    def _looks(self, name: JourneyName) -> list[tuple[str, ...]]:
        """What says whether a journey is there, its definitions, and its views."""
        journey = self._keys.journey(name)
        return [
            ("SISMEMBER", self._keys.journeys, index_member(name)),
            ("HGETALL", journey.metadata),
            ("HKEYS", journey.holders),
        ]

    def _reads(self, name: JourneyName, views: Sequence[str]) -> list[tuple[str, ...]]:
        journey = self._keys.journey(name)
        return [("HGETALL", journey.view(view)) for view in views]


def _shown(holders: Sequence[Any]) -> list[str]:
    return sorted(view for view in holders if not view.endswith(DWELL))
