"""Events to a Wayfold over HTTP."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import aiohttp
import msgspec

from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.ingest.watching import WATCH_HEADER
from wayfold.agents.sink import Outgoing

PATIENCE_S: Final = 60.0
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0
BUSY: Final = frozenset({429, 502, 503, 504})


class _Answer(msgspec.Struct):
    """What an answer may hold that matters here."""

    rejected: list[Rejected] = []
    detail: str = ""


_decode = msgspec.json.Decoder(_Answer).decode


class HttpDestination:
    """Posts to `/v1/events`; several `send` may be under way at once.

    A server that is busy or away is tried again for `patience_s` seconds since its last answer.
    """

    def __init__(self, url: str, patience_s: float = PATIENCE_S, watch_id: str | None = None) -> None:
        """With `watch_id` the events belong to that watch of the host."""
        self.url = url.rstrip("/")
        self._headers = {"content-type": "application/json"}
        if watch_id is not None:
            self._headers[WATCH_HEADER] = watch_id
        self._patience_s = patience_s
        self._session: aiohttp.ClientSession | None = None

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        """Send records in one request; see `Destination.send`."""
        if not records:
            return ()
        body = b"[" + b",".join(record.value or b"null" for record in records) + b"]"
        status, answer = await self._post(body)
        if status in (202, 422) and (status == 202 or answer.rejected):
            return answer.rejected
        if status == 413 and len(records) > 1:
            return await self._send_halves(records)
        raise DestinationError(f"{self.url} answered {status}: {answer.detail or 'no reason given'}")

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _send_halves(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        middle = len(records) // 2
        first = await self.send(records[:middle])
        second = await self.send(records[middle:])
        moved = [msgspec.structs.replace(each, index=each.index + middle) for each in second]
        return [*first, *moved]

    async def _post(self, body: bytes) -> tuple[int, _Answer]:
        """Post until there is an answer that is not "busy"."""
        give_up_at = time.monotonic() + self._patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            reason, wait_s = "", pause_s
            try:
                async with self._open().post(
                    f"{self.url}/v1/events", data=body, headers=self._headers
                ) as response:
                    answer = _answer_of(await response.read())
                    if response.status not in BUSY:
                        return response.status, answer
                    reason = answer.detail or f"it answered {response.status}"
                    wait_s = float(response.headers.get("retry-after", pause_s))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = str(error) or type(error).__name__
            if time.monotonic() + wait_s > give_up_at:
                raise DestinationError(
                    f"{self.url} took no events for {self._patience_s:.0f} s ({reason}). Check that Wayfold "
                    "runs there (`wayfold run`), then send again: what arrived is not counted twice."
                )
            await asyncio.sleep(wait_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session


def _answer_of(body: bytes) -> _Answer:
    try:
        return _decode(body)
    except msgspec.DecodeError:
        return _Answer(detail=body[:200].decode(errors="replace"))
