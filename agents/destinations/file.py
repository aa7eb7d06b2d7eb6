"""Events to a file of lines (JSONL), compressed when its name ends in .gz."""

import gzip
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.ingest.accept import Rejected
from wayfold.agents.sink import Outgoing

BUFFER_BYTES: Final = 1 << 20
COMPRESSION_LEVEL: Final = 3


class FileDestination:
    """Writes one event a line; without a path to standard output."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO = sys.stdout.buffer
        self._compressed: gzip.GzipFile | None = None
        if path is not None:
            self._file = path.open("wb", buffering=BUFFER_BYTES)
            if path.suffix == ".gz":
                # Without name and time, the same events always give the same bytes.
                self._compressed = gzip.GzipFile("", "wb", COMPRESSION_LEVEL, self._file, mtime=0)

    async def send(self, records: Sequence[Outgoing]) -> Sequence[Rejected]:
        """Write the records; nothing is ever rejected here. Raises `DestinationError`."""
        lines = b"".join([(record.value or b"") + b"\n" for record in records])
        with self._named():
            (self._compressed or self._file).write(lines)
        return ()

    async def close(self) -> None:
        """Finish the file, durable on disk; raises `DestinationError`."""
        with self._named():
            if self._compressed is not None:
                self._compressed.close()
            self._file.flush()
            if self._path is not None:
                # A device or pipe has nothing to sync.
                if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                    os.fsync(self._file.fileno())
                self._file.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say of what the system refuses which file it is."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise DestinationError(
                f"{self._path or 'standard output'} cannot be written: {error.strerror}. Mend that, or name "
                "another place with --to, then start again."
            ) from error
