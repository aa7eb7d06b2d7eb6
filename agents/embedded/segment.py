"""One file of the local log: its head, its groups of records, and how an interrupted one is mended."""

import itertools
import os
from pathlib import Path
from typing import Final

import msgspec
import structlog

from wayfold.agents.embedded.frames import HEAD_BYTES, encode_frame, next_valid_frame, valid_frames

FORMAT: Final = 1
SUFFIX: Final = ".log"
KEPT_SUFFIX: Final = ".kept"
_log = structlog.get_logger(__name__)

Headers = tuple[tuple[str, bytes], ...]


class LogDamagedError(Exception):
    """Bytes that were durable once are gone or changed; the message says where and what to do."""


class LogTrimmedError(Exception):
    """The part of the log that is being read was trimmed meanwhile; the message says what to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} was trimmed while it was being read: read the log again")


class SegmentHead(msgspec.Struct, frozen=True, array_like=True):
    """The first frame of a file: `next_offsets` maps a topic kind to the next offset of each partition."""

    format: int
    partitions: int
    next_offsets: dict[str, list[int]]


class Slice(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive records of one topic partition: key, value and headers of each, the first at `offset`."""

    kind: str
    partition: int
    offset: int
    records: list[tuple[bytes | None, bytes | None, Headers]]


class Group(msgspec.Struct, frozen=True, array_like=True):
    """What one synced write appended at `timestamp_ms`."""

    timestamp_ms: int
    slices: list[Slice]


_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(SegmentHead).decode
_decode_group = msgspec.msgpack.Decoder(Group).decode


class Segment(msgspec.Struct):
    """A file of the log. Bytes below `durable_end` are synced; the first group is at `body_start`."""

    path: Path
    number: int
    head: SegmentHead
    body_start: int
    durable_end: int

    @property
    def is_kept(self) -> bool:
        """Whether this is what trimming kept of earlier files: some topic kinds only."""
        return self.path.suffix == KEPT_SUFFIX


def segment_path(directory: Path, number: int) -> Path:
    """Name the file with this number; names sort as the numbers do."""
    return directory / f"{number:020d}{SUFFIX}"


def encode_head(head: SegmentHead) -> bytes:
    """Encode the head of a file, without its frame."""
    return _encode(head)


def encode_group(group: Group) -> bytes:
    """Encode a group as a frame."""
    return encode_frame(_encode(group))


def decode_group(payload: memoryview) -> Group:
    """Decode the payload of a group's frame; raises msgspec.DecodeError when it is something else."""
    return _decode_group(payload)


def sync_file(descriptor: int) -> None:
    """Return when the file's bytes and length would survive a loss of power."""
    # os.fdatasync saves the write of the modification time; macOS has only fsync.
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_directory(directory: Path) -> None:
    """Return when the names of the directory's files would survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_fully(descriptor: int, data: bytes) -> None:
    """Write all of the data; raises OSError (no space, I/O error) with some of it perhaps written."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def create_segment(directory: Path, number: int, head: SegmentHead) -> Segment:
    """Create an empty file of the log, durable under its name."""
    path = segment_path(directory, number)
    frame = encode_frame(_encode(head))
    descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
    try:
        write_fully(descriptor, frame)
        sync_file(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(directory)
    return Segment(path, number, head, body_start=len(frame), durable_end=len(frame))


def open_segment(path: Path) -> Segment | None:
    """Read the head of a file; None when the file holds no complete head (it was being created).

    Raises `LogDamagedError` when something follows a head that cannot be read, or for another format.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(1 << 16)
        payload = next((payload for _, payload in valid_frames(first)), None)
        if payload is None:
            if next_valid_frame(first + file.read(), 0) is None:
                return None
            raise damaged(path, 0)
    try:
        head = _decode_head(payload)
    except msgspec.DecodeError as error:
        raise damaged(path, 0) from error
    if head.format != FORMAT:
        raise LogDamagedError(
            f"{path} has log format {head.format}, this program reads format {FORMAT}: "
            "start the version of Wayfold that wrote it, or replay its events into an empty data directory."
        )
    return Segment(path, int(path.stem), head, HEAD_BYTES + len(payload), durable_end=size)


def find_end(segment: Segment) -> dict[str, list[int]]:
    """Find where the last file's whole frames end, and give the next offset of every topic partition.

    Raises `LogDamagedError` when whole frames follow bytes that cannot be read.
    """
    data = segment.path.read_bytes()
    offsets = {kind: list(values) for kind, values in segment.head.next_offsets.items()}
    end = segment.body_start
    for position, payload in valid_frames(data, segment.body_start):
        advance(offsets, decode_group(payload), segment, position)
        end = position + HEAD_BYTES + len(payload)
    if end < len(data) and next_valid_frame(data, end + 1) is not None:
        raise damaged(segment.path, end)
    segment.durable_end = end
    return offsets


def cut_torn_end(segment: Segment) -> None:
    """Cut off what is behind the last file's whole frames, and keep it in a file beside it.

    Nothing that was acknowledged is cut after a crash: an append is acknowledged after its frame is whole
    and synced. After damage to the disk it may have been, so the bytes are not thrown away.
    """
    with segment.path.open("rb") as file:
        file.seek(segment.durable_end)
        torn = file.read()
    if not torn:
        return
    kept = _keep(torn, segment.path, segment.durable_end)
    _log.warning(
        "log_torn_end_cut",
        file=str(segment.path),
        position=segment.durable_end,
        bytes=len(torn),
        kept=str(kept) if kept else "nothing: all zeros",
    )
    descriptor = os.open(segment.path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, segment.durable_end)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_file_aside(path: Path) -> None:
    """Take a file without a head, which was being created, out of the log, and keep its bytes."""
    kept = _keep(path.read_bytes(), path, 0)
    _log.warning("log_torn_file_removed", file=str(path), kept=str(kept) if kept else "nothing: all zeros")
    path.unlink()


def _keep(torn: bytes, path: Path, position: int) -> Path | None:
    """Write bytes from `position` of a file to a new one beside it, durably; None for zeros only."""
    if not torn.strip(b"\0"):
        return None
    names = (f"{path.name}.torn-{position}{'' if not again else f'-{again}'}" for again in itertools.count())
    kept = next(other for name in names if not (other := path.with_name(name)).exists())
    with kept.open("wb") as file:
        file.write(torn)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)
    return kept


def advance(offsets: dict[str, list[int]], group: Group, segment: Segment, position: int) -> None:
    """Move the next offsets behind a group; raises `LogDamagedError` when the group does not fit them.

    A topic kind that the file's head does not name yet begins at 0.
    """
    for part in group.slices:
        values = offsets.setdefault(part.kind, [0] * segment.head.partitions)
        if part.partition >= len(values) or values[part.partition] != part.offset:
            raise damaged(segment.path, position)
        values[part.partition] += len(part.records)


def damaged(path: Path, position: int) -> LogDamagedError:
    """Describe damage at a byte of a file."""
    return LogDamagedError(
        f"{path} is damaged at byte {position}; records behind it were acknowledged, so it is not cut. "
        "Restore this file from a backup. Without one, move the whole data directory away and replay the "
        "events from where they came from: sending an event again is harmless."
    )
