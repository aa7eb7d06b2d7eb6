"""What workers tell each other of accounts' watermarks: each account's is in a key of its own in Redis."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import nsmallest
from typing import Final

from wayfold.exporters.redis_views.keys import Keys
from wayfold.exporters.redis_views.link import Evaluation
from wayfold.exporters.redis_views.scripts import FORM, WATERMARK

MOST_AT_ONCE: Final = 1_000
"""Accounts in one exchange; with more, those come first that were exchanged longest ago."""
MOST_STRANGERS: Final = 10_000
"""Accounts of partitions that this process no longer has, of which something may still be remembered."""


class Watermarks(Mapping[str, int]):
    """Account → the greatest watermark that is known of any partition, in milliseconds UTC.

    Those of this process are noted as they move. What other workers know comes with an exchange, which is due
    for accounts that have moved here, and for those that are waited for.
    """

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._exchanged: dict[str, int] = {}
        self._exchanged_at_s: dict[str, float] = {}
        self._shown: dict[str, int] = {}

    def __getitem__(self, account_id: str) -> int:
        return self._known[account_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def note(self, account_id: str, watermark_ms: int) -> int:
        """Take in a partition's watermark of an account; gives the greatest that is known."""
        known_ms = self._known.get(account_id, -1)
        if watermark_ms > known_ms:
            self._known[account_id] = watermark_ms
            return watermark_ms
        return known_ms

    def due(self, awaited: Iterable[str]) -> list[str]:
        """The accounts to exchange now: moved here since they were last, or awaited."""
        moved = {
            account_id
            for account_id, known_ms in self._known.items()
            if known_ms > self._exchanged.get(account_id, -1)
        }
        wanted = moved.union(awaited)
        return nsmallest(MOST_AT_ONCE, wanted, key=lambda account_id: self._exchanged_at_s.get(account_id, 0))

    def exchanged(self, account_id: str, watermark_ms: int) -> bool:
        """Take in what Redis has of an account, at least what was told; gives whether that is another now."""
        has_moved = self._shown.get(account_id) != watermark_ms
        self._shown[account_id] = watermark_ms
        self.note(account_id, watermark_ms)
        self._exchanged[account_id] = watermark_ms
        self._exchanged_at_s[account_id] = time.monotonic()
        return has_moved

    def tell_again(self) -> None:
        """Exchange all anew: Redis may have lost them."""
        self._exchanged.clear()

    def forget_others(self, own: set[str]) -> None:
        """Forget accounts that no partition of this process has any more, when they are many."""
        if len(self._known) > len(own) + MOST_STRANGERS:
            for of_accounts in (self._known, self._exchanged, self._shown, self._exchanged_at_s):
                for account_id in of_accounts.keys() - own:
                    of_accounts.pop(account_id, None)


class JudgedAt(Mapping[str, int]):
    """Account → the watermark at which a partition's open windows are judged: none below its own."""

    def __init__(self, known: Watermarks, own_ms: Callable[[str], int]) -> None:
        self._known = known
        self._own_ms = own_ms

    def __getitem__(self, account_id: str) -> int:
        return self._known.note(account_id, self._own_ms(account_id))

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def exchange_call(keys: Keys, source: str, account_id: str, watermark_ms: int) -> Evaluation:
    """Tell an account's watermark, and ask for the greatest that anybody told."""
    return Evaluation(WATERMARK, [keys.watermark(account_id)], [f"{FORM} {source}", watermark_ms])
