"""What a partition's views look like in Redis, and what changed from one state of them to the next."""

from collections.abc import Mapping
from typing import Any

import msgspec

from wayfold.exporters.redis_views.fields import CLICK_BASE, Kind, bucket_of, in_click_base, kind_of
from wayfold.exporters.redis_views.keys import DWELL, encode_view

Fields = Mapping[str, int]

_encode = msgspec.json.Encoder(order="deterministic").encode


def split_views(views: Mapping[str, Fields]) -> dict[str, Fields]:
    """Views as Redis keeps them, by encoded name: a step's histogram stands beside the step."""
    found: dict[str, Fields] = {}
    for view, fields in views.items():
        name = encode_view(view)
        if not view.startswith("step:"):
            found[name] = fields
            continue
        found[name] = without_histogram(fields)
        if has_histogram(fields, found[name]):
            found[name + DWELL] = histogram_of(fields)
    return found


def without_histogram(fields: Fields) -> Fields:
    """A step's own fields, with what its click_rate divides by."""
    step = {field: value for field, value in fields.items() if not bucket_of[field]}
    base = sum([value for field, value in step.items() if in_click_base[field]])
    if base:
        step[CLICK_BASE] = base
    return step


def has_histogram(fields: Fields, step: Fields) -> bool:
    """Whether a step's fields held more than `without_histogram` has left of them."""
    return len(step) - (CLICK_BASE in step) < len(fields)


def histogram_of(fields: Fields) -> Fields:
    """A step's histogram of dwell times, and how many they are."""
    histogram = {bucket: value for field, value in fields.items() if (bucket := bucket_of[field])}
    histogram["count"] = sum(histogram.values())
    return histogram


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
