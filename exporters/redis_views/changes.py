"""What a partition's views look like in Redis, and what changed from one state of them to the next."""

from collections.abc import Mapping
from typing import Any

import msgspec

from wayfold.exporters.redis_views.fields import CLICK_BASE, Kind, in_click_base, kind_of
from wayfold.exporters.redis_views.keys import DWELL, HISTOGRAM, encode_view

Fields = Mapping[str, int]

_encode = msgspec.json.Encoder(order="deterministic").encode


def as_in_redis(views: Mapping[str, Fields]) -> dict[str, Fields]:
    """A partition's views as Redis keeps them, by encoded name."""
    return {encode_view(view): fields_in_redis(view, fields) for view, fields in views.items()}


def fields_in_redis(view: str, fields: Fields) -> Fields:
    """The fields of a partition's view, with what only Redis adds up.

    That is of a step what its click_rate divides by, and of a histogram how many it counts.
    """
    if view.startswith("step:"):
        base = sum([value for field, value in fields.items() if in_click_base[field]])
        return {**fields, CLICK_BASE: base} if base else fields
    if view.startswith(HISTOGRAM):
        return {**fields, "count": sum(fields.values())}
    return fields


def kind_of_view(name: str) -> str:
    """Which fields an encoded view has: "journey", "step", "dwell", "account" or "month"."""
    if name.endswith(DWELL):
        return "dwell"
    kind = name.partition(":")[0]
    return "journey" if kind == "version" else kind


def state_of(fields: Fields) -> bytes:
    """A view's absolute values as the JSON that Redis keeps; money as text, for Lua's numbers are doubles."""
    return _encode(
        {field: str(value) if kind_of[field] is Kind.MONEY else value for field, value in fields.items()}
    )


class Changes:
    """What changed in a view, over several partitions, in the form that the push script takes."""

    __slots__ = ("_amounts", "_differences", "_latest")

    def __init__(self) -> None:
        self._differences: dict[str, int] = {}
        self._amounts: dict[str, int] = {}
        self._latest: dict[str, dict[str, int]] = {}

    def add(self, partition: int, old: Fields, new: Fields) -> bool:
        """Add the way from one state of a partition's view to the next; whether there is any."""
        found = False
        for field, value in new.items():
            before = old.get(field, 0)
            if before != value:
                found = True
                self._note(partition, field, before, value)
        for field, before in old.items():
            if before and field not in new:
                found = True
                self._note(partition, field, before, 0)
        return found

    def message(self) -> list[Any] | bool:
        """[fields, differences, money fields, differences, latest values by partition or False], or False."""
        if not (self._differences or self._amounts or self._latest):
            return False
        return [
            list(self._differences),
            list(self._differences.values()),
            list(self._amounts),
            [str(amount) for amount in self._amounts.values()],
            self._latest or False,
        ]

    def _note(self, partition: int, field: str, before: int, value: int) -> None:
        kind = kind_of[field]
        if kind is Kind.COUNT:
            self._differences[field] = self._differences.get(field, 0) + value - before
        elif kind is Kind.MONEY:
            self._amounts[field] = self._amounts.get(field, 0) + value - before
        else:
            self._latest.setdefault(field, {})[str(partition)] = value
