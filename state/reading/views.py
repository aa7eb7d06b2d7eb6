"""From series to what readers see: named views of integer fields that add over partitions.

A journey has the views "journey", "version:<version>", "step:<version>:<step>" and, with the histogram of
the stays in the step, bucket by bucket, "dwell:<version>:<step>"; an account (the journey "") has "account"
and "month:<month>". Every field is an absolute integer of one partition;
fields of several partitions add, but for `LATEST_FIELDS`, of which the greatest holds.
Money is in 10⁻⁹ units.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from wayfold.state.histories.history import STATUSES
from wayfold.state.names.plans import Name
from wayfold.state.reading.query import Query

Views = dict[str, dict[str, int]]

JOURNEY, ACCOUNT = "journey", "account"
ENTRIES_CLOSE, EXITS_CLOSE = "open_entries_closes_at_ms", "open_exits_closes_at_ms"
LATEST_FIELDS = frozenset((ENTRIES_CLOSE, EXITS_CLOSE))
SUMMARY_STATUSES = ("sent", "delivered", "clicked", "failed")
"""The message statuses that a summary of a journey shows."""


class JourneyView(msgspec.Struct, frozen=True):
    """Views of one journey (or, with the journey "", of its account) in one partition."""

    account_id: str
    journey_id: str
    views: Views


class Part(NamedTuple):
    """Where a series adds to: a field of a view."""

    view: str
    field: str


class Parts(NamedTuple):
    """What a series adds to: by its first count, its second count, and its all-time users.

    `sets` are the fields whose users, for a slice or range, are the union of the series' user sets.
    `dimensions` are the filters that the series answers to.
    """

    first: tuple[Part, ...] = ()
    second: tuple[Part, ...] = ()
    users: tuple[Part, ...] = ()
    sets: tuple[Part, ...] = ()
    dimensions: Mapping[str, str | int] = {}
    metric: str = ""
    clock: str = ""


def version_view(version: int) -> str:
    """Name of a version's view."""
    return f"version:{version}"


def step_view(version: int, step_id: str) -> str:
    """Name of a step's view."""
    return f"step:{version}:{step_id}"


def dwell_view(version: int, step_id: str) -> str:
    """Name of the view with the histogram of a step's stays; its fields are the buckets' numbers."""
    return f"dwell:{version}:{step_id}"


_ENTRY_FIELDS: dict[str, tuple[str, str | None]] = {
    "total_entries": ("total_entries", "entered_users"),
    "active_entries": ("active_entries", None),
    "exited_entries": ("exited_entries", "exited_users"),
    "converted_entries": ("converted_entries", "converted_users"),
    "total_exits": ("total_exits", None),
    "conversion_events": ("conversion_events", None),
}
_STEP_FIELDS: dict[str, tuple[str, str | None]] = {
    "entered": ("entered", "entered_users"),
    "current": ("current", None),
    "dropped": ("dropped", "dropped_users"),
}


ENTRY_METRICS = (*_ENTRY_FIELDS, "conversion_values", "active_users")
"""What the numbers of a journey that are of its entries are made of."""
COUNT_METRICS = frozenset((*_ENTRY_FIELDS, *_STEP_FIELDS, *STATUSES, "goals"))
"""Metrics that never fall below zero: where their counts over all time are zero, they are in every range."""


def own_view(query: Query) -> str:
    """Name of the view with the numbers of a journey as a whole, or of the one version that is asked for."""
    return JOURNEY if query.version is None else version_view(query.version)


def parts_of(name: Name, *, account: bool) -> Parts:
    """What a series adds to; nothing for series that are kept for other purposes."""
    metric = str(name[0])
    if account:
        return _account_parts(metric, name)
    builder = _BUILDERS.get(metric.partition("@")[0])
    return Parts() if builder is None else builder(metric, name)


def _entry_parts(metric: str, name: Name) -> Parts:
    base, _, clock = metric.partition("@")
    count_field, users_field = _ENTRY_FIELDS[base]
    version = int(name[1])
    if base == "conversion_events":
        views: tuple[str, ...] = (version_view(version),) if version else (JOURNEY,)
    else:
        views = (version_view(version), JOURNEY)
    own = version_view(version) if version else JOURNEY
    users = () if users_field is None else (Part(own, users_field),)
    return Parts(
        first=tuple(Part(view, count_field) for view in views),
        users=users,
        sets=() if users_field is None else tuple(Part(view, users_field) for view in views),
        dimensions={"version": version},
        metric=base,
        clock=clock,
    )


def _value_parts(metric: str, name: Name) -> Parts:
    base, _, clock = metric.partition("@")
    version = int(name[1])
    view = version_view(version) if version else JOURNEY
    return Parts(
        first=(Part(view, f"conversion_values:{name[2]}"),),
        dimensions={"version": version},
        metric=base,
        clock=clock,
    )


def _active_parts(metric: str, name: Name) -> Parts:
    version = int(name[1])
    own = version_view(version) if version else JOURNEY
    if len(name) == 2:
        return Parts(users=(Part(own, "active_users"),), metric=metric)
    return Parts(
        sets=(Part(JOURNEY, "active_users"), Part(own, "active_users")),
        dimensions=_message_dimensions(name),
        metric=metric,
    )


def _step_parts(metric: str, name: Name) -> Parts:
    base, _, clock = metric.partition("@")
    base, rolled, _ = base.partition("*")
    count_field, users_field = _STEP_FIELDS[base]
    view = step_view(int(name[1]), str(name[2]))
    users = () if users_field is None else (Part(view, users_field),)
    if rolled or metric.endswith("*"):
        return Parts(users=users, metric=base, clock=clock.rstrip("*"))
    return Parts(
        first=(Part(view, count_field),),
        sets=users,
        dimensions={"version": int(name[1]), "step_id": str(name[2]), "variant": str(name[3])},
        metric=base,
        clock=clock,
    )


def _dwell_parts(metric: str, name: Name) -> Parts:
    return Parts(
        first=(Part(dwell_view(int(name[1]), str(name[2])), ""),),
        dimensions={"version": int(name[1]), "step_id": str(name[2]), "variant": str(name[3])},
        metric=metric,
    )


def _goal_parts(metric: str, name: Name) -> Parts:
    field = f"goals_events:{name[3]}" if metric == "goals" else f"goals_values:{name[3]}:{name[4]}"
    return Parts(
        first=(Part(step_view(int(name[1]), str(name[2])), field),),
        dimensions={"version": int(name[1]), "step_id": str(name[2])},
        metric=metric,
    )


def _status_parts(metric: str, name: Name) -> Parts:
    status = metric.rstrip("*+")
    view = step_view(int(name[1]), str(name[2]))
    if metric != status:
        field = f"{status}_users" if metric[-1] == "*" else f"{status}_users:{name[3]}:{name[4]}"
        return Parts(users=(Part(view, field),), metric=status)
    channel = f"{name[3]}:{name[4]}"
    return Parts(
        first=(Part(view, f"{status}_events"), Part(view, f"{status}_events:{channel}")),
        second=(Part(view, f"{status}_messages"), Part(view, f"{status}_messages:{channel}")),
        sets=(Part(view, f"{status}_users"), Part(view, f"{status}_users:{channel}")),
        dimensions=_message_dimensions(name),
        metric=status,
    )


def _cost_parts(metric: str, name: Name) -> Parts:
    view = step_view(int(name[1]), str(name[2]))
    return Parts(
        first=(Part(view, f"cost:{name[3]}:{name[6]}"),), dimensions=_message_dimensions(name), metric=metric
    )


def _message_dimensions(name: Name) -> dict[str, str | int]:
    return {
        "version": int(name[1]),
        "step_id": str(name[2]),
        "channel": str(name[3]),
        "platform": str(name[4]),
        "variant": str(name[5]),
    }


def _account_parts(metric: str, name: Name) -> Parts:
    if metric in STATUSES:
        channel = f"{name[3]}:{name[4]}"
        return Parts(
            first=(Part(ACCOUNT, f"{metric}_events:{channel}"),),
            second=(Part(ACCOUNT, f"{metric}_messages:{channel}"),),
            sets=(Part(ACCOUNT, f"{metric}_users:{channel}"),),
            dimensions={"channel": str(name[3]), "platform": str(name[4])},
            metric=metric,
        )
    field = {"persons": "persons", "persons_first": "persons", "persons_only": "marginal_persons"}.get(metric)
    if field is None:
        return Parts()
    journey = "" if metric == "persons" else f":{name[2]}"
    return Parts(users=(Part(f"month:{name[1]}", f"{field}{journey}"),), metric="persons")


_BUILDERS: dict[str, Callable[[str, Name], Parts]] = {
    **dict.fromkeys(_ENTRY_FIELDS, _entry_parts),
    "conversion_values": _value_parts,
    "active_users": _active_parts,
    **{name: _step_parts for base in _STEP_FIELDS for name in (base, f"{base}*")},
    "dwell": _dwell_parts,
    "goals": _goal_parts,
    "goal_values": _goal_parts,
    **{f"{status}{mark}": _status_parts for status in STATUSES for mark in ("", "*", "+")},
    "cost": _cost_parts,
}


def add(views: Views, parts: tuple[Part, ...], amount: int) -> None:
    """Add an amount to fields of views."""
    for view, field in parts:
        fields = views.setdefault(view, {})
        fields[field] = fields.get(field, 0) + amount


def add_messages(fields: dict[str, int], views: Mapping[str, Mapping[str, int]], version: int | None) -> None:
    """Add events, messages and costs of a journey's steps, or of those of a version, to its own fields.

    Users are not added: one may have messages of several steps.
    """
    prefix = "step:" if version is None else step_view(version, "")
    for view, of_step in views.items():
        if view.startswith(prefix):
            for field, amount in of_step.items():
                if amount and _is_of_messages(field):
                    fields[field] = fields.get(field, 0) + amount


@lru_cache(maxsize=4096)
def _is_of_messages(field: str) -> bool:
    head = field.partition(":")[0]
    status, _, counter = head.rpartition("_")
    return head == "cost" or (status in STATUSES and counter in ("events", "messages"))


def merge(target: Views, other: Mapping[str, Mapping[str, int]]) -> None:
    """Add the views of another partition."""
    for view, fields in other.items():
        into = target.get(view)
        if into is None:
            target[view] = dict(fields)
            continue
        get = into.get
        for field, amount in fields.items():
            if field in LATEST_FIELDS:
                into[field] = max(amount, get(field, amount))
            else:
                into[field] = get(field, 0) + amount
