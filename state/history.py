"""What is remembered of a user: the history in each journey, and what crosses journeys.

A history holds facts only (entries, arrivals at steps, message events), in the order of their own
times, never of their arrival; so adding an event twice, or in another order, gives the same
history. Everything counted is derived from it (`state/facts.py`).
"""

from bisect import insort
from typing import Any

import msgspec

STATUSES = (
    "sent",
    "delivered",
    "viewed",
    "opened",
    "clicked",
    "failed",
    "unsubscribed",
    "machine_viewed",
    "machine_opened",
    "machine_clicked",
)
SENT, DELIVERED, VIEWED, OPENED, CLICKED, FAILED, UNSUBSCRIBED = range(7)
MACHINE_SHIFT = 5  # machine_viewed stands this far behind viewed, and so on
SENT_OR_DELIVERED = frozenset((SENT, DELIVERED))
INTERACTIONS = frozenset((VIEWED, OPENED, CLICKED))

KNOWN = 1  # an entry of the history has its journey.entered
REACHED = 2  # a message of the history was sent or delivered
INTERACTED = 4  # the person viewed, opened or clicked one
QUALIFIED = KNOWN | REACHED


class Arrival(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One `step.entered` of an entry; `kind` numbers its version, step and variant (`state.plans`)."""

    at_ms: int
    event_id: str
    kind: int


class MessageEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event of a message; `kind` numbers its status, version, step, channel and platform.

    `detail` is the reason of a failure, or of a sent message its cost in 10⁻⁹ units and the currency.
    """

    at_ms: int
    event_id: str
    kind: int
    detail: str = ""


class StepGoal(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A goal event whose publisher named the entry and the step it belongs to."""

    at_ms: int
    event_id: str
    step_id: str
    name: str
    value: str
    currency: str


class Entry(msgspec.Struct, array_like=True, gc=False):
    """One pass of a user through a journey version.

    `entered_at_ms` is -1 until the entry's `journey.entered` came, `exited_at_ms` until an exit
    did. `arrivals` and `goals` stand in the order (time, event id); `messages` by message id.
    """

    entered_at_ms: int = -1
    entered_event_id: str = ""
    version: int = 0
    exited_at_ms: int = -1
    exited_event_id: str = ""
    exit_reason: str = ""
    arrivals: list[Arrival] = []
    messages: dict[str, list[MessageEvent]] = {}
    goals: list[StepGoal] = []


class History(msgspec.Struct, array_like=True, gc=False):
    """One user in one journey (or, with the journey "", the user's messages outside journeys).

    `person` is the user's number in the partition, `seen` the 8-byte hashes of the event ids
    merged so far, `flags` of `KNOWN`, `REACHED`, `INTERACTED`. `counted` are the message series in
    which the user is counted over all time: nobody ever leaves one, so a look here says who is new.
    """

    person: int
    seen: bytes = b""
    flags: int = 0
    counted: set[int] = set()
    entries: dict[str, Entry] = {}

    def entry(self, entry_id: str) -> Entry:
        """The entry of that id, new and empty when there was none."""
        entry = self.entries.get(entry_id)
        if entry is None:
            entry = self.entries[entry_id] = Entry()
        return entry


class Goal(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A goal event of a user; `value` is an integer of 10⁻⁹ units as text, "" when none."""

    at_ms: int
    event_id: str
    name: str
    value: str
    currency: str
    properties: dict[str, Any] | None


class User(msgspec.Struct, array_like=True, gc=False):
    """What crosses a user's journeys.

    `seen` holds hashes of goal event ids, `journeys` the ids of journeys with a known entry or a
    goal at a step, `goals` all goal events by (time, event id), `months` per month number and
    journey the (time, event id) of the first `journey.entered`.
    """

    person: int
    seen: bytes = b""
    journeys: list[str] = []
    goals: list[Goal] = []
    months: dict[int, dict[str, tuple[int, str]]] = {}


def event_order(item: Arrival | Goal | StepGoal | MessageEvent) -> tuple[int, str]:
    """The order of two events of one type: by time, then by event id."""
    return item.at_ms, item.event_id


def add_goal(user: User, goal: Goal) -> None:
    """Keep a goal event in its place by time."""
    insort(user.goals, goal, key=event_order)


def merge_entered(entry: Entry, at_ms: int, event_id: str, version: int) -> bool:
    """Merge a `journey.entered`; True when it is now the earliest, which gives time and version."""
    if entry.entered_at_ms < 0 or (at_ms, event_id) < (entry.entered_at_ms, entry.entered_event_id):
        entry.entered_at_ms, entry.entered_event_id, entry.version = at_ms, event_id, version
        return True
    return False


def merge_exited(entry: Entry, at_ms: int, event_id: str, reason: str) -> bool:
    """Merge a `journey.exited`; True when it is now the earliest, the one that counts."""
    if entry.exited_at_ms < 0 or (at_ms, event_id) < (entry.exited_at_ms, entry.exited_event_id):
        entry.exited_at_ms, entry.exited_event_id, entry.exit_reason = at_ms, event_id, reason
        return True
    return False


def insert_arrival(entry: Entry, arrival: Arrival) -> int:
    """Put an arrival in its place by time; its index."""
    index = arrival_index(entry, arrival.at_ms, arrival.event_id)
    entry.arrivals.insert(index, arrival)
    return index


def arrival_index(entry: Entry, at_ms: int, event_id: str) -> int:
    """Where an arrival belongs among those of its entry."""
    arrivals = entry.arrivals
    index = len(arrivals)
    key = (at_ms, event_id)
    while index and (arrivals[index - 1].at_ms, arrivals[index - 1].event_id) > key:
        index -= 1
    return index


encode = msgspec.msgpack.Encoder().encode
decode_history = msgspec.msgpack.Decoder(History).decode
decode_user = msgspec.msgpack.Decoder(User).decode
