"""Which records of a log are accepted, and why the others are not: stated naively, record by record."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wayfold.audit.oracle.events import CONTROL, OracleEvent, load_json, parse, watermark_of
from wayfold.audit.oracle.rules import TOPIC_OF, RefusedError, check

RETENTION_MS = 400 * 86_400_000
FUTURE_MS = 3_600_000
BROADCAST = ("definitions", "users")

# (topic kind, offset, timestamp in ms, key, value[, headers]) of one partition, in the order they were read.
Record = tuple[Any, ...]
Headers = Sequence[tuple[str, bytes]]


@dataclass
class Acceptance:
    """What became of the records of one partition.

    `accepted` are the events in their bare form, each once; `refused` counts records by reason; `reasons` has
    the reason of each refused record by (topic kind, offset); `duplicates` counts repeats, which are not
    refusals; `watermark_ms` is the greatest occurred_at accepted (control events apart), -1 without any.
    """

    accepted: list[dict[str, Any]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    reasons: dict[tuple[str, int], str] = field(default_factory=dict)
    duplicates: int = 0
    watermark_ms: int = -1


def accept(
    records: Iterable[Record],
    retention_ms: int = RETENTION_MS,
    *,
    partition: int | None = None,
    partitions: int | None = None,
) -> Acceptance:
    """Decide the records of one partition in the order in which it read them.

    With `partition` and `partitions` a record whose user belongs elsewhere is refused as well. Definitions
    and user control events go to every partition and need no key.
    """
    result = Acceptance()
    seen: set[tuple[str, ...]] = set()
    definitions: dict[tuple[str, ...], object] = {}
    for topic, offset, timestamp_ms, key, value, *rest in records:
        try:
            fields = bare(value, rest[0] if rest else ())
            check(fields)
            _check_key(topic, fields, key)
            event = parse(fields)
            if event is None:
                raise RefusedError("unparseable")
            if event.definition is not None:
                first = definitions.setdefault(event.scope, event.definition)
                if first != event.definition:
                    raise RefusedError("definition_conflict")
            elif event.kind not in CONTROL:
                _check_time(event, timestamp_ms, result.watermark_ms, retention_ms)
                _check_partition(fields["user_id"], partition, partitions)
        except RefusedError as refusal:
            result.refused[refusal.reason] += 1
            result.reasons[topic, offset] = refusal.reason
            continue
        identity = event.scope if event.definition is not None else (*event.scope, event.event_id)
        if identity in seen:
            result.duplicates += 1
            continue
        seen.add(identity)
        result.accepted.append(fields)
        result.watermark_ms = max(result.watermark_ms, watermark_of([event]))
    return result


def _check_time(event: OracleEvent, timestamp_ms: int, watermark_ms: int, retention_ms: int) -> None:
    """Late against the partition's watermark so far, or too far ahead of the log's own time of the record."""
    if event.at > timestamp_ms + FUTURE_MS:
        raise RefusedError("future")
    if watermark_ms >= 0 and event.at < watermark_ms - retention_ms:
        raise RefusedError("late")


def _check_key(topic: str, fields: Mapping[str, Any], key: bytes | None) -> None:
    if TOPIC_OF[fields["type"]] != topic:
        raise RefusedError("wrong_topic")
    if topic not in BROADCAST and key != fields["user_id"].encode():
        raise RefusedError("wrong_key")


def _check_partition(user_id: str, partition: int | None, partitions: int | None) -> None:
    if partition is None or partitions is None:
        return
    if partition_of(user_id.encode(), partitions) != partition:
        raise RefusedError("wrong_partition")


def bare(value: bytes | None, headers: Headers = ()) -> dict[str, Any]:
    """The event's bare fields, also out of CloudEvents 1.0; RefusedError when there are none."""
    if value is None:
        raise RefusedError("unparseable")
    try:
        fields = load_json(value)
        attributes = {
            name[3:].lower(): text.decode() for name, text in headers if name.lower().startswith("ce_")
        }
    except OverflowError as error:
        raise RefusedError("too_large") from error
    except ValueError as error:
        raise RefusedError("unparseable") from error
    if not isinstance(fields, dict):
        raise RefusedError("unparseable")
    if "specversion" in attributes:
        return _unwrapped(attributes, fields)
    return _unwrapped(fields, fields.get("data")) if "specversion" in fields else fields


def _unwrapped(attributes: Mapping[str, Any], data: Any) -> dict[str, Any]:
    if attributes["specversion"] != "1.0":
        raise RefusedError("wrong_field")
    if not isinstance(data, dict):
        raise RefusedError("missing_field" if data is None else "wrong_field")
    names = {"event_id": "id", "type": "type", "occurred_at": "time", "user_id": "subject"}
    outer = {name: attributes[attribute] for name, attribute in names.items() if attribute in attributes}
    return {**outer, **data, **({"type": attributes["type"]} if "type" in attributes else {})}


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner gives a key: murmur2, made positive, modulo."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    factor, mask = 0x5BD1E995, 0xFFFFFFFF
    value = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * factor & mask
        word = (word ^ word >> 24) * factor & mask
        value = (value * factor & mask) ^ word
    if whole < len(data):
        value = (value ^ int.from_bytes(data[whole:], "little")) * factor & mask
    value = (value ^ value >> 13) * factor & mask
    return value ^ value >> 15
