"""What trimming keeps of the local log: one file with the control records of all files that were dropped.

Definitions, erasures and decisions of operators are needed by every later fold, however old they are. The
file's name says up to which number the log's files are dropped, `<number>.kept`; it is whole when it has
that name. What a crash left of the dropped ones is deleted at the next opening.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from wayfold.agents.embedded.frames import (
    HEAD_BYTES,
    decode_frame,
    encode_frame,
    payload_length,
    valid_frames,
)
from wayfold.agents.embedded.segment import (
    FORMAT,
    KEPT_SUFFIX,
    SUFFIX,
    Group,
    Segment,
    SegmentHead,
    advance,
    damaged,
    decode_group,
    encode_group,
    encode_head,
    open_segment,
    sync_directory,
    write_fully,
)
from wayfold.agents.sink import BROADCAST_KINDS

FRESH_SUFFIX: Final = ".new"
KEPT_KINDS: Final = BROADCAST_KINDS | {"users", "control"}
"""Topic kinds that are never trimmed."""


def open_kept(directory: Path) -> Segment | None:
    """Open the newest file of kept records; None when the log was never trimmed."""
    paths = sorted(directory.glob(f"*{KEPT_SUFFIX}"))
    if not paths:
        return None
    segment = open_segment(paths[-1])
    if segment is None:
        raise damaged(paths[-1], 0)
    return segment


def paths_behind(directory: Path, kept: Segment | None) -> list[Path]:
    """List the log's files behind those that were trimmed."""
    paths = sorted(directory.glob(f"*{SUFFIX}"))
    return [path for path in paths if kept is None or int(path.stem) > kept.number]


def remove_trimmed(directory: Path, kept: Segment) -> None:
    """Delete the files that a file of kept records stands for."""
    gone = [path for path in directory.glob(f"*{KEPT_SUFFIX}") if path != kept.path]
    gone += [path for path in directory.glob(f"*{SUFFIX}") if int(path.stem) <= kept.number]
    gone += directory.glob(f"[0-9]*{FRESH_SUFFIX}")
    for path in gone:
        path.unlink(missing_ok=True)
    if gone:
        sync_directory(directory)


def write_kept(segments: Sequence[Segment], following: Segment) -> Segment:
    """Write what is to be kept of files of the log, an older file of kept records among them.

    `following` is the first file that stays. Raises `LogDamagedError` when a file is not what it was, and
    OSError when the disk refuses; nothing is changed then.
    """
    directory, number = following.path.parent, segments[-1].number
    path = directory / f"{number:020d}{KEPT_SUFFIX}"
    partitions = following.head.partitions
    head = SegmentHead(FORMAT, partitions, {kind: [0] * partitions for kind in sorted(KEPT_KINDS)})
    frame = encode_frame(encode_head(head))
    result = Segment(path, number, head, body_start=len(frame), durable_end=len(frame))
    offsets = {kind: list(row) for kind, row in head.next_offsets.items()}
    fresh = path.with_suffix(FRESH_SUFFIX)
    descriptor = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
    try:
        write_fully(descriptor, frame)
        for segment in segments:
            for position, group in _groups(segment):
                slices = [part for part in group.slices if part.kind in KEPT_KINDS]
                if slices:
                    kept = Group(group.timestamp_ms, slices)
                    advance(offsets, kept, segment, position)
                    frame = encode_group(kept)
                    write_fully(descriptor, frame)
                    result.durable_end += len(frame)
        if any(following.head.next_offsets.get(kind, row) != row for kind, row in offsets.items()):
            raise damaged(segments[-1].path, segments[-1].durable_end)
        os.fsync(descriptor)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    fresh.rename(path)
    sync_directory(directory)
    return result


def first_timestamp_ms(segment: Segment) -> int | None:
    """Give the record time of a file's first records; None when it has none yet."""
    if segment.durable_end <= segment.body_start:
        return None
    with segment.path.open("rb") as file:
        file.seek(segment.body_start)
        head = file.read(HEAD_BYTES)
        payload = decode_frame(head + file.read(payload_length(head, 0) or 0), 0)
    if payload is None:
        raise damaged(segment.path, segment.body_start)
    return decode_group(payload).timestamp_ms


def _groups(segment: Segment) -> Iterator[tuple[int, Group]]:
    """Give the groups of a file with their places."""
    with segment.path.open("rb") as file:
        data = file.read(segment.durable_end)
    end = segment.body_start
    for position, payload in valid_frames(data, segment.body_start):
        yield position, decode_group(payload)
        end = position + HEAD_BYTES + len(payload)
    if end != segment.durable_end:
        raise damaged(segment.path, end)
