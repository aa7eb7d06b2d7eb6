"""Dead letters in Kafka: refused records kept byte for byte, listed, and sent again once they are right.

A letter is a record of the topic `<prefix>.dead-letters`. Its key is `topic/partition/offset` of the
record it keeps, its value that record's value, and its headers say the rest. A crash can write a letter
twice; readers take the key for its identity. Sending a letter again leaves a mark under the same key, and
the letter is no longer listed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import msgspec
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from wayfold.agents.ingest.accept import outgoing
from wayfold.agents.kafka.clients import blocking_client_options, client_options
from wayfold.agents.kafka.topics import DEAD_LETTERS, LETTER_LIMIT_BYTES, partition_count, topic_name
from wayfold.agents.sink import BROADCAST_KINDS
from wayfold.models.decode import decode_event
from wayfold.models.partitioner import PARTITIONERS
from wayfold.models.refusal import DeadLetter, Reason, Refusal

if TYPE_CHECKING:
    from types import TracebackType

    from wayfold.agents.sink import Outgoing
    from wayfold.settings import KafkaSettings, Settings

RESENT_HEADER = "resent_at_ms"
KEPT_PREFIX = "record."
"""Before the names of the kept record's own headers."""
KEY_HEADER = "key"
RETRY_PAUSE_S = 1.0
POLL_MS = 500
SEND_TIMEOUT_S = 60.0
RESEND_CHUNK = 500
BATCH_BYTES = 256 * 1024
BATCH_LETTERS = 1_000
PARTITION = 0
"""Of the one partition that `wayfold topics create` makes; readers read all there are."""

Headers = list[tuple[str, bytes]]

_log = structlog.get_logger(__name__)


class DeadLetterError(Exception):
    """A letter that cannot be kept; the message says why and what to do."""


class SentAgain(msgspec.Struct, frozen=True):
    """What became of a letter that was to be sent again: `refusal` is None when it was sent."""

    letter: DeadLetter
    refusal: Refusal | None


def letter_key(letter: DeadLetter) -> str:
    """Name a letter: the topic kind, partition and offset of the record that it keeps."""
    return f"{letter.topic}/{letter.partition}/{letter.offset}"


def letter_headers(letter: DeadLetter) -> Headers:
    """Write down everything about a letter that is not its key or value."""
    said = {
        "topic": letter.topic,
        "partition": str(letter.partition),
        "offset": str(letter.offset),
        "timestamp_ms": str(letter.timestamp_ms),
        "reason": letter.refusal.reason.value,
        "field": letter.refusal.field,
        "message": letter.refusal.message,
    }
    headers = [(name, value.encode("utf-8", "surrogatepass")) for name, value in said.items()]
    if letter.key is not None:
        headers.append((KEY_HEADER, letter.key))
    return headers + [(KEPT_PREFIX + name, value) for name, value in letter.headers]


def read_letter(value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> DeadLetter:
    """Read a letter back from its record."""
    said: dict[str, bytes] = {}
    kept: Headers = []
    for name, content in headers:
        if name.startswith(KEPT_PREFIX):
            kept.append((name.removeprefix(KEPT_PREFIX), content))
        else:
            said[name] = content
    key = said.pop(KEY_HEADER, None)
    text = {name: content.decode("utf-8", "surrogatepass") for name, content in said.items()}
    return DeadLetter(
        topic=text["topic"],
        partition=int(text["partition"]),
        offset=int(text["offset"]),
        timestamp_ms=int(text["timestamp_ms"]),
        refusal=Refusal(Reason(text["reason"]), text["field"], text["message"]),
        key=key,
        value=value,
        headers=tuple(kept),
    )


def letter_pieces(
    letters: Sequence[DeadLetter], most_letters: int, most_bytes: int
) -> Iterator[Sequence[DeadLetter]]:
    """Cut letters into pieces of at most so many letters and bytes of records; a larger one is a piece."""
    start = size = 0
    for index, letter in enumerate(letters):
        size += len(letter.value or b"")
        if index > start and (size > most_bytes or index - start >= most_letters):
            yield letters[start:index]
            start, size = index, len(letter.value or b"")
    if start < len(letters):
        yield letters[start:]


class KafkaDeadLetters(AbstractAsyncContextManager["KafkaDeadLetters"]):
    """The dead letter sink of a worker: returns once every replica that is in sync has the letters.

    Letters go as whole batches, one at a time. Many sends at once would cost quadratic time: aiokafka wakes
    all that wait for room with every batch that leaves, and all but one of them go on waiting.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._topic = topic_name(settings.topic_prefix, DEAD_LETTERS)
        self._options = client_options(settings)
        self._producer: AIOKafkaProducer | None = None

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            **self._options,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=LETTER_LIMIT_BYTES,
        )
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        """Write letters and wait until they are durable, however long Kafka is away.

        Raises `DeadLetterError` when Kafka will never take one.
        """
        producer = self._producer
        if producer is None:
            raise RuntimeError("the dead letter sink is used outside of its `async with` block")
        start = 0
        while start < len(letters):
            start = await self._write_batch(producer, letters, start)

    async def _write_batch(
        self, producer: AIOKafkaProducer, letters: Sequence[DeadLetter], start: int
    ) -> int:
        """Write as many letters from `start` on as go into one batch; gives the index of the next."""
        while True:
            # Made anew for every try: a batch that failed cannot be sent again.
            batch = producer.create_batch()
            end = _fill(batch, letters, start)
            try:
                if end - start == 1:
                    await self._send_alone(producer, letters[start])
                else:
                    batch.close()
                    await (await producer.send_batch(batch, self._topic, partition=PARTITION))
            except Exception as error:
                if isinstance(error, KafkaError) and _may_pass(error):
                    _log.warning("dead_letters_wait", letters=len(letters) - start, reason=repr(error))
                    await asyncio.sleep(RETRY_PAUSE_S)
                    continue
                if end - start == 1:
                    raise _never(self._topic, letters[start], error) from error
                # Which of them is meant is found out one by one; the others are kept.
                for letter in letters[start:end]:
                    await self._write_batch(producer, [letter], 0)
            return end

    async def _send_alone(self, producer: AIOKafkaProducer, letter: DeadLetter) -> None:
        key, headers = letter_key(letter).encode(), letter_headers(letter)
        await producer.send_and_wait(self._topic, letter.value, key, partition=PARTITION, headers=headers)


def _fill(batch: Any, letters: Sequence[DeadLetter], start: int) -> int:
    """Put letters into a batch from `start` on, at least one; gives the index of the first that is not in."""
    size = 0
    for index in range(start, min(len(letters), start + BATCH_LETTERS)):
        letter = letters[index]
        size += len(letter.value or b"")
        if size > BATCH_BYTES:
            return max(index, start + 1)
        key, headers = letter_key(letter).encode(), letter_headers(letter)
        if batch.append(key=key, value=letter.value, timestamp=None, headers=headers) is None:
            return max(index, start + 1)
    return min(len(letters), start + BATCH_LETTERS)


def list_letters(
    settings: KafkaSettings,
    *,
    reason: Reason | None = None,
    limit: int | None = None,
    with_resent: bool = False,
) -> Iterator[DeadLetter]:
    """Yield the dead letters in the order of their arrival, each once.

    Those that were sent again are left out unless `with_resent`. Raises kafka's `KafkaError` when the
    topic cannot be read.
    """
    resent: set[str] = set()
    if not with_resent:
        resent = {key for key, _, headers in _scan(settings) if RESENT_HEADER in dict(headers)}
    seen: set[str] = set()
    for key, value, headers in _scan(settings):
        if limit is not None and limit <= 0:
            return
        if key in seen or key in resent or RESENT_HEADER in dict(headers):
            continue
        letter = read_letter(value, headers)
        seen.add(key)
        if reason is None or letter.refusal.reason == reason:
            if limit is not None:
                limit -= 1
            yield letter


def resend(settings: Settings, letters: Iterable[tuple[DeadLetter, bytes | None]]) -> list[SentAgain]:
    """Send records again, each as the value given with its letter, to the topic that is right for it.

    The value may be the letter's own or a mended one; topic, key and partition follow from what it says. A
    value that would be refused again is not sent, and the answer says why. Returns once all that was sent
    is durable. Raises `TopicsError`, `BrokerUnreachableError` or kafka's `KafkaError`.
    """
    partitions = partition_count(settings.kafka)
    answers: list[SentAgain] = []
    waiting = iter(letters)
    with _producer(settings.kafka) as producer:
        while chunk := list(islice(waiting, RESEND_CHUNK)):
            outcomes = [_send_again(producer, settings, partitions, letter, value) for letter, value in chunk]
            _await_all(future for _, futures in outcomes for future in futures)
            answered = [
                SentAgain(letter, refusal) for (letter, _), (refusal, _) in zip(chunk, outcomes, strict=True)
            ]
            # The mark comes after what it says is durable: a crash in between only sends once more.
            _await_all(
                _mark(producer, settings.kafka, answer.letter)
                for answer in answered
                if answer.refusal is None
            )
            answers += answered
    return answers


def _targets(record: Outgoing, partitions: int, settings: Settings) -> Sequence[int]:
    if record.kind in BROADCAST_KINDS or record.key is None:
        return range(partitions)
    return [PARTITIONERS[settings.fold.partitioner](record.key, partitions)]


def _send_again(
    producer: KafkaProducer, settings: Settings, partitions: int, letter: DeadLetter, value: bytes | None
) -> tuple[Refusal | None, list[Any]]:
    """Send a letter's record to where it belongs; returns why not, or the futures to wait for."""
    event = decode_event(None, value, letter.headers)
    if isinstance(event, Refusal):
        return event, []
    record = outgoing(event, value or b"", tuple(letter.headers))
    topic = topic_name(settings.kafka.topic_prefix, record.kind)
    return None, [
        producer.send(topic, record.value, record.key, list(record.headers), partition=number)
        for number in _targets(record, partitions, settings)
    ]


def _mark(producer: KafkaProducer, settings: KafkaSettings, letter: DeadLetter) -> Any:
    now = str(time.time_ns() // 1_000_000).encode()
    topic = topic_name(settings.topic_prefix, DEAD_LETTERS)
    return producer.send(topic, None, letter_key(letter).encode(), [(RESENT_HEADER, now)])


def _await_all(futures: Iterable[Any]) -> None:
    for future in list(futures):
        future.get(timeout=SEND_TIMEOUT_S)


@contextmanager
def _producer(settings: KafkaSettings) -> Iterator[KafkaProducer]:
    options = blocking_client_options(settings)
    producer = KafkaProducer(**options, acks="all", max_request_size=LETTER_LIMIT_BYTES)
    try:
        yield producer
    finally:
        producer.close()


def _scan(settings: KafkaSettings) -> Iterator[tuple[str, bytes | None, Headers]]:
    """Read the whole topic, up to where it ends now."""
    topic = topic_name(settings.topic_prefix, DEAD_LETTERS)
    consumer = KafkaConsumer(
        **blocking_client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=LETTER_LIMIT_BYTES,
    )
    try:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        ends: dict[Any, int] = consumer.end_offsets(places)
        while any(consumer.position(place) < end for place, end in ends.items()):
            for place, records in consumer.poll(timeout_ms=POLL_MS).items():
                for record in records:
                    if record.offset < ends[place]:
                        yield (record.key or b"").decode(), record.value, list(record.headers)
    finally:
        consumer.close()


def _may_pass(error: KafkaError) -> bool:
    return bool(error.retriable) or "Timeout" in type(error).__name__ or "Connection" in type(error).__name__


def _never(topic: str, letter: DeadLetter, error: BaseException) -> DeadLetterError:
    if isinstance(error, MessageSizeTooLargeError):
        return DeadLetterError(
            f"The refused record {letter_key(letter)} does not fit into {topic}, because its letter also "
            f"says why it was refused. Raise that topic's max.message.bytes (`wayfold topics create` sets "
            f"{LETTER_LIMIT_BYTES}) and start again."
        )
    return DeadLetterError(f"The refused record {letter_key(letter)} cannot be kept in {topic}: {error!r}")
