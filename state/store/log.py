"""Whether RocksDB's write-ahead logs follow each other without a gap.

RocksDB replays its logs in the order of their numbers. A log that lost its end exactly between two batches,
or a log that is gone, looks to it like a shorter history, and what later logs hold would be applied without
what came before. Each batch starts with the sequence number of its first write and their count, so that a
gap shows.

The layout is that of RocksDB: blocks of 32 KiB, in them fragments with a header of checksum (4 bytes),
length (2) and type (1); the first fragment of a record starts with the batch's sequence (8) and count (4).
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK_BYTES = 32_768
_FRAGMENT = struct.Struct("<IHB")
_BATCH = struct.Struct("<QI")
_FULL, _FIRST, _LAST = 1, 2, 4
_KNOWN = {1, 2, 3, 4}


def log_numbers(directory: Path) -> list[int]:
    """List the numbers of the write-ahead logs in a store's directory, in order."""
    return sorted(int(path.stem) for path in directory.glob("*.log") if path.stem.isdecimal())


def find_gap(directory: Path, least_log: int, first_log: int | None) -> str | None:
    """Tell what is missing from the logs that are still needed; None when they are unbroken.

    `least_log` is the least number that RocksDB needs, `first_log` the log that the last opening began, None
    if unknown: the later of the two must be there when any later one is, and no log but the last may have
    lost its end. What the last one lost does not show here.
    """
    needed = max(least_log, first_log or 0)
    numbers = [number for number in log_numbers(directory) if number >= needed]
    if first_log is not None and numbers and numbers[0] != needed:
        return f"has lost its log {needed:06}.log"
    expected: int | None = None
    for number in numbers:
        for sequence, count in _batches(directory / f"{number:06}.log"):
            if number != numbers[0] and sequence != expected:
                return f"lacks the writes that came before its log {number:06}.log"
            expected = sequence + count
    return None


def _batches(path: Path) -> Iterator[tuple[int, int]]:
    """Read sequence and count of each whole batch of a log, up to its end or its first damage."""
    with path.open("rb") as file:
        head = b""
        for kind, part in _fragments(file):
            head = part if kind in (_FULL, _FIRST) else head + part
            if kind in (_FULL, _LAST) and len(head) >= _BATCH.size:
                yield _BATCH.unpack_from(head)


def _fragments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Read the type and the first bytes of each whole fragment."""
    position, size = 0, file.seek(0, 2)
    while True:
        left = _BLOCK_BYTES - position % _BLOCK_BYTES
        if left < _FRAGMENT.size:
            position += left
        file.seek(position)
        header = file.read(_FRAGMENT.size + _BATCH.size)
        if len(header) < _FRAGMENT.size:
            return
        _, length, kind = _FRAGMENT.unpack_from(header)
        position += _FRAGMENT.size + length
        if kind not in _KNOWN or position > size:
            return
        yield kind, header[_FRAGMENT.size : _FRAGMENT.size + length]
