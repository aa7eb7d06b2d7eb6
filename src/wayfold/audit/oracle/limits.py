"""How many different names a journey may have in one topic partition, and how many events a user."""

from dataclasses import dataclass, field
from typing import Protocol

from wayfold.audit.oracle.events import GOAL, OracleEvent

Identity = tuple[str | None, ...]
Place = tuple[str, str | None, str]
"""An account, a journey or None for none, and a kind of name."""


class Counts(Protocol):
    """How often each of many things was counted, as a Counter says it."""

    def __getitem__(self, what: Identity, /) -> int:
        """Give how often; 0 when never."""

    def __setitem__(self, what: Identity, count: int, /) -> None:
        """Set how often."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The greatest numbers of different names, and of events of one user and type.

    Each holds for an account, a journey or none, and a topic partition.
    """

    steps: int = 1_000
    variants: int = 100
    channels: int = 100
    goal_names: int = 1_000
    nodes: int = 1_000
    user_events: int = 10_000


@dataclass(slots=True)
class Taken:
    """What the accepted events of one topic partition have taken of the limits."""

    limits: Limits
    user_events: Counts
    names: dict[Place, set[str]] = field(default_factory=dict)

    def has_room(self, event: OracleEvent) -> bool:
        """Whether one more event, with the names in it, stays within every limit."""
        if event.user is not None and self.user_events[_whose(event)] >= self.limits.user_events:
            return False
        for place, name in _names(event):
            known = self.names.get(place, ())
            if name not in known and len(known) >= getattr(self.limits, place[2]):
                return False
        return True

    def take(self, event: OracleEvent) -> None:
        """Count an accepted event."""
        if event.user is not None:
            self.user_events[_whose(event)] += 1
        for place, name in _names(event):
            self.names.setdefault(place, set()).add(name)


def _whose(event: OracleEvent) -> Identity:
    """Of whom and what there may be so many events: a goal is bound to no journey, whichever it names."""
    journey = None if event.kind == GOAL else event.journey
    return (event.account, journey, event.user, event.kind)


def _names(event: OracleEvent) -> list[tuple[Place, str]]:
    """The names in a user's event, each with what it counts under. Definitions' do not count."""
    given: dict[str, str | None] = {}
    if event.kind == "step.entered":
        given = {"steps": event.step, "variants": event.variant}
    elif event.kind.startswith("message."):
        given = {"steps": event.step, "channels": event.channel}
    elif event.kind.startswith("call."):
        has_node = event.kind in ("call.menu_reached", "call.input_collected")
        given = {"steps": event.step, "nodes": event.node if has_node else None}
    elif event.kind == GOAL:
        given = {"steps": event.step, "goal_names": event.name}
    return [((event.account, event.journey, kind), name) for kind, name in given.items() if name]
