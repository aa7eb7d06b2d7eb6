"""Several batches under way at once, their outcomes in the order in which they were begun."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from wayfold.agents.destinations.destination import Destination
from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.sink import Outgoing

T = TypeVar("T")


class Pipeline(Generic[T]):
    """Sends batches to a destination, at most `in_flight` at a time.

    `on_done` hears of each batch, by the `note` it was given, once it and all before it are durable.
    """

    def __init__(
        self, destination: Destination, on_done: Callable[[T, Sequence[Rejected]], None], in_flight: int = 4
    ) -> None:
        self._destination = destination
        self._on_done = on_done
        self._in_flight = in_flight
        self._sending: deque[tuple[T, asyncio.Task[Sequence[Rejected]]]] = deque()

    async def send(self, records: Sequence[Outgoing], note: T) -> None:
        """Begin to send a batch as soon as there is room; raises what an earlier one raised."""
        while len(self._sending) >= self._in_flight:
            await self._finish_oldest()
        task = asyncio.create_task(self._send(records))
        self._sending.append((note, task))
        # A destination that never waits would otherwise only begin when the queue is full.
        await asyncio.sleep(0)

    async def finish(self) -> None:
        """Return when everything is durable; raises what a batch raised."""
        while self._sending:
            await self._finish_oldest()

    async def cancel(self) -> None:
        """Give up what is under way."""
        tasks = [task for _, task in self._sending]
        self._sending.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        return await self._destination.send(records)

    async def _finish_oldest(self) -> None:
        note, task = self._sending.popleft()
        try:
            rejected = await task
        except BaseException:
            await self.cancel()
            raise
        self._on_done(note, rejected)
