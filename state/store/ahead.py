"""Rows that a fold will ask for soon, read by a thread meanwhile.

To read many rows together is the one read of a store that releases the interpreter's lock. So while the
histories of one chunk are merged, the rows of the next are read on another core.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import Final

from wayfold.state.store.reader import StoreReader

CHUNK_ROWS: Final = 1024
FEW_CHUNKS: Final = 8


class ReadAhead:
    """Reads rows of a store: those that it was told to expect in chunks of `chunk_rows`, ahead of time.

    The first chunk is small, since it is waited for. Each is twice the one before, since a thread that has
    read a chunk waits for the interpreter's lock before it goes on. Rows that make less than two chunks are
    read when they are asked for: to wake a thread for them, and wait for it, would take longer.

    Nothing may be written between `expect` and `forget`.
    """

    def __init__(self, store: StoreReader, chunk_rows: int = CHUNK_ROWS) -> None:
        self._store = store
        self._largest = chunk_rows
        self._smallest = max(1, chunk_rows // 16)
        self._next = self._smallest
        self._expected: Iterator[bytes] = iter(())
        self._chunk_of: dict[bytes, _Chunk] = {}

    def pays_for(self, rows: int) -> bool:
        """Whether it is worth finding out which of so many rows are to be expected.

        Of few, most are in the cache of who asks, and not enough are left to wake a thread for.
        """
        return rows >= FEW_CHUNKS * self._smallest

    def expect(self, keys: Iterable[bytes]) -> None:
        """Begin to read rows that will be asked for in about this order; what was expected is forgotten."""
        self.forget()
        self._expected = iter(keys)
        self._next = self._smallest
        first = self._take()
        wanted = self._next
        second = self._take()
        if len(second) == wanted:
            self._read(first)
            self._read(second)

    def get(self, key: bytes) -> bytes | None:
        """Value of a key, None when there is none; waits for it when it is being read."""
        chunk = self._chunk_of.pop(key, None)
        if chunk is None:
            return self._store.get(key)
        if chunk.rows is None:
            chunk.rows = dict(zip(chunk.keys, chunk.values.result(), strict=True))
            self._read(self._take())
        return chunk.rows.pop(key)

    def forget(self) -> None:
        """Expect nothing any more."""
        self._expected = iter(())
        self._chunk_of = {}

    def _take(self) -> list[bytes]:
        """The keys of the next chunk; fewer than it could have at the end."""
        keys = list(islice(self._expected, self._next))
        self._next = min(2 * self._next, self._largest)
        return keys

    def _read(self, keys: list[bytes]) -> None:
        """Let a chunk be read."""
        if keys:
            chunk = _Chunk(keys, _thread().submit(self._store.get_many, keys))
            self._chunk_of.update(dict.fromkeys(keys, chunk))


class _Chunk:
    """Rows that are read together; `rows` are those that nobody has taken, once somebody has waited."""

    __slots__ = ("keys", "rows", "values")

    def __init__(self, keys: list[bytes], values: "Future[list[bytes | None]]") -> None:
        self.keys = keys
        self.values = values
        self.rows: dict[bytes, bytes | None] | None = None


@cache
def _thread() -> ThreadPoolExecutor:
    """The one thread that reads ahead, for all stores of the process."""
    return ThreadPoolExecutor(1, "read-ahead")
