"""What a partition tells Redis about a journey, as calls of the push script; nothing here does I/O."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from wayfold.exporters.redis_views.changes import Changes, Fields, kind_of_view, state_of
from wayfold.exporters.redis_views.keys import DWELL, JourneyKeys, JourneyName

MOST_VIEWS: Final = 100
"""Views in one call, so that no call holds Redis up for more than a few milliseconds."""

_encode_header = msgspec.json.Encoder().encode


class Stand(NamedTuple):
    """How far a partition was when its views were read."""

    sequence: int
    watermark: str
    as_of: str


class Writer(NamedTuple):
    """Who pushes: a partition, whose log it comes from, and a token that no other pusher has."""

    partition: int
    source: str
    token: str


class Part(NamedTuple):
    """What one partition has to say in a call: the fence it pushes, on top of which, and its views."""

    writer: Writer
    previous: str | None
    fence: str
    pushed: dict[str, Fields]
    removed: list[str]


class Call(NamedTuple):
    """One call of the push script, about one journey."""

    name: JourneyName
    keys: list[str]
    arguments: list[bytes]
    parts: list[Part]


class Said(NamedTuple):
    """Changed views of a journey in one partition; `previous` is the fence of its last push, "" for none."""

    writer: Writer
    stand: Stand
    previous: str
    views: Mapping[str, Fields]


class PushedValues:
    """What was pushed last, view by view, the most recently used up to a number of fields.

    A view that has fallen out is compared inside Redis instead.
    """

    def __init__(self, most_fields: int) -> None:
        self._most_fields = most_fields
        self._count = 0
        self._views: OrderedDict[tuple[str, JourneyName, str], Fields] = OrderedDict()

    def get(self, writer: Writer, name: JourneyName, view: str) -> Fields | None:
        """What this writer pushed last, when it is still remembered."""
        key = (writer.token, name, view)
        found = self._views.get(key)
        if found is not None:
            self._views.move_to_end(key)
        return found

    def accept(self, name: JourneyName, part: Part) -> None:
        """Remember what Redis has said "ok" to."""
        token = part.writer.token
        for view in part.removed:
            self._count -= len(self._views.pop((token, name, view), ()))
        for view, fields in part.pushed.items():
            key = (token, name, view)
            self._count += len(fields) - len(self._views.get(key, ()))
            self._views[key] = fields
            self._views.move_to_end(key)
        while self._count > self._most_fields and self._views:
            _, oldest = self._views.popitem(last=False)
            self._count -= len(oldest)


class CallBuilder:
    """Makes calls, each with fences of its own."""

    def __init__(self, values: PushedValues) -> None:
        self._values = values
        self._fences = 0

    def changed(self, keys: JourneyKeys, name: JourneyName, said: Sequence[Said]) -> list[Call]:
        """Push changed views of a journey, of several partitions together.

        Several calls, in order, when there are many views; none when nothing differs.
        """
        rows: dict[str, _Row] = {}
        for place, one in enumerate(said):
            for view, fields in one.views.items():
                known = self._values.get(one.writer, name, view)
                row = rows.get(view)
                if row is None:
                    row = rows[view] = _Row(view)
                if known is None:
                    row.parts.append(_RowPart(place, fields, compare=True))
                elif row.changes.add(one.writer.partition, known, fields):
                    row.parts.append(_RowPart(place, fields))
        kept = sorted((row for row in rows.values() if row.parts), key=_is_histogram)
        calls: list[Call] = []
        previous = {place: one.previous for place, one in enumerate(said)}
        for first in range(0, len(kept), MOST_VIEWS):
            pushes = [_Push(one.writer, one.stand, previous[place], None) for place, one in enumerate(said)]
            calls.append(self._call(keys, name, kept[first : first + MOST_VIEWS], pushes))
            previous.update(
                (place, part.fence)
                for place in previous
                for part in calls[-1].parts
                if part.writer is said[place].writer
            )
        return calls

    def whole(self, keys: JourneyKeys, name: JourneyName, said: Said, held: Iterable[str]) -> list[Call]:
        """Push all views that a partition has of a journey, to be compared with what Redis has of it.

        `held` are the views that Redis has of it now; those that are no more are taken away.
        """
        rows = [_Row(view, [_RowPart(0, fields, compare=True)]) for view, fields in said.views.items()]
        rows += [
            _Row(view, [_RowPart(0, {}, compare=True, removed=True)])
            for view in held
            if view not in said.views
        ]
        rows.sort(key=_is_histogram)
        slices = [rows[first : first + MOST_VIEWS] for first in range(0, len(rows), MOST_VIEWS)] or [[]]
        calls: list[Call] = []
        for number, part in enumerate(slices, 1):
            previous = calls[-1].parts[0].fence if calls else None
            count = len(said.views) if number == len(slices) else None
            pushes = [_Push(said.writer, said.stand, previous, count)]
            calls.append(self._call(keys, name, part, pushes, all_of_them=True))
        return calls

    def _call(
        self,
        keys: JourneyKeys,
        name: JourneyName,
        rows: Sequence["_Row"],
        pushes: Sequence["_Push"],
        *,
        all_of_them: bool = False,
    ) -> Call:
        """Make one call, of the partitions that have something in it or of `all_of_them`."""
        speaking = {part.place for row in rows for part in row.parts}
        places = [place for place in range(len(pushes)) if all_of_them or place in speaking]
        order = {place: index for index, place in enumerate(places)}
        parts = [self._part(pushes[place]) for place in places]
        named = [keys.fences, keys.holders, keys.latest]
        named += [keys.state(part.writer.partition) for part in parts]
        numbers: dict[str, int] = {}
        states: list[bytes] = []
        views: list[list[Any]] = []
        for row in rows:
            step = row.view.removesuffix(DWELL)
            for key in (row.view, step):
                if key not in numbers:
                    named.append(keys.view(key))
                    numbers[key] = len(named)
            shares: list[list[Any]] = []
            for share in row.parts:
                states.append(state_of(share.fields))
                shares.append([order[share.place] + 1, len(states) + 1, share.compare, share.removed])
                part = parts[order[share.place]]
                if share.removed:
                    part.removed.append(row.view)
                else:
                    part.pushed[row.view] = share.fields
            kind = kind_of_view(row.view)
            step_number = numbers[step] if kind == "dwell" else False
            views.append([row.view, kind, numbers[row.view], step_number, row.changes.message(), shares])
        stands = [pushes[place].stand for place in places]
        header = {
            "source": parts[0].writer.source,
            "watermark": max(stand.watermark for stand in stands),
            "as_of": max(stand.as_of for stand in stands),
            "partitions": [
                _partition_row(part, pushes[place]) for place, part in zip(places, parts, strict=True)
            ],
            "views": views,
        }
        return Call(name, named, [_encode_header(header), *states], parts)

    def _part(self, push: "_Push") -> Part:
        self._fences += 1
        fence = f"{push.stand.sequence} {push.writer.token}.{self._fences}"
        return Part(push.writer, push.previous, fence, {}, [])


class _RowPart(NamedTuple):
    """One partition's share in a view of a call."""

    place: int
    fields: Fields
    compare: bool = False
    removed: bool = False


class _Row:
    """One view of a call: what changed, and who says so."""

    __slots__ = ("changes", "parts", "view")

    def __init__(self, view: str, parts: list[_RowPart] | None = None) -> None:
        self.view = view
        self.changes = Changes()
        self.parts = parts or []


class _Push(NamedTuple):
    """How a partition takes part: on top of which fence, and with how many views it then has."""

    writer: Writer
    stand: Stand
    previous: str | None
    views_after: int | None


def _partition_row(part: Part, push: _Push) -> list[Any]:
    stand = push.stand
    previous = False if push.previous is None else push.previous
    count = False if push.views_after is None else push.views_after
    number = str(part.writer.partition)
    return [number, stand.sequence, part.fence, previous, count, stand.watermark, stand.as_of]


def _is_histogram(row: _Row) -> bool:
    """A step comes before its histogram, because the histogram's percentiles are written into the step."""
    return row.view.endswith(DWELL)
