"""Snapshots of partitions: a checkpoint of the store, uploaded file by file, published whole, restored whole.

Made in two steps, so that folding goes on: `take` on the thread that folds, which makes hard links and takes
milliseconds, and `upload` on any other thread. Files of a store never change once they are written, so each
snapshot uploads only those that no earlier one had.
"""

import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from wayfold.state.snapshots.errors import REFUSALS, SnapshotError, SnapshotProblem, damaged
from wayfold.state.snapshots.log_identity import LogIdentity
from wayfold.state.snapshots.manifest import (
    MANIFEST_BYTES_LIMIT,
    SNAPSHOT_FORMAT_VERSION,
    SnapshotFile,
    SnapshotManifest,
    check_log,
    decode_manifest,
    file_object,
    latest_object,
    manifest_object,
    partition_prefix,
    sha256_of,
)
from wayfold.state.snapshots.objects import (
    ObjectMissingError,
    ObjectsBelow,
    SnapshotObjects,
)
from wayfold.state.snapshots.retries import Retries
from wayfold.state.store.errors import StoreRefusedError
from wayfold.state.store.identity import FORMAT_VERSION, read_identity, sync_directory
from wayfold.state.store.store import Store

Usable = Callable[[SnapshotManifest], bool]


class TakenSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that was taken and not uploaded yet: a directory of files, and what they stand for."""

    directory: Path
    manifest: SnapshotManifest


class RestoredSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored: the snapshot, None when there is none to restore, and what was refused before it."""

    manifest: SnapshotManifest | None
    refused: tuple[SnapshotError, ...]


class Snapshots:
    """The snapshots of all partitions of one log, in a place that other logs may share.

    `log` is that log; a name alone is enough to read what is there, whatever it was folded from. Each call to
    the storage is tried up to `attempts` times, with pauses of `pause_s` seconds at first that
    double. `keep` is the number of snapshots of a partition that `prune` leaves.
    """

    def __init__(
        self,
        objects: SnapshotObjects,
        log: LogIdentity | str,
        *,
        keep: int = 3,
        attempts: int = 4,
        pause_s: float = 0.5,
    ) -> None:
        if keep < 1 or attempts < 1:
            raise ValueError("keep and attempts must be at least 1")
        self._log = log if isinstance(log, LogIdentity) else None
        self._objects = ObjectsBelow(objects, f"{log.name if isinstance(log, LogIdentity) else log}/")
        self._keep = keep
        self._stopped = threading.Event()
        self._try = Retries(self._objects.url, self._stopped, attempts, pause_s).call
        self._hashes: dict[int, dict[tuple[int, ...], str]] = {}
        self._taken: set[Path] = set()
        self._verified: dict[int, set[str]] = {}

    def stop(self) -> None:
        """Make uploads and restores under way give up at the next file, as `SnapshotError` (stopped)."""
        self._stopped.set()

    def take(self, store: Store, offsets: Mapping[str, int], watermark_ms: int) -> TakenSnapshot:
        """Take a snapshot of what the store holds now; on the thread that writes to it.

        The directory lies beside the store until `upload` or `discard` removes it. Raises
        `StoreFailedError`.
        """
        if self._log is None:
            raise ValueError("to take a snapshot one has to know its log")
        created_at_ms = time.time_ns() // 1_000_000
        manifest = SnapshotManifest(
            snapshot_format_version=SNAPSHOT_FORMAT_VERSION,
            store_format_version=FORMAT_VERSION,
            log=self._log,
            name=f"{created_at_ms:014}-{uuid.uuid4().hex[:8]}",
            partition=store.identity.partition,
            creation_id=store.identity.creation_id,
            created_at_ms=created_at_ms,
            offsets=dict(offsets),
            watermark_ms=watermark_ms,
            files=(),
        )
        for leftover in store.path.parent.glob(f"{store.path.name}.snapshot-*"):
            if leftover not in self._taken:
                shutil.rmtree(leftover, ignore_errors=True)
        directory = store.path.with_name(f"{store.path.name}.snapshot-{manifest.name}")
        taken = TakenSnapshot(directory=directory, manifest=manifest)
        self._taken.add(directory)
        try:
            store.checkpoint(directory)
        except BaseException:
            self.discard(taken)
            raise
        return taken

    def discard(self, taken: TakenSnapshot) -> None:
        """Remove the files of a snapshot that will not be uploaded."""
        shutil.rmtree(taken.directory, ignore_errors=True)
        self._taken.discard(taken.directory)

    def upload(self, taken: TakenSnapshot) -> SnapshotManifest:
        """Upload and publish a snapshot; on any thread, one at a time for a partition.

        A reader finds it when all of it is there, and not before. The directory of what was taken is removed
        in any case. Raises `SnapshotError`.
        """
        try:
            manifest = msgspec.structs.replace(taken.manifest, files=self._describe(taken))
            self._upload_files(taken.directory, manifest)
            self._publish(manifest)
            # Whoever had the partition before may have pruned a file that this upload left in its place.
            self._upload_files(taken.directory, manifest)
        except OSError as error:
            where = self._where(taken.manifest.partition, taken.manifest.name)
            detail = f"could not be read from {taken.directory} ({error})"
            remedy = "Check the disk there; the next snapshot tries again."
            raise SnapshotError(where, SnapshotProblem.STORAGE, detail, remedy) from error
        finally:
            self.discard(taken)
        return manifest

    def names(self, partition: int) -> list[str]:
        """List the snapshots of a partition by name, the latest first."""
        prefix = f"{partition_prefix(partition)}snapshots/"
        found = self._try(lambda: list(self._objects.sizes(prefix)))
        return sorted((name[len(prefix) : -5] for name, _ in found if name.endswith(".json")), reverse=True)

    def manifest(self, partition: int, name: str) -> SnapshotManifest:
        """Read what a snapshot consists of. Raises `SnapshotError`, also for one of another log."""
        manifest = self._manifest(partition, name)
        if self._log is not None:
            check_log(manifest, self._log, self._where(partition, name))
        return manifest

    def _manifest(self, partition: int, name: str) -> SnapshotManifest:
        where = self._where(partition, name)
        try:
            data = self._try(lambda: self._objects.get(manifest_object(partition, name)))
        except ObjectMissingError:
            detail = "does not exist"
            raise SnapshotError(where, SnapshotProblem.MISSING, detail, "List the snapshots there.") from None
        if len(data) > MANIFEST_BYTES_LIMIT:
            raise damaged(where, f"has a manifest of {len(data)} bytes")
        manifest = decode_manifest(data, where, partition)
        if manifest.name != name:
            raise damaged(where, f"has the manifest of the snapshot {manifest.name}")
        return manifest

    def latest(self, partition: int) -> SnapshotManifest | None:
        """Read the manifest of the latest snapshot, None when there is none. Raises `SnapshotError`."""
        try:
            data = self._try(lambda: self._objects.get(latest_object(partition)))
        except ObjectMissingError:
            return None
        where = f"The pointer to the latest snapshot of partition {partition} at {self._objects.url}"
        try:
            name = msgspec.json.decode(data, type=dict[str, str])["name"]
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
            raise damaged(where, f"cannot be read ({error!r})") from error
        return self.manifest(partition, name)

    def restore(self, manifest: SnapshotManifest, path: Path) -> None:
        """Make the directory `path`, which must not exist or be empty, the store of a snapshot.

        Everything is downloaded beside it and checked first; `path` appears whole or not at all. Raises
        `SnapshotError`.
        """
        where = self._where(manifest.partition, manifest.name)
        if path.exists() and any(path.iterdir()):
            raise SnapshotError(
                where,
                SnapshotProblem.OCCUPIED,
                f"was not restored to {path}, which is not empty",
                "Move that directory away first.",
            )
        for leftover in path.parent.glob(f"{path.name}.restoring-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh = path.with_name(f"{path.name}.restoring-{uuid.uuid4().hex}")
        try:
            fresh.mkdir(parents=True)
            for file in manifest.files:
                self._download(manifest, file, fresh / file.name)
            self._check_identity(manifest, fresh)
            sync_directory(fresh)
            if path.exists():
                path.rmdir()
            os.replace(fresh, path)
            sync_directory(path.parent)
        except OSError as error:
            detail = f"could not be written to {path} ({error})"
            remedy = "Check the disk there, then try again."
            raise SnapshotError(where, SnapshotProblem.STORAGE, detail, remedy) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def restore_latest(
        self, partition: int, path: Path, usable: Usable = lambda manifest: True
    ) -> RestoredSnapshot:
        """Restore the latest snapshot that is whole, of this log and program, and `usable`; see `restore`.

        An older one is as right as a later one: what it lacks is folded again. Raises `SnapshotError` when
        the storage or the disk fails, so that trouble there is not taken for an absence of snapshots.
        """
        refused: list[SnapshotError] = []
        for found in self.found(partition):
            if isinstance(found, SnapshotError):
                refused.append(found)
                continue
            if not usable(found):
                continue
            try:
                self.restore(found, path)
            except SnapshotError as error:
                if error.problem not in REFUSALS:
                    raise
                refused.append(error)
            else:
                return RestoredSnapshot(manifest=found, refused=tuple(refused))
        return RestoredSnapshot(manifest=None, refused=tuple(refused))

    def found(self, partition: int) -> Iterator[SnapshotManifest | SnapshotError]:
        """Read the manifests of a partition, the latest first; one that is refused comes as the reason.

        Raises `SnapshotError` when the storage fails.
        """
        for name in self.names(partition):
            try:
                manifest = self.manifest(partition, name)
            except SnapshotError as error:
                if error.problem not in REFUSALS:
                    raise
                yield error
            else:
                yield manifest

    def verify(self, manifest: SnapshotManifest, scratch: Path) -> None:
        """Read a snapshot back, all its files, so that something may depend on it; see `restore`.

        A file that was read back once in this process is only looked for. `scratch` is a directory for what
        is read, gone afterwards. Raises `SnapshotError`.
        """
        where = self._where(manifest.partition, manifest.name)
        if self.manifest(manifest.partition, manifest.name) != manifest:
            raise damaged(where, "has another manifest than it had")
        prefix = f"{partition_prefix(manifest.partition)}files/"
        present = self._try(lambda: dict(self._objects.sizes(prefix)))
        verified = self._verified.get(manifest.partition, set())
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            scratch.mkdir(parents=True)
            for file in manifest.files:
                if present.get(file_object(manifest.partition, file.sha256)) != file.size_bytes:
                    raise damaged(where, f"lacks its file {file.name}, or has it in another size")
                if file.sha256 not in verified:
                    self._download(manifest, file, scratch / file.name)
                    (scratch / file.name).unlink()
        except OSError as error:
            detail = f"could not be read back to {scratch} ({error})"
            remedy = "Check the disk there; the next time tries again."
            raise SnapshotError(where, SnapshotProblem.STORAGE, detail, remedy) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        self._verified[manifest.partition] = {file.sha256 for file in manifest.files}

    def prune(self, partition: int) -> int:
        """Delete the oldest snapshots but for the latest `keep`; return how many. Raises `SnapshotError`.

        A file goes when no snapshot needs it that was there when this began, so not before the next time
        after its last snapshot went: an upload under way may count on it. As long as a manifest cannot be
        read, no file goes.
        """
        prefix = f"{partition_prefix(partition)}files/"
        files = self._try(lambda: [name for name, _ in self._objects.sizes(prefix)])
        names = self.names(partition)
        needed = self._needed(partition, names)
        for name in names[self._keep :]:
            self._delete(manifest_object(partition, name))
        for name in files:
            if needed is not None and name not in needed:
                self._delete(name)
        return max(0, len(names) - self._keep)

    def _needed(self, partition: int, names: list[str]) -> set[str] | None:
        """Collect the objects that snapshots consist of; None when a manifest cannot be read."""
        needed: set[str] = set()
        for name in names:
            try:
                files = self._manifest(partition, name).files
            except SnapshotError as error:
                if error.problem is SnapshotProblem.MISSING:
                    continue
                if error.problem in REFUSALS:
                    return None
                raise
            needed.update(file_object(partition, file.sha256) for file in files)
        return needed

    def _describe(self, taken: TakenSnapshot) -> tuple[SnapshotFile, ...]:
        """Hash the files of a taken snapshot; those of the last one need not be read again."""
        known = self._hashes.get(taken.manifest.partition, {})
        hashes: dict[tuple[int, ...], str] = {}
        files = []
        for file in sorted(taken.directory.iterdir()):
            self._check_going_on(taken.manifest)
            status = file.stat()
            # A table has the same file behind all its links, and never changes.
            key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
            hashes[key] = known.get(key) or sha256_of(file)
            files.append(SnapshotFile(name=file.name, size_bytes=status.st_size, sha256=hashes[key]))
        self._hashes[taken.manifest.partition] = hashes
        return tuple(files)

    def _upload_files(self, directory: Path, manifest: SnapshotManifest) -> None:
        prefix = f"{partition_prefix(manifest.partition)}files/"
        present = self._try(lambda: dict(self._objects.sizes(prefix)))
        for file in manifest.files:
            self._check_going_on(manifest)
            name, path = file_object(manifest.partition, file.sha256), directory / file.name
            if present.get(name) != file.size_bytes:
                self._try(lambda name=name, path=path: self._objects.put_file(name, path))  # type: ignore[misc]

    def _publish(self, manifest: SnapshotManifest) -> None:
        data = manifest.encoded()
        self._try(lambda: self._objects.put(manifest_object(manifest.partition, manifest.name), data))
        pointer = msgspec.json.encode({"name": manifest.name})
        self._try(lambda: self._objects.put(latest_object(manifest.partition), pointer))

    def _download(self, manifest: SnapshotManifest, file: SnapshotFile, path: Path) -> None:
        self._check_going_on(manifest)
        where = self._where(manifest.partition, manifest.name)
        try:
            self._try(lambda: self._objects.get_file(file_object(manifest.partition, file.sha256), path))
        except ObjectMissingError:
            raise damaged(where, f"lacks its file {file.name}") from None
        if path.stat().st_size != file.size_bytes or sha256_of(path) != file.sha256:
            raise damaged(where, f"has a file {file.name} that is not the one that was uploaded")
        with path.open("rb") as opened:
            os.fsync(opened.fileno())

    def _check_identity(self, manifest: SnapshotManifest, directory: Path) -> None:
        where = self._where(manifest.partition, manifest.name)
        try:
            identity = read_identity(directory, manifest.partition)
        except StoreRefusedError as error:
            raise damaged(where, f"holds no store of its partition ({error.detail})") from error
        if identity.creation_id != manifest.creation_id:
            raise damaged(where, "holds another store than its manifest says")

    def _delete(self, name: str) -> None:
        self._try(lambda: self._objects.delete(name))

    def _check_going_on(self, manifest: SnapshotManifest) -> None:
        if self._stopped.is_set():
            where = self._where(manifest.partition, manifest.name)
            detail, remedy = "was given up, as the program is stopping", "The next start makes another."
            raise SnapshotError(where, SnapshotProblem.STOPPED, detail, remedy)

    def _where(self, partition: int, name: str) -> str:
        return f"The snapshot {name} of partition {partition} at {self._objects.url}"
