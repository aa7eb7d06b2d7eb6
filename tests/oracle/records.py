"""Records of one partition for tests of verdicts: a story's events as publishers would have logged them."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from wayfold.audit.oracle.rules import TOPIC_OF
from wayfold.audit.oracle.times import instant_ms

Record = tuple[Any, ...]


def record(event: dict[str, Any], offset: int = 0, delay_ms: int = 0, **changes: Any) -> Record:
    """The record of an event, logged `delay_ms` after it occurred, in its topic and with its key.

    `changes` are fields set to other values, or left out when they are `...`.
    """
    event = {**event, **changes}
    event = {name: value for name, value in event.items() if value is not ...}
    timestamp_ms = instant_ms(event["occurred_at"]) + delay_ms
    key = None if "user_id" not in event else event["user_id"].encode()
    return (TOPIC_OF.get(event["type"], "entries"), offset, timestamp_ms, key, json.dumps(event).encode())


def log(*events: dict[str, Any], timestamp_ms: int = 2**53) -> list[Record]:
    """The records of events in the order in which they are logged, each topic with its own offsets.

    They are logged long after they occurred unless told otherwise, so that none is in the future.
    """
    offsets: Counter[str] = Counter()
    records = []
    for event in events:
        topic, _, _, key, value = record(event)
        records.append((topic, offsets[topic], timestamp_ms, key, value))
        offsets[topic] += 1
    return records


def event_ids(accepted: Sequence[dict[str, Any]]) -> list[str]:
    """The ids of accepted events, in the order in which they are given."""
    return [event["event_id"] for event in accepted]
