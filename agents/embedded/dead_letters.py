"""Dead letters of the embedded host: kept in a small durable log beside that of the events.

They are written down as in Kafka (`wayfold.agents.dead_letters`): the same key, value and headers.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from wayfold.agents.dead_letters import (
    RESENT_HEADER,
    SentAgain,
    letter_headers,
    letter_key,
    letter_pieces,
    read_letter,
)
from wayfold.agents.embedded.group_commit import GroupCommit
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.ingest.accept import outgoing
from wayfold.agents.kafka.topics import DEAD_LETTERS
from wayfold.agents.sink import EventSink, Outgoing
from wayfold.models.decode import decode_event
from wayfold.models.record import LogRecord
from wayfold.models.refusal import DeadLetter, Reason, Refusal

READ_RECORDS = 1_000
WRITE_LETTERS = 10_000
WRITE_BYTES = 8 << 20
"""Most letters, and bytes of them, in one synced write."""


class LocalDeadLetters:
    """A dead letter sink with a log in a directory."""

    def __init__(self, log: DurableLog) -> None:
        self.log = log
        self._commit = GroupCommit(log)

    @classmethod
    def open(cls, directory: Path, *, synced: bool = True) -> "LocalDeadLetters":
        """Open or create the log; raises as `DurableLog.open` does."""
        return cls(DurableLog.open(directory, (DEAD_LETTERS,), 1, synced=synced))

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        """Return when every letter is durable; raises `SinkFailedError` when that cannot be."""
        for piece in letter_pieces(letters, WRITE_LETTERS, WRITE_BYTES):
            await self._commit.append([_record(letter) for letter in piece])

    def letters(
        self, *, reason: Reason | None = None, limit: int | None = None, with_resent: bool = False
    ) -> Iterator[DeadLetter]:
        """Yield the letters as `list_local_letters` does."""
        return _letters(self.log, reason, limit, with_resent)

    async def resend(
        self, sink: EventSink, letters: Sequence[tuple[DeadLetter, bytes | None]]
    ) -> list[SentAgain]:
        """Append records to the log again, each as the value given with its letter.

        A value that would be refused again is not appended, and the answer says why. The letters that were
        sent are listed no longer. Raises `SinkBusyError` or `SinkFailedError`.
        """
        answers: list[SentAgain] = []
        records: list[Outgoing] = []
        marks: list[Outgoing] = []
        now = str(time.time_ns() // 1_000_000).encode()
        for letter, value in letters:
            event = decode_event(None, value, letter.headers)
            if isinstance(event, Refusal):
                answers.append(SentAgain(letter, event))
                continue
            records.append(outgoing(event, value or b"", tuple(letter.headers)))
            key = letter_key(letter).encode()
            marks.append(Outgoing(DEAD_LETTERS, key, None, ((RESENT_HEADER, now),), partition=0))
            answers.append(SentAgain(letter, None))
        # The mark comes after what it says is durable: a crash in between only sends once more.
        await sink.append(records)
        await self._commit.append(marks)
        return answers

    async def close(self) -> None:
        """Finish what was asked for and close the log."""
        await self._commit.close()
        self.log.close()


def list_local_letters(
    directory: Path, *, reason: Reason | None = None, limit: int | None = None, with_resent: bool = False
) -> Iterator[DeadLetter]:
    """Yield the dead letters of a data directory in the order of their arrival, each once.

    Those that were sent again are left out unless `with_resent`. A host may be running with the directory.
    Raises `LogUnusableError` when there is no log, and `LogDamagedError`.
    """
    yield from _letters(DurableLog.open_to_read(directory), reason, limit, with_resent)


def _letters(
    log: DurableLog, reason: Reason | None, limit: int | None, with_resent: bool
) -> Iterator[DeadLetter]:
    resent: set[bytes | None] = set()
    if not with_resent:
        resent = {record.key for record in _scan(log) if RESENT_HEADER in dict(record.headers)}
    seen: set[bytes | None] = set()
    found = 0
    for record in _scan(log):
        if record.key in seen or record.key in resent or RESENT_HEADER in dict(record.headers):
            continue
        seen.add(record.key)
        letter = read_letter(record.value, record.headers)
        if reason is not None and letter.refusal.reason != reason:
            continue
        if limit is not None and found >= limit:
            return
        found += 1
        yield letter


def _scan(log: DurableLog) -> Iterator[LogRecord]:
    cursor = log.cursor({})
    try:
        while parts := cursor.next(READ_RECORDS):
            for part in parts:
                yield from part.records
    finally:
        cursor.close()


def _record(letter: DeadLetter) -> Outgoing:
    key, headers = letter_key(letter).encode(), tuple(letter_headers(letter))
    return Outgoing(DEAD_LETTERS, key, letter.value, headers, partition=0)
