"""The progress bar of a replay on a terminal."""

from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class ReplayBar:
    """Shows a bar for reading and for sending each file, and for judging; use it in a `with` block."""

    def __init__(self, console: Console) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[done]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._tasks: dict[tuple[str, Path], TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def reading(self, file: Path, done_bytes: int, size_bytes: int) -> None:
        """Show how much of a file was read."""
        share = done_bytes / size_bytes if size_bytes else 1.0
        self._show("reading", file, done_bytes, size_bytes, f"{share:.0%}")

    def sending(self, file: Path, done_events: int, total_events: int | None) -> None:
        """Show how many events of a file are durable."""
        self._show("sending", file, done_events, total_events, f"{done_events:,} events")

    def judging(self, done_records: int, total_records: int) -> None:
        """Show how many of the records that were sent are judged."""
        if total_records:
            self._show("judging", Path("records"), done_records, total_records, f"{done_records:,}")

    def _show(self, what: str, file: Path, done: int, total: int | None, text: str) -> None:
        task = self._tasks.get((what, file))
        if task is None:
            task = self._bars.add_task(f"{what} {file.name}", total=total, done="")
            self._tasks[what, file] = task
        self._bars.update(task, completed=done, total=total, done=text)
