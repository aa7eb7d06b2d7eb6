"""How far a replay came, in a small file, so that it can go on there."""

import hashlib
import os
from pathlib import Path

import msgspec


class FileProgress(msgspec.Struct):
    """How far one file came: its first `events_sent` events, in the order of sending, are durable.

    `size_bytes` and `modified_ns` tell whether it is still the same file.
    """

    size_bytes: int
    modified_ns: int
    events_sent: int = 0
    is_done: bool = False


class _Saved(msgspec.Struct):
    run: str
    files: dict[str, FileProgress] = {}


class Checkpoint:
    """The progress of a replay, kept in `path`; None keeps none.

    A replay of something else (another destination, mapping or order) does not go on from it.
    """

    def __init__(self, path: Path | None, *, destination: str, mapping: bytes, is_sorted: bool) -> None:
        self._path = path
        identity = msgspec.json.encode([destination, mapping.hex(), is_sorted])
        self._saved = _Saved(hashlib.sha256(identity).hexdigest())
        if path is not None and path.exists():
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            found = msgspec.json.decode(path.read_bytes(), type=_Saved)
        except msgspec.DecodeError:
            # Sending everything again is harmless; a file that cannot be read is no reason to stop.
            return
        if found.run == self._saved.run:
            self._saved = found

    def of(self, file: Path) -> FileProgress:
        """Give how far a file came; nowhere when it has changed since."""
        status = file.stat()
        now = FileProgress(status.st_size, status.st_mtime_ns)
        name = str(file.resolve())
        found = self._saved.files.get(name)
        if found is None or (found.size_bytes, found.modified_ns) != (now.size_bytes, now.modified_ns):
            self._saved.files[name] = now
            return now
        return found

    def save(self) -> None:
        """Write the progress down, whole or not at all."""
        if self._path is None:
            return
        fresh = self._path.with_name(f"{self._path.name}.new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(self._saved))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._path)

    def remove(self) -> None:
        """Forget everything: the replay is complete."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
