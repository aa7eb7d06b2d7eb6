"""The store of one partition: a RocksDB whose every write is one atomic batch."""

import os
import shutil
import threading
import uuid
import weakref
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from rocksdict import (
    AccessType,
    Checkpoint,
    DbClosedError,
    Options,
    Rdict,
    RdictIter,
    ReadOptions,
    WriteBatch,
)

from wayfold.state.store.errors import StoreError, closed, damaged, failed, refused
from wayfold.state.store.identity import (
    FORMAT_VERSION,
    IDENTITY_FILE,
    StoreIdentity,
    read_identity,
    sync_directory,
    write_identity,
)
from wayfold.state.store.log import find_gap, log_numbers
from wayfold.state.store.mark import StoreMark, write_mark
from wayfold.state.store.moment import RESERVED, Cursor, DiskMoment
from wayfold.state.store.options import StoreMemory, read_options, store_options
from wayfold.state.store.reader import Find

__all__ = ["RESERVED", "Store", "StoreMemory"]

IDENTITY_KEY = RESERVED + b"identity"
SCAN_CHUNK_COUNT = 256
CACHING_READ_EVERY = 32

_key_of = itemgetter(0)


class Store:
    """The sorted map of bytes to bytes that holds all state of one partition.

    One thread writes; any thread may read. A batch that `write` has returned from outlives the death of the
    process (kill -9). A crash of the whole machine may take the latest batches with it, always whole ones
    and never one from between.
    """

    def __init__(self, path: Path, identity: StoreIdentity, mark: StoreMark, database: Rdict) -> None:
        self.path = path
        self.identity = identity
        self._mark = mark
        self._database = database
        self._reader = database.get_column_family("default")
        self._reader.set_read_options(read_options(caching=False))
        self._caching_reader = database.get_column_family("default")
        self._caching_reader.set_read_options(read_options(caching=True))
        self._reads = -1
        self._in_use = _InUse(path)
        self._cursors: weakref.WeakSet[Cursor] = weakref.WeakSet()

    @classmethod
    def open(cls, path: Path, memory: StoreMemory, *, partition: int) -> Self:
        """Open the store of `partition` in the directory `path`, creating it when there is none.

        Raises `StoreRefusedError` when what is there is of another format version or another partition, is
        damaged, is open elsewhere, or is not a store.
        """
        path = Path(path)
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            _create(path, memory, partition)
        identity = read_identity(path, partition)
        mark = StoreMark.open(path)
        try:
            database = _open_checked(path, identity, mark, store_options(memory))
        except BaseException:
            mark.release()
            raise
        return cls(path, identity, mark, database)

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, None when there is none."""
        self._reads += 1
        reader = self._reader if self._reads % CACHING_READ_EVERY else self._caching_reader
        try:
            return cast("bytes | None", reader.get(key))
        except Exception as error:
            raise self._failure("read", error) from error

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of keys, in their order.

        Other threads run meanwhile: the only read that releases the interpreter's lock.
        """
        with self._in_use:
            self._reads += 1
            reader = self._reader if self._reads % CACHING_READ_EVERY else self._caching_reader
            try:
                values = reader.get(keys if isinstance(keys, list) else list(keys))
            except Exception as error:
                raise self._failure("read", error) from error
        return cast("list[bytes | None]", values)

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Iterate the pairs of [start, end) in the order of their keys, as they are at this moment."""
        end = min(end, RESERVED)
        if start >= end:
            return iter(())
        options = ReadOptions()
        options.set_iterate_upper_bound(end)
        try:
            position = self._reader.iter(options)
            position.seek(start)
        except Exception as error:
            raise self._failure("read", error) from error
        cursor = Cursor(position)
        self._cursors.add(cursor)
        return self._drain(cursor, end)

    def finder(self) -> Find:
        """Give what finds rows as they are at this moment, whatever is written afterwards.

        It is quickest for keys in their order, and holds on to the files of the moment while somebody has it.
        """
        return self.moment().get

    def moment(self) -> DiskMoment:
        """Give the rows as they are at this moment, whatever is written afterwards; as for `finder`."""
        try:
            cursor = Cursor(self._reader.iter())
        except Exception as error:
            raise self._failure("read", error) from error
        self._cursors.add(cursor)
        return DiskMoment(cursor, self.path, self._failure)

    def last(self, start: bytes, end: bytes) -> tuple[bytes, bytes] | None:
        """The pair with the greatest key of [start, end), None when there is none."""
        return self.moment().last(start, end)

    def _drain(self, cursor: Cursor, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the pairs of a cursor. RocksDB points into `end`, which lives as long as this frame."""
        more = True
        while more:
            if cursor.position is None:
                raise closed(self.path)
            chunk = _take(cursor.position)
            more = len(chunk) == SCAN_CHUNK_COUNT
            if not more:
                try:
                    # An unreadable block ends an iterator too.
                    cursor.position.status()
                except Exception as error:
                    raise self._failure("read", error) from error
            yield from chunk

    def write(
        self,
        puts: Iterable[tuple[bytes, bytes]],
        deletes: Iterable[bytes] = (),
        ranges: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Apply range deletions [start, end), then deletions, then puts: all of it or nothing."""
        batch = WriteBatch(raw_mode=True)
        for start, end in ranges:
            if start < (end := min(end, RESERVED)):
                batch.delete_range(start, end)
        for key in deletes:
            batch.delete(key)
        put = batch.put
        # In the order of keys the write buffer takes them in two thirds of the time.
        for key, value in sorted(puts, key=_key_of):
            put(key, value)
        if batch.is_empty():
            return
        try:
            self._database.write(batch)
            self._mark.reach(self._database.latest_sequence_number())
        except Exception as error:
            raise self._failure("write", error) from error

    def checkpoint(self, directory: Path) -> None:
        """Make a copy of the store as it is now in a new directory, by hard links where possible.

        Called by the thread that writes. The copy can be opened as a store, and read and moved by any thread
        while this one is written on.
        """
        with self._in_use:
            try:
                if directory.exists():
                    raise FileExistsError(f"{directory} exists")
                # Releases the interpreter's lock, which making the checkpoint does not.
                self._database.flush(wait=True)
                Checkpoint(self._database).create_checkpoint(str(directory))
                write_mark(directory, self._database.latest_sequence_number())
                write_identity(directory, self.identity)
            except Exception as error:
                raise self._failure("make a checkpoint", error) from error

    def size_bytes(self) -> int:
        """Count the bytes of the store's tables on disk and in its write buffers."""
        names = ("rocksdb.total-sst-files-size", "rocksdb.size-all-mem-tables")
        try:
            return sum(self._database.property_int_value(name) or 0 for name in names)
        except Exception as error:
            raise self._failure("tell its size", error) from error

    def close(self) -> None:
        """Write what is in memory to the disk and let go of the files; closing again does nothing."""
        if not self._in_use.finish():
            return
        for cursor in list(self._cursors):
            cursor.position = None
        try:
            sequence = self._database.latest_sequence_number()
            self._reader.close()
            self._caching_reader.close()
            self._database.close()
            self._mark.end(sequence)
        except Exception as error:
            raise failed(self.path, "write out what was in memory", error) from error
        finally:
            self._mark.release()
            # One that could not be written out would stay open, and locked, as long as it is held.
            self._database = self._reader = self._caching_reader = cast("Rdict", _NoDatabase())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _failure(self, action: str, error: Exception) -> StoreError:
        if isinstance(error, StoreError):
            return error
        if isinstance(error, DbClosedError) or self._in_use.finished:
            return closed(self.path)
        return failed(self.path, action, error)


class _NoDatabase:
    """What a closed store has in the place of its database: every use says so."""

    def __getattr__(self, name: str) -> object:
        raise DbClosedError(name)


def _take(position: RdictIter) -> list[tuple[bytes, bytes]]:
    """Read the next pairs of an iterator, fewer than a chunk only at its end."""
    valid, key, value, advance = position.valid, position.key, position.value, position.next
    chunk: list[tuple[bytes, bytes]] = []
    while len(chunk) < SCAN_CHUNK_COUNT and valid():
        chunk.append((key(), value()))
        advance()
    return chunk


class _InUse:
    """Calls under way that release the interpreter's lock; closing waits for them and lets no more begin."""

    def __init__(self, path: Path) -> None:
        self.finished = False
        self._path = path
        self._calls = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            if self.finished:
                raise closed(self._path)
            self._calls += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._calls -= 1
            self._changed.notify_all()

    def finish(self) -> bool:
        """Let no call begin any more and wait for the last; False when that was done before."""
        with self._changed:
            if self.finished:
                return False
            self.finished = True
            self._changed.wait_for(lambda: self._calls == 0)
        return True


def _create(path: Path, memory: StoreMemory, partition: int) -> None:
    """Make an empty store beside `path` and rename it there, so that no half-made one is ever found."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(path, error) from error
    for leftover in path.parent.glob(f"{path.name}.creating-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    identity = StoreIdentity(format_version=FORMAT_VERSION, partition=partition, creation_id=uuid.uuid4().hex)
    fresh = path.with_name(f"{path.name}.creating-{identity.creation_id}")
    options = store_options(memory)
    options.create_if_missing(True)
    database = _open_database(fresh, options)
    try:
        database.put(IDENTITY_KEY, identity.encoded())
        sequence = database.latest_sequence_number()
        database.close()
        write_mark(fresh, sequence)
        write_identity(fresh, identity)
        os.replace(fresh, path)
        sync_directory(path.parent)
    except Exception as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise refused(path, error) from error


def _open_checked(path: Path, identity: StoreIdentity, mark: StoreMark, options: Options) -> Rdict:
    """Open a locked store, having made sure that nothing of what was written is missing."""
    _check_complete(path, mark, options)
    mark.opening()
    database = _open_database(path, options)
    try:
        sequence = database.latest_sequence_number()
        if database.get(IDENTITY_KEY) != identity.encoded():
            raise damaged(path, f"holds other data than its {IDENTITY_FILE} says")
        mark.begin(sequence, max(log_numbers(path), default=0))
    except Exception as error:
        database.close()
        raise error if isinstance(error, StoreError) else refused(path, error) from error
    return database


def _check_complete(path: Path, mark: StoreMark, options: Options) -> None:
    """Look at what the store would come back with before anything is changed: recovery deletes files."""
    database = _open_database(path, options, AccessType.read_only(False))
    try:
        sequence = database.latest_sequence_number()
        least_log = database.property_int_value("rocksdb.min-log-number-to-keep") or 0
    except Exception as error:
        raise refused(path, error) from error
    finally:
        database.close()
    gap = find_gap(path, least_log, mark.first_log)
    if gap is not None:
        raise damaged(path, gap)
    if sequence < mark.sequence and (mark.clean or mark.same_boot):
        raise damaged(path, f"has lost its latest writes: it was at {mark.sequence} and is at {sequence}")


def _open_database(path: Path, options: Options, access: AccessType | None = None) -> Rdict:
    # Without the explicit column family its options would be those of the last run, read from its files.
    try:
        return Rdict(str(path), options, {"default": options}, access or AccessType.read_write())
    except Exception as error:
        raise refused(path, error) from error
