"""Records judged as a host does it, bad ones among good ones, and what they come to."""

import json
import random
from collections.abc import Sequence
from typing import Any

from tests.cases.telling import CUTS, ZONES
from tests.generators.logs import Logged
from tests.generators.world import TOPICS, Event
from tests.properties.executions import answer
from tests.properties.through_apply_batch import folded
from wayfold.audit import oracle
from wayfold.audit.oracle.times import instant_ms
from wayfold.models.record import LogRecord
from wayfold.state.partition import FoldSettings


def logged(events: Sequence[tuple[str, Event]], now: str) -> list[Logged]:
    """The records of one partition, all written at one time, whatever times their events claim."""
    following = dict.fromkeys(TOPICS.values(), 0)
    records = []
    for topic, event in events:
        key = event["user_id"].encode() if "user_id" in event else None
        record = LogRecord(following[topic], instant_ms(now), key, json.dumps(event).encode())
        records.append(Logged(topic, record))
        following[topic] += 1
    return records


async def judged(
    events: Sequence[tuple[str, Event]], now: str, **query: Any
) -> tuple[dict[str, str], dict[str, Any]]:
    """The reason of each refused event by its id, and the numbers of the journey from what is left.

    Both are the same however the log is cut and its topics are read, and as the oracle has them.
    """
    log = logged(events, now)
    rows = [(topic, record.offset, record.timestamp, record.key, record.value) for topic, record in log]
    expected = oracle.accept(rows)
    numbers = oracle.numbers(expected.accepted, ZONES, "UTC", query)
    settings = FoldSettings(account_time_zones=ZONES)
    for cut in CUTS:
        partition, outcome = await folded(log, 0, settings, cut, random.Random(2))
        assert outcome.reasons == expected.reasons
        assert outcome.counters.get("duplicate_total", 0) == expected.duplicates
        assert oracle.differences(answer([partition], query), numbers) == []
    pairs = zip(log, events, strict=True)
    ids = {(topic, record.offset): event["event_id"] for (topic, record), (_, event) in pairs}
    reasons = {ids[place]: reason for place, reason in expected.reasons.items()}
    return reasons, {"watermark": numbers["watermark"], **numbers["journeys"][0]["numbers"]}
