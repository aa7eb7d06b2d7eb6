"""The names in a journey's accepted events (or in those of no journey) that each make series.

They are counted per topic, since each topic is judged by its own order: a step that a message named is new
to the topic of calls.
"""

from typing import Final

from wayfold.state.store import keys

NAME_SETS: Final = (
    ("steps", "steps"),
    ("steps", "variants"),
    ("messages", "steps"),
    ("messages", "channels"),
    ("conversions", "steps"),
    ("conversions", "goal_names"),
    ("calls", "steps"),
    ("calls", "nodes"),
)
"""What is counted together: (topic kind, kind of name). A set's place here is its number in keys."""
(
    ARRIVAL_STEPS,
    ARRIVAL_VARIANTS,
    MESSAGE_STEPS,
    MESSAGE_CHANNELS,
    GOAL_STEPS,
    GOAL_NAMES,
    CALL_STEPS,
    CALL_NODES,
) = range(len(NAME_SETS))

_NONE: Final[frozenset[str]] = frozenset()
NO_NAMES: Final = (_NONE,) * len(NAME_SETS)
"""The sets of what has had no event."""


class EventNames:
    """A set of names for each of `NAME_SETS`; `prefix` begins the store keys of these."""

    __slots__ = ("prefix", "sets")

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix
        self.sets: list[frozenset[str] | set[str]] = [_NONE] * len(NAME_SETS)

    def add(self, place: int, name: str) -> bytes:
        """Let a name be known; returns the key of its row."""
        found = self.sets[place]
        if isinstance(found, set):
            found.add(name)
        else:
            self.sets[place] = {name}
        return self.prefix + bytes((place,)) + name.encode()

    @staticmethod
    def of_account(number: int) -> "EventNames":
        """Those of an account's events outside journeys."""
        return EventNames(keys.names_key(keys.NAME, keys.OF_ACCOUNT, number))

    @staticmethod
    def of_journey(number: int) -> "EventNames":
        """Those of a journey's events."""
        return EventNames(keys.names_key(keys.NAME, keys.OF_JOURNEY, number))
