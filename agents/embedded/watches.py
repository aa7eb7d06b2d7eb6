"""What becomes of the records of one sender, exactly, whoever else sends at the same time.

A sender opens a watch and names it with what it sends. The host notes at which offsets those records lie and
commits them apart from others; the partition's counters then move by their verdicts alone. A verdict does
not depend on how the log is cut into batches, so a watch changes none. It costs nothing while there is none,
and is forgotten when the host stops.
"""

import secrets
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from wayfold.agents.embedded.log import Position
from wayfold.agents.sink import Outgoing, partitions_of
from wayfold.models.record import LogRecord

MAXIMUM_WATCHES: Final = 100
"""How many watches are kept; the one that was looked at longest ago is forgotten first."""
REFUSED: Final = "refused_total:"

ByKind = dict[str, list[LogRecord]]
"""Records of one partition by topic kind, in offset order."""


class Watched(msgspec.Struct):
    """What became of the records of a watch; `records` are in the log, the others are judged."""

    records: int = 0
    counted: int = 0
    repeated: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)


class _Range(msgspec.Struct):
    """Offsets from `start` to before `end` that belong to a watch."""

    watch_id: str
    start: int
    end: int


class Watches:
    """The watches of a host, and where their records lie that are not judged yet."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, Watched] = OrderedDict()
        self._ranges: dict[Position, deque[_Range]] = {}

    def open(self) -> str:
        """Begin a watch and give its id."""
        watch_id = secrets.token_hex(16)
        self._found[watch_id] = Watched()
        while len(self._found) > MAXIMUM_WATCHES:
            self._found.popitem(last=False)
        return watch_id

    def of(self, watch_id: str) -> Watched | None:
        """Give what became of a watch's records up to now, None when it is not known."""
        found = self._found.get(watch_id)
        if found is not None:
            self._found.move_to_end(watch_id)
        return found

    def expect(
        self,
        batches: Sequence[tuple[Sequence[Outgoing], str | None]],
        upcoming: Mapping[Position, int],
        partitions: int,
    ) -> list[tuple[Position, _Range]]:
        """Note where records will lie that are about to be written, in this order, by their watch.

        `upcoming` are the offsets that come next. They must be noted before, because what is written may be
        folded at once. Gives what `withdraw` takes back when they cannot be written.
        """
        if not any(watch_id in self._found for _, watch_id in batches):
            return []
        offsets, noted = dict(upcoming), list[tuple[Position, _Range]]()
        for records, watch_id in batches:
            watched = None if watch_id is None else self._found.get(watch_id)
            own: dict[Position, _Range] = {}
            for record in records:
                for partition in partitions_of(record, partitions):
                    position = (record.kind, partition)
                    at = offsets[position]
                    offsets[position] = at + 1
                    if watch_id is not None and watched is not None:
                        own.setdefault(position, _Range(watch_id, at, at)).end = at + 1
                        watched.records += 1
            noted += own.items()
        for position, one in noted:
            self._ranges.setdefault(position, deque()).append(one)
        return noted

    def withdraw(self, noted: Sequence[tuple[Position, _Range]]) -> None:
        """Forget records that could not be written."""
        for position, one in noted:
            self._ranges[position].remove(one)
            watched = self._found.get(one.watch_id)
            if watched is not None:
                watched.records -= one.end - one.start

    def shares(self, number: int, by_kind: ByKind) -> Iterator[tuple[str | None, ByKind]]:
        """Cut a partition's records into shares of one watch each, or of none; mostly there is one share."""
        if not any((kind, number) in self._ranges for kind in by_kind):
            yield None, by_kind
            return
        runs = {kind: deque(self._runs((kind, number), records)) for kind, records in by_kind.items()}
        while runs:
            watch_id = next(iter(runs.values()))[0][0]
            share: ByKind = {}
            for kind in list(runs):
                if runs[kind][0][0] == watch_id:
                    share[kind] = runs[kind].popleft()[1]
                    if not runs[kind]:
                        del runs[kind]
            yield watch_id, share

    def judged(
        self,
        watch_id: str | None,
        number: int,
        share: ByKind,
        before: Mapping[str, int],
        after: Mapping[str, int],
    ) -> None:
        """Take note of a commit of a share, by the partition's counters before and after it."""
        for kind, records in share.items():
            waiting = self._ranges.get((kind, number))
            while waiting and waiting[0].end <= records[-1].offset + 1:
                waiting.popleft()
            if waiting is not None and not waiting:
                del self._ranges[kind, number]
        watched = None if watch_id is None else self._found.get(watch_id)
        if watched is None:
            return
        moved = Counter(after)
        moved.subtract(before)
        watched.counted += moved["accepted_total"]
        watched.repeated += moved["duplicate_total"]
        for name, count in moved.items():
            if name.startswith(REFUSED) and count:
                watched.refused[name.removeprefix(REFUSED)] += count

    def _runs(
        self, position: Position, records: list[LogRecord]
    ) -> Iterator[tuple[str | None, list[LogRecord]]]:
        """Cut records where the watch changes that they belong to."""
        first, place = records[0].offset, 0
        for one in self._ranges.get(position, ()):
            start, end = max(one.start - first, place), min(one.end - first, len(records))
            if start >= len(records):
                break
            if end <= place:
                continue
            if start > place:
                yield None, records[place:start]
            yield one.watch_id, records[start:end]
            place = end
        if place < len(records):
            yield None, records[place:]
