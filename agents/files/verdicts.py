"""What became of the events of a replay: counted, repeated, or refused and why.

A system says how many records it has judged so far, and with which verdict. The difference between before and
after is what became of the events that were sent in between: exactly, when no others came meanwhile, and that
is seen by how many were judged.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeVar

import msgspec

PATIENCE_S: Final = 60.0
"""For how long nothing may move, or nobody answer, before the waiting ends."""
FIRST_PAUSE_S: Final = 0.02
LONGEST_PAUSE_S: Final = 0.5

T = TypeVar("T")
Place = tuple[int, str]
"""A partition of a topic kind."""
Progress = Callable[[int, int], None]
"""Hears how many of how many records are judged."""


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What a system had judged at one moment.

    `offsets` has the next record of each place, `ends` where its log ended at that moment; None when nobody
    can say, and then `is_settled` says whether nothing seems to wait. The other numbers are of records.
    """

    partitions: int
    offsets: Mapping[Place, int]
    ends: Mapping[Place, int] | None
    is_settled: bool
    counted: int
    repeated: int
    refused: Mapping[str, int]

    @property
    def records(self) -> int:
        """How many records were judged; offsets can move without one."""
        return self.counted + self.repeated + sum(self.refused.values())


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of what was sent: `records`, of which an event that goes to every partition makes several.

    `others` counts records that somebody else sent meanwhile, which the verdicts then include; with `is_own`
    they came from this sender, again after a time-out.
    """

    records: int
    counted: int
    repeated: int
    refused: Counter[str]
    others: int
    is_own: bool = False


class VerdictsUnknownError(Exception):
    """What became of the events cannot be known; the message says why and what to do.

    With `may_pass` it is worth asking again.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class Watcher(Protocol):
    """Sees what becomes of the events that are sent between `begin` and `finish`."""

    @property
    def watch_id(self) -> str | None:
        """What the events are to be sent with, if anything."""

    async def begin(self) -> None:
        """Get ready; nothing may be sent before. Raises VerdictsUnknownError."""

    async def finish(self, events: int, events_to_all: int = 0) -> Outcome:
        """Wait until `events` that were sent are judged, and say how; raises VerdictsUnknownError.

        Of them, `events_to_all` went to every partition, and are judged in each.
        """


class VerdictSource(Protocol):
    """A system that says what it has judged."""

    async def tally(self) -> Tally:
        """Say what was judged up to now; raises VerdictsUnknownError."""


class Difference:
    """Sees what becomes of events by what a system had judged before and after them."""

    watch_id = None

    def __init__(
        self, source: VerdictSource, patience_s: float = PATIENCE_S, progress: Progress | None = None
    ) -> None:
        self._source = source
        self._patience_s = patience_s
        self._progress = progress or (lambda done, total: None)
        self._before: Tally | None = None

    async def begin(self) -> None:
        """Wait until everything is judged that was sent before; raises VerdictsUnknownError."""
        self._before = await self._until_judged(None, 0)

    def records_of(self, events: int, events_to_all: int) -> int:
        """Count the records that events become."""
        if self._before is None:
            raise RuntimeError("nothing was begun")
        return events + events_to_all * (self._before.partitions - 1)

    async def finish(self, events: int, events_to_all: int = 0) -> Outcome:
        """Wait until everything is judged; see `Watcher.finish`."""
        records, before = self.records_of(events, events_to_all), self._before
        after = await self._until_judged(before, records)
        before = before or after
        refused = Counter(after.refused)
        refused.subtract(before.refused)
        return Outcome(
            records=records,
            counted=after.counted - before.counted,
            repeated=after.repeated - before.repeated,
            refused=+refused,
            others=after.records - before.records - records,
        )

    async def _until_judged(self, before: Tally | None, records: int) -> Tally:
        """Wait until what is in the log now is judged, `records` after `before` at least."""
        target: Mapping[Place, int] | None = None

        async def look() -> tuple[Tally, int]:
            nonlocal target
            tally = await self._source.tally()
            if target is None and tally.ends is not None:
                target = tally.ends
            moved = 0 if before is None else tally.records - before.records
            left = max(_behind(tally, target), records - moved)
            self._progress(max(0, records - left), records)
            return tally, left

        return await until_judged(look, self._patience_s)


async def until_judged(look: Callable[[], Awaitable[tuple[T, int]]], patience_s: float) -> T:
    """Look until nothing is left to be judged, and give what was found then.

    `look` gives what it finds and how many records are left. Raises VerdictsUnknownError when for
    `patience_s` there are no fewer, or no answer.
    """
    pause_s = FIRST_PAUSE_S
    least_left: int | None = None
    give_up_at = time.monotonic() + patience_s
    while True:
        try:
            found, left = await look()
        except VerdictsUnknownError as error:
            if not error.may_pass:
                raise
            reason = str(error)
        else:
            if left <= 0:
                return found
            reason = f"{left:,} records are not judged yet, and no more are"
            if least_left is None or left < least_left:
                least_left = left
                give_up_at = time.monotonic() + patience_s
        if time.monotonic() + pause_s > give_up_at:
            raise VerdictsUnknownError(
                f"What becomes of events cannot be said: for {patience_s:.0f} s {reason}. See that the host, "
                "or the workers and Redis, run."
            )
        await asyncio.sleep(pause_s)
        pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)


def _behind(tally: Tally, target: Mapping[Place, int] | None) -> int:
    """Count the records below the target that are not judged."""
    if target is None:
        return 0 if tally.is_settled else 1
    return sum(max(0, end - tally.offsets.get(place, 0)) for place, end in target.items())
