"""`wayfold replay`: files to either host, and what became of their events."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from wayfold.agents.destinations.addresses import http_url, kafka_settings
from wayfold.agents.files.bar import ReplayBar
from wayfold.agents.files.checkpoint import Checkpoint
from wayfold.agents.files.csv_columns import read_delimiter
from wayfold.agents.files.mapping import load_mapping
from wayfold.agents.files.replay import Replay, ReplaySummary, RowProblem
from wayfold.agents.files.verdicts import Outcome, VerdictsUnknownError, Watcher
from wayfold.cli.judging import opened_watcher
from wayfold.cli.sending import opened_destination
from wayfold.models.refusal import Reason
from wayfold.settings import Settings

SHOWN_PROBLEMS: Final = 5
SOME_REFUSED: Final = 3
"""The exit status when not every event was taken and counted."""


def replay_files(
    files: Sequence[Path],
    address: str,
    settings: Settings,
    console: Console,
    *,
    mapping_file: Path | None,
    delimiter: str | None,
    checkpoint_file: Path,
    problems_file: Path | None,
    is_sorted: bool,
    wait: bool | None,
) -> int:
    """Replay files with a progress bar on `console`; an interrupted replay goes on where it came to.

    Rows that are not taken are written to `problems_file`, a line of JSON each. With `wait` it ends when all
    is judged that was sent, and says how; None waits for a Wayfold over HTTP only. Gives the exit status: 0,
    or `SOME_REFUSED`. Raises what reading, mapping, sending or waiting raised.
    """
    mapping = None if mapping_file is None else load_mapping(mapping_file)
    separator = None if delimiter is None else read_delimiter(delimiter)
    identity = b"" if mapping is None else mapping.fingerprint
    if separator is not None:
        identity += f"\ndelimiter {separator}".encode()
    checkpoint = Checkpoint(checkpoint_file, destination=address, mapping=identity, is_sorted=is_sorted)
    problems = None if problems_file is None else problems_file.open("wb")

    def note(problem: RowProblem) -> None:
        if problems is not None:
            problems.write(msgspec.json.encode(problem) + b"\n")

    async def send() -> tuple[ReplaySummary, Outcome | VerdictsUnknownError | None]:
        async with opened_watcher(address, settings, bar.judging, wait=wait) as watcher:
            watch_id = None if watcher is None else await _begun(watcher)
            async with opened_destination(address, settings, watch_id) as destination:
                replay = Replay(
                    destination,
                    checkpoint,
                    mapping=mapping,
                    delimiter=separator,
                    is_sorted=is_sorted,
                    progress=bar,
                    on_problem=note,
                )
                summary = await replay.run(files)
            return summary, None if watcher is None else await _finish(watcher, summary)

    try:
        with ReplayBar(console) as bar:
            summary, outcome = asyncio.run(send())
    finally:
        if problems is not None:
            problems.close()
    is_judged = (http_url(address, settings) or kafka_settings(address, settings)) is not None
    _say(console, *_told(summary, outcome, is_judged=is_judged))
    _say(console, *_told_of_rows(summary, problems_file))
    if isinstance(outcome, VerdictsUnknownError):
        raise outcome
    refused = summary.rejected.total() + summary.rejected_before.total()
    return SOME_REFUSED if refused or (outcome is not None and outcome.refused) else 0


async def _begun(watcher: Watcher) -> str | None:
    """Get ready; gives the watch that the events are to be sent with, if any."""
    try:
        await watcher.begin()
    except VerdictsUnknownError as error:
        reason = str(error).rstrip(".")
        raise VerdictsUnknownError(f"Nothing was sent. {reason}. --no-wait sends without asking.") from None
    return watcher.watch_id


async def _finish(watcher: Watcher, summary: ReplaySummary) -> Outcome | VerdictsUnknownError:
    try:
        return await watcher.finish(summary.sent, summary.sent_to_all)
    except VerdictsUnknownError as error:
        return error


def _told(
    summary: ReplaySummary, outcome: Outcome | VerdictsUnknownError | None, *, is_judged: bool
) -> list[str]:
    """Say what was sent and what became of it, a line each."""
    skipped = f", {summary.skipped:,} were sent by an earlier run" if summary.skipped else ""
    lines = [f"{summary.sent:,} events sent{skipped}"]
    if outcome is None and is_judged and summary.sent:
        lines.append(
            "How many of them count is not known yet: --wait waits for it; else see "
            "`wayfold dead-letters list` and wayfold_refused_total in /metrics"
        )
    if not isinstance(outcome, Outcome):
        return lines
    reasons = f" ({_listed(outcome.refused)})" if outcome.refused else ""
    lines.append(
        f"{outcome.counted:,} counted, {outcome.repeated:,} repeated, "
        f"{outcome.refused.total():,} refused{reasons}"
    )
    if outcome.records > summary.sent:
        lines.append(
            f"({outcome.records:,} records, because {summary.sent_to_all:,} of the events are judged in "
            "every partition)"
        )
    if outcome.others > 0:
        whose = "were sent again after a time-out" if outcome.is_own else "came meanwhile from others"
        lines.append(f"{outcome.others:,} more {whose}: these counts include them")
    if outcome.refused:
        lines.append("`wayfold dead-letters list` has what was refused, each with what to do")
    return lines


def _told_of_rows(summary: ReplaySummary, problems_file: Path | None) -> list[str]:
    """Say which rows never came into the log."""
    lines = [f"{problem.file} row {problem.row}: {problem.message}" for problem in summary.problems]
    lines = lines[:SHOWN_PROBLEMS]
    if summary.rejected:
        where = f"{problems_file} has them all" if problems_file else "--problems FILE writes them all down"
        lines.append(
            f"{summary.rejected.total():,} rows were not taken: {_listed(summary.rejected)}; {where}"
        )
    if summary.rejected_before:
        lines.append(
            f"{summary.rejected_before.total():,} rows were not taken by an earlier run: "
            f"{_listed(summary.rejected_before)}"
        )
    return lines


def _listed(counts: Counter[str] | Counter[Reason]) -> str:
    return ", ".join(f"{count:,} {reason!s}" for reason, count in counts.most_common())


def _say(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
