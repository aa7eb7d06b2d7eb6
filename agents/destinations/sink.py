"""Events to a log of this process."""

import asyncio
from collections.abc import Sequence

from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.sink import EventSink, Outgoing, SinkBusyError, SinkFailedError


class SinkDestination:
    """A destination in front of an event sink; waits for as long as the sink is busy."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        """Append records; see `Destination.send`."""
        while True:
            try:
                await self._sink.append(records)
            except SinkBusyError as error:
                await asyncio.sleep(error.retry_after_s)
            except SinkFailedError as error:
                raise DestinationError(str(error)) from error
            else:
                return ()

    async def close(self) -> None:
        """Do nothing: the sink belongs to somebody else."""
