"""What is remembered of a user: the history in each journey, and what crosses journeys.

A history holds facts only (entries, arrivals at steps, message events). Adding an event twice, or in
another order, gives a history that stands for the same facts. Everything counted is derived from it
(`state/histories/facts.py`).

Most events are of messages, and most histories that a batch touches are touched once; so a history
is kept as a few byte strings: what an event needs to know is found in them without decoding, and an
event of a message is appended.
"""

from bisect import insort
from typing import Any, Final

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


GROUP_BYTES: Final = 12
_ARRAY_HEADER = b"\xdd"  # of MessagePack: an array whose length follows in four bytes

encode = msgspec.msgpack.Encoder().encode


class Arrival(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One `step.entered` of an entry; `kind` numbers its version, step and variant (`state.names.plans`)."""

    at_ms: int
    event_id: str
    kind: int


class MessageEvent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event of a message; `kind` numbers its status, version, step, channel and platform.

    `detail` is the reason of a failure, or of a sent message its cost in 10⁻⁹ units and the currency.
    """

    entry_id: str
    message_id: str
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
    did. `arrivals` and `goals` stand in the order (time, event id).
    """

    entered_at_ms: int = -1
    entered_event_id: str = ""
    version: int = 0
    exited_at_ms: int = -1
    exited_event_id: str = ""
    exit_reason: str = ""
    arrivals: list[Arrival] = []
    goals: list[StepGoal] = []


class History:
    """One user in one journey (or, with the journey "", the user's messages outside journeys).

    `person` is the user's number in the partition and `flags` are of `KNOWN`, `REACHED`,
    `INTERACTED`. `counted` has a character (`state.names.plans`) for each series in which the user is counted
    over all time, of those that nobody ever leaves. Two are marks of a fixed width, one behind the other:

    - `seen`: of each event merged so far (`state.histories.marks`);
    - `groups`: of each message and the number of the status at its step that it has (`GROUP_BYTES`).

    `messages` holds the `message_count` message events, encoded one behind the other as they came.
    `facts` are those of the entries as they stand, while somebody remembers them; they are not stored.
    """

    __slots__ = (
        "_changed",
        "_encoded_entries",
        "_entries",
        "counted",
        "facts",
        "flags",
        "groups",
        "message_count",
        "messages",
        "person",
        "seen",
    )

    def __init__(self, person: int) -> None:
        self.person = person
        self.flags = 0
        self.seen = b""
        self.counted = ""
        self.groups = b""
        self.messages = b""
        self.message_count = 0
        self._entries: dict[str, Entry] | None = {}
        self._encoded_entries = b""
        self._changed = True
        self.facts: Any = None  # `state.histories.facts.EntryFacts`, which knows histories

    @property
    def entries(self) -> dict[str, Entry]:
        """The entries by id, to be looked at; `entry` gives one to be changed."""
        entries = self._entries
        if entries is None:
            entries = self._entries = _decode_entries(self._encoded_entries)
        return entries

    def entry(self, entry_id: str) -> Entry:
        """The entry of that id to be changed, new and empty when there was none."""
        self._changed = True
        entries = self.entries
        entry = entries.get(entry_id)
        if entry is None:
            entry = entries[entry_id] = Entry()
        return entry

    def message_events(self) -> list[MessageEvent]:
        """The message events, in the order they came."""
        # The header of an array, with the count of the events, makes one of what stands in a row.
        return _decode_events(_ARRAY_HEADER + self.message_count.to_bytes(4, "big") + self.messages)

    def add_message_events(self, events: list[MessageEvent]) -> None:
        """Keep events of messages."""
        count = len(events)
        # The items of an array stand one behind the other after its header.
        header_bytes = 1 if count < 16 else 3 if count < 65_536 else 5
        self.messages += encode(events)[header_bytes:]
        self.message_count += count

    def encode(self) -> bytes:
        """The history as it is stored."""
        if self._changed:
            self._encoded_entries = encode(self.entries)
            self._changed = False
        return encode(
            (
                self.person,
                self.flags,
                self.seen,
                self.counted,
                self.groups,
                self._encoded_entries,
                self.messages,
                self.message_count,
            )
        )

    @classmethod
    def decode(cls, value: bytes) -> "History":
        """The history that `encode` stored; entries are decoded when they are asked for."""
        history = cls(0)
        (
            history.person,
            history.flags,
            history.seen,
            history.counted,
            history.groups,
            history._encoded_entries,
            history.messages,
            history.message_count,
        ) = _decode_row(value)
        history._entries = None
        history._changed = False
        return history


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

    `seen` has the marks of goal events, `journeys` the ids of journeys with a known entry or a
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


def merge_entered(entry: Entry, at_ms: int, event_id: str, version: int) -> None:
    """Merge a `journey.entered`: the earliest gives the entry its time and version."""
    if entry.entered_at_ms < 0 or (at_ms, event_id) < (entry.entered_at_ms, entry.entered_event_id):
        entry.entered_at_ms, entry.entered_event_id, entry.version = at_ms, event_id, version


def merge_exited(entry: Entry, at_ms: int, event_id: str, reason: str) -> None:
    """Merge a `journey.exited`: the earliest is the one that counts."""
    if entry.exited_at_ms < 0 or (at_ms, event_id) < (entry.exited_at_ms, entry.exited_event_id):
        entry.exited_at_ms, entry.exited_event_id, entry.exit_reason = at_ms, event_id, reason


def add_step_goal(entry: Entry, goal: StepGoal) -> None:
    """Keep a goal that named a step of the entry in its place by time."""
    insort(entry.goals, goal, key=event_order)


def add_arrival(entry: Entry, arrival: Arrival) -> None:
    """Keep an arrival in its place by time; most often it is the latest."""
    arrivals = entry.arrivals
    index = len(arrivals)
    key = (arrival.at_ms, arrival.event_id)
    while index and (arrivals[index - 1].at_ms, arrivals[index - 1].event_id) > key:
        index -= 1
    arrivals.insert(index, arrival)


decode_user = msgspec.msgpack.Decoder(User).decode
_decode_row = msgspec.msgpack.Decoder(tuple[int, int, bytes, str, bytes, bytes, bytes, int]).decode
_decode_entries = msgspec.msgpack.Decoder(dict[str, Entry]).decode
_decode_events = msgspec.msgpack.Decoder(list[MessageEvent]).decode
