"""Events to a file of lines (JSONL), compressed when its name ends in .gz."""

import gzip
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

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
        """Write the records; nothing is ever rejected here."""
        lines = b"".join([(record.value or b"") + b"\n" for record in records])
        if self._compressed is not None:
            self._compressed.write(lines)
        else:
            self._file.write(lines)
        return ()

    async def close(self) -> None:
        """Finish the file, durable on disk."""
        if self._compressed is not None:
            self._compressed.close()
        self._file.flush()
        if self._path is not None:
            os.fsync(self._file.fileno())
            self._file.close()
