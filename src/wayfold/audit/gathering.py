"""What the audit takes from the log: everything, or only what a journey or a sample of users needs."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from wayfold.audit.live import AuditImpossibleError
from wayfold.audit.oracle import Acceptance, accept
from wayfold.audit.oracle.acceptance import BROADCAST
from wayfold.audit.oracle.envelopes import bare
from wayfold.audit.oracle.rules import RefusedError
from wayfold.models.partitioner import PARTITIONERS, Partitioner
from wayfold.models.record import Record

HASH_SPACE: Final = 2**64
NO_FUTURE_MS: Final = 2**62
MURMUR2: Final = "murmur2"


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

    def wants(self, kind: str, record: Record) -> bool:
        """Whether a record can count in what is audited; what cannot be read does not."""
        if kind in BROADCAST or self.is_all:
            return True
        if record.key is None or not self.has_user(record.key):
            return False
        if self.journey_id is None or kind == "conversions":
            return True
        try:
            return bare(record.value, record.headers).get("journey_id") == self.journey_id
        except RefusedError:
            return False


class LogRules(msgspec.Struct, frozen=True, kw_only=True):
    """What decides whether a record is accepted, as the running system is set."""

    partitions: int
    partitioner: Partitioner
    retention_ms: int


class Gathered:
    """The records of one partition that are needed, in the order of the log.

    Of records that are not wanted, the latest events stay as long as a wanted one may be late because of
    them: one for each wanted record at most.
    """

    def __init__(self, number: int, selection: Selection, rules: LogRules, room: "Room") -> None:
        self.number = number
        self._selection = selection
        self._rules = rules
        self._room = room
        self._records: list[tuple[Any, ...]] = []
        self._misplaced: list[tuple[str, int, str]] = []
        self._latest: tuple[Any, ...] | None = None
        self._watermark_ms = -1

    def add(self, kind: str, record: Record) -> None:
        """Take the next record. Raises `AuditImpossibleError` when there is no room for more."""
        row = (kind, record.offset, record.timestamp, record.key, record.value, record.headers)
        if self._is_elsewhere(kind, record.key):
            self._misplaced.append((kind, record.offset, self._reason_of_misplaced(row)))
        elif self._selection.wants(kind, record):
            self._keep_latest()
            self._keep(row)
        else:
            verdict = self._accept([row])
            if verdict.watermark_ms > self._watermark_ms:
                self._watermark_ms, self._latest = verdict.watermark_ms, row

    def acceptance(self, ends: Mapping[str, int]) -> Acceptance:
        """Decide the records below the offset that `ends` gives for each kind, by the oracle's rules."""
        self._keep_latest()
        result = self._accept([row for row in self._records if row[1] < ends.get(row[0], 0)])
        result.refused.update(
            reason for kind, offset, reason in self._misplaced if offset < ends.get(kind, 0)
        )
        return result

    def _keep(self, row: tuple[Any, ...]) -> None:
        self._room.take_one()
        self._records.append(row)

    def _keep_latest(self) -> None:
        if self._latest is not None:
            self._keep(self._latest)
            self._latest = None

    def _accept(self, records: Sequence[tuple[Any, ...]]) -> Acceptance:
        if self._rules.partitioner != MURMUR2:
            return accept(records, self._rules.retention_ms)
        return accept(
            records, self._rules.retention_ms, partition=self.number, partitions=self._rules.partitions
        )

    def _is_elsewhere(self, kind: str, key: bytes | None) -> bool:
        """Whether the oracle, which knows only murmur2, cannot see that this key belongs elsewhere."""
        if self._rules.partitioner == MURMUR2 or kind in BROADCAST or key is None:
            return False
        return PARTITIONERS[self._rules.partitioner](key, self._rules.partitions) != self.number

    def _reason_of_misplaced(self, row: tuple[Any, ...]) -> str:
        kind, offset, _, *content = row
        alone = accept([(kind, offset, NO_FUTURE_MS, *content)], self._rules.retention_ms)
        return next(iter(alone.refused), "wrong_partition")


class Room:
    """Bounds the records that are held in memory, over all partitions."""

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
