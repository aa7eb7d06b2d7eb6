"""The directory in which a host keeps the stores of its partitions: its own, and of one log."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

import msgspec

from wayfold.state.snapshots.log_identity import LogIdentity, calendar_difference, log_differences
from wayfold.state.store.identity import sync_directory

LOCK_FILE = "state.lock"
IDENTITY_FILE = "log.json"
PARTITION_PREFIX = "partition-"
DAY_S = 86_400

FOLD_ANEW = (
    "Or move {directory} away: the latest snapshot that fits is restored then, or the log is folded from its "
    "beginning."
)


class StateDirectoryError(Exception):
    """A state directory that this host must not use; the message says why and what to do."""


class StateDirectory:
    """A locked state directory.

    Two workers that shared one would open each other's stores at every rebalance, and a worker that was
    asleep meanwhile would still hold its own: so each has a directory of its own, and a lock says so.
    """

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path, log: LogIdentity) -> Self:
        """Lock the directory, creating it when it is not there.

        Raises `StateDirectoryError` when another worker uses it or its state is of another log.
        """
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / LOCK_FILE).open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            note_log(path, log)
        except BlockingIOError:
            lock.close()
            raise StateDirectoryError(
                f"The state directory {path} is in use by another worker. Give each worker its own: set "
                "state.directory."
            ) from None
        except BaseException:
            lock.close()
            raise
        return cls(path, lock)

    def partition_path(self, number: int) -> Path:
        """Name the directory of a partition's store."""
        return self.path / f"{PARTITION_PREFIX}{number}"

    def held(self) -> Mapping[int, int]:
        """Tell which partitions have a store here, and when each was last written, in seconds UTC."""
        return {number: _last_write_s(path) for number, path in _stores(self.path)}

    def close(self) -> None:
        """Let another host have the directory."""
        self._lock.close()


def note_log(directory: Path, log: LogIdentity) -> None:
    """Write down which log the stores of a directory are of; raises when they are of another.

    Raises `StateDirectoryError`.
    """
    file = directory / IDENTITY_FILE
    if file.exists():
        found = _read(file)
        _refuse_other(directory, found, log)
        log = msgspec.structs.replace(log, topic_ids={**found.topic_ids, **log.topic_ids})
        if log == found:
            return
    elif stores := sorted(path.name for _, path in _stores(directory)):
        raise StateDirectoryError(
            f"{directory} has state ({', '.join(stores[:3])}) and no {IDENTITY_FILE} that says which log it "
            "was folded from: another version of Wayfold made it, or the file was lost. Restore the file. "
            + FOLD_ANEW.format(directory=directory)
        )
    fresh = file.with_suffix(".new")
    with fresh.open("wb") as output:
        output.write(msgspec.json.encode(log))
        output.flush()
        os.fsync(output.fileno())
    fresh.rename(file)
    sync_directory(directory)


def _stores(directory: Path) -> list[tuple[int, Path]]:
    found = []
    for path in directory.glob(f"{PARTITION_PREFIX}*"):
        number = path.name.removeprefix(PARTITION_PREFIX)
        if number.isdecimal():
            found.append((int(number), path))
    return found


def _read(file: Path) -> LogIdentity:
    try:
        return msgspec.json.decode(file.read_bytes(), type=LogIdentity)
    except msgspec.MsgspecError as error:
        raise StateDirectoryError(
            f"{file} cannot be read ({error}). Restore the file. " + FOLD_ANEW.format(directory=file.parent)
        ) from error


def _refuse_other(directory: Path, found: LogIdentity, wanted: LogIdentity) -> None:
    differences = log_differences(found, wanted)
    if differences:
        raise StateDirectoryError(
            f"The state in {directory} does not belong to this log: {'; '.join(differences)}. Restore the "
            "log, or set the directory to the one that belongs to it. "
            + FOLD_ANEW.format(directory=directory)
        )
    # Nothing that was folded is much later than the last write.
    last_write_s = max((_last_write_s(path) for _, path in _stores(directory)), default=-DAY_S)
    difference = calendar_difference(found, wanted, last_write_s + DAY_S)
    if difference is not None:
        raise StateDirectoryError(
            f"The state in {directory} was counted by another calendar: {difference}. Start it with the time "
            "zone database that it was made with. " + FOLD_ANEW.format(directory=directory)
        )


def _last_write_s(directory: Path) -> int:
    times = [entry.stat().st_mtime for entry in os.scandir(directory) if entry.is_file()]
    return int(max(times, default=0))
