"""Says in Redis that what it shows has changed, so that readers need not read numbers to find out."""

from collections.abc import Callable, Iterable

from wayfold.exporters.redis_views.keys import Keys
from wayfold.exporters.redis_views.link import RedisLink


class Revisions:
    """The field of each partition in the hash `<prefix>:revisions`: a text that was never there before.

    It is told after what it tells of, never before: a reader who asks for revisions first and then for
    numbers has numbers that are at least as new. The keys of a journey may lie on another node, so the two
    cannot be written as one. What could not be told is told the next time. `worker` is a name of this process
    alone, `report` is told of a key that Redis refuses, and why.
    """

    def __init__(self, link: RedisLink, keys: Keys, worker: str, report: Callable[[str, str], None]) -> None:
        self._link = link
        self._keys = keys
        self._worker = worker
        self._report = report
        self._changed: set[int] = set()
        self._told = 0
        self._telling = 0

    @property
    def is_told(self) -> bool:
        """Whether Redis has all that was noted."""
        return not (self._changed or self._telling)

    def changed(self, partitions: Iterable[int]) -> None:
        """Note that Redis may show other numbers of these partitions now."""
        self._changed.update(partitions)

    async def tell(self) -> None:
        """Tell what was noted; raises one of `AWAY` when Redis cannot be asked, and tells it later."""
        if not self._changed:
            return
        telling, self._changed = self._changed, set()
        self._told += 1
        revision = f"{self._worker}.{self._told}"
        self._telling += 1
        pairs = [text for number in sorted(telling) for text in (str(number), revision)]
        try:
            (answer,) = await self._link.each([("HSET", self._keys.revisions, *pairs)])
        except BaseException:
            self._changed |= telling
            raise
        finally:
            self._telling -= 1
        if isinstance(answer, Exception):
            self._changed |= telling
            self._report(self._keys.revisions, str(answer))
