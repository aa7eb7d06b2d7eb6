"""What one partition knows of Redis: what stands there by its word, what waits, what has to be mended."""

import time
from collections.abc import Iterable, Mapping
from typing import Final

from wayfold.exporters.redis_views.calls import Part, PushedValues, Writer
from wayfold.exporters.redis_views.changes import Fields, as_in_redis, fields_in_redis
from wayfold.exporters.redis_views.fences import Offsets, reaches, read_fence
from wayfold.exporters.redis_views.keys import HISTOGRAM, JourneyName, encode_view

OK: Final = "ok"
STAGED: Final = "staged"
READY: Final = "ready"
BUSY: Final = "busy"
BROKEN: Final = "broken"
STALE: Final = "stale"
SUPERSEDED: Final = "superseded"
UNKNOWN: Final = "unknown"
FOREIGN: Final = "foreign"
DAMAGED: Final = "damaged"

LEAST_RETRY_S: Final = 0.25
MOST_RETRY_S: Final = 5.0

Lane = dict[JourneyName, dict[str, Fields]]


class Refusal:
    """That Redis refuses a journey of a partition: why, how often in a row, and when it is tried again."""

    def __init__(self) -> None:
        self.reason = ""
        self.times = 0
        self.again_at_s = 0.0


class Ledger:
    """The books of one partition; nothing here does I/O.

    `fences` is what was pushed last of each journey. `whole` are journeys to be pushed in full because
    Redis does not have what was pushed last, `damaged` those to be dropped before. `behind` are journeys
    of which Redis has a later state than this partition has folded: they wait until it gets there, in every
    topic. `refused` are those of the journeys to be pushed in full whose keys Redis does not take.
    `in_flight` are journeys with changes of which it is not known yet whether Redis has taken them.
    `lost` is set as soon as it is known that Redis does not have anything any more that was pushed.
    `superseded_by` is the greatest epoch of a later owner whose push was found.
    """

    def __init__(self, writer: Writer, values: PushedValues) -> None:
        self.writer = writer
        self.fences: dict[JourneyName, str] = {}
        self.behind: dict[JourneyName, Offsets] = {}
        self.whole: set[JourneyName] = set()
        self.damaged: set[JourneyName] = set()
        self.in_flight: set[JourneyName] = set()
        self.refused: dict[JourneyName, Refusal] = {}
        self.lost = False
        self.superseded_by = 0
        self._views: Lane = {}
        self._histograms: Lane = {}
        self._values = values

    @property
    def has_views(self) -> bool:
        """Whether changed views wait that may be pushed, histograms aside."""
        return any(name not in self.whole for name in self._views)

    @property
    def has_histograms(self) -> bool:
        """Whether changed histograms wait that may be pushed."""
        return any(name not in self.whole for name in self._histograms)

    @property
    def intact(self) -> bool:
        """Whether Redis has every journey of the partition that it takes, if not its latest change."""
        return not (self.behind or self.whole - self.refused.keys())

    @property
    def complete(self) -> bool:
        """Whether Redis has everything that was read of the partition."""
        return not (self.whole or self.behind or self._views or self._histograms or self.in_flight)

    def keep(self, name: JourneyName, views: Mapping[str, Fields]) -> None:
        """Take changed views in, until they are pushed; later values take the place of earlier ones."""
        if name in self.behind:
            return  # all of it will be read again
        for raw_view, fields in views.items():
            if raw_view.startswith(HISTOGRAM):
                # It is large, and pushed more seldom.
                self._histograms.setdefault(name, {})[raw_view] = fields
            else:
                waiting = self._views.setdefault(name, {})
                waiting[encode_view(raw_view)] = fields_in_redis(raw_view, fields)

    def take(self, *, with_histograms: bool) -> Lane:
        """Take what waits and may be pushed, by journey."""
        taken: Lane = {}
        for name in [name for name in self._views if name not in self.whole]:
            taken[name] = self._views.pop(name)
        for name in [name for name in self._histograms if with_histograms and name not in self.whole]:
            taken.setdefault(name, {}).update(as_in_redis(self._histograms.pop(name)))
        self.in_flight.update(taken)
        return taken

    def read_whole(self, name: JourneyName) -> None:
        """Note that all of a journey is being read: what waits of it is older."""
        self._views.pop(name, None)
        self._histograms.pop(name, None)

    def answered(self, name: JourneyName, part: Part, verdict: str, there: str) -> None:
        """Take in what the script said to a part of a call; `there` is the fence that it found."""
        self.in_flight.discard(name)
        self.refused.pop(name, None)
        if part.previous is not None and self.fences.get(name, "") != part.previous:
            # Something else was found out about the journey meanwhile, or a call before this one failed.
            if name not in self.behind:
                self.mark_whole(name)
            return
        if verdict == OK:
            self.fences[name] = part.fence
            self._values.accept(name, part)
        elif verdict in {READY, BUSY} and part.previous is not None:
            for view, fields in part.pushed.items():
                self._views.setdefault(name, {}).setdefault(view, fields)
        elif verdict in {READY, BUSY, BROKEN}:
            self.mark_whole(name)
        elif verdict == STALE:
            self.mark_behind(name, read_fence(there).offsets)
        elif verdict == SUPERSEDED:
            self.superseded_by = max(self.superseded_by, read_fence(there).epoch)
            self.mark_whole(name)
        elif verdict in {FOREIGN, DAMAGED}:
            self.mark_damaged(name)
        else:
            self.lost |= bool(part.previous) and not there
            self.mark_whole(name)

    def mark_whole(self, name: JourneyName) -> None:
        """Push a journey in full: Redis does not have what was pushed last."""
        self._forget(name)
        self.whole.add(name)

    def mark_damaged(self, name: JourneyName) -> None:
        """Drop a journey, then push it in full: Redis has lost a part of it, or has it of another log."""
        self.mark_whole(name)
        self.damaged.add(name)
        self.lost = True

    def mark_behind(self, name: JourneyName, offsets: Offsets) -> None:
        """Let a journey wait until the partition has come to these offsets in every topic."""
        self._forget(name)
        self.behind[name] = offsets

    def mark_refused(self, name: JourneyName, reason: str) -> bool:
        """Push a journey in full some time later, because Redis refuses it; whether that is news."""
        self.in_flight.discard(name)
        self.mark_whole(name)
        refusal = self.refused.setdefault(name, Refusal())
        is_news = refusal.reason != reason
        refusal.reason, refusal.times = reason, refusal.times + 1
        pause_s = min(MOST_RETRY_S, LEAST_RETRY_S * 2 ** min(refusal.times, 10))
        refusal.again_at_s = time.monotonic() + pause_s
        return is_news

    def due(self) -> list[JourneyName]:
        """The journeys to be pushed in full now: those that Redis refuses wait longer every time."""
        now_s = time.monotonic()
        return sorted(
            name for name in self.whole if name not in self.refused or self.refused[name].again_at_s <= now_s
        )

    def mark_settled(self, name: JourneyName) -> None:
        """Note that a journey has been pushed in full, or that there is nothing of it anywhere."""
        self.whole.discard(name)
        self.refused.pop(name, None)
        self.fences.setdefault(name, "")

    def mark_reached(self, offsets: Offsets) -> None:
        """Push the journeys in full for which the partition has come far enough."""
        for name in [name for name, wanted in self.behind.items() if reaches(offsets, wanted)]:
            self.mark_whole(name)

    def compare(self, names: Iterable[JourneyName], expected: Iterable[str], there: Iterable[str]) -> int:
        """Compare the fences that Redis has with those expected; marks what differs, and says how many do.

        What has been pushed or marked meanwhile is left to the next time.
        """
        lost = 0
        for name, wanted, found in zip(names, expected, there, strict=True):
            if wanted != found and self.fences.get(name) == wanted and name not in self.in_flight:
                self.mark_whole(name)
                self.lost |= not found
                lost += 1
        return lost

    def _forget(self, name: JourneyName) -> None:
        self.fences.pop(name, None)
        self.behind.pop(name, None)
        self.whole.discard(name)
        self.read_whole(name)
