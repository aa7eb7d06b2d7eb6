"""Looks after what is in Redis: compares it, puts back what is lost, and says who has which partition."""

import time
from collections.abc import Sequence
from typing import Final

import structlog
from redis.exceptions import ResponseError

from wayfold.exporters.redis_views import mending, registry
from wayfold.exporters.redis_views.calls import Push, PushBuilder, Said
from wayfold.exporters.redis_views.changes import as_in_redis
from wayfold.exporters.redis_views.claims import Claims
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.exporters.redis_views.link import is_refusal
from wayfold.exporters.redis_views.loop import Loop
from wayfold.exporters.redis_views.member import NEVER_S, Member, Members
from wayfold.exporters.redis_views.push_loop import PushLoop, send
from wayfold.exporters.redis_views.shared import Shared

CLAIM_INTERVAL_S: Final = 1.0
VERIFY_INTERVAL_S: Final = 3.0
DEEP_VERIFY_INTERVAL_S: Final = 60.0
MEND_INTERVAL_S: Final = 0.25
MOST_MEND_INTERVAL_S: Final = 5.0
READ_SLICE_S: Final = 0.02
QUARREL: Final = 5
"""Times in a row that a full push did not last, after which a warning is due."""

_log = structlog.get_logger(__name__)


class CareLoop(Loop):
    """Mends, verifies, judges open windows and claims partitions, one partition after the other."""

    def __init__(self, shared: Shared, members: Members, builder: PushBuilder, pushes: PushLoop) -> None:
        super().__init__(shared)
        self._members = members
        self._builder = builder
        self._pushes = pushes
        self._claims = Claims(shared)
        self._claim_at_s = 0.0

    def hurry(self) -> None:
        """Mend and judge windows now."""
        self._claim_at_s = 0.0
        for member in self._members.owned():
            member.mend_at_s = 0.0
        self.wake()

    def due_at_s(self) -> float:
        """When the next turn is due."""
        members = self._members.owned()
        due = [self._claim_at_s] if members else []
        for member in members:
            mends = member.verify_all or member.ledger.whole
            due += [member.verify_at_s, member.mend_at_s if mends else NEVER_S]
        return min(due, default=NEVER_S)

    async def turn(self) -> None:
        """Do what is due for each partition; claims come first, and in between."""
        await self._claims.make([member for member in self._members.owned() if member.claims_wrongly])
        for member in self._members.owned():
            if time.monotonic() >= member.mend_at_s:
                await self._mend(member)
            if time.monotonic() >= member.verify_at_s:
                await self._verify(member)
            if member.intact and member.claim.readable_since_ms is None:
                self._claim_at_s = 0.0  # readers wait for it
            await self._claim()
        self.shared.telemetry.publish_refused_journeys = len(
            {name for member in self._members.owned() for name in member.ledger.refused}
        )

    async def _claim(self) -> None:
        """Claim what is ours, when that is due, with what readers find beside the numbers."""
        if time.monotonic() < self._claim_at_s:
            return
        members = self._members.owned()
        awaited = {account for member in members for account in member.windows.accounts()}
        if await self.shared.exchange_watermarks([member.views.watermarks for member in members], awaited):
            self.shared.revisions.changed(member.number for member in members)
        for member in members:
            self._judge_windows(member)
            await self.shared.publish_new_names(member.views)
        await self.shared.revisions.tell()
        await self._claims.make(members)
        self._claim_at_s = time.monotonic() + CLAIM_INTERVAL_S

    async def _mend(self, member: Member) -> None:
        """Push in full what Redis does not have as it was pushed last."""
        ledger, link, keys = member.ledger, self.shared.link, self.shared.keys
        if member.verify_all:
            names = member.views.names()
            strangers = await self._strangers(member, names)
            for name in (*names, *strangers):
                ledger.mark_whole(name)
            member.strangers.update(strangers)
            member.verify_all = False
            member.deep_verify_at_s = time.monotonic() + DEEP_VERIFY_INTERVAL_S
        todo = ledger.due()
        for name in [name for name in todo if name in ledger.damaged]:
            self.shared.revisions.changed([member.number])
            try:
                await mending.drop_journey(link, keys, name, member.number)
            except ResponseError as error:
                self._refuse(member, name, error)
                todo.remove(name)
            else:
                ledger.damaged.discard(name)
        while todo and not member.opened.revoked:
            todo = todo[await self._push_whole(member, todo[: mending.AT_ONCE]) :]
            await self._claim()
        settled = member.strangers - ledger.whole - ledger.behind.keys()
        try:
            if settled:
                await registry.remove_names(link, keys, settled)
                self.shared.revisions.changed([member.number])
        except ResponseError as error:
            self._report(keys.journeys, error)
        member.strangers -= settled
        waiting = len(ledger.whole - ledger.refused.keys())
        member.mends = member.mends + 1 if waiting else 0
        if member.mends == QUARREL:
            _log.warning("redis_views_contested", partition=member.number, journeys=waiting)
        pause_s = min(MOST_MEND_INTERVAL_S, MEND_INTERVAL_S * 2 ** min(member.mends, 10))
        member.mend_at_s = time.monotonic() + pause_s
        self._pushes.wake()

    async def _strangers(self, member: Member, names: Sequence[JourneyName]) -> list[JourneyName]:
        """Find what Redis has of the partition that the partition itself does not know of."""
        try:
            return await mending.orphans(self.shared.link, self.shared.keys, member.number, names)
        except ResponseError as error:
            self._report(self.shared.keys.journeys, error)
            return []

    async def _push_whole(self, member: Member, names: Sequence[JourneyName]) -> int:
        """Push journeys in full, as many of the first as can be read in a moment; gives how many."""
        ledger, shared = member.ledger, self.shared
        journeys = [shared.journey_keys(name) for name in names]
        held = await mending.views_held(shared.link, journeys, member.number)
        last_fences: dict[JourneyName, str] = {}
        pushes: list[Push] = []
        if member.opened.revoked:
            return len(names)
        stand, until_s = member.stand_now(), time.monotonic() + READ_SLICE_S
        count = 0
        for name, keys, views_there in zip(names, journeys, held, strict=True):
            count += 1
            if isinstance(views_there, Exception):
                self._refuse(member, name, views_there)
                continue
            watermark_ms = member.mark(name.account_id)
            views = member.views.read(name, watermark_ms)
            member.windows.note_whole(name, views, watermark_ms)
            ledger.read_whole(name)
            last_fences[name] = ""
            if views or views_there:
                watermark = member.marks[name.account_id]
                said = Said(ledger.writer, stand, watermark, "", as_in_redis(views))
                pushes.append(self._builder.whole(keys, name, said, views_there))
                last_fences[name] = pushes[-1].parts[0].fence
            if time.monotonic() > until_s:
                break
        _, away = await send(shared, self._members, pushes)
        if away is not None:
            raise away
        shared.forget_names(last_fences)  # what lost the numbers may have lost the names
        for name, fence in last_fences.items():
            if ledger.fences.get(name, "") == fence and name not in ledger.refused:
                ledger.mark_settled(name)
        return count

    def _refuse(self, member: Member, name: JourneyName, error: Exception) -> None:
        """Let a journey wait that Redis refuses; raises what says that Redis cannot be asked."""
        if not is_refusal(error):
            raise error
        self.shared.telemetry.publish_failures += 1
        member.refuse(name, str(error))

    def _report(self, key: str, error: Exception) -> None:
        """Go on without a key that Redis refuses; raises what says that Redis cannot be asked."""
        if not is_refusal(error):
            raise error
        self.shared.report_refusal(key, str(error))

    async def _verify(self, member: Member) -> None:
        """Ask whether Redis still has what was pushed, and mark what it has lost."""
        ledger, shared = member.ledger, self.shared
        lost = 0
        for names in mending.parts(list(ledger.fences), mending.AT_ONCE):
            expected = [ledger.fences.get(name, "") for name in names]
            keys = [shared.journey_keys(name) for name in names]
            there = await mending.fences_of(shared.link, keys, member.number)
            for name, found in zip(names, there, strict=True):
                if isinstance(found, Exception):
                    self._refuse(member, name, found)
            known = ["" if isinstance(found, Exception) else found for found in there]
            lost += ledger.compare(names, expected, known)
        if time.monotonic() >= member.deep_verify_at_s:
            lost += await self._verify_keys(member)
            member.deep_verify_at_s = time.monotonic() + DEEP_VERIFY_INTERVAL_S
        if lost:
            _log.info("redis_lost_views", partition=member.number, journeys=lost)
        ledger.mark_reached(member.views.offsets)
        member.verify_at_s = time.monotonic() + VERIFY_INTERVAL_S

    async def _verify_keys(self, member: Member) -> int:
        """Look for hashes that somebody deleted; gives in how many journeys."""
        ledger, shared = member.ledger, self.shared
        shared.forget_names()
        names = [name for name, fence in ledger.fences.items() if fence]
        found = 0
        for part in mending.parts(names, mending.AT_ONCE):
            for name in await mending.damaged(shared.link, shared.keys, member.number, part):
                if name in ledger.fences and name not in ledger.in_flight:
                    ledger.mark_damaged(name)
                    found += 1
        return found

    def _judge_windows(self, member: Member) -> None:
        """Read again the journeys whose open windows the account's watermark may have closed since."""
        until_s = time.monotonic() + READ_SLICE_S
        for name in member.windows.outdated(self.shared.watermarks):
            if member.opened.revoked:
                return
            watermark_ms = member.mark(name.account_id)
            views = member.views.read(name, watermark_ms)
            windows = {view: fields for view, fields in views.items() if not view.startswith("step:")}
            member.windows.note_whole(name, windows, watermark_ms)
            member.ledger.keep(name, windows)
            if time.monotonic() > until_s:
                break
        self._pushes.wake()
