"""Marks: what tells a repeat. Each accepted event leaves one in its history, for ever.

A mark is the code of the event's type and a hash of its id. So events of different types never compete for
an id, and the events of a type can be counted.
"""

from typing import Final

from xxhash import xxh3_64_digest

from wayfold.models.events import EVENT_CLASS_OF_TYPE, Event

MARK_BYTES: Final = 8
ID_BYTES: Final = 7
id_bytes = xxh3_64_digest
"""Of an event's id as bytes a hash, of which a mark has the first `ID_BYTES`."""

TYPE_CODES: Final = {
    "journey.entered": 1,
    "journey.exited": 2,
    "step.entered": 3,
    "message.sent": 4,
    "message.delivered": 5,
    "message.viewed": 6,
    "message.opened": 7,
    "message.clicked": 8,
    "message.failed": 9,
    "message.unsubscribed": 10,
    "goal.reached": 11,
    "call.started": 12,
    "call.menu_reached": 13,
    "call.input_collected": 14,
    "call.ended": 15,
}
"""They stand in the store: a type keeps its code for ever."""
CODES: Final[dict[type[Event], bytes]] = {
    EVENT_CLASS_OF_TYPE[name]: bytes((code,)) for name, code in TYPE_CODES.items()
}
"""By the class of an event."""


def mark_of_event(event: Event) -> bytes:
    """The mark of a user's event."""
    return CODES[event.__class__] + id_bytes(event.event_id.encode())[:ID_BYTES]


def holds(marks: bytes | bytearray, mark: bytes, width: int) -> bool:
    """True when one of the marks, which stand one behind the other at a fixed width, is this one."""
    # Not `in`: bytes first try whether what they are asked for is a number, which takes three times as long.
    position = marks.find(mark)
    while position >= 0:
        if position % width == 0:
            return True
        position = marks.find(mark, position + 1)
    return False


def count_of_type(marks: bytes | bytearray, code: bytes) -> int:
    """How many of the marks are of events of a type."""
    return marks[::MARK_BYTES].count(code)
