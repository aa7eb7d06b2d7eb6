"""What became of the events of a replay: counted, repeated, or refused and why.

A system says how many records it has judged so far, and with which verdict. The difference between before and
after is what became of the events that were sent in between: exactly, when no others came meanwhile, and that
is seen by how many were judged.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import aiohttp
import msgspec

PATIENCE_S: Final = 60.0
"""For how long nothing may move, or nobody answer, before the waiting ends."""
FIRST_PAUSE_S: Final = 0.02
LONGEST_PAUSE_S: Final = 0.5
ANSWER_TIMEOUT_S: Final = 30.0

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

    `others` counts records that somebody else sent meanwhile, which the verdicts then include.
    """

    records: int
    counted: int
    repeated: int
    refused: Counter[str]
    others: int


class VerdictsUnknownError(Exception):
    """What became of the events cannot be known; the message says why and what to do.

    With `may_pass` it is worth asking again.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class VerdictSource(Protocol):
    """A system that says what it has judged."""

    async def tally(self) -> Tally:
        """Say what was judged up to now; raises VerdictsUnknownError."""


class Watch:
    """Sees what becomes of events that are sent between `begin` and `finish`."""

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

    async def finish(self, events: int, events_to_all: int = 0) -> Outcome:
        """Wait until `events` that were sent are judged, and say how; raises VerdictsUnknownError.

        Of them, `events_to_all` went to every partition, and are judged in each.
        """
        before = self._before
        if before is None:
            raise RuntimeError("finish needs begin")
        records = events + events_to_all * (before.partitions - 1)
        after = await self._until_judged(before, records)
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
        pause_s = FIRST_PAUSE_S
        least_left = None
        give_up_at = time.monotonic() + self._patience_s
        reason = ""
        while True:
            try:
                tally = await self._source.tally()
            except VerdictsUnknownError as error:
                if not error.may_pass:
                    raise
                reason = str(error)
            else:
                if target is None and tally.ends is not None:
                    target = tally.ends
                moved = 0 if before is None else tally.records - before.records
                behind = _behind(tally, target)
                if not behind and moved >= records:
                    self._progress(records, records)
                    return tally
                left = max(behind, records - moved)
                self._progress(max(0, records - left), records)
                reason = f"{left:,} records are not judged yet, and no more are"
                if least_left is None or left < least_left:
                    least_left = left
                    give_up_at = time.monotonic() + self._patience_s
            if time.monotonic() + pause_s > give_up_at:
                raise VerdictsUnknownError(
                    f"What becomes of events cannot be said: for {self._patience_s:.0f} s {reason}. See that "
                    "the host, or the workers and Redis, run."
                )
            await asyncio.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)


def _behind(tally: Tally, target: Mapping[Place, int] | None) -> int:
    """Count the records below the target that are not judged."""
    if target is None:
        return 0 if tally.is_settled else 1
    return sum(max(0, end - tally.offsets.get(place, 0)) for place, end in target.items())


class _Partition(msgspec.Struct):
    """What `/v1/verdicts` says of a partition."""

    partition: int
    offsets: dict[str, int]
    ends: dict[str, int] | None
    accepted: int
    repeated: int
    refused: dict[str, int]


class _Answer(msgspec.Struct):
    """What `/v1/verdicts` says, or why it does not."""

    partitions: list[_Partition] = []
    lag_ms: int | None = None
    detail: str = ""


_decode = msgspec.json.Decoder(_Answer).decode


class HttpVerdicts:
    """Asks `/v1/verdicts` of a Wayfold."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def tally(self) -> Tally:
        """Say what was judged up to now; raises VerdictsUnknownError."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S))
        try:
            async with self._session.get(f"{self.url}/v1/verdicts") as response:
                body = await response.read()
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise VerdictsUnknownError(
                f"{self.url} did not answer ({error or 'too slow'})", may_pass=True
            ) from None
        try:
            answer = _decode(body)
        except msgspec.DecodeError:
            answer = _Answer(detail="no Wayfold, or one that does not say what became of events")
        if status != 200:
            raise VerdictsUnknownError(
                f"{self.url} answered {status}: {answer.detail}", may_pass=status in (429, 502, 503, 504)
            )
        return _tally(answer)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _tally(answer: _Answer) -> Tally:
    refused: Counter[str] = Counter()
    ends: dict[Place, int] | None = {}
    for each in answer.partitions:
        refused.update(each.refused)
        if each.ends is None:
            ends = None
        elif ends is not None:
            ends.update(((each.partition, kind), end) for kind, end in each.ends.items())
    return Tally(
        partitions=len(answer.partitions),
        offsets={
            (each.partition, kind): at for each in answer.partitions for kind, at in each.offsets.items()
        },
        ends=ends,
        is_settled=answer.lag_ms == 0,
        counted=sum(each.accepted for each in answer.partitions),
        repeated=sum(each.repeated for each in answer.partitions),
        refused=refused,
    )
