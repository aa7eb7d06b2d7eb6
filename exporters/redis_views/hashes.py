"""Fetches the hashes of journeys, those of each journey at one moment."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from wayfold.exporters.api.source import SourceUnavailableError
from wayfold.exporters.redis_views.keys import DWELL, TIME_ZONE, JourneyName, Keys, index_member
from wayfold.exporters.redis_views.link import RedisLink, milliseconds
from wayfold.exporters.redis_views.registry import (
    Roster,
    roster_of,
    watermark_look,
    watermark_told,
    with_time,
)

LOOKS: Final = 10
"""How often a journey is looked at: once more whenever it has got views since."""
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
    """Reads journeys through a link that gives texts, and the claims, which say whether all is there.

    Which views a journey has is known only when Redis has said so. Most often they are those of the last
    time: one journey is asked for these straight away, in one round trip, and again if there are others now.
    """

    def __init__(self, link: RedisLink, keys: Keys) -> None:
        self._link = link
        self._keys = keys
        self._views: dict[JourneyName, list[str]] = {}

    async def index(self) -> tuple[Roster, list[str]]:
        """Read the claims on partitions and, at the same moment, the members of the index, sorted."""
        looks = [("HGETALL", self._keys.partitions), ("SMEMBERS", self._keys.journeys)]
        (claims, members), now_ms = await self._beside_the_time(looks)
        return roster_of(claims, now_ms), sorted(members)

    async def state_parts(self, account_id: str | None) -> tuple[Roster, dict[str, str], str | None]:
        """Read what says which numbers Redis shows: claims, revisions, and an account's watermark as text."""
        looks: list[tuple[str, ...]] = [
            ("HGETALL", self._keys.partitions),
            ("HGETALL", self._keys.revisions),
        ]
        if account_id is not None:
            looks.append(watermark_look(self._keys, account_id))
        (claims, revisions, *watermark), now_ms = await self._beside_the_time(looks)
        return roster_of(claims, now_ms), revisions, watermark[0] if watermark else None

    async def read_accounts(self, account_ids: Sequence[str]) -> list[tuple[str | None, int]]:
        """Read the time zone of each account, None where Redis has none, and its watermark."""
        found: list[tuple[str | None, int]] = []
        for first in range(0, len(account_ids), AT_ONCE):
            looks: list[tuple[str, ...]] = []
            for account_id in account_ids[first : first + AT_ONCE]:
                metadata = self._keys.journey(JourneyName(account_id, "")).metadata
                looks += [("HGET", metadata, TIME_ZONE), watermark_look(self._keys, account_id)]
            answers = await self._link.many(looks)
            told = [watermark_told(answer) for answer in answers[1::2]]
            found += zip(answers[::2], told, strict=True)
        return found

    async def _beside_the_time(self, looks: Sequence[tuple[str, ...]]) -> tuple[list[Any], int]:
        """Look at keys of several slots, at one moment where that can be had, and at the clock of claims."""
        if self._link.is_cluster:
            # They are in several slots, and a transaction is of one.
            return await with_time(self._link, self._keys, self._link.many(looks))
        *answers, time = await self._link.at_once([*looks, ("TIME",)])
        return answers, milliseconds(time)

    async def read_one(self, name: JourneyName) -> tuple[Roster, int, list[JourneyHashes]]:
        """Read the claims on partitions and, at the same moment, a journey; none when Redis has it not.

        Between them is the watermark of the account, in milliseconds UTC.

        Raises `SourceUnavailableError` when each time it has other views than the time before.
        """
        for _ in range(LOOKS):
            views = self._views.get(name, [])
            roster, watermark_ms, is_there, metadata, holders, *hashes = await self._look(name, views)
            if not is_there:
                self._views.pop(name, None)
                return roster, watermark_ms, []
            if _shown(holders) == views:
                found = JourneyHashes(name, metadata, dict(zip(views, hashes, strict=True)))
                return roster, watermark_ms, [found]
            self._remember(name, _shown(holders))
        raise SourceUnavailableError(f"the views of {name} change while they are read; ask again")

    async def read_all(self, names: Sequence[JourneyName]) -> list[JourneyHashes]:
        """Read those of the journeys that Redis has, each at some moment."""
        found: list[_Found] = []
        for first in range(0, len(names), AT_ONCE):
            found += await self._find(names[first : first + AT_ONCE])
        turns = asyncio.Semaphore(TRANSACTIONS_AT_ONCE)

        async def read(journey: _Found) -> JourneyHashes:
            async with turns:
                hashes = await self._link.at_once(self._reads(journey.name, journey.views))
            return JourneyHashes(
                journey.name, journey.metadata, dict(zip(journey.views, hashes, strict=True))
            )

        return list(await asyncio.gather(*map(read, found)))

    async def _look(self, name: JourneyName, views: list[str]) -> list[Any]:
        """One round trip: claims, watermark, whether the journey is there, definitions, views, and hashes."""
        in_index, *of_itself = self._looks(name)
        watermark = watermark_look(self._keys, name.account_id)
        around = [("HGETALL", self._keys.partitions), watermark, in_index]
        whole = [*of_itself, *self._reads(name, views)]
        if not self._link.is_cluster:
            looked = await self._link.at_once([*around, ("TIME",), *whole])
            claims, told, is_there, time, *of_journey = looked
            return [roster_of(claims, milliseconds(time)), watermark_told(told), is_there, *of_journey]
        # a transaction is of one slot
        ((claims, told, is_there), now_ms), of_journey = await asyncio.gather(
            with_time(self._link, self._keys, self._link.many(around)), self._link.at_once(whole)
        )
        return [roster_of(claims, now_ms), watermark_told(told), is_there, *of_journey]

    async def _find(self, names: Sequence[JourneyName]) -> list[_Found]:
        """One round trip: of each journey whether it is there, its definitions and views."""
        answers = await self._link.many([look for name in names for look in self._looks(name)])
        found = []
        for index, name in enumerate(names):
            is_there, metadata, holders = answers[3 * index : 3 * index + 3]
            if is_there:
                found.append(_Found(name, metadata, _shown(holders)))
                self._remember(name, found[-1].views)
        return found

    def _remember(self, name: JourneyName, views: list[str]) -> None:
        if len(self._views) >= MOST_REMEMBERED:
            self._views.clear()
        self._views[name] = views

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
