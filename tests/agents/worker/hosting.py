"""A stand-in for the worker, and what Kafka gives, for tests of the transport alone."""

from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from faust.types import TP

from wayfold.agents.worker.batch_transport import RecordBatch

ENTRIES = TP("t.entries", 1)


class Host:
    """Stands in for the worker and notes what Faust tells it."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.room = True
        self.open: Mapping[TP, int] = {}

    def new_kafka_consumer(self) -> AIOKafkaConsumer:
        raise AssertionError("not in this test")

    def positions(self, assigned: set[TP]) -> Mapping[TP, int]:
        return self.open

    async def wait_for_room(self) -> bool:
        return self.room

    def on_forgotten(self) -> None:
        self.calls.append("forgotten")

    def on_revoked(self) -> None:
        self.calls.append("revoked")

    def on_assigned(self, assigned: set[TP]) -> None:
        self.calls.append(("assigned", assigned))

    def on_batch(self, batch: RecordBatch) -> None:
        self.calls.append(batch)

    def on_failure(self, error: BaseException) -> None:
        self.calls.append(error)


def record(offset: int) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord("t.entries", 1, offset, 1_700_000_000_000, 0, b"user", b"{}", None, 4, 2, ())


def batch(*offsets: int) -> RecordBatch:
    return RecordBatch("t.entries", 1, [record(offset) for offset in offsets], offsets[0], offsets[-1] + 1)
