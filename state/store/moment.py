"""Reading rows as they were at one moment, whatever is written afterwards."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from rocksdict import RdictIter

from wayfold.state.store.errors import StoreError, closed

Pair = tuple[bytes, bytes]

RESERVED = b"\xff\xff"
"""Keys from here on belong to the store itself: they are in no scan and must not be written."""


class Cursor:
    """An open iterator. Closing the store empties it, as an iterator would keep the files open."""

    __slots__ = ("__weakref__", "position")

    def __init__(self, position: RdictIter) -> None:
        self.position: RdictIter | None = position


class DiskMoment:
    """The rows of a store on disk as they were when its cursor was opened.

    It is quickest for keys in their order, and holds on to the files of the moment while somebody has it.
    Every call raises `StoreFailedError` once the store is closed.
    """

    def __init__(self, cursor: Cursor, path: Path, failure: Callable[[str, Exception], StoreError]) -> None:
        self._cursor = cursor
        self._path = path
        self._failure = failure

    def get(self, key: bytes) -> bytes | None:
        """Value of a key, None when there was none."""
        position = self._position()
        try:
            position.seek(key)
            found = position.value() if position.valid() and position.key() == key else None
            position.status()
        except Exception as error:
            raise self._failure("read", error) from error
        return cast("bytes | None", found)

    def scan(self, start: bytes, end: bytes) -> list[Pair]:
        """The rows with start ≤ key < end, in order."""
        end = min(end, RESERVED)
        position = self._position()
        valid, key, value, advance = position.valid, position.key, position.value, position.next
        rows: list[Pair] = []
        try:
            position.seek(start)
            while valid():
                at = key()
                if at >= end:
                    return rows
                rows.append((at, value()))
                advance()
            # An unreadable block ends an iterator too.
            position.status()
        except Exception as error:
            raise self._failure("read", error) from error
        return rows

    def last(self, start: bytes, end: bytes) -> Pair | None:
        """The row with the greatest key of start ≤ key < end, None when there was none."""
        end = min(end, RESERVED)
        position = self._position()
        try:
            position.seek_for_prev(end)
            if position.valid() and position.key() == end:
                position.prev()
            pair = (position.key(), position.value()) if position.valid() else None
            position.status()
        except Exception as error:
            raise self._failure("read", error) from error
        return pair if pair is not None and pair[0] >= start else None

    def _position(self) -> RdictIter:
        position = self._cursor.position
        if position is None:
            raise closed(self._path)
        return position


class MemoryMoment:
    """The rows of a store in memory as they were; `check_open` raises when the store is closed."""

    def __init__(self, pairs: Mapping[bytes, bytes], check_open: Callable[[], None]) -> None:
        self._pairs = dict(pairs)
        self._keys = sorted(self._pairs)
        self._check_open = check_open

    def get(self, key: bytes) -> bytes | None:
        """Value of a key, None when there was none."""
        self._check_open()
        return self._pairs.get(key)

    def scan(self, start: bytes, end: bytes) -> list[Pair]:
        """The rows with start ≤ key < end, in order."""
        self._check_open()
        return [(key, self._pairs[key]) for key in self._between(start, end)]

    def last(self, start: bytes, end: bytes) -> Pair | None:
        """The row with the greatest key of start ≤ key < end, None when there was none."""
        self._check_open()
        keys = self._between(start, end)
        return (keys[-1], self._pairs[keys[-1]]) if keys else None

    def _between(self, start: bytes, end: bytes) -> list[bytes]:
        return self._keys[bisect_left(self._keys, start) : bisect_left(self._keys, end)]
