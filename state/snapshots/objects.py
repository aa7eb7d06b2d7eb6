"""Where snapshots lie: named objects in a directory, or in whatever else offers the same few calls."""

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from wayfold.state.snapshots.errors import SnapshotError, SnapshotProblem
from wayfold.state.store.identity import sync_directory

UNFINISHED_SUFFIX = ".unfinished"

_OF_A_LOG = re.compile(r"(log-[0-9a-f]+)/partition-(\d+)/snapshots/")


class ObjectMissingError(Exception):
    """There is no object of that name."""


class ObjectStorageError(Exception):
    """The storage did not do what was asked; it may do so later."""


class SnapshotObjects(Protocol):
    """Objects by name, with `/` between the parts of a name.

    A put is atomic: a reader sees the old object, the new one, or none, and never a part. Every call raises
    `ObjectStorageError` when the storage fails; calls may come from any thread.
    """

    @property
    def url(self) -> str:
        """Where the objects are, for messages; without secrets."""

    def put(self, name: str, data: bytes) -> None:
        """Write an object, replacing one of the same name."""

    def put_file(self, name: str, file: Path) -> None:
        """Write an object with the content of a file."""

    def get(self, name: str) -> bytes:
        """Read an object; raises `ObjectMissingError`."""

    def get_file(self, name: str, file: Path) -> None:
        """Write the content of an object to a new file; raises `ObjectMissingError`."""

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List the names below a prefix, which ends with `/` or is empty, and their sizes in bytes."""

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""


class ObjectsBelow:
    """The objects whose names begin with a prefix, which ends with `/`, under names without it."""

    def __init__(self, objects: SnapshotObjects, prefix: str) -> None:
        self._objects = objects
        self._prefix = prefix

    @property
    def url(self) -> str:
        """Where the objects are."""
        return f"{self._objects.url.rstrip('/')}/{self._prefix.rstrip('/')}"

    def put(self, name: str, data: bytes) -> None:
        """Write an object."""
        self._objects.put(self._prefix + name, data)

    def put_file(self, name: str, file: Path) -> None:
        """Write an object with the content of a file."""
        self._objects.put_file(self._prefix + name, file)

    def get(self, name: str) -> bytes:
        """Read an object."""
        return self._objects.get(self._prefix + name)

    def get_file(self, name: str, file: Path) -> None:
        """Write the content of an object to a new file."""
        self._objects.get_file(self._prefix + name, file)

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List the objects below a prefix."""
        for name, size in self._objects.sizes(self._prefix + prefix):
            yield name.removeprefix(self._prefix), size

    def delete(self, name: str) -> None:
        """Remove an object."""
        self._objects.delete(self._prefix + name)


class DirectoryObjects:
    """Objects as files of a directory, on local or mounted disk. What was put is on the disk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def url(self) -> str:
        """Where the objects are."""
        return str(self._directory)

    def put(self, name: str, data: bytes) -> None:
        """Write an object through a file of another name that is renamed when it is whole."""
        unfinished = self._unfinished(name)
        try:
            unfinished.write_bytes(data)
            self._finish(unfinished, name)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise ObjectStorageError(str(error)) from error

    def put_file(self, name: str, file: Path) -> None:
        """Write an object with the content of a file, by a copy: links would share its damages."""
        unfinished = self._unfinished(name)
        try:
            shutil.copyfile(file, unfinished)
            self._finish(unfinished, name)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise ObjectStorageError(str(error)) from error

    def get(self, name: str) -> bytes:
        """Read an object."""
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError as error:
            raise ObjectMissingError(name) from error
        except OSError as error:
            raise ObjectStorageError(str(error)) from error

    def get_file(self, name: str, file: Path) -> None:
        """Copy an object to a new file."""
        source = self._directory / name
        if not source.exists():
            raise ObjectMissingError(name)
        try:
            shutil.copyfile(source, file)
        except OSError as error:
            raise ObjectStorageError(str(error)) from error

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List the files below a prefix."""
        try:
            for file in sorted((self._directory / prefix).rglob("*")):
                if file.is_file() and file.suffix != UNFINISHED_SUFFIX:
                    with contextlib.suppress(FileNotFoundError):
                        yield file.relative_to(self._directory).as_posix(), file.stat().st_size
        except OSError as error:
            raise ObjectStorageError(str(error)) from error

    def delete(self, name: str) -> None:
        """Remove a file."""
        try:
            (self._directory / name).unlink(missing_ok=True)
        except OSError as error:
            raise ObjectStorageError(str(error)) from error

    def _unfinished(self, name: str) -> Path:
        path = self._directory / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for leftover in path.parent.glob(f"{path.name}.*{UNFINISHED_SUFFIX}"):
                leftover.unlink(missing_ok=True)
        except OSError as error:
            raise ObjectStorageError(str(error)) from error
        return path.with_name(f"{path.name}.{uuid.uuid4().hex}{UNFINISHED_SUFFIX}")

    def _finish(self, unfinished: Path, name: str) -> None:
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        path = self._directory / name
        os.replace(unfinished, path)
        sync_directory(path.parent)


def logs_at(objects: SnapshotObjects) -> dict[str, list[int]]:
    """Name the logs of which there are snapshots in a place, each with the numbers of its partitions.

    Raises `SnapshotError`.
    """
    found: dict[str, set[int]] = {}
    try:
        for path, _ in objects.sizes(""):
            name = _OF_A_LOG.match(path)
            if name:
                found.setdefault(name[1], set()).add(int(name[2]))
    except ObjectStorageError as error:
        where, remedy = f"The place of the snapshots, {objects.url},", "Check its address, login and state."
        raise SnapshotError(where, SnapshotProblem.STORAGE, f"cannot be read: {error}", remedy) from error
    return {log: sorted(numbers) for log, numbers in sorted(found.items())}
