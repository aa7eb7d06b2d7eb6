"""Counts of very many things in little memory, for audits that hold few of a log's events."""

from array import array
from hashlib import blake2b
from typing import Final

FIRST_SLOTS: Final = 1_024
MOST_COUNT: Final = 2**32 - 1


class CompactCounts:
    """How often each of many things was counted, in 12 bytes for a slot of a table that is half full.

    Things are told apart by 64 bits of a hash: among a hundred million, two are taken for one with a
    probability of 1 in 3,000.
    """

    def __init__(self) -> None:
        self._hashes = array("Q", bytes(8 * FIRST_SLOTS))
        self._counts = array("I", bytes(4 * FIRST_SLOTS))
        self._used = 0

    def __len__(self) -> int:
        """How many different things were counted."""
        return self._used

    @property
    def size_bytes(self) -> int:
        """How much memory the table takes."""
        return len(self._hashes) * (self._hashes.itemsize + self._counts.itemsize)

    def __getitem__(self, what: tuple[str | None, ...]) -> int:
        """Give how often; 0 when never."""
        return self._counts[self._slot(_hash(what))]

    def __setitem__(self, what: tuple[str | None, ...], count: int) -> None:
        """Set how often, at least once."""
        hashed = _hash(what)
        slot = self._slot(hashed)
        if not self._counts[slot]:
            self._used += 1
            self._hashes[slot] = hashed
        self._counts[slot] = min(count, MOST_COUNT)
        if 2 * self._used > len(self._hashes):
            self._grow()

    def _slot(self, hashed: int) -> int:
        """Where a hash stands, or the free slot where it would."""
        last = len(self._hashes) - 1
        slot = hashed & last
        while self._counts[slot] and self._hashes[slot] != hashed:
            slot = (slot + 1) & last
        return slot

    def _grow(self) -> None:
        hashes, counts = self._hashes, self._counts
        self._hashes, self._counts = array("Q", bytes(16 * len(hashes))), array("I", bytes(8 * len(counts)))
        for hashed, count in zip(hashes, counts, strict=True):
            if count:
                slot = self._slot(hashed)
                self._hashes[slot], self._counts[slot] = hashed, count


def _hash(what: tuple[str | None, ...]) -> int:
    return int.from_bytes(blake2b(repr(what).encode(), digest_size=8).digest(), "big")
