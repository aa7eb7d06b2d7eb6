"""How far a store was written: a few bytes beside it that outlive the process and tell losses apart.

RocksDB reads its log up to the first damage and cannot know what should have followed. The mark does: it is
raised after every batch, in memory that the operating system keeps when the process is killed. A store that
comes back with less than its mark has lost batches. Only a crash of the whole machine may do that, because
the latest batches are not synced one by one; the boot id in the mark says whether there was one.
"""

import fcntl
import mmap
import os
import struct
from pathlib import Path
from typing import Self

from wayfold.state.store.errors import STOP_OTHER, StoreProblem, StoreRefusedError, damaged, refused

MARK_FILE = "wayfold-mark"
BOOT_FILE = Path("/proc/sys/kernel/random/boot_id")

_MAGIC = b"wfmark\x00\x01"
_LAYOUT = struct.Struct("<8sQQQ36s")  # magic, stage, sequence, first log, boot id
_NUMBER = struct.Struct("<Q")
_STAGE_AT, _SEQUENCE_AT, _LOG_AT, _BOOT_AT = 8, 16, 24, 32
_CLOSED, _OPENING, _OPEN = 1, 2, 3


class StoreMark:
    """The mark of an open store, and the lock that keeps every other opener out.

    `sequence` is RocksDB's number of the latest write that `Store.write` returned from. `first_log` is the
    number of the log that was begun when the store was opened, None when it was killed before that was
    known. `clean` tells whether it was closed in order, `same_boot` whether the machine has run since.
    """

    def __init__(self, file: int, view: mmap.mmap) -> None:
        self._file = file
        self._view = view
        stage = self._number(_STAGE_AT)
        self.clean = stage == _CLOSED
        self.sequence = self._number(_SEQUENCE_AT)
        self.first_log = self._number(_LOG_AT) if stage == _OPEN else None
        self.same_boot = bytes(view[_BOOT_AT : _BOOT_AT + 36]) == boot_id() != bytes(36)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Lock and read the mark; raise `StoreRefusedError` when it is locked, missing or damaged."""
        try:
            file = os.open(directory / MARK_FILE, os.O_RDWR)
        except FileNotFoundError:
            raise damaged(directory, f"has lost its file {MARK_FILE}") from None
        except OSError as error:
            raise refused(directory, error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file).st_size != _LAYOUT.size:
                raise damaged(directory, f"has a damaged file {MARK_FILE}")
            view = mmap.mmap(file, _LAYOUT.size)
        except BlockingIOError:
            os.close(file)
            raise StoreRefusedError(directory, StoreProblem.LOCKED, "is open elsewhere", STOP_OTHER) from None
        except BaseException:
            os.close(file)
            raise
        mark = cls(file, view)
        if view[:_STAGE_AT] != _MAGIC:
            mark.release()
            raise damaged(directory, f"has a damaged file {MARK_FILE}")
        return mark

    def opening(self) -> None:
        """Note durably that RocksDB is about to change the files; the mark itself stays."""
        self._enter(_OPENING)

    def begin(self, sequence: int, first_log: int) -> None:
        """Note durably that the store is open and will be written."""
        self._view[_BOOT_AT : _BOOT_AT + 36] = boot_id()
        _NUMBER.pack_into(self._view, _LOG_AT, first_log)
        self.reach(sequence)
        self._enter(_OPEN)

    def reach(self, sequence: int) -> None:
        """Raise the mark; eight aligned bytes, so that a kill leaves the old or the new number."""
        _NUMBER.pack_into(self._view, _SEQUENCE_AT, sequence)

    def end(self, sequence: int) -> None:
        """Note durably that everything was written out and the store closed in order."""
        self.reach(sequence)
        self._enter(_CLOSED)

    def release(self) -> None:
        """Let another opener have the store."""
        self._view.close()
        os.close(self._file)

    def _enter(self, stage: int) -> None:
        _NUMBER.pack_into(self._view, _STAGE_AT, stage)
        self._view.flush()

    def _number(self, position: int) -> int:
        return int(_NUMBER.unpack_from(self._view, position)[0])


def write_mark(directory: Path, sequence: int) -> None:
    """Write the mark of a store that was just made and is not open."""
    with (directory / MARK_FILE).open("wb") as file:
        file.write(_LAYOUT.pack(_MAGIC, _CLOSED, sequence, 0, boot_id()))
        file.flush()
        os.fsync(file.fileno())


def boot_id() -> bytes:
    """Name this run of the machine in 36 bytes, zeros where the system does not tell."""
    try:
        return BOOT_FILE.read_bytes()[:36].ljust(36, b"\x00")
    except OSError:
        return bytes(36)
