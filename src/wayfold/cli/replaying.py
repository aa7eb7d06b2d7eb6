"""`wayfold replay`: files to either host."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console

from wayfold.agents.files.bar import ReplayBar
from wayfold.agents.files.checkpoint import Checkpoint
from wayfold.agents.files.mapping import load_mapping
from wayfold.agents.files.replay import Replay, ReplaySummary, RowProblem
from wayfold.cli.sending import RefusedError, opened_destination
from wayfold.settings import Settings

SHOWN_PROBLEMS = 5


def replay_files(
    files: Sequence[Path],
    address: str,
    settings: Settings,
    console: Console,
    *,
    mapping_file: Path | None,
    checkpoint_file: Path,
    problems_file: Path | None,
    is_sorted: bool,
) -> None:
    """Replay files with a progress bar on `console`; an interrupted replay goes on where it came to.

    Rows that are not taken are written to `problems_file`, a line of JSON each. Raises RefusedError when
    there were any, and what reading, mapping or sending raised.
    """
    mapping = None if mapping_file is None else load_mapping(mapping_file)
    checkpoint = Checkpoint(
        checkpoint_file,
        destination=address,
        mapping=b"" if mapping is None else mapping.fingerprint,
        is_sorted=is_sorted,
    )

    async def send() -> ReplaySummary:
        async with opened_destination(address, settings) as destination:
            replay = Replay(
                destination, checkpoint, mapping=mapping, is_sorted=is_sorted, progress=bar, on_problem=note
            )
            return await replay.run(files)

    problems = None if problems_file is None else problems_file.open("wb")

    def note(problem: RowProblem) -> None:
        if problems is not None:
            problems.write(msgspec.json.encode(problem) + b"\n")

    try:
        with ReplayBar(console) as bar:
            summary = asyncio.run(send())
    finally:
        if problems is not None:
            problems.close()
    _tell(summary, console, problems_file)


def _tell(summary: ReplaySummary, console: Console, problems_file: Path | None) -> None:
    skipped = f", {summary.skipped:,} were sent by an earlier run" if summary.skipped else ""
    console.print(f"{summary.sent:,} events sent{skipped}", highlight=False)
    if not summary.rejected:
        return
    reasons = ", ".join(f"{count:,} {reason.value}" for reason, count in summary.rejected.most_common())
    for problem in summary.problems[:SHOWN_PROBLEMS]:
        console.print(f"{problem.file} row {problem.row}: {problem.message}", highlight=False, markup=False)
    where = f"{problems_file} has them all" if problems_file else "--problems FILE writes them all down"
    raise RefusedError(f"{summary.rejected.total():,} rows were not taken: {reasons}; {where}")
