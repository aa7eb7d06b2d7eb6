"""What one partition knows of Redis: what stands there by its word, what waits, what has to be mended."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from wayfold.exporters.redis_views.calls import (
    Call,
    CallBuilder,
    Fields,
    PushedValues,
    Stand,
    Writer,
    split_views,
)
from wayfold.exporters.redis_views.keys import DWELL, JourneyKeys, JourneyName

OK: Final = "ok"
STALE: Final = "stale"
UNKNOWN: Final = "unknown"
FOREIGN: Final = "foreign"
DAMAGED: Final = "damaged"


def sequence_of(fence: str) -> int:
    """The sequence in a fence; -1 when there is none."""
    return int(fence.partition(" ")[0]) if fence else -1


class Ledger:
    """The books of one partition; nothing here does I/O.

    `fences` is what was pushed last of each journey. `whole` are journeys to be pushed in full because
    Redis does not have what was pushed last, `damaged` those to be dropped before. `behind` are journeys
    of which Redis has a later state than this partition has folded: they wait until it gets there.
    """

    def __init__(
        self, writer: Writer, values: PushedValues, keys_of: Callable[[JourneyName], JourneyKeys]
    ) -> None:
        self.writer = writer
        self.fences: dict[JourneyName, str] = {}
        self.behind: dict[JourneyName, int] = {}
        self.whole: set[JourneyName] = set()
        self.damaged: set[JourneyName] = set()
        self.unanswered: list[Call] = []
        self._waiting: dict[JourneyName, dict[str, Fields]] = {}
        self._histograms: dict[JourneyName, dict[str, Fields]] = {}
        self._builder = CallBuilder(writer, values)
        self._values = values
        self._keys_of = keys_of

    @property
    def has_waiting(self) -> bool:
        """Whether changed views wait, histograms aside."""
        return bool(self._waiting)

    @property
    def has_histograms(self) -> bool:
        """Whether changed histograms wait."""
        return bool(self._histograms)

    @property
    def complete(self) -> bool:
        """Whether everything that was read of the partition is in Redis."""
        return not (self.whole or self.behind or self.unanswered or self._waiting or self._histograms)

    def keep(self, name: JourneyName, views: Mapping[str, Fields]) -> None:
        """Take changed views in, until they are pushed; later values take the place of earlier ones."""
        if name in self.whole or name in self.behind:
            return  # all of it will be read again
        for view, fields in split_views(views).items():
            lane = self._histograms if view.endswith(DWELL) else self._waiting
            lane.setdefault(name, {})[view] = fields

    def take_calls(self, stand: Stand, *, with_histograms: bool) -> list[Call]:
        """Turn what waits into calls, which are unanswered from then on."""
        waiting, self._waiting = self._waiting, {}
        if with_histograms:
            for name, views in self._histograms.items():
                waiting.setdefault(name, {}).update(views)
            self._histograms = {}
        for name, views in waiting.items():
            previous = self.fences.get(name, "")
            self.unanswered += self._builder.changed(self._keys_of(name), name, views, stand, previous)
        return self.unanswered

    def whole_calls(
        self, name: JourneyName, views: Mapping[str, Fields], stand: Stand, held: Iterable[str]
    ) -> list[Call]:
        """Calls that push a journey in full; not kept when Redis goes away: the journey stays in `whole`."""
        return self._builder.whole(self._keys_of(name), name, split_views(views), stand, held)

    def answered(self, call: Call, answer: str, there: str) -> None:
        """Take in what the script said to a call; `there` is the fence that it found."""
        if answer == OK:
            self.fences[call.name] = call.fence
            self._values.accept(self.writer, call)
        elif answer == STALE:
            self.mark_behind(call.name, sequence_of(there))
        else:
            self.mark_whole(call.name)
            if answer in {FOREIGN, DAMAGED}:
                self.damaged.add(call.name)

    def mark_whole(self, name: JourneyName) -> None:
        """Push a journey in full: Redis does not have what was pushed last."""
        self._forget(name)
        self.whole.add(name)

    def mark_behind(self, name: JourneyName, sequence: int) -> None:
        """Let a journey wait until the partition has come to a sequence."""
        self._forget(name)
        self.behind[name] = sequence

    def mark_settled(self, name: JourneyName) -> None:
        """Note that a journey has been pushed in full, or that there is nothing of it anywhere."""
        self.whole.discard(name)
        self.fences.setdefault(name, "")

    def mark_reached(self, sequence: int) -> None:
        """Push the journeys in full for which the partition has come far enough."""
        for name in [name for name, wanted in self.behind.items() if wanted <= sequence]:
            self.mark_whole(name)

    def compare(self, name: JourneyName, there: str) -> bool:
        """Compare the fence that Redis has of a journey; marks what has to be done when it is another."""
        if name in self.whole or name in self.behind or self.fences.get(name, "") == there:
            return True
        self.mark_whole(name)
        return False

    def _forget(self, name: JourneyName) -> None:
        self.fences.pop(name, None)
        self.behind.pop(name, None)
        self.whole.discard(name)
        self._waiting.pop(name, None)
        self._histograms.pop(name, None)
