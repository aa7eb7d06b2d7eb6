"""Reading the local log in the order in which it was written."""

import os
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from wayfold.agents.embedded.frames import HEAD_BYTES, decode_frame, payload_length
from wayfold.agents.embedded.segment import (
    Group,
    LogTrimmedError,
    Segment,
    Slice,
    advance,
    damaged,
    decode_group,
)
from wayfold.models.record import LogRecord

READ_BYTES: Final = 1 << 20


class Part(msgspec.Struct, frozen=True):
    """Consecutive records of one topic partition."""

    kind: str
    partition: int
    records: list[LogRecord]


class LogCursor:
    """A place in the log that moves forward as records are taken.

    It holds about one megabyte of the log, or one group of records when that is larger.
    """

    def __init__(
        self, segments: list[Segment], start: Mapping[tuple[str, int], int], kinds: frozenset[str] | None
    ) -> None:
        self._segments = segments
        self._start = start
        self._kinds = kinds
        self._descriptor = -1
        self._waiting: list[Part] = []
        self._enter(_first_needed(segments, start, kinds))

    def next(self, limit: int) -> list[Part]:
        """Take the next records, at most `limit` of them; none when all durable records were taken.

        Raises `LogDamagedError` when durable bytes are gone or changed.
        """
        taken: list[Part] = []
        while limit > 0 and (self._waiting or self._load_group()):
            part = self._waiting[0]
            if len(part.records) <= limit:
                self._waiting.pop(0)
            else:
                self._waiting[0] = Part(part.kind, part.partition, part.records[limit:])
                part = Part(part.kind, part.partition, part.records[:limit])
            limit -= len(part.records)
            taken.append(part)
        return taken

    def close(self) -> None:
        """Close the file that is being read."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _enter(self, segment: Segment) -> None:
        self.close()
        self._segment = segment
        try:
            self._descriptor = os.open(segment.path, os.O_RDONLY)
        except FileNotFoundError:
            raise LogTrimmedError(segment.path) from None
        self._offsets = {kind: list(at) for kind, at in segment.head.next_offsets.items()}
        self._position = segment.body_start
        self._buffer = b""
        self._buffer_start = segment.body_start

    def _load_group(self) -> bool:
        """Decode groups until one holds wanted records; False at the durable end."""
        while not self._waiting:
            group = self._next_group()
            if group is None:
                return False
            self._waiting = [
                part
                for entry in group.slices
                if (part := self._wanted(entry, group.timestamp_ms)) is not None
            ]
        return True

    def _wanted(self, entry: Slice, timestamp_ms: int) -> Part | None:
        if self._kinds is not None and entry.kind not in self._kinds:
            return None
        skip = max(0, self._start.get((entry.kind, entry.partition), 0) - entry.offset)
        if skip >= len(entry.records):
            return None
        records = [
            LogRecord(offset, timestamp_ms, key, value, headers)
            for offset, (key, value, headers) in enumerate(entry.records[skip:], entry.offset + skip)
        ]
        return Part(entry.kind, entry.partition, records)

    def _next_group(self) -> Group | None:
        while self._position >= self._segment.durable_end:
            # The list of files is read first: a file that has a successor never grows again.
            following = _after(self._segments, self._segment)
            if self._position < self._segment.durable_end:
                break
            if following is None:
                if self._segments[-1].number > self._segment.number:
                    raise LogTrimmedError(self._segment.path)
                return None
            self._require_continuous(following)
            self._enter(following)
        payload = self._payload()
        try:
            group = decode_group(payload)
        except msgspec.DecodeError as error:
            raise damaged(self._segment.path, self._position) from error
        advance(self._offsets, group, self._segment, self._position)
        self._position += HEAD_BYTES + len(payload)
        return group

    def _require_continuous(self, following: Segment) -> None:
        for kind, row in following.head.next_offsets.items():
            if self._segment.is_kept and kind not in self._offsets:
                continue
            if any(row) and self._offsets.get(kind) != row:
                raise damaged(self._segment.path, self._position)

    def _payload(self) -> memoryview:
        place = self._position - self._buffer_start
        payload = decode_frame(self._buffer, place)
        if payload is None:
            self._fill(READ_BYTES)
            length = payload_length(self._buffer, 0)
            if length is not None and length + HEAD_BYTES > len(self._buffer):
                self._fill(length + HEAD_BYTES)
            payload = decode_frame(self._buffer, 0)
        if payload is None:
            raise damaged(self._segment.path, self._position)
        return payload

    def _fill(self, size: int) -> None:
        size = min(size, self._segment.durable_end - self._position)
        self._buffer = os.pread(self._descriptor, size, self._position)
        self._buffer_start = self._position


def _after(segments: Sequence[Segment], segment: Segment) -> Segment | None:
    # A copy, as the log may change its list meanwhile.
    return next((other for other in tuple(segments) if other.number == segment.number + 1), None)


def _first_needed(
    segments: Sequence[Segment], start: Mapping[tuple[str, int], int], kinds: frozenset[str] | None
) -> Segment:
    """Find the last file that begins at or before every offset to start from."""
    for segment in reversed(tuple(segments)):
        begins = segment.head.next_offsets
        if all(
            at <= start.get((kind, partition), 0)
            for kind, row in begins.items()
            if kinds is None or kind in kinds
            for partition, at in enumerate(row)
        ):
            return segment
    return segments[0]
