"""What a snapshot consists of: its manifest, and the names of its objects.

Below the name of the log, so that two systems at one address never meet:

partition-3/files/<sha-256>        content of one file, shared by the snapshots that have it
partition-3/snapshots/<name>.json  manifest; written when all files are there
partition-3/latest.json            name of the latest snapshot; written last
"""

import hashlib
import re
from pathlib import Path

import msgspec

from wayfold.state.snapshots.errors import SnapshotError, SnapshotProblem, damaged
from wayfold.state.snapshots.log_identity import LogIdentity, calendar_difference, log_differences
from wayfold.state.store.identity import FORMAT_VERSION

SNAPSHOT_FORMAT_VERSION = 2
MANIFEST_BYTES_LIMIT = 64 * 1024 * 1024
_HASH_CHUNK_BYTES = 1024 * 1024

_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SnapshotFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a store's directory."""

    name: str
    size_bytes: int
    sha256: str


class SnapshotManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A snapshot: the state of a partition at `offsets`, and the files that hold it.

    `log` is what it was folded from; `offsets` gives the next offset of each topic, as the state in the
    files has it too; `watermark_ms` is the partition's watermark, -1 when empty; `creation_id` names the
    store it was taken of.
    """

    snapshot_format_version: int
    store_format_version: int
    name: str
    log: LogIdentity
    partition: int
    creation_id: str
    created_at_ms: int
    offsets: dict[str, int]
    watermark_ms: int
    files: tuple[SnapshotFile, ...]
    checksum: str = ""

    @property
    def size_bytes(self) -> int:
        """Bytes of all files together."""
        return sum(file.size_bytes for file in self.files)

    def encoded(self) -> bytes:
        """Encode the manifest with its checksum."""
        return msgspec.json.format(msgspec.json.encode(msgspec.structs.replace(self, checksum=_sum(self))))


def decode_manifest(data: bytes, where: str, partition: int) -> SnapshotManifest:
    """Read a manifest; raise `SnapshotError` when it is damaged, of another format or partition."""
    try:
        _check_versions(msgspec.json.decode(data, type=dict[str, object]), where)
        manifest = msgspec.json.decode(data, type=SnapshotManifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise damaged(where, f"has a manifest that cannot be read ({error})") from error
    if manifest.checksum != _sum(manifest):
        raise damaged(where, "has a manifest whose checksum is wrong")
    if not all(_FILE_NAME.fullmatch(file.name) and _SHA256.fullmatch(file.sha256) for file in manifest.files):
        raise damaged(where, "has a manifest with names that no snapshot has")
    if manifest.partition != partition:
        raise SnapshotError(
            where,
            SnapshotProblem.OTHER_PARTITION,
            f"is of partition {manifest.partition}, not of partition {partition}",
            "Look whether objects were copied or renamed in the snapshots' place.",
        )
    return manifest


def check_log(manifest: SnapshotManifest, log: LogIdentity, where: str) -> None:
    """Raise `SnapshotError` when a snapshot is of another log, or was counted by another calendar."""
    differences = log_differences(manifest.log, log)
    if differences:
        raise SnapshotError(
            where,
            SnapshotProblem.OTHER_LOG,
            f"was folded from another log: {'; '.join(differences)}",
            "It is never restored here, and later snapshots take its place.",
        )
    difference = calendar_difference(manifest.log, log, manifest.watermark_ms / 1000)
    if difference is not None:
        raise SnapshotError(
            where,
            SnapshotProblem.OTHER_CALENDAR,
            f"was counted by another calendar: {difference}",
            "Start with the time zone database that it was made with, or without it: the events are then "
            "folded again.",
        )


def _check_versions(found: dict[str, object], where: str) -> None:
    versions = (found.get("snapshot_format_version"), found.get("store_format_version"))
    if versions != (SNAPSHOT_FORMAT_VERSION, FORMAT_VERSION):
        raise SnapshotError(
            where,
            SnapshotProblem.OTHER_FORMAT,
            f"has the snapshot format {versions[0]} and the store format {versions[1]}, and this program "
            f"reads {SNAPSHOT_FORMAT_VERSION} and {FORMAT_VERSION}",
            "Restore it with the program version that made it, or start without it: the events are then "
            "folded again from their beginning.",
        )


def _sum(manifest: SnapshotManifest) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(manifest, checksum=""))).hexdigest()


def sha256_of(file: Path) -> str:
    """Hash a file; the interpreter's lock is released meanwhile."""
    digest = hashlib.sha256()
    with file.open("rb", buffering=0) as opened:
        while chunk := opened.read(_HASH_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def partition_prefix(partition: int) -> str:
    """Name the place of a partition's objects."""
    return f"partition-{partition}/"


def file_object(partition: int, sha256: str) -> str:
    """Name the object of a file."""
    return f"partition-{partition}/files/{sha256}"


def manifest_object(partition: int, name: str) -> str:
    """Name the object of a manifest."""
    return f"partition-{partition}/snapshots/{name}.json"


def latest_object(partition: int) -> str:
    """Name the object that points to the latest snapshot."""
    return f"partition-{partition}/latest.json"
