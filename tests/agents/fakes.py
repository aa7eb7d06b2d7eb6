"""Stand-ins for what the hosts work with: a partition that only remembers, and sinks that keep in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wayfold.agents.sink import Outgoing
from wayfold.models.record import Record
from wayfold.models.refusal import DeadLetter, Reason, Refusal

if TYPE_CHECKING:
    from wayfold.state.reading.views import JourneyView


class RememberingPartition:
    """Remembers the values of the records it folded; `commit` writes them and the offsets to one file.

    It refuses records with the value `bad`, and fails on the value `poison`.
    """

    def __init__(self, directory: Path, number: int) -> None:
        self.number = number
        self.watermark_ms = -1
        self.judging_since_ms: int | None = None
        self.counters: dict[str, int] = {}
        self.refused: list[DeadLetter] = []
        self.commits = 0
        self.closed = False
        self._path = directory / f"{number}.json"
        stored = json.loads(self._path.read_text()) if self._path.exists() else {"offsets": {}, "values": []}
        self.offsets: dict[str, int] = stored["offsets"]
        self.values: list[str] = stored["values"]
        self._pending: list[str] = []
        self._pending_offsets: dict[str, int] = {}

    @property
    def sequence(self) -> int:
        return sum(self.offsets.values())

    def fold(self, topic: str, records: Sequence[Record]) -> None:
        for record in records:
            expected = self._pending_offsets.get(topic, self.offsets.get(topic, 0))
            if record.offset < expected:
                continue
            assert record.offset == expected, "records must come without gaps"
            self._pending_offsets[topic] = expected + 1
            if record.value == b"poison":
                raise RuntimeError("the store is full")
            if record.value == b"bad":
                self.refused.append(
                    DeadLetter(
                        topic,
                        self.number,
                        record.offset,
                        record.timestamp,
                        Refusal(Reason.UNPARSEABLE, "", "The record is no JSON."),
                        record.key,
                        record.value,
                        record.headers,
                    )
                )
                continue
            self._pending.append((record.value or b"").decode())

    def reach(self, topic: str, offset: int) -> None:
        expected = self._pending_offsets.get(topic, self.offsets.get(topic, 0))
        self._pending_offsets[topic] = max(expected, offset)

    def prepare(self) -> Iterator[None]:
        yield

    def commit(self) -> None:
        assert not self.closed
        self.values += self._pending
        self.offsets = {**self.offsets, **self._pending_offsets}
        self._path.write_text(json.dumps({"offsets": self.offsets, "values": self.values}))
        self.commits += 1
        self.discard()

    def discard(self) -> None:
        self._pending, self._pending_offsets, self.refused = [], {}, []

    def changed_views(self) -> Sequence[JourneyView]:
        return ()

    def all_views(self) -> Iterator[JourneyView]:
        return iter(())

    def close(self) -> None:
        self.closed = True


class KeptLetters:
    """Dead letters in memory."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        self.letters += letters


class KeptRecords:
    """An event sink in memory; `error` is raised instead of keeping, once."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.error: Exception | None = None

    async def append(self, records: Sequence[Outgoing]) -> None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.records += records
