"""The bytes of the local log: frames with a checksum, and how a torn end is told from damage.

A file of the log is a row of frames. One frame is what one synced write appended: everything that was
waiting at that moment, of any topic kind and partition.

    MAGIC (4 bytes) · length of the payload (uint32) · CRC-32 of length and payload (uint32) · payload

The payload is MessagePack. Only the last frame of the last file can be incomplete, because the next one
is written after the sync of the one before. So bytes that are no valid frame are a torn end when no valid
frame follows them, and damage when one does.
"""

import struct
import zlib
from collections.abc import Iterator

MAGIC = b"\xf7WF\n"
_HEAD = struct.Struct("<4sII")
HEAD_BYTES = _HEAD.size
_LENGTH = struct.Struct("<I")


def encode_frame(payload: bytes) -> bytes:
    """Frame a payload; at most 2**32 - 1 bytes of it."""
    length = len(payload)
    checksum = zlib.crc32(payload, zlib.crc32(_LENGTH.pack(length)))
    return _HEAD.pack(MAGIC, length, checksum) + payload


def payload_length(data: bytes | memoryview, position: int) -> int | None:
    """Give the payload length that the frame at `position` claims; None when no frame begins there."""
    if position + HEAD_BYTES > len(data):
        return None
    magic, length, _ = _HEAD.unpack_from(data, position)
    return length if magic == MAGIC else None


def decode_frame(data: bytes | memoryview, position: int) -> memoryview | None:
    """Give the payload of the frame at `position`; None when it is incomplete or its checksum is wrong."""
    length = payload_length(data, position)
    if length is None:
        return None
    start = position + HEAD_BYTES
    if start + length > len(data):
        return None
    payload = memoryview(data)[start : start + length]
    _, _, checksum = _HEAD.unpack_from(data, position)
    if zlib.crc32(payload, zlib.crc32(_LENGTH.pack(length))) != checksum:
        return None
    return payload


def valid_frames(data: bytes | memoryview, position: int = 0) -> Iterator[tuple[int, memoryview]]:
    """Yield (position, payload) of each frame from `position` on, up to the first that is not valid."""
    while (payload := decode_frame(data, position)) is not None:
        yield position, payload
        position += HEAD_BYTES + len(payload)


def next_valid_frame(data: bytes, position: int) -> int | None:
    """Find where the first valid frame at or behind `position` begins; None when there is none."""
    while (position := data.find(MAGIC, position)) >= 0:
        if decode_frame(data, position) is not None:
            return position
        position += 1
    return None
