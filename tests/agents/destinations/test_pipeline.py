"""Batches under way at once: outcomes in order, and nothing after a failure."""

import asyncio
from collections.abc import Sequence

import pytest

from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.destinations.pipeline import Pipeline
from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.sink import Outgoing


class SlowFirst:
    """Finishes later batches before earlier ones; fails on a batch whose key is `bad`."""

    def __init__(self) -> None:
        self.under_way = self.most_under_way = 0

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        for _ in range(20 - int(records[0].value or b"0")):
            await asyncio.sleep(0)
        self.under_way -= 1
        if records[0].key == b"bad":
            raise DestinationError("gone")
        return ()

    async def close(self) -> None:
        pass


def batch(number: int, key: bytes = b"ada") -> list[Outgoing]:
    return [Outgoing("steps", key, b"%d" % number)]


async def test_outcomes_come_in_the_order_of_the_batches() -> None:
    """A later batch that is durable first is reported after the earlier ones, so progress has no holes."""
    heard: list[int] = []
    destination = SlowFirst()
    pipeline: Pipeline[int] = Pipeline(destination, lambda note, _: heard.append(note), in_flight=3)
    for number in range(10):
        await pipeline.send(batch(number), number)
    await pipeline.finish()
    assert heard == list(range(10))
    assert destination.most_under_way == 3


async def test_a_failure_reports_nothing_behind_it() -> None:
    """What was sent behind a batch that failed is not reported, so that it is sent again."""
    heard: list[int] = []
    pipeline: Pipeline[int] = Pipeline(SlowFirst(), lambda note, _: heard.append(note), in_flight=2)

    async def send_all() -> None:
        for number in range(10):
            await pipeline.send(batch(number, b"bad" if number == 4 else b"ada"), number)

    with pytest.raises(DestinationError, match="gone"):
        await send_all()
    assert heard == [0, 1, 2, 3]
