"""How far a replay came, in a small file, so that it can go on there."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from wayfold.models.refusal import Reason


class FileProgress(msgspec.Struct):
    """How far one file came: its first `events_sent` events, in the order of sending, are durable.

    `size_bytes` and `modified_ns` tell whether it is still the same file. `rejected` counts by reason the
    events that the destination did not take, `bad_rows`, once it is done, the rows that made none.
    """

    size_bytes: int
    modified_ns: int
    events_sent: int = 0
    is_done: bool = False
    rejected: dict[Reason, int] = {}
    bad_rows: dict[Reason, int] = {}


Files = dict[str, FileProgress]

MAXIMUM_RUNS = 100


class Checkpoint:
    """The progress of a replay, kept in `path` beside that of others; None keeps none.

    A replay of something else (another destination, mapping or order) does not go on from it.
    """

    def __init__(self, path: Path | None, *, destination: str, mapping: bytes, is_sorted: bool) -> None:
        self._path = path
        identity = msgspec.json.encode([destination, mapping.hex(), is_sorted])
        self._run = hashlib.sha256(identity).hexdigest()
        self._runs: dict[str, Files] = {}
        if path is not None and path.exists():
            # Sending everything again is harmless; a file that cannot be read is no reason to stop.
            with suppress(msgspec.DecodeError):
                self._runs = msgspec.json.decode(path.read_bytes(), type=dict[str, Files])
        # The latest stands last, so that the oldest are forgotten first.
        self._files = self._runs[self._run] = self._runs.pop(self._run, {})
        for run in list(self._runs)[:-MAXIMUM_RUNS]:
            del self._runs[run]
        self._replayed: set[str] = set()

    def of(self, file: Path) -> FileProgress:
        """Give how far a file came; nowhere when it has changed since."""
        status = file.stat()
        now = FileProgress(status.st_size, status.st_mtime_ns)
        name = str(file.resolve())
        self._replayed.add(name)
        found = self._files.get(name)
        if found is None or (found.size_bytes, found.modified_ns) != (now.size_bytes, now.modified_ns):
            self._files[name] = now
            return now
        return found

    def save(self) -> None:
        """Write the progress down, whole or not at all."""
        if self._path is None:
            return
        fresh = self._path.with_name(f"{self._path.name}.new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(self._runs))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._path)

    def remove(self) -> None:
        """Forget this replay, which is complete; the file goes when nothing else is kept in it."""
        for name in self._replayed:
            self._files.pop(name, None)
        if not self._files:
            self._runs.pop(self._run, None)
        if self._runs:
            self.save()
        elif self._path is not None:
            self._path.unlink(missing_ok=True)
