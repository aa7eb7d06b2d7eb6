"""Which records count: the fold refuses what the naive program refuses, and counts the rest like it."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.generators.garbage import MALFORMED, spoiled
from tests.generators.logs import Logged, log_of
from tests.generators.seeded import event_set, replay_hint, seeds, with_repeats
from tests.generators.times import log_over_years
from tests.generators.world import TIME_ZONES, Event
from tests.properties.executions import answer
from wayfold.audit import oracle
from wayfold.models.record import LogRecord
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store.memory_store import MemoryStore


def _events(seed: int, generator: random.Random) -> list[tuple[str, Event]]:
    """Events of every kind, with repeats."""
    return list(with_repeats(event_set(seed, 120), generator))


def _fold(
    log: Sequence[Logged], number: int, partitions: int
) -> tuple[Partition, dict[tuple[str, int], str]]:
    """The partition after the log, in batches of all sizes, and the reason of each refusal."""
    settings = FoldSettings(partitions=partitions, account_time_zones=TIME_ZONES)
    partition = Partition(MemoryStore(number), number, settings)
    generator = random.Random(len(log))
    reasons = {}
    batch: dict[tuple[str, int], LogRecord] = {}
    for place, (topic, record) in enumerate(log, 1):
        partition.fold(topic, [record])
        batch[topic, record.offset] = record
        if place < len(log) and generator.random() < 0.95 ** (place % 60):
            continue
        for letter in partition.refused:
            refused = batch[letter.topic, letter.offset]
            assert (letter.key, letter.value) == (refused.key, refused.value)
            reasons[letter.topic, letter.offset] = letter.refusal.reason.value
        partition.commit()
        batch.clear()
    return partition, reasons


def _compare(logs: Sequence[Sequence[Logged]]) -> Counter[str]:
    """Every record has one verdict, counters are exact, and the numbers are the oracle's."""
    partitions, accepted = [], []
    verdicts: Counter[str] = Counter()
    for number, log in enumerate(logs):
        partition, reasons = _fold(log, number, len(logs))
        rows = [(topic, record.offset, record.timestamp, record.key, record.value) for topic, record in log]
        expected = oracle.accept(rows, partition=number, partitions=len(logs))
        assert _lumped(reasons) == _lumped(expected.reasons)
        assert partition.counters.get("accepted_total", 0) == len(expected.accepted)
        assert partition.counters.get("duplicate_total", 0) == expected.duplicates
        refused = {
            name: count for name, count in partition.counters.items() if name.startswith("refused_total")
        }
        assert sum(refused.values()) == sum(expected.refused.values())
        assert partition.watermark_ms == expected.watermark_ms
        partitions.append(partition)
        accepted += expected.accepted
        verdicts.update(expected.refused, accepted=len(expected.accepted), duplicate=expected.duplicates)
    assert oracle.differences(answer(partitions, {}), oracle.numbers(accepted, TIME_ZONES)) == []
    return verdicts


def _lumped(reasons: dict[tuple[str, int], str]) -> dict[tuple[str, int], str]:
    return {place: "malformed" if reason in MALFORMED else reason for place, reason in reasons.items()}


@pytest.mark.parametrize("seed", seeds(8, first=300))
def test_garbage_among_good_records(seed: int) -> None:
    """One record of three spoiled, in bytes, fields, key or time: refused by its reason, no other harmed."""
    generator = random.Random(seed)
    partitions = 1 + seed % 2  # with two, both must get the same definitions
    logs = log_of(_events(seed, generator), partitions)
    spoilt = [
        [
            spoiled(one, generator)
            if generator.random() < 1 / 3 and (partitions == 1 or one.topic != "definitions")
            else one
            for one in log
        ]
        for log in logs
    ]
    try:
        verdicts = _compare(spoilt)
    except Exception as error:
        error.add_note(replay_hint(seed))
        raise
    assert verdicts["accepted"]
    assert verdicts["unparseable"]


@pytest.mark.parametrize("seed", seeds(8, first=400))
def test_late_and_future_records(seed: int) -> None:
    """To the millisecond: the retention behind the partition's newest, an hour ahead of the log's clock."""
    generator = random.Random(seed)
    try:
        verdicts = _compare(log_over_years(_events(seed, generator), generator, partitions=2))
    except Exception as error:
        error.add_note(replay_hint(seed))
        raise
    assert verdicts["late"]
    assert verdicts["future"]


def test_records_below_the_offset_are_skipped() -> None:
    """Redelivery is no repeat: nothing is counted for what is folded already."""
    event = event_set(0, 1)
    [log] = log_of(event * 3)
    partition, _ = _fold(log, 0, 1)
    counters = dict(partition.counters)
    partition.fold(log[0].topic, [logged.record for logged in log])
    partition.commit()
    assert partition.counters == counters


def test_a_user_in_another_users_partition_is_refused() -> None:
    """A publisher with another partitioner is found out at its first record, and nothing is miscounted."""
    events = [pair for pair in event_set(5, 60) if pair[0] not in ("definitions", "users")]
    logs = log_of(events, 3)
    verdicts = _compare([logs[1], logs[2], logs[0]])
    assert verdicts["wrong_partition"] == len(events)
    assert verdicts["accepted"] == 0
