"""Dead letters in Kafka are written in bounded batches, whatever number of records was refused."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError
from aiokafka.producer.message_accumulator import BatchBuilder

from wayfold.agents import dead_letters
from wayfold.agents.dead_letters import BATCH_BYTES, BATCH_LETTERS, DeadLetterError, KafkaDeadLetters
from wayfold.models.refusal import DeadLetter, Reason, Refusal
from wayfold.settings import KafkaSettings

REFUSAL = Refusal(Reason.MISSING_FIELD, "user_id", "user_id is missing; every event needs it.")


class CountingBatch(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types
    """A batch of aiokafka's own that remembers what is in it."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes, 0, is_transactional=False)
        self.keys: list[bytes] = []

    def append(self, *, key: bytes, **record: Any) -> Any:
        added = super().append(key=key, **record)
        if added is not None:
            self.keys.append(key)
        return added


class CountingProducer:
    """Stands in for aiokafka's producer: keeps the keys, counts what is under way, fails when told."""

    def __init__(self, max_batch_size: int, **_: object) -> None:
        self._limit_bytes = max_batch_size
        self.keys: list[bytes] = []
        self.batches: list[int] = []
        self.under_way = self.most_under_way = 0
        self.errors: list[Exception] = []
        self.refused_key = b""

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def create_batch(self) -> CountingBatch:
        return CountingBatch(self._limit_bytes)

    async def send_batch(self, batch: CountingBatch, topic: str, *, partition: int) -> "asyncio.Task[None]":
        return asyncio.create_task(self._deliver(batch.keys))

    async def send_and_wait(self, topic: str, value: bytes, key: bytes, **_: object) -> None:
        await self._deliver([key])

    async def _deliver(self, keys: list[bytes]) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        if self.errors:
            raise self.errors.pop(0)
        if self.refused_key in keys:
            raise TopicAuthorizationFailedError
        self.batches.append(len(keys))
        self.keys += keys


@pytest.fixture
async def sink(monkeypatch: pytest.MonkeyPatch) -> KafkaDeadLetters:
    monkeypatch.setattr(dead_letters, "AIOKafkaProducer", CountingProducer)
    monkeypatch.setattr(dead_letters, "RETRY_PAUSE_S", 0.0)
    return KafkaDeadLetters(KafkaSettings())


def producer_of(sink: KafkaDeadLetters) -> CountingProducer:
    producer: Any = sink._producer
    assert isinstance(producer, CountingProducer)
    return producer


def letters(count: int, value: bytes = b"bad") -> list[DeadLetter]:
    return [DeadLetter("entries", 0, offset, 0, REFUSAL, b"ada", value) for offset in range(count)]


def keys(count: int) -> list[bytes]:
    return [b"entries/0/%d" % offset for offset in range(count)]


async def test_a_flood_is_written_one_bounded_batch_at_a_time(sink: KafkaDeadLetters) -> None:
    """However many records are refused, one batch is under way, and there are few batches."""
    async with sink:
        await sink.write(letters(20_000))
        producer = producer_of(sink)
    assert producer.keys == keys(20_000)
    assert producer.most_under_way == 1
    assert max(producer.batches) <= BATCH_LETTERS
    assert len(producer.batches) < 20_000 / 100


async def test_a_batch_has_a_limit_in_bytes(sink: KafkaDeadLetters) -> None:
    """Large letters make small batches; one that is larger than a batch goes by itself."""
    large = letters(5, b"x" * (BATCH_BYTES // 2 - 1_000))
    alone = [DeadLetter("entries", 0, 5, 0, REFUSAL, b"ada", b"x" * 2 * BATCH_BYTES)]
    async with sink:
        await sink.write([*large, *alone, *letters(7)[6:]])
        producer = producer_of(sink)
    assert producer.batches == [2, 2, 1, 1, 1]
    assert producer.keys == keys(7)


async def test_only_what_was_not_written_is_written_again(sink: KafkaDeadLetters) -> None:
    """A batch that Kafka did not take for the moment is tried again, under the same keys."""
    async with sink:
        producer = producer_of(sink)
        producer.errors = [KafkaTimeoutError(), KafkaTimeoutError()]
        await sink.write(letters(3_000))
    assert producer.keys == keys(3_000)


async def test_the_letter_that_kafka_refuses_is_named(sink: KafkaDeadLetters) -> None:
    """Of a batch that Kafka will never take the letter at fault is named; those before it are kept."""
    async with sink:
        producer = producer_of(sink)
        producer.refused_key = b"entries/0/7"
        with pytest.raises(DeadLetterError, match="entries/0/7 cannot be kept"):
            await sink.write(letters(10))
    assert producer.keys == keys(7)
