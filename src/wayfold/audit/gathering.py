"""What the audit takes from the log: everything, or only what a journey or a sample of users needs."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from wayfold.audit.counts import CompactCounts
from wayfold.audit.live import AuditImpossibleError, Offsets
from wayfold.audit.oracle import Acceptance, Limits
from wayfold.audit.oracle.acceptance import REPEATED, Judge
from wayfold.audit.oracle.events import CONTROL, OF_JOURNEYS, OracleEvent
from wayfold.models.partitioner import PARTITIONERS, Partitioner
from wayfold.models.record import Record

HASH_SPACE: Final = 2**64
GOALS: Final = "conversions"


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What is audited: all, one journey, a share of the users (0 to 1), or that share in one journey."""

    journey_id: str | None = None
    users_share: float | None = None
    seed: int = 0

    @property
    def is_all(self) -> bool:
        """Whether every record is needed."""
        return self.journey_id is None and self.users_share is None

    def has_user(self, user_id: bytes) -> bool:
        """Whether a user is in the sample: the same ones for the same seed, whenever one asks."""
        if self.users_share is None:
            return True
        digest = hashlib.blake2b(user_id, digest_size=8, salt=self.seed.to_bytes(8, "big", signed=True))
        return int.from_bytes(digest.digest(), "big") < self.users_share * HASH_SPACE

    def wants(self, kind: str, event: OracleEvent) -> bool:
        """Whether an event can count in what is audited."""
        if self.is_all or event.kind in OF_JOURNEYS:
            return True
        if event.user is None or not self.has_user(event.user.encode()):
            return False
        return kind == GOALS or self.journey_id in (None, event.journey)


class LogRules(msgspec.Struct, frozen=True, kw_only=True):
    """What decides whether a record is accepted, as the running system is set.

    `skipped` are the records that an operator skipped, by partition as (topic kind, offset).
    """

    partitions: int
    partitioner: Partitioner
    retention_ms: int
    limits: Limits = Limits()
    skipped: Mapping[int, Collection[tuple[str, int]]] = {}

    def judge(self, number: int) -> Judge:
        """What decides the records of a partition."""
        return Judge(
            self.retention_ms,
            partition=number,
            partitions=self.partitions,
            partitioner=PARTITIONERS[self.partitioner],
            limits=self.limits,
            skipped=self.skipped.get(number, ()),
            counts=CompactCounts,
        )


class Gathered:
    """One partition of the log: the events in it that are needed, and what became of all its records.

    A record's verdict follows from what lies before it in its own topic, so it is given once, as the record
    is read. `stops` are the offsets, by topic kind, below which it can be asked for afterwards.
    """

    def __init__(
        self, number: int, selection: Selection, rules: LogRules, room: "Room", stops: Iterable[Offsets]
    ) -> None:
        self._selection = selection
        self._room = room
        self._judge = rules.judge(number)
        self._events: list[tuple[str, int, Mapping[str, Any]]] = []
        self._stops: dict[str, set[int]] = {}
        for offsets in stops:
            for kind, end in offsets.get(number, {}).items():
                self._stops.setdefault(kind, set()).add(end)
        self._tallies: dict[str, _Tally] = {}

    def add(self, kind: str, record: Record) -> None:
        """Take the next record of a topic. Raises `AuditImpossibleError` when there is no room for more."""
        tally = self._tallies.get(kind)
        if tally is None:
            tally = self._tallies[kind] = _Tally(stops=sorted(self._stops.get(kind, ())))
        tally.stop_before(record.offset)
        row = (kind, record.offset, record.timestamp, record.key, record.value, record.headers)
        verdict = self._judge.judge(row)
        if verdict.event is None or verdict.fields is None:
            tally.verdicts[verdict.reason or ""] += 1
            return
        if verdict.event.kind not in CONTROL:
            account = verdict.event.account
            tally.watermarks[account] = max(verdict.event.at, tally.watermarks.get(account, -1))
        if self._selection.wants(kind, verdict.event):
            self._room.take_one()
            self._events.append((kind, record.offset, verdict.fields))

    def acceptance(self, ends: Mapping[str, int]) -> Acceptance:
        """What became of the records below the offset that `ends` gives for each kind, one of the stops.

        `accepted` are the events that are needed; all else is said of all records.
        """
        result = Acceptance()
        for kind, offset, fields in self._events:
            if offset < ends.get(kind, 0):
                result.accepted.append(dict(fields))
        for kind, tally in self._tallies.items():
            verdicts, watermarks = tally.below(ends.get(kind, 0))
            result.refused.update(verdicts)
            for account, at in watermarks.items():
                result.watermarks[account] = max(at, result.watermarks.get(account, -1))
        result.duplicates = result.refused.pop(REPEATED, 0)
        result.watermark_ms = max(result.watermarks.values(), default=-1)
        return result


class _Tally(msgspec.Struct):
    """What became of the records of one topic partition so far, and what had below the stops passed."""

    stops: list[int]
    verdicts: Counter[str] = msgspec.field(default_factory=Counter)
    watermarks: dict[str, int] = {}
    passed: dict[int, tuple[Counter[str], dict[str, int]]] = {}

    def stop_before(self, offset: int) -> None:
        """Keep what there is below every stop up to an offset."""
        while self.stops and self.stops[0] <= offset:
            self.passed[self.stops.pop(0)] = (Counter(self.verdicts), dict(self.watermarks))

    def below(self, stop: int) -> tuple[Counter[str], dict[str, int]]:
        """What became of the records below a stop: of all, when none was read behind it."""
        if stop == 0:
            return Counter(), {}
        return self.passed.get(stop, (self.verdicts, self.watermarks))


class Room:
    """Bounds the events that are held in memory, over all partitions."""

    def __init__(self, limit: int) -> None:
        self.taken = 0
        self._limit = limit

    def take_one(self) -> None:
        """Count one more. Raises `AuditImpossibleError` when there are too many."""
        self.taken += 1
        if self.taken > self._limit:
            raise AuditImpossibleError(
                f"more than {self._limit:,} events would be held in memory, one to two kilobytes each: audit "
                "a sample of the users instead, such as --users-sample 0.01, which holds only what they "
                "need, or one journey, or allow more with --max-events"
            )
