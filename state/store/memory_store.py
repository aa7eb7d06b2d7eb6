"""A store in memory for tests: the same contract without files, and failures on demand."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from wayfold.state.store.errors import closed, damaged, failed
from wayfold.state.store.identity import FORMAT_VERSION, StoreIdentity, read_identity, write_identity
from wayfold.state.store.moment import MemoryMoment
from wayfold.state.store.reader import Find, StoreMoment
from wayfold.state.store.store import RESERVED, Store, StoreMemory

PAIRS_FILE = "pairs.msgpack"


class MemoryStore(Store):
    """A `Store` that lives in memory, for tests of what is built on a store.

    `restarted` stands for a process that was killed and started again; `fail_next_write` for a disk that
    fails in the middle of a commit. `writes` counts the batches that were applied.
    """

    def __init__(self, partition: int = 0, pairs: Mapping[bytes, bytes] | None = None) -> None:
        self.path = Path(f"memory-{partition}")
        self.identity = StoreIdentity(
            format_version=FORMAT_VERSION, partition=partition, creation_id=f"memory-{partition}"
        )
        self.pairs = dict(pairs or {})
        self.writes = 0
        self._keys: list[bytes] | None = None
        self._closed = False
        self._failure_of_next_write: Exception | None = None

    @classmethod
    def open(cls, path: Path, memory: StoreMemory | None = None, *, partition: int) -> Self:
        """Open what `checkpoint` left in a directory, an empty store when there is no directory."""
        if not path.exists():
            return cls(partition)
        identity = read_identity(path, partition)
        try:
            pairs = msgspec.msgpack.decode((path / PAIRS_FILE).read_bytes(), type=dict[bytes, bytes])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise damaged(path, f"cannot be read ({error})") from error
        store = cls(identity.partition, pairs)
        store.path = path
        return store

    def restarted(self) -> "MemoryStore":
        """Return what the next process finds: all that was written, in another store."""
        self._closed = True
        return MemoryStore(self.identity.partition, self.pairs)

    def fail_next_write(self, error: Exception) -> None:
        """Make the next write raise `error` and apply nothing."""
        self._failure_of_next_write = error

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, None when there is none."""
        self._check_open()
        return self.pairs.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of keys, in their order."""
        self._check_open()
        return [self.pairs.get(key) for key in keys]

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Iterate the pairs of [start, end) in the order of their keys, as they are at this moment."""
        self._check_open()
        return self._drain_pairs([(key, self.pairs[key]) for key in self._between(start, end)])

    def finder(self) -> Find:
        """Give what finds rows as they are at this moment, whatever is written afterwards."""
        return self.moment().get

    def moment(self) -> StoreMoment:  # type: ignore[override]
        """Give the rows as they are at this moment, whatever is written afterwards."""
        self._check_open()
        return MemoryMoment(self.pairs, self._check_open)

    def last(self, start: bytes, end: bytes) -> tuple[bytes, bytes] | None:
        """The pair with the greatest key of [start, end), None when there is none."""
        self._check_open()
        keys = self._between(start, end)
        return (keys[-1], self.pairs[keys[-1]]) if keys else None

    def _between(self, start: bytes, end: bytes) -> list[bytes]:
        if self._keys is None:
            self._keys = sorted(self.pairs)
        return self._keys[bisect_left(self._keys, start) : bisect_left(self._keys, min(end, RESERVED))]

    def _drain_pairs(self, pairs: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        for pair in pairs:
            self._check_open()
            yield pair

    def write(
        self,
        puts: Iterable[tuple[bytes, bytes]],
        deletes: Iterable[bytes] = (),
        ranges: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Apply range deletions [start, end), then deletions, then puts: all of it or nothing."""
        self._check_open()
        pairs, gone = [(_checked(key), _checked(value)) for key, value in puts], list(deletes)
        for start, end in ranges:
            gone += self._between(start, end)
        error, self._failure_of_next_write = self._failure_of_next_write, None
        if error is not None:
            raise error
        for key in gone:
            self.pairs.pop(key, None)
        self.pairs.update(pairs)
        self._keys = None
        self.writes += 1

    def checkpoint(self, directory: Path) -> None:
        """Make a copy in a new directory, for `MemoryStore.open`."""
        self._check_open()
        try:
            directory.mkdir()
        except OSError as error:
            raise failed(self.path, "make a checkpoint", error) from error
        (directory / PAIRS_FILE).write_bytes(msgspec.msgpack.encode(self.pairs))
        write_identity(directory, self.identity)

    def size_bytes(self) -> int:
        """Count the bytes of all keys and values."""
        self._check_open()
        return sum(len(key) + len(value) for key, value in self.pairs.items())

    def close(self) -> None:
        """Let no call in any more; closing again does nothing."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise closed(self.path)


def _checked(value: bytes) -> bytes:
    """Refuse what RocksDB refuses too."""
    if type(value) is not bytes:
        raise ValueError(f"keys and values are bytes, not {type(value).__name__}")
    return value
