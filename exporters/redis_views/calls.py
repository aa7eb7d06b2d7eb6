"""What a partition tells Redis about a journey, as pushes of one call or several; nothing here does I/O."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from wayfold.exporters.redis_views.changes import Changes, Fields, kind_of_view, state_of
from wayfold.exporters.redis_views.fences import Offsets, fence_text
from wayfold.exporters.redis_views.keys import DWELL, JourneyKeys, JourneyName
from wayfold.exporters.redis_views.link import Evaluation
from wayfold.exporters.redis_views.scripts import FORM, PUSH, SWAP

MOST_VIEWS: Final = 100
"""Views in one call, so that no call holds Redis up for more than ten milliseconds or so."""
SLICE_WAIT_MS: Final = 5_000
"""How long Redis keeps a journey for a push in slices of which no further slice comes."""

_encode_header = msgspec.json.Encoder().encode


class Stand(NamedTuple):
    """How far a partition was when its views were read, and under which claim."""

    epoch: int
    offsets: Offsets
    as_of: str


class Writer(NamedTuple):
    """Who pushes: a partition, whose log it comes from, and a token that no other pusher has."""

    partition: int
    source: str
    token: str


class Part(NamedTuple):
    """What one partition has to say in a push: the fence it leaves, on top of which, and its views."""

    writer: Writer
    previous: str | None
    fence: str
    pushed: dict[str, Fields]
    removed: list[str]


class Push(NamedTuple):
    """A push about one journey: one call, or slices and the swap that shows them, to be made in order."""

    name: JourneyName
    calls: list[Evaluation]
    parts: list[Part]


class Said(NamedTuple):
    """Changed views of a journey in one partition, and the watermark of its account when they were read.

    `previous` is the fence of the partition's last push, "" for none.
    """

    writer: Writer
    stand: Stand
    watermark: str
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


class PushBuilder:
    """Makes pushes, each with fences of its own."""

    def __init__(self, values: PushedValues) -> None:
        self._values = values
        self._pushes = 0

    def changed(self, keys: JourneyKeys, name: JourneyName, said: Sequence[Said]) -> Push | None:
        """Push changed views of a journey, of several partitions together; None when nothing differs."""
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
        kept = [row for row in rows.values() if row.parts]
        speaking = {part.place for row in kept for part in row.parts}
        speakers = [
            _Speaker(one.writer, one.stand, one.watermark, one.previous)
            for place, one in enumerate(said)
            if place in speaking
        ]
        places = {place: index for index, place in enumerate(sorted(speaking))}
        for row in kept:
            row.parts = [part._replace(place=places[part.place]) for part in row.parts]
        return self._push(keys, name, kept, speakers) if kept else None

    def whole(self, keys: JourneyKeys, name: JourneyName, said: Said, held: Iterable[str]) -> Push:
        """Push all views that a partition has of a journey, to be compared with what Redis has of it.

        `held` are the views that Redis has of it now; those that are no more are taken away.
        """
        rows = [_Row(view, [_RowPart(0, fields, compare=True)]) for view, fields in said.views.items()]
        rows += [
            _Row(view, [_RowPart(0, {}, compare=True, removed=True)])
            for view in held
            if view not in said.views
        ]
        return self._push(
            keys, name, rows, [_Speaker(said.writer, said.stand, said.watermark, None, len(said.views))]
        )

    def _push(
        self, keys: JourneyKeys, name: JourneyName, rows: list["_Row"], speakers: Sequence["_Speaker"]
    ) -> Push:
        """Make a push, with each of the speakers in every call."""
        rows.sort(key=_is_histogram)
        parts = [self._part(speaker) for speaker in speakers]
        for row in rows:
            for share in row.parts:
                part = parts[share.place]
                if share.removed:
                    part.removed.append(row.view)
                else:
                    part.pushed[row.view] = share.fields
        slices = [rows[first : first + MOST_VIEWS] for first in range(0, len(rows), MOST_VIEWS)] or [[]]
        header = _header(parts, speakers)
        if len(slices) == 1:
            return Push(name, [_call(keys, slices[0], header, parts)], parts)
        token = f"{parts[0].writer.token}.{self._pushes}"
        copied: dict[str, None] = {}
        # Only the last slice leaves as many views as there are to be.
        uncounted = _header(parts, [speaker._replace(views_after=None) for speaker in speakers])
        calls = [
            _call(keys, rows_of_it, uncounted, parts, _Stage(token, number, copied))
            for number, rows_of_it in enumerate(slices[:-1], 1)
        ]
        calls.append(_call(keys, slices[-1], header, parts, _Stage(token, len(slices), copied)))
        books = _books(keys, parts)
        swapped = [*books, *(key for key in copied if key not in books)]
        message = {**header, "stage": [token, len(slices)]}
        calls.append(Evaluation(SWAP, swapped, [_encode_header(message)]))
        return Push(name, calls, parts)

    def _part(self, speaker: "_Speaker") -> Part:
        self._pushes += 1
        stand, writer = speaker.stand, speaker.writer
        fence = fence_text(stand.epoch, stand.offsets, f"{writer.token}.{self._pushes}")
        return Part(writer, speaker.previous, fence, {}, [])


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


class _Speaker(NamedTuple):
    """A partition that takes part: on top of which fence, and with how many views it then has."""

    writer: Writer
    stand: Stand
    watermark: str
    previous: str | None
    views_after: int | None = None


class _Stage(NamedTuple):
    """A slice of a push: whose, the how manyeth, and the keys that it and those before it have copied."""

    token: str
    number: int
    copied: dict[str, None]


def _header(parts: Sequence[Part], speakers: Sequence[_Speaker]) -> dict[str, Any]:
    """What every call of a push says, but for the views."""
    return {
        "source": f"{FORM} {speakers[0].writer.source}",
        "watermark": max(speaker.watermark for speaker in speakers),
        "as_of": max(speaker.stand.as_of for speaker in speakers),
        "partitions": [
            [
                str(part.writer.partition),
                speaker.stand.epoch,
                speaker.stand.offsets,
                part.fence,
                False if part.previous is None else part.previous,
                False if speaker.views_after is None else speaker.views_after,
                speaker.watermark,
                speaker.stand.as_of,
            ]
            for part, speaker in zip(parts, speakers, strict=True)
        ],
        "views": [],
        "stage": False,
    }


def _books(keys: JourneyKeys, parts: Sequence[Part]) -> list[str]:
    """The keys that every call names, in this order."""
    return [
        *(keys.fences, keys.holders, keys.latest, keys.staging),
        *(keys.state(part.writer.partition) for part in parts),
    ]


def _call(
    keys: JourneyKeys,
    rows: Sequence[_Row],
    header: dict[str, Any],
    parts: Sequence[Part],
    stage: _Stage | None = None,
) -> Evaluation:
    """Make one call of the push script."""
    named = _books(keys, parts)
    numbers: dict[str, int] = {}
    states: list[bytes] = []
    views: list[list[Any]] = []
    for row in rows:
        step = row.view.removesuffix(DWELL)
        for view in (row.view, step):
            if view not in numbers:
                named.append(keys.view(view))
                numbers[view] = len(named)
        shares: list[list[Any]] = []
        for share in row.parts:
            states.append(state_of(share.fields))
            shares.append([share.place + 1, len(states) + 1, share.compare, share.removed])
        kind = kind_of_view(row.view)
        step_number = numbers[step] if kind == "dwell" else False
        views.append([row.view, kind, numbers[row.view], step_number, row.changes.message(), shares])
    message = {**header, "views": views}
    if stage is not None:
        written = [
            (number, key) for number, key in enumerate(named, 1) if key not in {keys.fences, keys.staging}
        ]
        fresh = [number for number, key in written if key not in stage.copied]
        stage.copied.update(dict.fromkeys(key for _, key in written))
        message["stage"] = [stage.token, stage.number, SLICE_WAIT_MS, fresh]
    return Evaluation(PUSH, named, [_encode_header(message), *states])


def _is_histogram(row: _Row) -> bool:
    """A step comes before its histogram, because the histogram's percentiles are written into the step."""
    return row.view.endswith(DWELL)
