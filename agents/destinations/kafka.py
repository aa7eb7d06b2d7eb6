"""Events to Kafka: the topic of their kind, the partition of their user, control events to all."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.kafka.clients import client_options
from wayfold.agents.kafka.topics import BrokerUnreachableError, TopicsError, partition_count, topic_name
from wayfold.agents.sink import Outgoing, SinkFailedError, partitions_of
from wayfold.models.partitioner import Partitioner
from wayfold.settings import KafkaSettings

BATCH_BYTES: Final = 256 * 1024
TRIES: Final = 2
"""How many requests may time out before events count as not sent."""

Place = tuple[str, int]


class KafkaSink:
    """An `EventSink` in front of Kafka: returns once every replica that is in sync has the records.

    `partitioner` is the one of the workers that read, `fold.partitioner`: they refuse a record in another
    partition than its user's. The producer is idempotent, so that its own retries write nothing twice.
    An append fails after `timeout_s` seconds.
    """

    def __init__(
        self,
        producer: AIOKafkaProducer,
        prefix: str,
        partitions: int,
        partitioner: Partitioner,
        timeout_s: float,
    ) -> None:
        self.partitions = partitions
        self._partitioner: Partitioner = partitioner
        self._producer = producer
        self._prefix = prefix
        self._timeout_s = timeout_s
        # Of many who wait for room in one partition the producer gives some no chance: it takes all the time
        # since the first try off what is left, at every try. So one at a time waits.
        self._turns: defaultdict[Place, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    async def open(cls, settings: KafkaSettings, partitioner: Partitioner = "murmur2") -> Self:
        """Connect; raises `TopicsError` or `BrokerUnreachableError`, which say what to do."""
        partitions = await asyncio.to_thread(partition_count, settings)
        producer = AIOKafkaProducer(
            **client_options(settings),
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_batch_size=BATCH_BYTES,
        )
        await producer.start()
        timeout_s = TRIES * settings.request_timeout_ms / 1000
        return cls(producer, settings.topic_prefix, partitions, partitioner, timeout_s)

    async def append(self, records: Sequence[Outgoing]) -> None:
        """Return when the records are durable; raises `SinkFailedError` when some may not be."""
        places: dict[Place, list[Outgoing]] = {}
        for record in records:
            for partition in partitions_of(record, self.partitions, self._partitioner):
                places.setdefault((topic_name(self._prefix, record.kind), partition), []).append(record)
        try:
            async with asyncio.timeout(self._timeout_s):
                sent = [await self._send(place, group) for place, group in places.items()]
                await asyncio.gather(*chain.from_iterable(sent))
        except (KafkaError, TimeoutError) as error:
            raise SinkFailedError(
                f"Kafka did not take the events: {error!r}. Check the brokers, then send again: what arrived "
                "is not counted twice."
            ) from error

    async def close(self) -> None:
        """Send what waits and disconnect."""
        await self._producer.stop()

    async def _send(self, place: Place, records: Sequence[Outgoing]) -> list[Any]:
        """Hand over records of one partition as whole batches, far cheaper than one by one."""
        topic, partition = place
        futures: list[Any] = []
        batch = self._producer.create_batch()
        for record in records:
            if self._add(batch, record):
                continue
            if batch.record_count():
                futures.append(await self._send_batch(place, batch))
                batch = self._producer.create_batch()
            if not self._add(batch, record):
                # Larger than a whole batch: the producer makes one of its own for it.
                sent = self._producer.send(
                    topic, record.value, record.key, partition=partition, headers=list(record.headers)
                )
                async with self._turns[place]:
                    futures.append(await sent)
        if batch.record_count():
            futures.append(await self._send_batch(place, batch))
        return futures

    async def _send_batch(self, place: Place, batch: Any) -> Any:
        """Hand over a batch; gives the future of its delivery."""
        topic, partition = place
        batch.close()
        async with self._turns[place]:
            return await self._producer.send_batch(batch, topic, partition=partition)

    @staticmethod
    def _add(batch: Any, record: Outgoing) -> bool:
        added = batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))
        return added is not None


class KafkaDestination:
    """A destination in front of `KafkaSink`; the workers decide later what they refuse."""

    def __init__(self, sink: KafkaSink) -> None:
        self._sink = sink

    @classmethod
    async def open(cls, settings: KafkaSettings, partitioner: Partitioner) -> Self:
        """Connect; raises `DestinationError`."""
        try:
            return cls(await KafkaSink.open(settings, partitioner))
        except (TopicsError, BrokerUnreachableError) as error:
            raise DestinationError(str(error)) from error
        except KafkaError as error:
            raise DestinationError(f"Kafka at {settings.bootstrap_servers} refused: {error!r}") from error

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        """Send records; see `Destination.send`."""
        try:
            await self._sink.append(records)
        except SinkFailedError as error:
            raise DestinationError(str(error)) from error
        return ()

    async def close(self) -> None:
        """Send what waits and disconnect."""
        await self._sink.close()
