"""Refused records on Kafka: kept byte for byte, listed once, and sent again when they are right."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.partitioner import DefaultPartitioner

from local_services import LocalKafka
from tests.services.cluster import Publisher, running_worker, settings_for, until
from wayfold.agents.dead_letters import DeadLetterError, KafkaDeadLetters, list_letters, resend
from wayfold.agents.kafka.topics import LETTER_LIMIT_BYTES
from wayfold.models.refusal import DeadLetter, Reason, Refusal
from wayfold.settings import Settings

EVENT = (
    b'{"type":"journey.entered","event_id":"e1","occurred_at":"2026-11-01T12:00:00Z","user_id":"ada",'
    b'"journey_id":"welcome","journey_version":1,"entry_id":"n1"}'
)


@pytest.fixture
def settings(kafka: str, topic_prefix: str, tmp_path: Path) -> Settings:
    return settings_for(kafka, topic_prefix, tmp_path / "state")


@pytest.fixture
def publisher(settings: Settings) -> Iterator[Publisher]:
    with Publisher(settings) as publisher:
        yield publisher


def letter(offset: int = 0, value: bytes | None = b"bad", **changes: object) -> DeadLetter:
    given: dict[str, object] = {
        "topic": "entries",
        "partition": 1,
        "offset": offset,
        "timestamp_ms": 1_700_000_000_000,
        "refusal": Refusal(Reason.UNPARSEABLE, "steps[0]", "Kein gültiges JSON."),
        "key": b"ada",
        "value": value,
        "headers": (("ce_id", b"\xff\x00"),),
    }
    return DeadLetter(**{**given, **changes})  # type: ignore[arg-type]


async def listed(settings: Settings, **options: object) -> list[DeadLetter]:
    return await asyncio.to_thread(lambda: list(list_letters(settings.kafka, **options)))  # type: ignore[arg-type]


async def test_letters_come_back_as_they_were_kept(settings: Settings, publisher: Publisher) -> None:
    """Bytes, key, headers, place, time and reason of a refused record survive, whatever they are."""
    letters = [
        letter(0),
        letter(1, b"\x00\xff not text"),
        letter(2, None, key=None, headers=()),
        letter(3, b"", key=b""),
        letter(4, refusal=Refusal(Reason.LATE, "", "lone surrogate \ud800 in a message")),
    ]
    async with KafkaDeadLetters(settings.kafka) as sink:
        await sink.write(letters)
    assert await listed(settings) == letters


async def test_letters_are_listed_once_by_reason_and_up_to_a_limit(
    settings: Settings, publisher: Publisher
) -> None:
    """A letter that a crash wrote twice shows once; the list can be narrowed and cut."""
    late = letter(7, refusal=Refusal(Reason.LATE, "occurred_at", "too old"))
    async with KafkaDeadLetters(settings.kafka) as sink:
        await sink.write([letter(1), late])
        await sink.write([letter(1), late, letter(2)])
    assert [one.offset for one in await listed(settings)] == [1, 7, 2]
    assert [one.offset for one in await listed(settings, reason=Reason.LATE)] == [7]
    assert [one.offset for one in await listed(settings, limit=2)] == [1, 7]


async def test_refused_records_become_letters_before_the_commit(
    settings: Settings, publisher: Publisher
) -> None:
    """A worker keeps what its fold refuses, with where it lay, and folds the rest."""
    async with running_worker(settings) as worker:
        publisher.send("entries", 1, b"good")
        publisher.send("entries", 1, b"bad")
        publisher.publish(4, "steps", partition=1)
        await until(lambda: len(worker.remembered.get(1, [])) == 5, "the good records are folded")
    (kept,) = await listed(settings)
    assert (kept.topic, kept.partition, kept.offset, kept.key, kept.value) == (
        "entries",
        1,
        1,
        b"user",
        b"bad",
    )


async def test_a_mended_record_is_sent_to_where_it_belongs(settings: Settings, publisher: Publisher) -> None:
    """Sent again, an event goes to its own topic and its user's partition, and its letter is settled."""
    wrong_topic = letter(5, EVENT, topic="steps", headers=())
    still_bad = letter(6, b"bad")
    async with KafkaDeadLetters(settings.kafka) as sink:
        await sink.write([wrong_topic, still_bad])
    answers = await asyncio.to_thread(resend, settings, [(wrong_topic, EVENT), (still_bad, b"still bad")])
    assert [answer.refusal and answer.refusal.reason for answer in answers] == [None, Reason.UNPARSEABLE]
    assert await listed(settings) == [still_bad]
    assert len(await listed(settings, with_resent=True)) == 2
    async with running_worker(settings) as worker:
        await until(lambda: any(worker.remembered.values()), "the event is folded")
        home = [number for number, values in worker.remembered.items() if values]
    assert home == [DefaultPartitioner()(b"ada", range(4), range(4))]


async def test_a_definition_is_sent_again_to_every_partition(
    settings: Settings, publisher: Publisher
) -> None:
    """Control events go everywhere, also the second time."""
    definition = (
        b'{"type":"journey.defined","event_id":"d1","occurred_at":"2026-11-01T12:00:00Z","journey_id":"w",'
        b'"journey_version":1,"name":"W","steps":[{"step_id":"a","type":"wait"}],"goal":null}'
    )
    answers = await asyncio.to_thread(
        resend, settings, [(letter(1, topic="entries", headers=()), definition)]
    )
    assert [answer.refusal for answer in answers] == [None]
    async with running_worker(settings) as worker:
        await until(lambda: len(worker.remembered) == 4 and all(worker.remembered.values()), "all have it")


async def test_letters_wait_for_the_broker(
    local_kafka: LocalKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """While Kafka is away writing a letter waits, so nothing is committed past it; then it goes on."""
    settings = settings_for(local_kafka.bootstrap_servers, topic_prefix, tmp_path, request_timeout_ms=3_000)
    with Publisher(settings):
        async with KafkaDeadLetters(settings.kafka) as sink:
            await sink.write([letter(1)])
            await asyncio.to_thread(local_kafka.kill)
            writing = asyncio.create_task(sink.write([letter(2), letter(3)]))
            await asyncio.wait({writing}, timeout=4)
            assert not writing.done()
            await asyncio.to_thread(local_kafka.restart)
            async with asyncio.timeout(60):
                await writing
        assert sorted(one.offset for one in await listed(settings)) == [1, 2, 3]


async def test_a_letter_that_kafka_never_takes_is_an_error(settings: Settings, publisher: Publisher) -> None:
    """A record too large for its letter is said, with the setting to raise; it is never dropped."""
    async with KafkaDeadLetters(settings.kafka) as sink:
        with pytest.raises(DeadLetterError, match=r"max\.message\.bytes"):
            await sink.write([letter(1, b"x" * LETTER_LIMIT_BYTES)])
