"""What a Wayfold says over HTTP of the events that it was sent."""

from collections import Counter
from typing import Final, TypeVar

import aiohttp
import msgspec

from wayfold.agents.files.verdicts import (
    PATIENCE_S,
    Difference,
    Outcome,
    Place,
    Progress,
    Tally,
    VerdictsUnknownError,
    until_judged,
)

T = TypeVar("T")

ANSWER_TIMEOUT_S: Final = 30.0
BUSY: Final = frozenset({429, 502, 503, 504})


class _Partition(msgspec.Struct):
    """What `/v1/verdicts` says of a partition."""

    partition: int
    offsets: dict[str, int]
    ends: dict[str, int] | None
    accepted: int
    repeated: int
    refused: dict[str, int]


class _Verdicts(msgspec.Struct):
    """What `/v1/verdicts` says."""

    partitions: list[_Partition]
    lag_ms: int | None


class Watch(msgspec.Struct):
    """What `/v1/watches` says of a watch."""

    watch_id: str
    records: int
    counted: int
    repeated: int
    refused: dict[str, int]


class _Problem(msgspec.Struct):
    """Why there is no answer."""

    detail: str = ""


class _NotThereError(Exception):
    """The host has no such path, or no such watch."""


class HttpVerdicts:
    """Asks `/v1/verdicts` and `/v1/watches` of a Wayfold."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def tally(self) -> Tally:
        """Say what was judged up to now; raises VerdictsUnknownError."""
        try:
            return _tally(await self._ask("GET", "verdicts", _Verdicts))
        except _NotThereError:
            raise VerdictsUnknownError(f"{self.url} does not say what becomes of events") from None

    async def open_watch(self) -> str | None:
        """Begin a watch and give its id, None where there are none; raises VerdictsUnknownError."""
        try:
            return (await self._ask("POST", "watches", Watch)).watch_id
        except _NotThereError:
            return None

    async def watched(self, watch_id: str) -> Watch | None:
        """Say what became of a watch's events up to now, None when it is forgotten.

        Raises VerdictsUnknownError.
        """
        try:
            return await self._ask("GET", f"watches/{watch_id}", Watch)
        except _NotThereError:
            return None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, method: str, path: str, kind: type[T]) -> T:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S))
        try:
            async with self._session.request(method, f"{self.url}/v1/{path}") as response:
                body, status = await response.read(), response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = f"{self.url} did not answer ({error or 'too slow'})"
            raise VerdictsUnknownError(reason, may_pass=True) from None
        try:
            if status in (200, 201):
                return msgspec.json.decode(body, type=kind)
            if status in (404, 405):
                raise _NotThereError
            detail = msgspec.json.decode(body, type=_Problem).detail
        except msgspec.DecodeError:
            detail = "it is no Wayfold, or of another version"
        raise VerdictsUnknownError(f"{self.url} answered {status}: {detail}", may_pass=status in BUSY)


class HttpWatcher:
    """Sees what becomes of this sender's events, by a watch of the host, or else by the difference."""

    def __init__(
        self, source: HttpVerdicts, patience_s: float = PATIENCE_S, progress: Progress | None = None
    ) -> None:
        self.watch_id: str | None = None
        self._source = source
        self._patience_s = patience_s
        self._progress = progress or (lambda done, total: None)
        self._difference = Difference(source, patience_s, progress)

    async def begin(self) -> None:
        """Open a watch; see `Watcher.begin`."""
        await self._difference.begin()
        self.watch_id = await self._source.open_watch()

    async def finish(self, events: int, events_to_all: int = 0) -> Outcome:
        """Wait until the events are judged; see `Watcher.finish`."""
        records, watch_id = self._difference.records_of(events, events_to_all), self.watch_id
        if watch_id is None:
            return await self._difference.finish(events, events_to_all)

        async def look() -> tuple[Watch | None, int]:
            found = await self._source.watched(watch_id)
            if found is None:
                return None, 0
            judged = found.counted + found.repeated + sum(found.refused.values())
            self._progress(min(judged, records), records)
            return found, max(found.records, records) - judged

        watch = await until_judged(look, self._patience_s)
        if watch is None:
            # The host has started anew meanwhile, and knows of no watch before.
            return await self._difference.finish(events, events_to_all)
        return Outcome(
            records=records,
            counted=watch.counted,
            repeated=watch.repeated,
            refused=Counter(watch.refused),
            others=watch.records - records,
            is_own=True,
        )


def _tally(answer: _Verdicts) -> Tally:
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
