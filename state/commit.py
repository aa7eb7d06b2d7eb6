"""What one commit of a partition writes: rows, and how what is in memory changes with them."""

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from wayfold.state.cells.recent import Rolled
from wayfold.state.cells.totals import Change
from wayfold.state.cells.values import Histogram
from wayfold.state.names.catalog import JourneyScope
from wayfold.state.reading.views import Views
from wayfold.state.store.reader import StoreReader


class PartitionStore(StoreReader, Protocol):
    """Where a partition keeps its state; `wayfold.state.store.store.Store` on disk."""

    def write(
        self,
        puts: Iterable[tuple[bytes, bytes]],
        deletes: Iterable[bytes] = (),
        ranges: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Write all of it or nothing."""

    def close(self) -> None:
        """Let go of the files."""


class Meta(msgspec.Struct, array_like=True):
    """The partition's own row: what its numbers reflect."""

    offsets: dict[str, int] = {}
    counters: dict[str, int] = {}
    watermark_ms: int = -1
    next_person: int = 0
    batch: int = 0


class Prepared:
    """What a commit will write, and how it changes what is in memory."""

    def __init__(self) -> None:
        self.puts: dict[bytes, bytes] = {}
        self.deletes: list[bytes] = []
        self.ranges: list[tuple[bytes, bytes]] = []
        self.changed: dict[int, Change] = {}
        self.dwells: dict[int, Histogram] = {}
        self.rolled = Rolled()
        self.records = 0
        self.settles = False
        self.meta = Meta()
        self.frozen: dict[JourneyScope, Views | None] = {}  # None where readers see the journey itself again


decode_meta: Final = msgspec.msgpack.Decoder(Meta).decode
