"""What a partition tells Redis about a journey, as calls of the push script; nothing here does I/O."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from wayfold.exporters.redis_views.fields import DWELL_PREFIX, Kind, click_base, kind_of
from wayfold.exporters.redis_views.keys import DWELL, JourneyKeys, JourneyName, encode_view

Fields = Mapping[str, int]

MOST_VIEWS: Final = 100
"""Views in one call, so that no call holds Redis up for more than a few milliseconds."""

_encode = msgspec.json.Encoder(order="deterministic").encode
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


class Call(NamedTuple):
    """One call of the push script, and what is known once it is answered "ok"."""

    name: JourneyName
    fence: str
    keys: list[str]
    arguments: list[bytes]
    pushed: dict[str, Fields]
    removed: list[str]


def split_views(views: Mapping[str, Fields]) -> dict[str, Fields]:
    """Views as Redis keeps them, by encoded name: a step's histogram stands beside the step."""
    found: dict[str, Fields] = {}
    for view, fields in views.items():
        name = encode_view(view)
        if not view.startswith("step:"):
            found[name] = fields
            continue
        step: dict[str, int] = {}
        histogram: dict[str, int] = {}
        for field, value in fields.items():
            if field.startswith(DWELL_PREFIX):
                histogram[field[len(DWELL_PREFIX) :]] = value
            else:
                step[field] = value
        base = click_base(step)
        if base:
            step["click_base_messages"] = base
        found[name] = step
        if histogram:
            histogram["count"] = sum(histogram.values())
            found[name + DWELL] = histogram
    return found


def kind_of_view(name: str) -> str:
    """Which fields an encoded view has: "journey", "step", "dwell", "account" or "month"."""
    if name.endswith(DWELL):
        return "dwell"
    kind = name.partition(":")[0]
    return "journey" if kind == "version" else kind


def state_of(fields: Fields) -> bytes:
    """A view's absolute values as the JSON that Redis keeps; money as text, for Lua's numbers are doubles."""
    return _encode(
        {field: str(value) if kind_of(field) == Kind.MONEY else value for field, value in fields.items()}
    )


def changes_of(old: Fields, new: Fields) -> list[Any]:
    """What changed from one state of a view to the next, in the form that the push script takes."""
    fields: list[str] = []
    differences: list[int] = []
    money: list[str] = []
    amounts: list[str] = []
    latest: dict[str, int] = {}
    gone = [(field, 0) for field in old if field not in new]
    for field, value in (*new.items(), *gone):
        before = old.get(field, 0)
        if before == value:
            continue
        kind = kind_of(field)
        if kind == Kind.MONEY:
            money.append(field)
            amounts.append(str(value - before))
        elif kind == Kind.LATEST:
            latest[field] = value
        else:
            fields.append(field)
            differences.append(value - before)
    return [fields, differences, money, amounts, latest or False]


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

    def accept(self, writer: Writer, call: Call) -> None:
        """Remember what Redis has said "ok" to."""
        for view in call.removed:
            self._count -= len(self._views.pop((writer.token, call.name, view), ()))
        for view, fields in call.pushed.items():
            key = (writer.token, call.name, view)
            self._count += len(fields) - len(self._views.get(key, ()))
            self._views[key] = fields
            self._views.move_to_end(key)
        while self._count > self._most_fields and self._views:
            _, oldest = self._views.popitem(last=False)
            self._count -= len(oldest)


class CallBuilder:
    """Makes the calls of one partition: gives each its fence and its form."""

    def __init__(self, writer: Writer, values: PushedValues) -> None:
        self.writer = writer
        self._values = values
        self._calls = 0

    def changed(
        self, keys: JourneyKeys, name: JourneyName, views: Mapping[str, Fields], stand: Stand, previous: str
    ) -> list[Call]:
        """Push changed views of a journey; `previous` is the fence of what was pushed last, "" for nothing.

        Several calls, in order, when there are many views; none when nothing differs.
        """
        rows = []
        for view, fields in _steps_first(views.items()):
            known = self._values.get(self.writer, name, view)
            changes = None if known is None else changes_of(known, fields)
            if changes is None or any(changes):
                rows.append((view, fields, changes))
        calls = []
        for first in range(0, len(rows), MOST_VIEWS):
            part = rows[first : first + MOST_VIEWS]
            call = self._call(keys, name, stand, part, removed=(), previous=previous, count=False)
            calls.append(call)
            previous = call.fence
        return calls

    def whole(
        self,
        keys: JourneyKeys,
        name: JourneyName,
        views: Mapping[str, Fields],
        stand: Stand,
        held: Iterable[str],
    ) -> list[Call]:
        """Push all views of a journey, to be compared with what Redis has of this partition.

        `held` are the views that Redis has of it now; those that are no more are taken away.
        """
        rows: list[tuple[str, Fields, list[Any] | None]] = [
            (view, fields, None) for view, fields in _steps_first(views.items())
        ]
        removed = [view for view in sorted(held, key=_is_dwell) if view not in views]
        rows += [(view, {}, None) for view in removed]
        parts = [rows[first : first + MOST_VIEWS] for first in range(0, len(rows), MOST_VIEWS)] or [[]]
        calls: list[Call] = []
        for number, part in enumerate(parts, 1):
            previous = calls[-1].fence if calls else False
            count = len(views) if number == len(parts) else False
            calls.append(self._call(keys, name, stand, part, removed=removed, previous=previous, count=count))
        return calls

    def _call(
        self,
        keys: JourneyKeys,
        name: JourneyName,
        stand: Stand,
        rows: Iterable[tuple[str, Fields, list[Any] | None]],
        *,
        removed: Collection[str],
        previous: str | bool,
        count: int | bool,
    ) -> Call:
        self._calls += 1
        fence = f"{stand.sequence} {self.writer.token}.{self._calls}"
        named = [keys.fences, keys.holders, keys.latest, keys.state(self.writer.partition)]
        places = {}
        views: list[list[Any]] = []
        states: list[bytes] = []
        pushed: dict[str, Fields] = {}
        taken_away: list[str] = []
        for view, fields, changes in rows:
            for key in (view, view.removesuffix(DWELL)):
                if key not in places:
                    named.append(keys.view(key))
                    places[key] = len(named)
            kind = kind_of_view(view)
            step = places[view.removesuffix(DWELL)] if kind == "dwell" else False
            views.append([view, kind, places[view], step, changes or False, view in removed])
            states.append(state_of(fields))
            if view in removed:
                taken_away.append(view)
            else:
                pushed[view] = fields
        header = {
            "partition": str(self.writer.partition),
            "source": self.writer.source,
            "sequence": stand.sequence,
            "fence": fence,
            "previous": previous,
            "count": count,
            "watermark": stand.watermark,
            "as_of": stand.as_of,
            "views": views,
        }
        return Call(name, fence, named, [_encode_header(header), *states], pushed, taken_away)


def _is_dwell(view: str) -> bool:
    return view.endswith(DWELL)


def _steps_first(views: Iterable[tuple[str, Fields]]) -> list[tuple[str, Fields]]:
    """A step before its histogram, because the histogram's percentiles are written into the step."""
    return sorted(views, key=lambda row: _is_dwell(row[0]))
