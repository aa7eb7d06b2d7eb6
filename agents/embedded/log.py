"""The durable local log of the embedded host: topic kinds × partitions with offsets, as in Kafka.

All records go to one row of files, so that one sync makes any mix of topic kinds and partitions durable.
Each file's head says which offsets it begins at; reading from an offset starts at the right file.

Why not RocksDB, which the store uses: a synced write through rocksdict holds Python's interpreter lock
for as long as the disk takes, which would stop every HTTP answer; `os.fdatasync` lets go of it. Appending
also costs a third of the time, nothing is ever compacted, and a person can see what a file is.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from wayfold.agents.embedded.cursor import LogCursor
from wayfold.agents.embedded.kept import (
    first_timestamp_ms,
    open_kept,
    paths_behind,
    remove_trimmed,
    write_kept,
)
from wayfold.agents.embedded.lock import take_lock
from wayfold.agents.embedded.log_id import make_log_id, read_log_id
from wayfold.agents.embedded.segment import (
    FORMAT,
    Group,
    LogDamagedError,
    Segment,
    SegmentHead,
    Slice,
    create_segment,
    cut_torn_end,
    damaged,
    encode_group,
    find_end,
    open_segment,
    set_file_aside,
    sync_file,
    write_fully,
)
from wayfold.agents.sink import BROADCAST_KINDS, Outgoing, partitions_of
from wayfold.models.record import LogRecord
from wayfold.state.store.errors import FULL_ERRNOS

SEGMENT_BYTES: Final = 64 << 20

RESTORE_FILE: Final = (
    "restore it from a backup, or move the whole data directory away and replay the events from where they "
    "came from."
)

Position = tuple[str, int]
"""A topic partition of the log: (topic kind, partition number)."""


class LogUnusableError(Exception):
    """The log cannot be opened or used as asked; the message says what to do."""


class DurableLog:
    """A log in a directory, with one writer at a time.

    `append` may be called from one thread at a time; everything else only reads what is durable and may
    run in another thread at the same time.
    """

    def __init__(self, directory: Path, partitions: int, segment_bytes: int, synced: bool, lock: int) -> None:
        self.directory = directory
        self.partitions = partitions  # 0 until the files have said how many
        self.segments: list[Segment] = []
        self._synced = synced
        self._segment_bytes = segment_bytes
        self._lock = lock
        self._descriptor = -1
        self._next: dict[str, list[int]] = {}
        self._failure: str | None = None
        self._headless: Path | None = None
        self.log_id = ""

    @classmethod
    def open(
        cls,
        directory: Path,
        kinds: Sequence[str],
        partitions: int | None,
        segment_bytes: int = SEGMENT_BYTES,
        synced: bool = True,
    ) -> "DurableLog":
        """Open or create the log.

        What an interrupted write left at its end is not read. It stays until the first append, which puts
        it into a file of its own: a log that turns out to lack records is as it was found.

        Without `partitions` it has as many as it was made with, and a new one has one.
        Without `synced` an append survives a crash of the process, and not of the machine.
        Raises `LogInUseError` when another process writes it, `LogUnusableError` when it was made with
        another number of partitions, `LogDamagedError` when durable bytes are gone or changed.
        """
        directory.mkdir(parents=True, exist_ok=True)
        log = cls(directory, partitions or 0, segment_bytes, synced, take_lock(directory))
        try:
            log._load(kinds)
            log.log_id = make_log_id(directory)
        except BaseException:
            log.close()
            raise
        return log

    @classmethod
    def open_to_read(cls, directory: Path) -> "DurableLog":
        """Open a log that another process may be writing, for reading what it has made durable by now.

        Nothing in the directory is changed. Raises `LogUnusableError` when there is no log, and
        `LogDamagedError`.
        """
        kept = open_kept(directory)
        paths = paths_behind(directory, kept)
        segments = [segment for path in paths if (segment := open_segment(path)) is not None]
        if not segments:
            raise LogUnusableError(
                f"There is no event log in {directory}: check the data directory, or start `wayfold run` "
                "with it once."
            )
        log = cls(directory, segments[0].head.partitions, 0, synced=False, lock=-1)
        log.segments = segments if kept is None else [kept, *segments]
        log.log_id = read_log_id(directory)
        log._next = find_end(segments[-1])
        log._failure = f"{directory} is open for reading only."
        return log

    def _load(self, kinds: Sequence[str]) -> None:
        kept = open_kept(self.directory)
        if kept is not None:
            remove_trimmed(self.directory, kept)
            self.segments.append(kept)
        paths = paths_behind(self.directory, kept)
        for path in paths:
            segment = open_segment(path)
            if segment is None:
                if path != paths[-1]:
                    raise damaged(path, 0)
                self._headless = path
                continue
            if self.segments and segment.number != self.segments[-1].number + 1:
                raise LogDamagedError(f"{self.directory} lacks the file before {path.name}: {RESTORE_FILE}")
            self.partitions = self.partitions or segment.head.partitions
            self._require_partitions(segment.head.partitions)
            self.segments.append(segment)
        if kept is not None and self.segments[-1] is kept:
            raise LogDamagedError(f"{self.directory} lacks the file after {kept.path.name}: {RESTORE_FILE}")
        self.partitions = self.partitions or 1
        self._next = find_end(self.segments[-1]) if self.segments else {}
        for kind in kinds:
            self._next.setdefault(kind, [0] * self.partitions)
        if not self.segments:
            self._put_headless_aside()
            self.segments.append(create_segment(self.directory, 0, self._head()))

    def _begin_writing(self) -> None:
        """Make the end ready for the first append."""
        self._put_headless_aside()
        cut_torn_end(self.segments[-1])
        self._descriptor = os.open(self.segments[-1].path, os.O_WRONLY | os.O_APPEND)

    def _put_headless_aside(self) -> None:
        if self._headless is not None:
            set_file_aside(self._headless)
            self._headless = None

    def _require_partitions(self, found: int) -> None:
        if found != self.partitions:
            raise LogUnusableError(
                f"{self.directory} was made with {found} partitions and the setting says {self.partitions}; "
                f"a user's events would be in two of them. Set the number of partitions to {found}, or "
                "replay the events into an empty data directory."
            )

    def _head(self) -> SegmentHead:
        return SegmentHead(FORMAT, self.partitions, {kind: list(at) for kind, at in self._next.items()})

    def next_offsets(self) -> dict[Position, int]:
        """Give the offset that the next record of each topic partition will have."""
        return _by_position(self._next)

    def records_total(self) -> int:
        """Count every record that was ever appended, those that retention dropped included."""
        return sum(map(sum, self._next.values()))

    def first_offsets(self) -> dict[Position, int]:
        """Give the offset of the first record that each topic partition still holds."""
        segments = tuple(self.segments)
        first = _by_position(segments[0].head.next_offsets)
        if segments[0].is_kept:
            first = {**_by_position(segments[1].head.next_offsets), **first}
        return {position: first.get(position, 0) for position in self.next_offsets()}

    def append(self, records: Sequence[Outgoing], timestamp_ms: int | None = None) -> None:
        """Append the records in order and return when all are durable.

        `timestamp_ms` is the record time, now by default. Raises ValueError for a record without a place
        (nothing is written then) and OSError when the disk refuses (nothing is in the log then).
        """
        if self._failure:
            raise OSError(self._failure)
        if timestamp_ms is None:
            timestamp_ms = time.time_ns() // 1_000_000
        upcoming = {kind: list(at) for kind, at in self._next.items()}
        frame = encode_group(Group(timestamp_ms, self._slices(records, upcoming)))
        if self._descriptor < 0:
            self._begin_writing()
        segment = self.segments[-1]
        if (
            segment.durable_end + len(frame) > self._segment_bytes
            and segment.durable_end > segment.body_start
        ):
            segment = self._roll()
        self._write(segment, frame)
        self._next = upcoming
        segment.durable_end += len(frame)

    def require_place(self, record: Outgoing) -> None:
        """Raise ValueError when the record names no place in this log."""
        if record.kind not in self._next:
            raise ValueError(f"this log has no topic kind {record.kind!r}; it has {', '.join(self._next)}")
        if record.partition is not None:
            if not 0 <= record.partition < self.partitions:
                raise ValueError(f"this log has no partition {record.partition}; it has {self.partitions}")
            return
        if record.key is None and record.kind not in BROADCAST_KINDS:
            raise ValueError(f"a record of {record.kind!r} needs the user id as its key")

    def _slices(self, records: Sequence[Outgoing], upcoming: dict[str, list[int]]) -> list[Slice]:
        slices: dict[Position, Slice] = {}
        for record in records:
            self.require_place(record)
            kind = record.kind
            for partition in partitions_of(record, self.partitions):
                part = slices.get((kind, partition))
                if part is None:
                    part = slices[(kind, partition)] = Slice(kind, partition, upcoming[kind][partition], [])
                part.records.append((record.key, record.value, record.headers))
        for (kind, partition), part in slices.items():
            upcoming[kind][partition] += len(part.records)
        return list(slices.values())

    def _write(self, segment: Segment, frame: bytes) -> None:
        try:
            write_fully(self._descriptor, frame)
        except OSError:
            # No space is the likely cause: without the partial frame the log can go on later.
            self._cut_back(segment)
            raise
        if not self._synced:
            return
        try:
            sync_file(self._descriptor)
        except OSError as error:
            if error.errno in FULL_ERRNOS and self._take_back(segment):
                raise
            # After a failed sync the kernel may have dropped the pages: only a restart can tell.
            self._failure = (
                f"{segment.path} could not be synced ({error}). Check the disk, then restart Wayfold: what "
                "was acknowledged is kept."
            )
            raise

    def _take_back(self, segment: Segment) -> bool:
        """Cut off what a full disk did not take; what was there before was synced before."""
        try:
            os.ftruncate(self._descriptor, segment.durable_end)
            sync_file(self._descriptor)
        except OSError:
            return False
        return True

    def _cut_back(self, segment: Segment) -> None:
        try:
            os.ftruncate(self._descriptor, segment.durable_end)
        except OSError as error:
            self._failure = (
                f"{segment.path} could not be cut back ({error}). Check the disk and restart Wayfold."
            )

    def _roll(self) -> Segment:
        segment = create_segment(self.directory, self.segments[-1].number + 1, self._head())
        os.close(self._descriptor)
        self._descriptor = os.open(segment.path, os.O_WRONLY | os.O_APPEND)
        self.segments.append(segment)
        return segment

    def cursor(self, start: Mapping[Position, int], kinds: Sequence[str] | None = None) -> LogCursor:
        """Read durable records in log order, each topic partition from its offset in `start` (else 0).

        `kinds` limits the reading to some topic kinds. Raises `LogUnusableError` when the log begins behind
        an offset, or ends before it.
        """
        first, upcoming = self.first_offsets(), self.next_offsets()
        for position in upcoming:
            if kinds is None or position[0] in kinds:
                offset = start.get(position, 0)
                self._require_readable(position, offset, first[position], upcoming[position])
        return LogCursor(self.segments, dict(start), None if kinds is None else frozenset(kinds))

    def _require_readable(self, position: Position, offset: int, first: int, upcoming: int) -> None:
        name = f"{position[0]}, partition {position[1]}"
        if offset > upcoming:
            raise LogUnusableError(
                f"{self.directory} ends at offset {upcoming} of {name}, but {offset} records of it were "
                "folded already: the log lost its end, was replaced, or was restored from an older copy. "
                f"{self._unreadable_end()}Restore the log that belongs to this store from a "
                "backup. Without one, move the store away (state/ of the data directory) so that it "
                f"is built again from this log: the events of at least {offset - upcoming} records are "
                "not counted then, until they are sent again from where they came from."
            )
        if offset < first:
            raise LogUnusableError(
                f"{self.directory} begins at offset {first} of {name}, and {offset} was asked for: its older "
                "files were trimmed. Restore a snapshot of the store that is newer, or the older files."
            )

    def _unreadable_end(self) -> str:
        last = self.segments[-1]
        surplus = last.path.stat().st_size - last.durable_end
        if surplus <= 0:
            return ""
        return (
            f"The last {surplus} bytes of {last.path.name} cannot be read, from byte {last.durable_end} on; "
            "they were left as they are. "
        )

    def read(self, kind: str, partition: int, offset: int, limit: int) -> list[LogRecord]:
        """Give up to `limit` records of one topic partition from `offset` on."""
        start = self.next_offsets()
        start[(kind, partition)] = offset
        cursor = self.cursor(start, [kind])
        found: list[LogRecord] = []
        while len(found) < limit and (parts := cursor.next(limit - len(found))):
            found.extend(record for part in parts for record in part.records)
        return found

    def trim(self, covered: Mapping[Position, int], is_old: Callable[[int], bool]) -> int:
        """Delete the oldest files, as long as all their records are old and below `covered`.

        `covered` is, for every topic partition, the next offset of a state that can be had without them;
        `is_old` judges the record time of what follows a file. Records of `KEPT_KINDS` are kept, in a file of
        their own. The last file always stays. Gives the number of files deleted. May be called from any
        thread, one at a time; raises `LogDamagedError` or OSError with nothing deleted.
        """
        segments = tuple(self.segments)
        count = self.trimmable(covered, is_old)
        if not count:
            return 0
        kept = write_kept(segments[:count], segments[count])
        # The order matters: a reader that comes now must not start at a file that goes away.
        self.segments[:count] = [kept]
        remove_trimmed(self.directory, kept)
        return sum(not segment.is_kept for segment in segments[:count])

    def trimmable(self, covered: Mapping[Position, int], is_old: Callable[[int], bool]) -> int:
        """Count the files at the beginning, kept records included, that `trim` would replace."""
        count = 0
        for number, (segment, following) in enumerate(pairwise(tuple(self.segments)), 1):
            timestamp_ms = first_timestamp_ms(following)
            if timestamp_ms is None or not is_old(timestamp_ms):
                break
            ends = _by_position(following.head.next_offsets)
            if any(covered.get(position, 0) < end for position, end in ends.items()):
                break
            if not segment.is_kept:
                count = number
        return count

    def size_bytes(self) -> int:
        """Give the size of the log's files."""
        return sum(segment.durable_end for segment in self.segments)

    def close(self) -> None:
        """Close the files and let another process write."""
        self._failure = self._failure or f"{self.directory} is closed."
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _by_position(offsets: Mapping[str, Sequence[int]]) -> dict[Position, int]:
    return {(kind, partition): at for kind, row in offsets.items() for partition, at in enumerate(row)}
