"""Finding out whether Redis still has what was pushed, and putting back what it has lost."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from wayfold.exporters.redis_views.keys import DWELL, JourneyKeys, JourneyName, Keys, name_of_member
from wayfold.exporters.redis_views.link import Evaluation, RedisLink, text
from wayfold.exporters.redis_views.registry import read_names, void_claims
from wayfold.exporters.redis_views.scripts import DROP

AT_ONCE: Final = 500
DROP_ATTEMPTS: Final = 5

T = TypeVar("T")


async def fences_of(link: RedisLink, keys: Sequence[JourneyKeys], partition: int) -> list[str | Exception]:
    """What Redis has as the fence of a partition in each journey, "" for nothing; or why it does not say."""
    answers = await link.each([("HGET", journey.fences, str(partition)) for journey in keys])
    return [answer if isinstance(answer, Exception) else text(answer or "") for answer in answers]


async def views_held(
    link: RedisLink, keys: Sequence[JourneyKeys], partition: int
) -> list[list[str] | Exception]:
    """The views of each journey that Redis has from a partition; or why it does not say."""
    answers = await link.each([("HKEYS", journey.state(partition)) for journey in keys])
    return [
        answer if isinstance(answer, Exception) else [text(view) for view in answer] for answer in answers
    ]


async def orphans(
    link: RedisLink, keys: Keys, partition: int, known: Iterable[JourneyName]
) -> list[JourneyName]:
    """Journeys of which Redis has something from a partition that itself knows nothing of them."""
    strangers = sorted({name_of_member(member) for member in await read_names(link, keys)} - set(known))
    found = []
    for part in parts(strangers, AT_ONCE):
        fences = await fences_of(link, [keys.journey(name) for name in part], partition)
        found += [name for name, fence in zip(part, fences, strict=True) if fence]
    return found


async def damaged(
    link: RedisLink, keys: Keys, partition: int, names: Sequence[JourneyName]
) -> list[JourneyName]:
    """Those journeys of which a hash is missing that the partition's push wrote."""
    journeys = [keys.journey(name) for name in names]
    held = await views_held(link, journeys, partition)
    counts = await link.each([("HGET", journey.fences, f"{partition}:views") for journey in journeys])
    # A histogram may be empty, and is no key then.
    wanted = [
        [journey.holders, *(journey.view(view) for view in views if not view.endswith(DWELL))]
        if views and not isinstance(views, Exception)
        else []
        for journey, views in zip(journeys, held, strict=True)
    ]
    present = await link.many(
        [("EXISTS", journey.fences, *found) for journey, found in zip(journeys, wanted, strict=True)]
    )
    return [
        name
        for name, views, count, found, there in zip(names, held, counts, wanted, present, strict=True)
        # What Redis does not say is found out by the push that it refuses.
        if not isinstance(views, Exception)
        and not isinstance(count, Exception)
        and (len(views) != int(count or 0) or int(there) != 1 + len(found))
    ]


async def drop_journey(link: RedisLink, all_keys: Keys, name: JourneyName, dropper: int) -> None:
    """Take away all numbers of a journey by a partition's word; the others will be pushed in full again."""
    keys = all_keys.journey(name)
    for _ in range(DROP_ATTEMPTS):
        views, fences = await link.many([("HKEYS", keys.holders), ("HKEYS", keys.fences)])
        partitions = [text(field) for field in fences if text(field).isdigit()]
        others = [partition for partition in partitions if partition != str(dropper)]
        await void_claims(link, all_keys, others)
        states = [keys.state(partition) for partition in partitions]
        totals = [keys.view(text(view)) for view in views]
        named = [keys.fences, keys.holders, keys.latest, keys.staging, *totals, *states]
        (answer,) = await link.evaluate([Evaluation(DROP, named, [keys.base])])
        if isinstance(answer, Exception):
            raise answer
        if answer == 1:
            # Again, for an owner that missed its claim and pushed the journey before it was dropped.
            await void_claims(link, all_keys, others)
            return


def parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into parts."""
    for first in range(0, len(items), size):
        yield items[first : first + size]
