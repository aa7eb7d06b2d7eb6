"""The directory in which a worker keeps the stores of its partitions: its own, and of one set of topics."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

import msgspec

LOCK_FILE = "worker.lock"
IDENTITY_FILE = "worker.json"
PARTITION_PREFIX = "partition-"


class StateDirectoryError(Exception):
    """A state directory that this worker must not use; the message says why and what to do."""


class StateIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which topics the state was folded from.

    `topic_ids` are Kafka's own, by topic name: a topic that was deleted and created again has another.
    """

    partitions: int
    partitioner: str
    topic_ids: dict[str, str]


class StateDirectory:
    """A locked state directory.

    Two workers that shared one would open each other's stores at every rebalance, and a worker that was
    asleep meanwhile would still hold its own: so each has a directory of its own, and a lock says so.
    """

    def __init__(self, path: Path, lock: IO[str]) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def open(cls, path: Path, identity: StateIdentity) -> Self:
        """Lock the directory, creating it when it is not there.

        Raises `StateDirectoryError` when another worker uses it or its state is of other topics.
        """
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / LOCK_FILE).open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _check_identity(path / IDENTITY_FILE, identity)
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
        return {
            int(path.name.removeprefix(PARTITION_PREFIX)): _last_write_s(path)
            for path in self.path.glob(f"{PARTITION_PREFIX}*")
            if path.name.removeprefix(PARTITION_PREFIX).isdecimal()
        }

    def close(self) -> None:
        """Let another worker have the directory."""
        self._lock.close()


def _check_identity(file: Path, identity: StateIdentity) -> None:
    if file.exists():
        found = _read(file)
        _refuse_other(file.parent, found, identity)
        identity = msgspec.structs.replace(identity, topic_ids={**found.topic_ids, **identity.topic_ids})
        if identity == found:
            return
    fresh = file.with_suffix(".new")
    with fresh.open("wb") as output:
        output.write(msgspec.json.encode(identity))
        output.flush()
        os.fsync(output.fileno())
    fresh.rename(file)


def _read(file: Path) -> StateIdentity:
    try:
        return msgspec.json.decode(file.read_bytes(), type=StateIdentity)
    except msgspec.MsgspecError as error:
        raise StateDirectoryError(
            f"{file} cannot be read ({error}). Move the directory {file.parent} away; the worker then takes "
            "the latest snapshot, or folds the topics from their beginning."
        ) from error


def _refuse_other(directory: Path, found: StateIdentity, wanted: StateIdentity) -> None:
    differences = [
        f"{name}: {getattr(found, name)} then, {getattr(wanted, name)} now"
        for name in ("partitions", "partitioner")
        if getattr(found, name) != getattr(wanted, name)
    ]
    differences += [
        f"the topic {topic} was deleted and created again"
        for topic, topic_id in wanted.topic_ids.items()
        if found.topic_ids.get(topic, topic_id) != topic_id
    ]
    if not found.topic_ids.keys() & wanted.topic_ids.keys():
        differences.append(f"it was folded from {', '.join(sorted(found.topic_ids))}")
    if differences:
        raise StateDirectoryError(
            f"The state in {directory} does not belong to these topics: {'; '.join(differences)}. Set "
            "state.directory to the directory that belongs to them, or to a new one, into which they are "
            "folded from their beginning."
        )


def _last_write_s(directory: Path) -> int:
    times = [entry.stat().st_mtime for entry in os.scandir(directory) if entry.is_file()]
    return int(max(times, default=0))
