"""Which records of a log are accepted, and why the others are not: stated naively, record by record."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from wayfold.audit.oracle.consumption import Consumption, ConsumptionRow
from wayfold.audit.oracle.envelopes import bare
from wayfold.audit.oracle.events import CONTROL, ERASED, OF_JOURNEYS, OracleEvent, parse
from wayfold.audit.oracle.limits import Counts, Limits, Taken
from wayfold.audit.oracle.partitioning import partition_of
from wayfold.audit.oracle.rules import TOPIC_OF, RefusedError, check
from wayfold.audit.oracle.versions import Version, conflicts

RETENTION_MS = 400 * 86_400_000
FUTURE_MS = 3_600_000
BROADCAST = ("definitions",)
"""Topics whose records are published to every partition, and need no key."""
REPEATED = "repeated"

# (topic kind, offset, timestamp in ms, key, value[, headers]) of one partition.
Record = tuple[Any, ...]


@dataclass
class Acceptance:
    """What became of the records of one partition.

    `accepted` are the events in their bare form, each once, topic by topic in the order of offsets;
    `refused` counts records by reason; `reasons` has the reason of each refused record by (topic kind,
    offset); `duplicates` counts repeats, which are not refusals.

    `watermark_ms` is the greatest occurred_at accepted (control events apart), -1 without any, `watermarks`
    the same by account. `consumption` are the rows of the persons who entered. `definition_conflicts` says,
    by (account, journey, version), how many other contents than the one that holds were defined.
    """

    accepted: list[dict[str, Any]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: dict[tuple[str, int], str] = field(default_factory=dict)
    duplicates: int = 0
    watermark_ms: int = -1
    watermarks: dict[str, int] = field(default_factory=dict)
    consumption: list[ConsumptionRow] = field(default_factory=list)
    definition_conflicts: dict[Version, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one record: an event with its bare fields, or the reason why there is none.

    The reason of a repeat is `REPEATED`, which is no refusal. `topic_time_ms` is the topic time of the
    event's account before it, -1 without any.
    """

    reason: str | None = None
    event: OracleEvent | None = None
    fields: Mapping[str, Any] | None = None
    topic_time_ms: int = -1


def accept(
    records: Iterable[Record],
    retention_ms: int = RETENTION_MS,
    *,
    partition: int | None = None,
    partitions: int | None = None,
    partitioner: Callable[[bytes, int], int] = partition_of,
    limits: Limits | None = None,
    skipped: Collection[tuple[str, int]] = (),
    time_zones: Mapping[str, str] | None = None,
    default_time_zone: str = "UTC",
) -> Acceptance:
    """Decide the records of one partition: those of each topic by themselves, in the order of their offsets.

    How the topics are interleaved in `records` makes no difference. With `partition` and `partitions` a
    record whose user belongs elsewhere is refused as well. Records in `skipped`, as (topic kind, offset),
    are refused because an operator said so. The months of consumption rows are those of the accounts' zones.
    """
    judge = Judge(
        retention_ms,
        partition=partition,
        partitions=partitions,
        partitioner=partitioner,
        limits=limits,
        skipped=skipped,
    )
    result = Acceptance()
    consumption = Consumption()
    definitions: list[OracleEvent] = []
    for record in sorted(records, key=lambda record: record[:2]):
        topic, offset, timestamp_ms = record[:3]
        verdict = judge.judge(record)
        event = verdict.event
        if verdict.reason == REPEATED:
            result.duplicates += 1
        elif event is None or verdict.fields is None:
            reason = verdict.reason or ""
            result.refused[reason] += 1
            result.reasons[topic, offset] = reason
        else:
            result.accepted.append(dict(verdict.fields))
            if event.definition is not None:
                definitions.append(event)
            if event.kind == "journey.entered":
                zone = ZoneInfo((time_zones or {}).get(event.account, default_time_zone))
                consumption.enter(event, timestamp_ms, verdict.topic_time_ms, zone)
    result.watermarks = judge.watermarks()
    result.watermark_ms = max(result.watermarks.values(), default=-1)
    result.consumption = consumption.rows()
    result.definition_conflicts = conflicts(definitions)
    return result


class Judge:
    """Decides the records of one partition one by one; those of each topic must come by their offsets.

    Nothing that it knows of one topic has a part in what it says of another. `counts` makes what it counts
    event ids, and events of users, with.
    """

    def __init__(
        self,
        retention_ms: int = RETENTION_MS,
        *,
        partition: int | None = None,
        partitions: int | None = None,
        partitioner: Callable[[bytes, int], int] = partition_of,
        limits: Limits | None = None,
        skipped: Collection[tuple[str, int]] = (),
        counts: Callable[[], Counts] = Counter,
    ) -> None:
        self._retention_ms = retention_ms
        self._partition, self._partitions, self._partitioner = partition, partitions, partitioner
        self._limits = limits or Limits()
        self._skipped = frozenset(skipped)
        self._counts = counts
        self._topics: dict[str, _Topic] = {}

    def judge(self, record: Record) -> Verdict:
        """Decide the next record of a topic."""
        topic, offset, timestamp_ms, key, value, *headers = record
        if topic not in self._topics:
            self._topics[topic] = _Topic(self._counts(), Taken(self._limits, self._counts()))
        try:
            if (topic, offset) in self._skipped:
                raise RefusedError("skipped")
            fields = bare(value, *headers)
            check(fields)
            event = parse(fields)
            if event is None:
                raise RefusedError("unparseable")
            self._check_place(topic, event, key)
            return self._take(self._topics[topic], timestamp_ms, event, fields)
        except RefusedError as refusal:
            return Verdict(refusal.reason)

    def watermarks(self) -> dict[str, int]:
        """By account the greatest time of its accepted events over all topics."""
        watermarks: dict[str, int] = {}
        for topic in self._topics.values():
            for account, at in topic.times.items():
                watermarks[account] = max(at, watermarks.get(account, -1))
        return watermarks

    def _check_place(self, topic: str, event: OracleEvent, key: bytes | None) -> None:
        """Whether the record lies in its event's topic, under its user's key, in its user's partition."""
        if TOPIC_OF[event.kind] != topic:
            raise RefusedError("wrong_topic")
        if event.kind in OF_JOURNEYS:
            return
        user = (event.user or "").encode()
        if key != user:
            raise RefusedError("wrong_key")
        if self._partition is None or self._partitions is None:
            return
        if self._partitioner(user, self._partitions) != self._partition:
            raise RefusedError("wrong_partition")

    def _take(
        self, topic: "_Topic", timestamp_ms: int, event: OracleEvent, fields: Mapping[str, Any]
    ) -> Verdict:
        """Judge a good event by its time, its id and the limits of its topic, and count it there."""
        if event.kind != ERASED and event.at > timestamp_ms + FUTURE_MS:
            raise RefusedError("future")
        time_ms = topic.times.get(event.account, -1)
        if event.kind not in CONTROL and event.at < time_ms - self._retention_ms:
            raise RefusedError("late")
        if topic.ids[event.identity]:
            return Verdict(REPEATED)
        if not topic.taken.has_room(event):
            raise RefusedError("limit")
        topic.ids[event.identity] += 1
        topic.taken.take(event)
        if event.kind not in CONTROL:
            topic.times[event.account] = max(event.at, time_ms)
        return Verdict(None, event, fields, time_ms)


@dataclass(slots=True)
class _Topic:
    """What is remembered of one topic partition: ids, names and, by account, the greatest time."""

    ids: Counts
    taken: Taken
    times: dict[str, int] = field(default_factory=dict)
