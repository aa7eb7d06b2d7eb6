"""What is judged by arrival (late, a closed month) is judged alike however the records are batched."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.generators.seeded import replay_hint, seeds
from wayfold.models.events import TOPIC_KIND_OF_TYPE
from wayfold.models.partitioner import PARTITIONERS
from wayfold.models.record import LogRecord
from wayfold.state.histories.engagement import decode_row
from wayfold.state.limits import Limits
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.query import Query
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


def _step(offset: int, day: int, user: str, step: str, event_id: str, account: str = "acme") -> LogRecord:
    """An arrival on a day of 2026."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    fields = {
        "type": "step.entered",
        "event_id": event_id,
        "occurred_at": at.isoformat().replace("+00:00", "Z"),
        "user_id": user,
        "account_id": account,
        "journey_id": "welcome",
        "journey_version": 1,
        "entry_id": "n",
        "step_id": step,
    }
    return LogRecord(offset, NOW_MS, user.encode(), json.dumps(fields).encode())


def test_what_waits_counts_for_the_topic_time_whatever_else_is_asked() -> None:
    """An event that waits makes a later one late, behind a repeat and another account's event too."""
    partition = Partition(
        MemoryStore(), 0, FoldSettings(retention_ms=40 * DAY_MS, limits=Limits(user_events=1))
    )
    entered = {"type": "journey.entered", "event_id": "in", "occurred_at": "2026-01-01T00:00:00Z"}
    bound = {"account_id": "acme", "journey_id": "welcome", "journey_version": 1, "entry_id": "n"}
    value = json.dumps({**entered, **bound, "user_id": "eve"}).encode()
    partition.fold("entries", [LogRecord(0, NOW_MS, b"eve", value)])
    partition.fold("steps", [_step(0, 100, "ann", "a", "first")])
    partition.commit()
    records = [
        _step(1, 200, "ann", "a", "first"),  # a repeat, which looks like day 200 while it waits
        _step(2, 150, "eve", "b", "second"),  # brings a name, for which what waits is merged
        _step(3, 1, "joe", "a", "other", "globe"),
        _step(4, 105, "bob", "a", "third"),  # more than 40 days before day 150
    ]
    partition.fold("steps", records)
    assert [(letter.offset, letter.refusal.reason.value) for letter in partition.refused] == [(4, "late")]


@pytest.mark.parametrize("kind", ["call.started", "journey.entered", "goal.reached", "step.entered"])
def test_a_stranger_leaves_no_journey_behind(kind: str) -> None:
    """Of a user who belongs to another partition nothing is there afterwards, whatever the event."""
    home = PARTITIONERS["murmur2"](b"ann", 4)
    partition = Partition(MemoryStore(), (home + 1) % 4, FoldSettings(partitions=4))
    fields = {
        "type": kind,
        "event_id": "e",
        "occurred_at": "2026-11-01T00:00:00Z",
        "user_id": "ann",
        "journey_id": "welcome",
        "entry_id": "n",
        **({"name": "bought", "step_id": "a"} if kind == "goal.reached" else {"journey_version": 1}),
        **({"step_id": "a"} if kind == "step.entered" else {}),
        **({"call_id": "c"} if kind == "call.started" else {}),
    }
    topic = TOPIC_KIND_OF_TYPE[kind]
    partition.fold(topic, [LogRecord(0, NOW_MS, b"ann", json.dumps(fields).encode())])
    partition.commit()
    assert partition.counters == {"refused_total:wrong_partition": 1}
    assert partition.partial(Query())["journeys"] == []


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
