"""Where `state.snapshot_url` points: a directory, or an object store of Amazon, Google or Microsoft."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore as CloudStore
from obstore.store import from_url

from wayfold.state.snapshots.objects import (
    DirectoryObjects,
    ObjectMissingError,
    ObjectStorageError,
    SnapshotObjects,
)
from wayfold.state.snapshots.snapshots import Snapshots

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

    from wayfold.settings import StateSettings
    from wayfold.state.snapshots.log_identity import LogIdentity

CLOUD_SCHEMES = ("s3", "gs", "az")
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 4

RETRY: "RetryConfig" = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
"""Variables with the address of an object store of one's own, which may be http:// within a network."""

Answer = TypeVar("Answer")


class SnapshotUrlError(ValueError):
    """A snapshot URL that cannot be used; the message says why."""


def open_snapshots(settings: "StateSettings", log: "LogIdentity") -> Snapshots | None:
    """Open the snapshots of a log, None when the settings have no place; raises `SnapshotUrlError`."""
    if settings.snapshot_url is None:
        return None
    return Snapshots(open_snapshot_objects(settings.snapshot_url), log, keep=settings.snapshot_keep)


def open_snapshot_objects(url: str) -> SnapshotObjects:
    """Open the place that a URL or a path names; nothing is read or written yet.

    `s3://bucket/path`, `gs://bucket/path` and `az://container/path` take region, account and login from the
    environment (`AWS_…`, `GOOGLE_…`, `AZURE_STORAGE_…`). Raises `SnapshotUrlError`.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path:
            raise SnapshotUrlError(f"The snapshot URL {url} names another machine; write file:///directory")
        return DirectoryObjects(Path(unquote(parts.path)))
    if "://" not in url:
        return DirectoryObjects(Path(url).expanduser())
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if parts.scheme not in CLOUD_SCHEMES:
        raise SnapshotUrlError(
            f"The snapshot URL {shown} has an unknown scheme; use a directory, file, s3, gs or az"
        )
    try:
        store = from_url(url, client_options=_client_options(), retry_config=RETRY)
    except (BaseError, ValueError) as error:
        raise SnapshotUrlError(f"The snapshot URL {shown} cannot be used: {_first_line(error)}") from error
    return CloudObjects(store, shown)


def _client_options() -> "ClientConfig":
    return {
        "connect_timeout": timedelta(seconds=10),
        "read_timeout": timedelta(seconds=30),
        "timeout": timedelta(minutes=10),
        "allow_http": any(os.environ.get(name, "").startswith("http://") for name in ENDPOINTS),
    }


class CloudObjects:
    """Objects of an object store, through obstore; its own retries come below those of `Snapshots`."""

    def __init__(self, store: CloudStore, url: str) -> None:
        self._store = store
        self._url = url

    @property
    def url(self) -> str:
        """Where the objects are, without a login."""
        return self._url

    def put(self, name: str, data: bytes) -> None:
        """Write an object."""
        self._call(name, lambda: obstore.put(self._store, name, data))

    def put_file(self, name: str, file: Path) -> None:
        """Write an object with the content of a file, in parts."""
        self._call(
            name,
            lambda: obstore.put(
                self._store, name, file, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            ),
        )

    def get(self, name: str) -> bytes:
        """Read an object."""
        return self._call(name, lambda: obstore.get(self._store, name).bytes().to_bytes())

    def get_file(self, name: str, file: Path) -> None:
        """Write the content of an object to a new file, part by part."""
        answer = self._call(name, lambda: obstore.get(self._store, name))
        with file.open("wb") as output:
            self._call(name, lambda: [output.write(part) for part in answer.stream(PART_BYTES)])

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List the objects below a prefix."""
        pages = self._call(prefix, lambda: list(obstore.list(self._store, prefix or None)))
        for page in pages:
            for entry in page:
                yield entry["path"], entry["size"]

    def delete(self, name: str) -> None:
        """Remove an object."""
        try:
            self._call(name, lambda: obstore.delete(self._store, name))
        except ObjectMissingError:
            return

    def _call(self, name: str, action: Callable[[], Answer]) -> Answer:
        try:
            return action()
        except FileNotFoundError as error:
            raise ObjectMissingError(name) from error
        except (BaseError, OSError) as error:
            raise ObjectStorageError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """Leave out obstore's dump of its own structures, which may show what a login looks like."""
    return str(error).partition("\n")[0]
