"""What the pure parts need of a store: reads only."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

Find = Callable[[bytes], bytes | None]
"""Gives the value of a key, None when there is none."""


class StoreMoment(Protocol):
    """Sorted rows of bytes as they were at one moment, whatever was committed afterwards."""

    def get(self, key: bytes) -> bytes | None:
        """Value of a key, None when there was none."""

    def scan(self, start: bytes, end: bytes) -> list[tuple[bytes, bytes]]:
        """Rows with start ≤ key < end, in order."""

    def last(self, start: bytes, end: bytes) -> tuple[bytes, bytes] | None:
        """The row with the greatest key of start ≤ key < end, None when there was none."""


class StoreReader(Protocol):
    """Sorted rows of bytes, as committed."""

    def get(self, key: bytes) -> bytes | None:
        """Value of a key, None when there is none."""

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values of keys, in their order; other threads run meanwhile."""

    def finder(self) -> Find:
        """Give what finds rows as they are at this moment, whatever is written afterwards."""

    def moment(self) -> StoreMoment:
        """Give the rows as they are at this moment, whatever is written afterwards."""

    def last(self, start: bytes, end: bytes) -> tuple[bytes, bytes] | None:
        """The row with the greatest key of start ≤ key < end, None when there is none."""

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start ≤ key < end, in order."""
