"""What is judged by arrival (late, a closed month) is judged alike however the records are batched."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.generators.seeded import replay_hint, seeds
from wayfold.models.record import LogRecord
from wayfold.state.histories.engagement import decode_row
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store import keys
from wayfold.state.store.memory_store import MemoryStore

DAY_MS = 86_400_000
NOW_MS = 1_812_000_000_000
START = datetime(2026, 9, 20, tzinfo=UTC)
SETTINGS = FoldSettings(partitions=2, retention_ms=40 * DAY_MS)


def _records(generator: random.Random) -> list[tuple[str, LogRecord]]:
    """Months of events that mostly advance; some far back, some come again with another time."""
    offsets = {"entries": 0, "messages": 0, "conversions": 0}
    events: list[tuple[str, dict[str, Any]]] = []
    found = []
    now = START
    for number in range(120):
        now += timedelta(hours=generator.randrange(36))
        at = now - timedelta(days=generator.choice((0, 0, 0, 0, 1, 35, 39, 41, 60)))
        again = bool(events) and generator.random() < 0.2
        topic, fields = generator.choice(events) if again else _event(number, generator)
        fields = {**fields, "occurred_at": at.isoformat().replace("+00:00", "Z")}
        events.append((topic, fields))
        record = LogRecord(offsets[topic], NOW_MS, fields["user_id"].encode(), json.dumps(fields).encode())
        offsets[topic] += 1
        found.append((topic, record))
    return found


def _event(number: int, generator: random.Random) -> tuple[str, dict[str, Any]]:
    """A topic and an event without its time."""
    fields: dict[str, Any] = {"event_id": f"e{number}", "user_id": f"user-{generator.randrange(6)}"}
    topic = generator.choice(("entries", "entries", "messages", "conversions"))
    if topic == "conversions":
        return topic, {**fields, "type": "goal.reached", "name": "bought"}
    if topic == "messages":
        return topic, {**fields, "type": "message.sent", "message_id": f"m{number}", "channel": "email"}
    bound = {"journey_id": f"journey-{generator.randrange(2)}", "journey_version": 1}
    return topic, {**fields, **bound, "type": "journey.entered", "entry_id": f"n{generator.randrange(20)}"}


def _folded(records: Sequence[tuple[str, LogRecord]], generator: random.Random, least: int, most: int) -> Any:
    """All that depends on the order of arrival, after batches of `least` to `most` records."""
    partition = Partition(MemoryStore(), 0, SETTINGS)
    refused = []
    place = 0
    while place < len(records):
        size = generator.randint(least, most)
        for topic, record in records[place : place + size]:
            partition.fold(topic, [record])
        refused += [(one.topic, one.offset, one.refusal.reason.value) for one in partition.refused]
        partition.commit()
        place += size
    users = {
        int.from_bytes(key[1:5], "big"): keys.decode_person(value)[1]
        for key, value in partition.store.scan(keys.PERSON, keys.after(keys.PERSON))
    }
    rows = []
    for key, value in partition.store.scan(keys.ENGAGEMENT, keys.after(keys.ENGAGEMENT)):
        month, person, count = (int.from_bytes(key[start : start + 4], "big") for start in (5, 9, 13))
        rows.append((month, users[person], count, decode_row(value)))
    return sorted(refused), partition.counters, partition.watermark_ms, sorted(rows, key=repr)


@pytest.mark.parametrize("seed", seeds(40, first=700))
def test_batches_judge_as_single_records_do(seed: int) -> None:
    """Refusals, counters, the watermark and the rows of months are those of one record after the other."""
    generator = random.Random(seed)
    records = _records(generator)
    singly = _folded(records, generator, 1, 1)
    for least, most in ((1, 5), (5, 40), (200, 200)):
        assert _folded(records, generator, least, most) == singly, replay_hint(seed)
    reasons = {reason for _, _, reason in singly[0]}
    assert reasons == {"late", "wrong_partition"}
    assert singly[1]["duplicate_total"] > 0
    assert any(row.correction for _, _, _, row in singly[3])
