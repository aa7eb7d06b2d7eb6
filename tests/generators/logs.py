"""Logs for tests: events as the records of partitions, as publishers would have written them."""

import json
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.generators.world import Event
from wayfold.audit import oracle
from wayfold.audit.oracle.times import instant_ms
from wayfold.models.record import LogRecord

BROADCAST = ("definitions",)


class Logged(NamedTuple):
    """A record and the kind of the topic it stands in."""

    topic: str
    record: LogRecord


def log_of(events: Iterable[tuple[str, Event]], partitions: int = 1) -> list[list[Logged]]:
    """For each partition its records in the order of the events, with offsets per topic.

    The key is the user id, control events go to every partition, and the log's time of a record is the time
    of its event, so that nothing is late or in the future.
    """
    logs: list[list[Logged]] = [[] for _ in range(partitions)]
    next_offset: dict[tuple[int, str], int] = {}
    for topic, event in events:
        key = event["user_id"].encode() if "user_id" in event else None
        homes = range(partitions)
        if topic not in BROADCAST and key is not None:
            homes = range(home := oracle.partition_of(key, partitions), home + 1)
        value = json.dumps(event, ensure_ascii=False).encode()
        for partition in homes:
            offset = next_offset.get((partition, topic), 0)
            next_offset[partition, topic] = offset + 1
            record = LogRecord(offset, instant_ms(event["occurred_at"]), key, value)
            logs[partition].append(Logged(topic, record))
    return logs


def interleaved(log: Sequence[Logged], generator: random.Random) -> list[Logged]:
    """The same log with its topics read in another interleaving; each topic keeps its order."""
    topics: dict[str, list[Logged]] = {}
    for logged in log:
        topics.setdefault(logged.topic, []).append(logged)
    mixed = []
    while topics:
        topic = generator.choice(sorted(topics))
        count = generator.randint(1, 5)
        mixed += topics[topic][:count]
        topics[topic] = topics[topic][count:]
        if not topics[topic]:
            del topics[topic]
    return mixed


def batches(log: Sequence[Logged], generator: random.Random, largest: int) -> list[list[Logged]]:
    """The log cut into batches of random size."""
    cut = []
    start = 0
    while start < len(log):
        end = start + generator.randint(1, largest)
        cut.append(list(log[start:end]))
        start = end
    return cut
