"""What the pure parts need of a store: reads only."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

Find = Callable[[bytes], bytes | None]
"""Gives the value of a key, None when there is none."""


class StoreReader(Protocol):
    """Sorted rows of bytes, as committed."""

    def get(self, key: bytes) -> bytes | None:
        """Value of a key, None when there is none."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values of keys, in their order; other threads run meanwhile."""

    def finder(self) -> Find:
        """Give what finds rows as they are at this moment, whatever is written afterwards."""

    def last(self, start: bytes, end: bytes) -> tuple[bytes, bytes] | None:
        """The row with the greatest key of start ≤ key < end, None when there is none."""

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start ≤ key < end, in order."""
