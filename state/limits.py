"""How many names and events are taken: names are free text and each makes series, and memory is bounded.

They are counted per account, journey (or none) and topic partition, in the order of the topic. What is
refused takes no place, and nothing but the log decides; a system holds at most a limit times its partitions.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from wayfold.models.refusal import Reason, Refusal
from wayfold.state.names.event_names import (
    ARRIVAL_STEPS,
    ARRIVAL_VARIANTS,
    CALL_NODES,
    CALL_STEPS,
    GOAL_NAMES,
    GOAL_STEPS,
    MESSAGE_CHANNELS,
    MESSAGE_STEPS,
    NAME_SETS,
)

Sets = Sequence[frozenset[str] | set[str]]
Knows = Callable[[Sets, Any], bool]
Named = list[tuple[int, str]]
"""Names of an event: (place in `NAME_SETS`, name)."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How many distinct names of a kind, and how many events of one user and type, are taken."""

    steps: int = 1_000
    variants: int = 100
    channels: int = 100
    goal_names: int = 1_000
    nodes: int = 1_000
    user_events: int = 10_000


def _named_by_arrival(event: Any) -> Named:
    named = [(ARRIVAL_STEPS, event.step_id)]
    return [*named, (ARRIVAL_VARIANTS, event.variant)] if event.variant else named


def _named_by_message(event: Any) -> Named:
    named = [(MESSAGE_CHANNELS, event.channel)]
    return named if event.step_id is None else [(MESSAGE_STEPS, event.step_id), *named]


def _named_by_goal(event: Any) -> Named:
    named = [(GOAL_NAMES, event.name)]
    return named if event.step_id is None else [(GOAL_STEPS, event.step_id), *named]


def _named_by_call(event: Any) -> Named:
    named = [(CALL_STEPS, getattr(event, "step_id", None)), (CALL_NODES, getattr(event, "node_id", None))]
    return [(place, name) for place, name in named if name is not None]


def _knows_arrival(sets: Sets, event: Any) -> bool:
    return event.step_id in sets[ARRIVAL_STEPS] and (
        not event.variant or event.variant in sets[ARRIVAL_VARIANTS]
    )


def _knows_message(sets: Sets, event: Any) -> bool:
    step_id = event.step_id
    return event.channel in sets[MESSAGE_CHANNELS] and (step_id is None or step_id in sets[MESSAGE_STEPS])


def _knows_goal(sets: Sets, event: Any) -> bool:
    return event.name in sets[GOAL_NAMES] and (event.step_id is None or event.step_id in sets[GOAL_STEPS])


def _knows_call(sets: Sets, event: Any) -> bool:
    return all(name in sets[place] for place, name in _named_by_call(event))


NAMED: Final[dict[str, Callable[[Any], Named]]] = {
    "steps": _named_by_arrival,
    "messages": _named_by_message,
    "conversions": _named_by_goal,
    "calls": _named_by_call,
}
"""By topic kind, the names that an event of it brings."""
KNOWS: Final[dict[str, Knows]] = {
    "entries": lambda _sets, _event: True,
    "definitions": lambda _sets, _event: True,
    "users": lambda _sets, _event: True,
    "steps": _knows_arrival,
    "messages": _knows_message,
    "conversions": _knows_goal,
    "calls": _knows_call,
}
"""By topic kind, whether the names of an event of it are all known: asked of every event."""


def too_many_names(sets: Sets, named: Named, limits: Limits) -> Refusal | None:
    """A refusal when a name of an event is one too many."""
    for place, name in named:
        kind = NAME_SETS[place][1]
        most = getattr(limits, kind)
        if name not in sets[place] and len(sets[place]) >= most:
            field, thing = _FIELDS[kind]
            return Refusal(
                Reason.LIMIT,
                field,
                f"{name!r} would be one more than the {most} distinct {thing} that a journey may have in a "
                f"partition: look whether an id or a text is published as `{field}`, or raise "
                f"fold.limit_{kind}",
            )
    return None


def too_many_events(type_name: str, most: int) -> Refusal:
    """A refusal of one more event of a user and type than is taken."""
    return Refusal(
        Reason.LIMIT,
        "user_id",
        f"the user has {most} events of the type {type_name} here already, the most that are taken: look "
        "whether many persons are published under one user id, or raise fold.limit_user_events",
    )


_FIELDS: Final = {
    "steps": ("step_id", "steps"),
    "variants": ("variant", "variants"),
    "channels": ("channel", "channels"),
    "goal_names": ("name", "goal names"),
    "nodes": ("node_id", "menu nodes"),
}
