"""Replay of files: rows to events, in the order of time, to a destination, resumable."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec

from wayfold.agents.destinations.destination import Destination
from wayfold.agents.destinations.pipeline import Pipeline
from wayfold.agents.files import templates
from wayfold.agents.files.checkpoint import Checkpoint, FileProgress
from wayfold.agents.files.making import BadRow, EventMaker, MadeEvent
from wayfold.agents.files.mapping import RowMapping
from wayfold.agents.files.readers import Rows, UnreadableFileError, open_rows
from wayfold.agents.files.sorting import TimeOrder
from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.sink import BROADCAST_KINDS
from wayfold.models.refusal import Reason

BATCH_EVENTS: Final = 1_000
BATCHES_PER_CHECKPOINT: Final = 20
PROBLEMS_KEPT: Final = 100
EVENT_COLUMNS: Final = frozenset({"type"})
"""What a file with columns needs for its rows to be events."""


class RowProblem(msgspec.Struct, frozen=True):
    """A row that did not become an event that counts, and why."""

    file: str
    row: int
    reason: Reason
    field: str
    message: str


class ReplaySummary(msgspec.Struct):
    """What a replay did: events `sent` and taken, those `skipped` because an earlier run sent them.

    Of those sent, `sent_to_all` went to every partition. `rejected` counts by reason what was refused before
    it was in the log, `rejected_before` what earlier runs refused so; `problems` are the first
    `PROBLEMS_KEPT`.
    """

    sent: int = 0
    sent_to_all: int = 0
    skipped: int = 0
    rejected: Counter[Reason] = msgspec.field(default_factory=Counter)
    rejected_before: Counter[Reason] = msgspec.field(default_factory=Counter)
    problems: list[RowProblem] = []


class Progress(Protocol):
    """Who is told how a replay goes on."""

    def reading(self, file: Path, done_bytes: int, size_bytes: int) -> None:
        """Note how much of a file was read."""

    def sending(self, file: Path, done_events: int, total_events: int | None) -> None:
        """Note how many events of a file are durable; the total is not known when they are not sorted."""


class NoProgress:
    """Tells nobody."""

    def reading(self, file: Path, done_bytes: int, size_bytes: int) -> None:
        """Do nothing."""

    def sending(self, file: Path, done_events: int, total_events: int | None) -> None:
        """Do nothing."""


class Replay:
    """A replay of files to a destination.

    CSV files are separated by `delimiter`, else by that of the mapping, else by what their header shows.
    With `is_sorted` each file's events are sent in the order of their time; without, in that of the file.
    `on_problem` hears of every row that is not taken.
    """

    def __init__(
        self,
        destination: Destination,
        checkpoint: Checkpoint,
        *,
        mapping: RowMapping | None = None,
        delimiter: str | None = None,
        is_sorted: bool = True,
        progress: Progress | None = None,
        on_problem: Callable[[RowProblem], None] = lambda _: None,
    ) -> None:
        self.summary = ReplaySummary()
        self._destination = destination
        self._checkpoint = checkpoint
        self._mapping = mapping
        self._delimiter = delimiter or (None if mapping is None else mapping.delimiter)
        self._is_sorted = is_sorted
        self._progress: Progress = progress or NoProgress()
        self._on_problem = on_problem

    async def run(self, files: Sequence[Path]) -> ReplaySummary:
        """Send the files, one after the other, and return when all is durable.

        Raises `UnreadableFileError`, `MappingError`, `DestinationError` or OSError; after a failure the next
        run goes on where this one came to.
        """
        try:
            for file in files:
                await self._send_file(file)
        finally:
            self._checkpoint.save()
        self._checkpoint.remove()
        return self.summary

    async def _send_file(self, file: Path) -> None:
        reached = self._checkpoint.of(file)
        if reached.is_done:
            self._skip(reached)
            return
        mapping = self._mapping
        wanted = EVENT_COLUMNS if mapping is None else templates.with_objects(mapping.columns)
        with open_rows(file, delimiter=self._delimiter, wanted=wanted) as rows:
            if mapping is not None:
                mapping.require_columns(rows.columns)
            else:
                _require_events(rows)
            bad_rows: Counter[Reason] = Counter()
            events = self._events(file, rows, bad_rows)
            if self._is_sorted:
                with TimeOrder() as order:
                    for event in events:
                        order.add(event)
                    await self._send(file, order, reached, order.count)
            else:
                await self._send(file, events, reached, None)
        reached.is_done, reached.bad_rows = True, dict(bad_rows)
        self._checkpoint.save()

    def _events(self, file: Path, rows: Rows, bad_rows: Counter[Reason]) -> Iterator[MadeEvent]:
        for count, made in enumerate(EventMaker(self._mapping).events_of(rows)):
            if not count % BATCH_EVENTS:
                self._progress.reading(file, rows.done_bytes, rows.size_bytes)
            if isinstance(made, BadRow):
                refusal = made.refusal
                bad_rows[refusal.reason] += 1
                self._problem(RowProblem(file.name, made.row, refusal.reason, refusal.field, refusal.message))
            else:
                yield made
        self._progress.reading(file, rows.size_bytes, rows.size_bytes)

    async def _send(
        self, file: Path, events: Iterable[MadeEvent], reached: FileProgress, total: int | None
    ) -> None:
        batches = 0

        def done(batch: list[MadeEvent], rejected: Sequence[Rejected]) -> None:
            nonlocal batches
            batches += 1
            reached.events_sent += len(batch)
            refused = {each.index for each in rejected}
            taken = [event for index, event in enumerate(batch) if index not in refused]
            self.summary.sent += len(taken)
            self.summary.sent_to_all += sum(event.record.kind in BROADCAST_KINDS for event in taken)
            for each in rejected:
                reached.rejected[each.reason] = reached.rejected.get(each.reason, 0) + 1
                row = batch[each.index].row
                self._problem(RowProblem(file.name, row, each.reason, each.field, each.message))
            if not batches % BATCHES_PER_CHECKPOINT:
                self._checkpoint.save()
            self._progress.sending(file, reached.events_sent, total)

        # One batch at a time: the log has to take the events in this order, or old ones would be late behind
        # newer ones.
        pipeline: Pipeline[list[MadeEvent]] = Pipeline(self._destination, done, in_flight=1)
        skip = reached.events_sent
        self._skip(reached)
        batch: list[MadeEvent] = []
        try:
            for place, event in enumerate(events):
                if place < skip:
                    continue
                batch.append(event)
                if len(batch) >= BATCH_EVENTS:
                    await _send_batch(pipeline, batch)
                    batch = []
            await _send_batch(pipeline, batch)
            await pipeline.finish()
        finally:
            await pipeline.cancel()

    def _skip(self, reached: FileProgress) -> None:
        """Note what an earlier run sent, and what of it was not taken then."""
        self.summary.skipped += reached.events_sent
        self.summary.rejected_before.update(reached.rejected)
        self.summary.rejected_before.update(reached.bad_rows)

    def _problem(self, problem: RowProblem) -> None:
        self.summary.rejected[problem.reason] += 1
        if len(self.summary.problems) < PROBLEMS_KEPT:
            self.summary.problems.append(problem)
        self._on_problem(problem)


def _require_events(rows: Rows) -> None:
    """Raise UnreadableFileError when a file's columns are not those of events."""
    if rows.columns is None:
        return
    if not set(rows.columns) >= EVENT_COLUMNS:
        raise UnreadableFileError(
            f"{rows.path} has no column `type`, so its rows are no events: say with --mapping which events "
            f"they stand for. Its columns are {', '.join(rows.columns)}."
        )
    twice = next((name for name, count in Counter(rows.columns).items() if name and count > 1), None)
    if twice is not None:
        raise UnreadableFileError(f"{rows.path} has the column {twice!r} more than once: rename all but one.")


async def _send_batch(pipeline: Pipeline[list[MadeEvent]], batch: list[MadeEvent]) -> None:
    if batch:
        await pipeline.send([event.record for event in batch], batch)
