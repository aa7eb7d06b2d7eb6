"""Says in Redis which partitions this worker has, and learns from what stands there that Redis lost it."""

import time
from collections.abc import Sequence
from typing import Any, Final

import structlog

from wayfold.exporters.redis_views.keys import index_member
from wayfold.exporters.redis_views.link import is_refusal
from wayfold.exporters.redis_views.member import CLAIM_LIFETIME_MS, Member
from wayfold.exporters.redis_views.registry import Announcement, Terms, claim_call, decode_claim
from wayfold.exporters.redis_views.shared import Shared

ATTEMPTS: Final = 3
"""How often one claim is made on top of what turns out to be there; the next turn makes it again."""
MOST_NAMED: Final = 100
"""Refused journeys that a claim names; when Redis refuses more, readers are told that not all is there."""

_log = structlog.get_logger(__name__)


class Claims:
    """Makes the claims of a worker, each on top of the one that Redis has of the partition.

    A new owner finds the claim of the one before, and whether readers may read what that one pushed; it
    begins a new epoch, under which it pushes. An owner that does not find its own claim learns that Redis was
    emptied, came back from an old dump, or lost something by the word of another partition that voided the
    claim; it pushes everything in full.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    async def make(self, members: Sequence[Member]) -> None:
        """Claim partitions; what Redis refuses is reported, and made again the next time."""
        for _ in range(ATTEMPTS):
            if not members:
                return
            calls = []
            for member in members:
                terms = self._terms_of(member)
                member.claim.turn += 1
                said = self._announcement_of(member)
                calls.append(claim_call(self._shared.keys, member.number, member.claim.there, said, terms))
            answers = await self._shared.link.evaluate(calls)
            again = []
            for member, answer in zip(members, answers, strict=True):
                if is_refusal(answer):
                    self._shared.report_refusal(self._shared.keys.partitions, str(answer))
                elif isinstance(answer, Exception):
                    raise answer
                elif not self._is_settled(member, *answer):
                    again.append(member)
            members = again

    def _is_settled(self, member: Member, there: bytes, now: Any) -> bool:
        """Take in which claim is there now; False when ours is to be made again on top of it."""
        held, found = member.claim, decode_claim(there)
        is_own = found is not None and found.token == member.ledger.writer.token
        is_made = found is not None and is_own and found.turn == held.turn
        if is_made:
            held.taken, held.answered, held.waits_until_s = True, held.turn, None
        elif held.taken and not (found is not None and is_own and found.turn > held.answered):
            if found is None and member.ledger.superseded_by >= held.epoch and not held.has_waited():
                return True  # a later owner has pushed, and its claim was lost as well: it claims first
            if found is None or is_own:
                _log.info("redis_lost_claim", partition=member.number)
                member.verify_all, member.mend_at_s = True, 0.0
                self._shared.watermarks.tell_again()
            elif found.expires_at_ms > int(now) and found.epoch > held.epoch:
                held.readable_since_ms = found.readable_since_ms
                return True  # the partition is another worker's, as this one is about to learn
            elif found.expires_at_ms <= int(now):
                held.epoch = 0  # it was another worker's
        held.there, held.readable_since_ms = there, found.readable_since_ms if found else None
        if found is not None and is_own:
            held.epoch = found.epoch
        return is_made

    def _announcement_of(self, member: Member) -> Announcement:
        identity, ledger = self._shared.identity, member.ledger
        return Announcement(
            worker=identity.worker,
            url=identity.url,
            token=ledger.writer.token,
            turn=member.claim.turn,
            offsets=member.stand.offsets,
            watermark_ms=member.views.watermark_ms,
            lag_ms=self._shared.telemetry.lag_ms.get(member.number),
            complete=member.intact,
            commits=member.views.commits,
            current=member.current,
            refused=[index_member(name) for name in sorted(ledger.refused)[:MOST_NAMED]],
            partitions=identity.partitions,
        )

    def _terms_of(self, member: Member) -> Terms:
        held = member.claim
        age_ms = 0 if member.current else round((time.monotonic() - member.read_s) * 1000)
        epoch = held.epoch if held.epoch > member.ledger.superseded_by else 0
        return Terms(CLAIM_LIFETIME_MS, age_ms, _readable(member), epoch, member.ledger.superseded_by)


def _readable(member: Member) -> str:
    """Since when readers find all of the partition, as of some commit of it; "" while they do not."""
    held, ledger = member.claim, member.ledger
    if ledger.lost:
        held.readable_since_ms, ledger.lost = None, not member.intact
    if len(ledger.refused) > MOST_NAMED:
        return ""
    if held.readable_since_ms is not None:
        return str(held.readable_since_ms)
    return "now" if member.intact else ""
