"""A partition of this process, as the pusher sees it."""

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Final, Protocol

from wayfold.exporters.redis_views.calls import Stand, Writer
from wayfold.exporters.redis_views.changes import Fields
from wayfold.exporters.redis_views.committed import CommittedViews
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.exporters.redis_views.ledger import Ledger
from wayfold.exporters.redis_views.registry import HeldClaim
from wayfold.exporters.redis_views.shared import Shared, now_ms
from wayfold.exporters.redis_views.windows import OpenWindows
from wayfold.state.reading.numbers import instant_text

NEVER_S: Final = float("inf")
NEVER_MS: Final = -1


class Opened(Protocol):
    """A partition that this process owns until it is `revoked`; `lock` is held while a batch is folded."""

    @property
    def lock(self) -> asyncio.Lock:
        """Held from the first fold of a batch to its commit."""

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


class Member:
    """One partition: how to read it, how far it was read, and its books.

    `dirty` is set while something committed was not read, `wanted` while it is to be read at the next commit.
    `verify_all` is set until everything was compared with Redis once, after the partition was assigned.
    """

    def __init__(self, opened: Opened, views: CommittedViews, shared: Shared) -> None:
        self.opened = opened
        self.views = views
        self.number = views.number
        self.ledger = Ledger(
            Writer(views.number, shared.identity.source, secrets.token_hex(6)), shared.values
        )
        self.windows = OpenWindows()
        self.stand = Stand(-1, "", "")
        self.read_ms = now_ms()
        self.dirty = True
        self.wanted = False
        self.verify_all = True
        self.strangers: set[JourneyName] = set()
        self.claim = HeldClaim()
        self.mends = 0
        self.mend_at_s = self.verify_at_s = 0.0
        self.deep_verify_at_s = NEVER_S
        self._shared = shared

    @property
    def intact(self) -> bool:
        """Whether Redis has every journey of the partition, if not its latest change."""
        return self.ledger.intact and not self.verify_all

    @property
    def claims_too_much(self) -> bool:
        """Whether readers are told to read what Redis has lost."""
        return self.ledger.lost and self.claim.readable_since_ms is not None

    @property
    def current(self) -> bool:
        """Whether Redis has everything that is committed."""
        read = not (self.dirty or self.verify_all) and self.views.held_until_s == NEVER_S
        outdated = next(self.windows.outdated(self._shared.watermark_ms), None)
        return read and self.ledger.complete and outdated is None

    @property
    def has_unread(self) -> bool:
        """Whether there is something committed that should be read now."""
        return (self.dirty or time.monotonic() >= self.views.held_until_s) and not self.verify_all

    @property
    def may_read(self) -> bool:
        """Whether the partition is between two batches, and ours."""
        return not (self.opened.revoked or self.opened.lock.locked())

    def stand_now(self) -> Stand:
        """How far the partition is."""
        watermark, as_of = instant_text(self.views.watermark_ms), instant_text(now_ms())
        return Stand(self.views.sequence, watermark or "", as_of or "")

    def collect(self) -> None:
        """Read what changed; only while `may_read`."""
        watermark_ms = self._shared.note_watermark(self.views.watermark_ms)
        self.read_ms = now_ms()
        self.stand = self.stand_now()
        self.dirty = self.wanted = False
        for name, views, judged in self.views.changed(watermark_ms):
            self.keep(name, views, watermark_ms if judged else NEVER_MS)
        self.ledger.mark_reached(self.stand.sequence)

    def keep(self, name: JourneyName, views: Mapping[str, Fields], watermark_ms: int) -> None:
        """Take changed views in, whose open windows were judged at a watermark."""
        self.windows.note(name, views, watermark_ms)
        self.ledger.keep(name, views)
