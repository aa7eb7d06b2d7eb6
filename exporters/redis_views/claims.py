"""Says in Redis which partitions this worker has, and learns from what stands there that Redis lost it."""

from collections.abc import Sequence
from typing import Final

import structlog

from wayfold.exporters.redis_views.member import Member
from wayfold.exporters.redis_views.registry import PartitionClaim, claim_call, decode_claim, encode_claim
from wayfold.exporters.redis_views.shared import Shared, now_ms

CLAIM_LIFETIME_MS: Final = 15_000
ATTEMPTS: Final = 3
"""How often one claim is made on top of what turns out to be there; the next turn makes it again."""

_log = structlog.get_logger(__name__)


class Claims:
    """Makes the claims of a worker, each on top of the one that Redis has of the partition.

    A new owner finds the claim of the one before, and whether readers may read what that one pushed. An
    owner that does not find its own claim learns that Redis was emptied, came back from an old dump, or
    lost something by the word of another partition that voided the claim; it pushes everything in full.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    async def make(self, members: Sequence[Member]) -> None:
        """Claim partitions; raises what Redis refuses with."""
        for _ in range(ATTEMPTS):
            if not members:
                return
            said = [encode_claim(self._claim_of(member)) for member in members]
            for member, claim in zip(members, said, strict=True):
                member.claim.unanswered.append(claim)
            answers = await self._shared.link.evaluate(
                [
                    claim_call(self._shared.keys, member.number, member.claim.there, claim)
                    for member, claim in zip(members, said, strict=True)
                ]
            )
            again = []
            for member, claim, answer in zip(members, said, answers, strict=True):
                if isinstance(answer, Exception):
                    raise answer
                if not self._is_settled(member, claim, answer):
                    again.append(member)
            members = again

    def _is_settled(self, member: Member, said: bytes, there: bytes) -> bool:
        """Take in which claim is there now; False when ours is to be made again on top of it."""
        held, found = member.claim, decode_claim(there) if there else None
        if there == said:
            held.taken = True
        elif held.taken and there not in held.unanswered:
            if found is not None and found.worker != self._shared.identity.worker:
                if found.expires_at_ms > now_ms():
                    held.readable_since_ms = found.readable_since_ms
                    return True  # the partition is another worker's, as this one is about to learn
            else:
                _log.info("redis_lost_claim", partition=member.number)
                member.verify_all, member.mend_at_s = True, 0.0
        held.there, held.readable_since_ms = there, found.readable_since_ms if found else None
        held.unanswered.clear()
        return there == said

    def _claim_of(self, member: Member) -> PartitionClaim:
        identity, now = self._shared.identity, now_ms()
        return PartitionClaim(
            worker=identity.worker,
            url=identity.url,
            sequence=member.stand.sequence,
            watermark_ms=member.views.watermark_ms,
            as_of_ms=now if member.current else member.read_ms,
            lag_ms=self._shared.telemetry.lag_ms.get(member.number),
            expires_at_ms=now + CLAIM_LIFETIME_MS,
            complete=member.intact,
            readable_since_ms=_readable_since_ms(member, now),
            partitions=identity.partitions,
        )


def _readable_since_ms(member: Member, now: int) -> int | None:
    """Since when readers find all of the partition, as of some commit of it; None while they do not."""
    held, ledger = member.claim, member.ledger
    if ledger.lost:
        held.readable_since_ms, ledger.lost = None, not member.intact
    if member.intact and held.readable_since_ms is None:
        return now
    return held.readable_since_ms
