"""What operators decide: the events of the compacted topic `control`, which is read whole before folding.

A record of this topic has a key, and the latest record of a key is what holds; one without a value takes
it back. A key begins with the event's type, and goes on with what the event is about:
`record.skipped/entries/3/1234`. So whoever reads tells the type without the value, and keeps and passes over
what a later version of Wayfold has written.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Final
from urllib.parse import quote

import msgspec

from wayfold.models.limits import MAXIMUM_INTEGER, MAXIMUM_TEXT_CHARACTERS

CONTROL: Final = "control"
"""The topic's kind."""

Count = Annotated[int, msgspec.Meta(ge=0, le=MAXIMUM_INTEGER)]
Note = Annotated[str, msgspec.Meta(max_length=MAXIMUM_TEXT_CHARACTERS)]


class ControlEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """What all control events have: when it was decided, by whom, and why."""

    TYPE: ClassVar[str] = ""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    by: Note = ""
    note: Note = ""

    def about(self) -> tuple[str | int, ...]:
        """What the event is about: with its type it makes the key."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """Key of the event's record: of two events with one key the later holds."""
        return control_key(self.TYPE, *self.about())


class RecordSkipped(ControlEvent, frozen=True, kw_only=True, tag="record.skipped"):
    """A record of the event log that is refused, by every fold that has not counted it yet.

    `topic` is a topic kind. `topic_id` is Kafka's own id of the topic: of a topic that was created again
    another record has the offset, which is not meant. It is "" in the embedded host, whose log goes away
    only with this one.
    """

    TYPE: ClassVar[str] = "record.skipped"

    topic: Note
    partition: Count
    offset: Count
    topic_id: Note = ""

    def about(self) -> tuple[str | int, ...]:
        """Where the record lies."""
        return self.topic, self.partition, self.offset


CONTROL_EVENTS: Final[dict[str, type[ControlEvent]]] = {cls.TYPE: cls for cls in (RecordSkipped,)}
"""By type."""


class UnreadableControlError(ValueError):
    """A control record that has a known type and cannot be read; the message says what is wrong."""


def control_key(type_: str, *about: str | int) -> str:
    """Make a key: parts with a slash between them, each without one."""
    return "/".join([type_, *(quote(str(part), safe="") for part in about)])


def encode_control(event: ControlEvent) -> bytes:
    """Write down the value of an event. Raises `UnreadableControlError` when nobody could read it."""
    try:
        value = msgspec.json.encode(event)
    except UnicodeEncodeError as error:
        raise UnreadableControlError(f"{event.key!r} cannot be written: {error}") from error
    decode_control(event.key.encode(), value)
    return value


def decode_control(key: bytes, value: bytes) -> ControlEvent | None:
    """Read a control record; None when a later version wrote it. Raises `UnreadableControlError`."""
    text = key.decode("utf-8", "replace")
    cls = CONTROL_EVENTS.get(text.partition("/")[0])
    if cls is None:
        return None
    try:
        event = msgspec.json.decode(value, type=cls)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableControlError(f"the value of {text!r} cannot be read: {error}") from error
    if event.key != text:
        raise UnreadableControlError(f"the value of {text!r} is that of {event.key!r}")
    return event
