"""Where snapshots lie: named objects in a directory, or in whatever else offers the same few calls."""

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from wayfold.state.store.identity import sync_directory

UNFINISHED_SUFFIX = ".unfinished"


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
        """List the names below a prefix, which ends with `/`, and their sizes in bytes."""

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""


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
