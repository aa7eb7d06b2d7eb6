"""The store of one partition: a RocksDB whose every write is one atomic batch."""

import contextlib
import os
import shutil
import threading
import uuid
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Self, cast

import msgspec
from rocksdict import Checkpoint, DbClosedError, Options, Rdict, ReadOptions, WriteBatch

from wayfold.state.store_errors import REBUILD, StoreProblem, StoreRefusedError, closed, failed, refused
from wayfold.state.store_options import StoreMemory, store_options

__all__ = ["FORMAT_VERSION", "RESERVED", "Store", "StoreMemory"]

FORMAT_VERSION = 1
RESERVED = b"\xff\xff"
IDENTITY_KEY = RESERVED + b"identity"
IDENTITY_FILE = "wayfold-store.json"
SCAN_CHUNK_COUNT = 256


class StoreIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What a store is: written once when it is created, in a file beside it and inside it."""

    format_version: int
    partition: int
    creation_id: str


class _Cursor:
    """An open iterator; closing the store empties it, so that no reader keeps the files open."""

    __slots__ = ("__weakref__", "pairs")

    def __init__(self, pairs: Iterator[tuple[bytes, bytes]]) -> None:
        self.pairs: Iterator[tuple[bytes, bytes]] | None = pairs


class Store:
    """The sorted map of bytes to bytes that holds all state of one partition.

    One thread writes; any thread may read. Keys that start with `RESERVED` belong to the store.
    A batch that `write` has returned from survives the death of the process (kill -9). The death
    of the machine may lose the latest batches, always whole and always the latest ones.
    """

    def __init__(self, path: Path, database: Rdict, identity: StoreIdentity) -> None:
        self.path = path
        self.identity = identity
        self._database = database
        self._reader = database.get_column_family("default")
        self._cursors: weakref.WeakSet[_Cursor] = weakref.WeakSet()
        self._closing = threading.Lock()
        self._closed = False

    @classmethod
    def open(cls, path: Path, memory: StoreMemory, *, partition: int) -> Self:
        """Open the store of `partition` in the directory `path`, creating it when there is none.

        Raises `StoreRefusedError` when what is there is of another format version or another
        partition, is damaged, is open elsewhere, or is not a store.
        """
        path = Path(path)
        if not path.exists() or not any(path.iterdir()):
            _create(path, memory, partition)
        identity = _read_identity(path, partition)
        database = _open_database(path, store_options(memory))
        try:
            inside = database.get(IDENTITY_KEY)
        except Exception as error:
            database.close()
            raise refused(path, error) from error
        if inside != msgspec.json.encode(identity):
            database.close()
            raise _damaged(path, f"has an {IDENTITY_FILE} that belongs to other data")
        return cls(path, database, identity)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, None when there is none."""
        try:
            value: bytes | None = self._reader.get(key)
        except Exception as error:
            raise self._failure("read", error) from error
        return value

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of keys, in their order; releases the interpreter's lock while it reads."""
        try:
            values = self._reader.get(keys if isinstance(keys, list) else list(keys))
        except Exception as error:
            raise self._failure("read", error) from error
        return cast("list[bytes | None]", values)

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Iterate the pairs of [start, end) in the order of their keys, as they are at this moment."""
        end = min(end, RESERVED)
        options = ReadOptions()
        options.set_iterate_upper_bound(end)
        try:
            pairs = self._reader.items(from_key=start, read_opt=options)
        except Exception as error:
            raise self._failure("read", error) from error
        cursor = _Cursor(cast("Iterator[tuple[bytes, bytes]]", pairs))
        self._cursors.add(cursor)
        return self._drain(cursor, start, end)

    def _drain(self, cursor: _Cursor, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs of a cursor; `end` stays alive with it, as RocksDB points into it."""
        last: bytes | None = None
        while True:
            if cursor.pairs is None:
                raise closed(self.path)
            chunk = list(islice(cursor.pairs, SCAN_CHUNK_COUNT))
            yield from chunk
            if len(chunk) < SCAN_CHUNK_COUNT:
                break
            last = chunk[-1][0]
        self._check_end(start if last is None else last)

    def _check_end(self, key: bytes) -> None:
        """Raise when an iterator stopped for an unreadable file and not for the end of its range."""
        if self._closed:
            raise closed(self.path)
        position = self._reader.iter()
        position.seek(key)
        try:
            position.status()
        except Exception as error:
            raise self._failure("read", error) from error

    def write(
        self,
        puts: Iterable[tuple[bytes, bytes]],
        deletes: Iterable[bytes] = (),
        ranges: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Apply range deletions, then deletions, then puts, as one batch: all of it or nothing."""
        batch = WriteBatch(raw_mode=True)
        for start, end in ranges:
            batch.delete_range(start, min(end, RESERVED))
        for key in deletes:
            batch.delete(key)
        put = batch.put
        for key, value in puts:
            put(key, value)
        try:
            self._database.write(batch)
        except Exception as error:
            raise self._failure("write", error) from error

    def checkpoint(self, directory: Path) -> None:
        """Make a consistent copy of the store in a new directory, by hard links where possible."""
        try:
            self._database.flush(wait=True)
            Checkpoint(self._database).create_checkpoint(str(directory))
        except Exception as error:
            raise self._failure("make a checkpoint", error) from error
        _write_identity(directory, self.identity)

    def size_bytes(self) -> int:
        """Bytes of the store's tables on disk and in its write buffers."""
        names = ("rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables")
        return sum(self._database.property_int_value(name) or 0 for name in names)

    def close(self) -> None:
        """Write what is in memory to the disk and let go of the files; closing again does nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            for cursor in list(self._cursors):
                cursor.pairs = None
            try:
                self._reader.close()
                self._database.close()
            except Exception as error:
                raise failed(self.path, "close", error) from error

    def _failure(self, action: str, error: Exception) -> Exception:
        if isinstance(error, DbClosedError):
            return closed(self.path)
        return failed(self.path, action, error)


def _create(path: Path, memory: StoreMemory, partition: int) -> None:
    """Make an empty store beside `path` and rename it there, so that no half-made one is ever seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f"{path.name}.creating-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    identity = StoreIdentity(format_version=FORMAT_VERSION, partition=partition, creation_id=uuid.uuid4().hex)
    fresh = path.with_name(f"{path.name}.creating-{identity.creation_id}")
    options = store_options(memory)
    options.create_if_missing(True)
    database = _open_database(fresh, options)
    database.put(IDENTITY_KEY, msgspec.json.encode(identity))
    database.close()
    _write_identity(fresh, identity)
    with contextlib.suppress(FileNotFoundError):
        path.rmdir()
    fresh.rename(path)
    _sync_directory(path.parent)


def _open_database(path: Path, options: Options) -> Rdict:
    # Without the explicit column family its options would come from the files of the last run.
    try:
        return Rdict(str(path), options, {"default": options})
    except Exception as error:
        raise refused(path, error) from error


def _write_identity(directory: Path, identity: StoreIdentity) -> None:
    with (directory / IDENTITY_FILE).open("wb") as file:
        file.write(msgspec.json.encode(identity))
        file.flush()
        os.fsync(file.fileno())
    _sync_directory(directory)


def _read_identity(path: Path, partition: int) -> StoreIdentity:
    try:
        text = (path / IDENTITY_FILE).read_bytes()
    except FileNotFoundError:
        raise StoreRefusedError(
            path,
            StoreProblem.NOT_A_STORE,
            f"is not empty and has no {IDENTITY_FILE}",
            "Give a directory of its own to each store, or move this one away.",
        ) from None
    try:
        version = msgspec.json.decode(text, type=dict[str, object]).get("format_version")
        if version != FORMAT_VERSION:
            raise StoreRefusedError(
                path,
                StoreProblem.OTHER_FORMAT,
                f"has format version {version}, and this program reads {FORMAT_VERSION}",
                "Use the program version that wrote it, or move the directory away and replay the event log.",
            )
        identity = msgspec.json.decode(text, type=StoreIdentity)
    except msgspec.MsgspecError as error:
        raise _damaged(path, f"has a damaged {IDENTITY_FILE} ({error})") from error
    if identity.partition != partition:
        raise StoreRefusedError(
            path,
            StoreProblem.OTHER_PARTITION,
            f"belongs to partition {identity.partition}, not to partition {partition}",
            "Check the data directory in the settings; each partition has a directory of its own.",
        )
    return identity


def _damaged(path: Path, detail: str) -> StoreRefusedError:
    return StoreRefusedError(path, StoreProblem.DAMAGED, detail, REBUILD + ".")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
