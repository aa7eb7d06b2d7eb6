"""A log for chaos: events of many users with mutated and garbage records among them, and what they make.

Everything follows from one seed. The verdict on every record follows from what is published before it to
its own topic and partition, in this order.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.generators.logs import BROADCAST
from tests.generators.seeded import large_event_set, with_repeats
from tests.generators.world import TIME_ZONES, Event
from wayfold.audit import oracle
from wayfold.audit.oracle.acceptance import Acceptance

KINDS = ("entries", "steps", "messages", "conversions", "calls", "definitions", "users")
NO_TEXTS: Sequence[Any] = (True, -1, 0, 3.5, 10**30, [], {}, ["a"])
OTHER_TEXTS = ("", "\x00", "x" * 300, "x", "2026-11-01", "2026-11-01T00:00:00Z", "1e5")


class Published(NamedTuple):
    """A record, and where it is published."""

    kind: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def hostile_log(seed: int, events: int, mutated: int, partitions: int) -> list[Published]:
    """The records of a log in the order of publishing: good ones, repeats, and `mutated` ones among them."""
    generator = random.Random(seed)
    good = list(with_repeats(large_event_set(seed, events, users=max(50, events // 40)), generator))
    records = [record for kind, event in good for record in _placed(kind, event, partitions)]
    bad: list[Published] = []
    while len(bad) < mutated:
        kind, event = generator.choice(good)
        record = _mutated(generator, kind, event, partitions)
        if record.kind not in BROADCAST:  # of which every partition must get the same
            bad.append(record)
    return _interspersed(records, bad, generator)


class Expected(NamedTuple):
    """What the oracle makes of a log: the events that count, and how many records are refused, by reason."""

    accepted: list[dict[str, Any]]
    refused: Counter[str]

    def numbers(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers document of a query."""
        return oracle.numbers(self.accepted, TIME_ZONES, query=query)


def expected(log: Sequence[Published], partitions: int, timestamp_ms: int) -> Expected:
    """Ask the oracle about every record of a log."""
    result = Expected([], Counter())
    for number in range(partitions):
        verdict = judged(log, number, partitions, timestamp_ms)
        result.accepted.extend(verdict.accepted)
        result.refused.update(verdict.refused)
    return result


def judged(log: Sequence[Published], number: int, partitions: int, timestamp_ms: int) -> Acceptance:
    """The oracle's verdict on the records of one partition."""
    offsets: Counter[str] = Counter()
    rows: list[tuple[Any, ...]] = []
    for record in log:
        if record.partition == number:
            rows.append(
                (record.kind, offsets[record.kind], timestamp_ms, record.key, record.value, record.headers)
            )
            offsets[record.kind] += 1
    return oracle.accept(rows, partition=number, partitions=partitions)


def _placed(kind: str, event: Event, partitions: int) -> Iterator[Published]:
    value = json.dumps(event, ensure_ascii=False).encode()
    if kind in BROADCAST:
        key = event["user_id"].encode() if "user_id" in event else None
        for number in range(partitions):
            yield Published(kind, number, key, value)
        return
    key = event["user_id"].encode()
    yield Published(kind, oracle.partition_of(key, partitions), key, value)


def _interspersed(good: list[Published], bad: list[Published], generator: random.Random) -> list[Published]:
    """Both lists as one, the order within each kept."""
    places = [(number / len(good), record) for number, record in enumerate(good)]
    places += sorted(((generator.random(), record) for record in bad), key=lambda pair: pair[0])
    return [record for _, record in sorted(places, key=lambda pair: pair[0])]


def _mutated(generator: random.Random, kind: str, event: Event, partitions: int) -> Published:
    record = generator.choice(list(_placed(kind, event, partitions)))
    return generator.choice(MUTATIONS)(generator, record, dict(event), partitions)


def _bytes_changed(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    value = bytearray(record.value or b"")
    for _ in range(generator.randint(1, 4)):
        value[generator.randrange(len(value))] = generator.randrange(256)
    return record._replace(value=bytes(value))


def _cut_off(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    value = record.value or b""
    return record._replace(value=value[: generator.randrange(len(value))])


def _garbage(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    texts = (
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[[[[",
        b"\xff\xfe",
        b'{"type": "journey.entered"}',
        b"1e400",
        b'"x"',
    )
    value = generator.choice((None, generator.randbytes(generator.randint(1, 200)), *texts))
    return record._replace(value=value)


def _field_missing(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    event.pop(generator.choice(sorted(event)))
    return record._replace(value=json.dumps(event).encode())


def _field_changed(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    field = generator.choice(sorted(event))
    event[field] = generator.choice((*NO_TEXTS, *OTHER_TEXTS))
    return record._replace(value=json.dumps(event).encode())


def _unknown_type(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    return record._replace(value=json.dumps({**event, "type": "journey.resumed"}).encode())


def _other_key(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    return record._replace(
        key=generator.choice((None, b"", b"somebody else", b"\xff", (record.key or b"") + b" "))
    )


def _other_partition(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    return record._replace(partition=(record.partition + generator.randint(1, partitions - 1)) % partitions)


def _other_topic(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    others = [kind for kind in KINDS if kind != record.kind and kind not in BROADCAST]
    return record._replace(kind=generator.choice(others))


def _far_future(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    at = f"{generator.randint(2030, 9998)}-01-01T00:00:00Z"
    return record._replace(value=json.dumps({**event, "occurred_at": at}).encode())


def _far_past(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    at = f"{generator.randint(1971, 2024)}-01-01T00:00:00Z"
    return record._replace(value=json.dumps({**event, "event_id": f"past-{at}", "occurred_at": at}).encode())


def _odd_cloud_event(generator: random.Random, record: Published, event: Event, partitions: int) -> Published:
    outer = {"specversion": generator.choice(("1.0", "0.3")), "id": "c", "source": "t", "type": event["type"]}
    if generator.random() < 0.5:
        return record._replace(
            value=json.dumps({**outer, "data": generator.choice(([], "x", event))}).encode()
        )
    return record._replace(headers=(("ce_specversion", b"2.0"), ("ce_id", b"c"), ("ce_type", b"x")))


Mutation = Callable[[random.Random, Published, Event, int], Published]
MUTATIONS: Sequence[Mutation] = (
    _bytes_changed,
    _cut_off,
    _garbage,
    _field_missing,
    _field_changed,
    _unknown_type,
    _other_key,
    _other_partition,
    _other_topic,
    _far_future,
    _far_past,
    _odd_cloud_event,
)
