"""What a destination is."""

from collections.abc import Sequence
from typing import Protocol

from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.sink import Outgoing


class DestinationError(Exception):
    """Events could not be sent; the message says why and what to do. Sending them again is harmless."""


class Destination(Protocol):
    """Takes records and says what became of them."""

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        """Return when the records are durable, with those that were not taken.

        Waits and tries again while the other side is busy or away; raises `DestinationError` in the end.
        """

    async def close(self) -> None:
        """Let go of connections and files; everything sent is durable before."""
