"""What the control events say by now: of each key the latest."""

from collections.abc import Iterator, Mapping, Sequence

from wayfold.models.control import ControlEvent, RecordSkipped, decode_control

Skipped = Mapping[str, Mapping[int, str]]
"""Topic kind → offsets of one partition that are refused, each with the operator's note."""

SKIPPED_COUNTER = "refused_total:skipped"


class ControlTable:
    """Takes control records in the order of their log and answers what holds.

    `topic_ids` are Kafka's ids by topic kind: what was decided about another topic of that name holds no
    more. What a later version wrote is in `unknown`, by key, and has no effect here.
    """

    def __init__(self, topic_ids: Mapping[str, str] | None = None) -> None:
        self.events: dict[bytes, ControlEvent] = {}
        self.unknown: dict[bytes, bytes] = {}
        self._topic_ids = topic_ids or {}
        self._skipped: dict[int, dict[str, dict[int, str]]] = {}

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Take a record. Raises `UnreadableControlError`; what held before then goes on."""
        if key is None:
            return
        event = None if value is None else decode_control(key, value)
        self._forget(key)
        if event is not None:
            self.events[key] = event
            if isinstance(event, RecordSkipped) and self.holds(event):
                row = self._skipped.setdefault(event.partition, {}).setdefault(event.topic, {})
                row[event.offset] = event.note
        elif value is not None:
            self.unknown[key] = value

    def holds(self, event: RecordSkipped) -> bool:
        """Whether the record lies in a topic that is still the same."""
        return event.topic_id == self._topic_ids.get(event.topic, "")

    def skipped_in(self, partition: int) -> Skipped:
        """What of a partition is refused: a view that changes when later records are taken."""
        return self._skipped.setdefault(partition, {})

    def skips(self) -> Iterator[RecordSkipped]:
        """Yield every skip that holds, for programs that read the whole log by themselves."""
        for event in self.events.values():
            if isinstance(event, RecordSkipped) and self.holds(event):
                yield event

    def _forget(self, key: bytes) -> None:
        self.unknown.pop(key, None)
        event = self.events.pop(key, None)
        if isinstance(event, RecordSkipped):
            self._skipped.get(event.partition, {}).get(event.topic, {}).pop(event.offset, None)


def counted_before_skipped(
    skipped: Skipped, offsets: Mapping[str, int], counters: Mapping[str, int]
) -> Sequence[str]:
    """Name the skips of a partition that may have come too late: after it had counted the record.

    `offsets` and `counters` are the partition's. A partition that has refused as many records as were
    skipped behind its offsets has counted none of them.
    """
    behind = [
        f"{topic}/{offset}"
        # Copies: a worker may hear of another skip while it opens a partition.
        for topic, notes in list(skipped.items())
        for offset in list(notes)
        if offset < offsets.get(topic, 0)
    ]
    return sorted(behind) if counters.get(SKIPPED_COUNTER, 0) < len(behind) else []
