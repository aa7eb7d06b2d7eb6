"""A partition of this process, as the pusher sees it."""

import secrets
import time
from collections.abc import Mapping
from typing import Final, Protocol

import structlog

from wayfold.exporters.redis_views.calls import Stand, Writer
from wayfold.exporters.redis_views.changes import Fields
from wayfold.exporters.redis_views.committed import CommittedViews
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.exporters.redis_views.ledger import Ledger
from wayfold.exporters.redis_views.shared import Shared, now_ms
from wayfold.exporters.redis_views.watermarks import JudgedAt
from wayfold.exporters.redis_views.windows import OpenWindows
from wayfold.state.reading.field_numbers import instant_text

_log = structlog.get_logger(__name__)

NEVER_S: Final = float("inf")
CLAIM_LIFETIME_MS: Final = 15_000
NEVER_MS: Final = -1


class Opened(Protocol):
    """A partition that this process owns until it is `revoked`."""

    @property
    def revoked(self) -> bool:
        """Whether the partition belongs to another worker now."""


class Members(dict[int, "Member"]):
    """The partitions of this process by number; those given away are in it until `owned` is asked."""

    def owned(self) -> list["Member"]:
        """Those that are still ours."""
        for number in [number for number, member in self.items() if member.opened.revoked]:
            del self[number]
        return list(self.values())


class HeldClaim:
    """What Redis has as the claim on a partition, by our word; it is ours once it was `taken`.

    `turn` is that of the announcement made last, `answered` of the last that Redis was seen to have: it may
    have one in between, whose answer was lost. `epoch` is 0 while there is none of ours.
    """

    def __init__(self) -> None:
        self.there = b""
        self.turn = self.answered = 0
        self.taken = False
        self.epoch = 0
        self.readable_since_ms: int | None = None
        self.waits_until_s: float | None = None

    def has_waited(self) -> bool:
        """Whether a later owner had the life of a claim to claim first; the first call begins that time."""
        if self.waits_until_s is None:
            self.waits_until_s = time.monotonic() + CLAIM_LIFETIME_MS / 1000
        return time.monotonic() >= self.waits_until_s


class Member:
    """One partition: how to read it, how far it was read, and its books.

    `dirty` is set while something committed was not read. `verify_all` is set until everything was compared
    with Redis once, after the partition was assigned. `marks` are the watermarks of accounts as views show
    them.
    """

    def __init__(self, opened: Opened, views: CommittedViews, shared: Shared) -> None:
        self.opened = opened
        self.views = views
        self.number = views.number
        self.ledger = Ledger(
            Writer(views.number, shared.identity.source, secrets.token_hex(6)), shared.values
        )
        self.windows = OpenWindows()
        self.claim = HeldClaim()
        self.stand = Stand(0, {}, "")
        self.watermarks = JudgedAt(shared.watermarks, views.watermark_of)
        self.marks: dict[str, str] = {}
        self.read_s = time.monotonic()
        self.dirty = True
        self.verify_all = True
        self.strangers: set[JourneyName] = set()
        self.mends = 0
        self.mend_at_s = self.verify_at_s = 0.0
        self.deep_verify_at_s = NEVER_S
        self._shared = shared

    @property
    def intact(self) -> bool:
        """Whether Redis has every journey of the partition that it takes, if not its latest change."""
        return self.ledger.intact and not self.verify_all

    @property
    def claims_wrongly(self) -> bool:
        """Whether to claim before anything else: there is no claim yet, a later one, or it says too much."""
        lost = self.ledger.lost and self.claim.readable_since_ms is not None
        return lost or not self.claim.taken or self.claim.epoch <= self.ledger.superseded_by

    @property
    def current(self) -> bool:
        """Whether Redis has everything that is committed."""
        read = not (self.dirty or self.verify_all) and self.views.held_until_s == NEVER_S
        outdated = next(self.windows.outdated(self._shared.watermarks), None)
        return read and self.ledger.complete and outdated is None

    @property
    def has_unread(self) -> bool:
        """Whether there is something committed that should be read now."""
        return (self.dirty or time.monotonic() >= self.views.held_until_s) and not self.verify_all

    def stand_now(self) -> Stand:
        """How far the partition is."""
        return Stand(self.claim.epoch, dict(self.views.offsets), instant_text(now_ms()) or "")

    def mark(self, account_id: str) -> int:
        """The watermark of an account, at which what is read of it now is judged."""
        watermark_ms = self.watermarks[account_id]
        self.marks[account_id] = instant_text(watermark_ms) or ""
        return watermark_ms

    def collect(self) -> None:
        """Read what changed; also amid a batch, for all that is read is as of the last commit."""
        self.read_s = time.monotonic()
        self.stand = self.stand_now()
        self.dirty = False
        for name, views, judged in self.views.changed(self.watermarks):
            watermark_ms = self.mark(name.account_id)
            self.keep(name, views, watermark_ms if judged else NEVER_MS)
        self.ledger.mark_reached(self.stand.offsets)

    def refuse(self, name: JourneyName, reason: str) -> None:
        """Note that Redis refuses a journey; says so when that is news."""
        if self.ledger.mark_refused(name, reason):
            account_id, journey_id = name
            _log.warning(
                "redis_refuses_journey",
                partition=self.number,
                account_id=account_id,
                journey_id=journey_id,
                reason=reason,
            )

    def keep(self, name: JourneyName, views: Mapping[str, Fields], watermark_ms: int) -> None:
        """Take changed views in, whose open windows were judged at a watermark."""
        self.windows.note(name, views, watermark_ms)
        self.ledger.keep(name, views)
