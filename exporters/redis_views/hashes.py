"""Fetches the hashes of journeys, those of each journey at one moment."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from wayfold.exporters.api.source import SourceUnavailableError
from wayfold.exporters.redis_views.keys import DWELL, JourneyName, Keys, index_member
from wayfold.exporters.redis_views.link import RedisLink, milliseconds
from wayfold.exporters.redis_views.registry import (
    Roster,
    roster_of,
    watermark_look,
    watermark_told,
    with_time,
)
from wayfold.state.reading.live_views import SUMMARY_FIELDS
from wayfold.state.reading.views import JOURNEY

LOOKS: Final = 10
"""How often a journey is looked at: once more whenever it has got views since."""
AT_ONCE: Final = 500
TRANSACTIONS_AT_ONCE: Final = 16
MOST_REMEMBERED: Final = 10_000
"""Journeys whose views are remembered."""


JOURNEYS_AT_ONCE: Final = 32
"""Journeys read in one transaction: Redis does nothing else meanwhile."""

Read = tuple[tuple[str, ...], tuple[str, Callable[[Any], dict[str, str]]]]
"""A command, the view whose hash it reads, and what makes the hash of its answer."""
Reads = Callable[[JourneyName, Sequence[str]], list[Read]]


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

    async def state_parts(self) -> tuple[Roster, dict[str, str]]:
        """Read what says which numbers Redis shows: the claims on partitions, and their revisions."""
        looks = [("HGETALL", self._keys.partitions), ("HGETALL", self._keys.revisions)]
        (claims, revisions), now_ms = await self._beside_the_time(looks)
        return roster_of(claims, now_ms), revisions

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
        return await self._read_found(await self._find_all(names), self._reads)

    async def read_summaries(self, names: Sequence[JourneyName]) -> list[JourneyHashes]:
        """Read of each of the journeys that Redis has what a summary shows, at some moment.

        There are the hash of the journey as a whole, and of those of steps the fields of messages.
        """
        return await self._read_found(await self._find_all(names), self._reads_of_summary)

    async def _find_all(self, names: Sequence[JourneyName]) -> list[_Found]:
        found: list[_Found] = []
        for first in range(0, len(names), AT_ONCE):
            found += await self._find(names[first : first + AT_ONCE])
        return found

    async def _read_found(self, found: Sequence[_Found], reads: Reads) -> list[JourneyHashes]:
        """Read what was found, several journeys in one transaction; in a Cluster, of one slot, one."""
        size = 1 if self._link.is_cluster else JOURNEYS_AT_ONCE
        turns = asyncio.Semaphore(TRANSACTIONS_AT_ONCE)

        async def read(journeys: Sequence[_Found]) -> list[JourneyHashes]:
            wanted = [reads(journey.name, journey.views) for journey in journeys]
            async with turns:
                answers = iter(await self._link.at_once([command for of in wanted for command, _ in of]))
            return [
                JourneyHashes(
                    journey.name,
                    journey.metadata,
                    # A view that is not read is there all the same.
                    {view: {} for view in journey.views}
                    | {view: shape(next(answers)) for _, (view, shape) in of},
                )
                for journey, of in zip(journeys, wanted, strict=True)
            ]

        parts = [found[first : first + size] for first in range(0, len(found), size)]
        return [journey for part in await asyncio.gather(*map(read, parts)) for journey in part]

    async def _look(self, name: JourneyName, views: list[str]) -> list[Any]:
        """One round trip: claims, watermark, whether the journey is there, definitions, views, and hashes."""
        in_index, *of_itself = self._looks(name)
        watermark = watermark_look(self._keys, name.account_id)
        around = [("HGETALL", self._keys.partitions), watermark, in_index]
        whole = [*of_itself, *(command for command, _ in self._reads(name, views))]
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

    def _reads(self, name: JourneyName, views: Sequence[str]) -> list[Read]:
        journey = self._keys.journey(name)
        return [(("HGETALL", journey.view(view)), (view, _as_it_is)) for view in views]

    def _reads_of_summary(self, name: JourneyName, views: Sequence[str]) -> list[Read]:
        journey = self._keys.journey(name)
        whole: Read = (("HGETALL", journey.view(JOURNEY)), (JOURNEY, _as_it_is))
        steps: list[Read] = [
            (("HMGET", journey.view(view), *SUMMARY_FIELDS), (view, _of_messages))
            for view in views
            if view.startswith("step:")
        ]
        return [whole, *steps]


def _as_it_is(answer: dict[str, str]) -> dict[str, str]:
    return answer


def _of_messages(answer: Sequence[str | None]) -> dict[str, str]:
    return {field: value for field, value in zip(SUMMARY_FIELDS, answer, strict=True) if value}


def _shown(holders: Sequence[Any]) -> list[str]:
    return sorted(view for view in holders if not view.endswith(DWELL))
