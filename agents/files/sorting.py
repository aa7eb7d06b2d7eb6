"""Events in the order of their time, in bounded memory.

A log that is ordered by case has old events behind newer ones, and an event too far behind the latest is
refused for good. So a file is read once, sorted in runs that fit memory, and the runs are merged from a
temporary folder.
"""

import heapq
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from wayfold.agents.files.making import MadeEvent

RUN_EVENTS: Final = 250_000
RUN_BYTES: Final = 128 << 20
BLOCK_EVENTS: Final = 500

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[MadeEvent]).decode


class TimeOrder:
    """Sorts events by their time; events of one time keep the order in which they came.

    Memory holds one run of at most `run_events` events and `run_bytes` bytes, then a block of each run.
    """

    def __init__(self, run_events: int = RUN_EVENTS, run_bytes: int = RUN_BYTES) -> None:
        self._run_events = run_events
        self._run_bytes = run_bytes
        self._run: list[MadeEvent] = []
        self._size = 0
        self._files: list[Path] = []
        self._folder: Path | None = None
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, event: MadeEvent) -> None:
        """Take an event; raises OSError when the temporary folder is full."""
        self._run.append(event)
        self._size += len(event.record.value or b"")
        self.count += 1
        if len(self._run) >= self._run_events or self._size >= self._run_bytes:
            self._spill()

    def __iter__(self) -> Iterator[MadeEvent]:
        """Yield all events in the order of their time."""
        self._run.sort(key=_time)
        runs: list[Iterable[MadeEvent]] = [_read(path) for path in self._files]
        return heapq.merge(*runs, self._run, key=_time)

    def _spill(self) -> None:
        self._run.sort(key=_time)
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="wayfold-sort-"))
        path = self._folder / str(len(self._files))
        with path.open("wb") as file:
            for start in range(0, len(self._run), BLOCK_EVENTS):
                block = _encode(self._run[start : start + BLOCK_EVENTS])
                file.write(len(block).to_bytes(8, "little") + block)
        self._files.append(path)
        self._run, self._size = [], 0


def _time(event: MadeEvent) -> int:
    return event.at_ms


def _read(path: Path) -> Iterator[MadeEvent]:
    with path.open("rb") as file:
        while head := file.read(8):
            yield from _decode(file.read(int.from_bytes(head, "little")))
