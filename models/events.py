"""The events that services publish, one class for each type.

An instance is valid by construction when it comes from `wayfold.models.decode`; building one by hand checks
nothing. Times are aware datetimes; `occurred_ms` gives their milliseconds.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal

import msgspec

from wayfold.models.definition import JourneyDefinition
from wayfold.models.limits import MAXIMUM_IDENTIFIER_CHARACTERS, MAXIMUM_INTEGER, MAXIMUM_TEXT_CHARACTERS
from wayfold.models.money import Nano

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=MAXIMUM_IDENTIFIER_CHARACTERS)]
Label = Annotated[str, msgspec.Meta(max_length=MAXIMUM_IDENTIFIER_CHARACTERS)]
Text = Annotated[str, msgspec.Meta(max_length=MAXIMUM_TEXT_CHARACTERS)]
Version = Annotated[int, msgspec.Meta(ge=1, le=MAXIMUM_INTEGER)]
Duration = Annotated[int, msgspec.Meta(ge=0, le=MAXIMUM_INTEGER)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Platform = Literal["ios", "android", "web", "none"]
ExitReason = Literal["completed", "goal", "exit_criteria", "removed", "error"]
Status = Literal["running", "paused", "finished"]

Property = str | int | float | bool | None | list[Any] | dict[str, Any]
"""Any JSON value. Whole numbers have at most 64 bits, inside of lists and objects too."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
END_OF_TIME_MS = 253_402_300_800_000
"""The first millisecond of the year 10000, which no event reaches."""


def occurred_ms(at: datetime) -> int:
    """Milliseconds UTC of an aware datetime, floored, exact for every year."""
    return (at - EPOCH) // _MILLISECOND


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="type"):
    """What all events have.

    `TYPE` is the event's `type`, `TOPIC` the kind of topic that it is published to, and `RANK` its place
    among events of the same millisecond: entered, step, message, goal, exited; of a call started, menu,
    input, ended; definitions, statuses and erasures have no place.
    """

    TYPE: ClassVar[str] = ""
    TOPIC: ClassVar[str] = ""
    RANK: ClassVar[int] = 9

    event_id: Identifier
    occurred_at: Instant
    account_id: Identifier = "default"


class UserEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event about one person."""

    user_id: Identifier


class JourneyEvent(UserEvent, frozen=True, kw_only=True, gc=False):
    """An event of one entry of a journey."""

    journey_id: Identifier
    journey_version: Version
    entry_id: Identifier


class JourneyEntered(JourneyEvent, frozen=True, kw_only=True, gc=False, tag="journey.entered"):
    """A user enters a journey."""

    TYPE: ClassVar[str] = "journey.entered"
    TOPIC: ClassVar[str] = "entries"
    RANK: ClassVar[int] = 0


class JourneyExited(JourneyEvent, frozen=True, kw_only=True, gc=False, tag="journey.exited"):
    """A user leaves a journey."""

    TYPE: ClassVar[str] = "journey.exited"
    TOPIC: ClassVar[str] = "entries"
    RANK: ClassVar[int] = 4

    reason: ExitReason


class StepEntered(JourneyEvent, frozen=True, kw_only=True, gc=False, tag="step.entered"):
    """An entry arrives at a step; `variant` is "" without a split test."""

    TYPE: ClassVar[str] = "step.entered"
    TOPIC: ClassVar[str] = "steps"
    RANK: ClassVar[int] = 1

    step_id: Identifier
    variant: Label = ""


class MessageEvent(UserEvent, frozen=True, kw_only=True, gc=False):
    """Something happened to a message.

    `journey_id`, `journey_version`, `entry_id` and `step_id` are all there, or, for a message outside of
    journeys, all None. `STATUS` is the status that the event names; whether people or machines are counted is
    `machine`'s to say.
    """

    TOPIC: ClassVar[str] = "messages"
    RANK: ClassVar[int] = 2
    STATUS: ClassVar[str] = ""

    message_id: Identifier
    channel: str
    platform: Platform = "none"
    journey_id: Identifier | None = None
    journey_version: Version | None = None
    entry_id: Identifier | None = None
    step_id: Identifier | None = None


class MessageSent(MessageEvent, frozen=True, kw_only=True, gc=False, tag="message.sent"):
    """A message was handed to its channel; `cost` is in 10^-9 units of `currency`."""

    TYPE: ClassVar[str] = "message.sent"
    STATUS: ClassVar[str] = "sent"

    cost: Nano | None = None
    currency: str | None = None


class MessageDelivered(MessageEvent, frozen=True, kw_only=True, gc=False, tag="message.delivered"):
    """The channel reports that the message arrived."""

    TYPE: ClassVar[str] = "message.delivered"
    STATUS: ClassVar[str] = "delivered"


class MessageViewed(MessageEvent, frozen=True, kw_only=True, gc=False, tag="message.viewed"):
    """The message was seen; `machine` when not by a person."""

    TYPE: ClassVar[str] = "message.viewed"
    STATUS: ClassVar[str] = "viewed"

    machine: bool = False


class MessageOpened(MessageEvent, frozen=True, kw_only=True, gc=False, tag="message.opened"):
    """The message was opened; `machine` when not by a person."""

    TYPE: ClassVar[str] = "message.opened"
    STATUS: ClassVar[str] = "opened"

    machine: bool = False


class MessageClicked(MessageEvent, frozen=True, kw_only=True, gc=False, tag="message.clicked"):
    """A link of the message was followed; `link` says which, `machine` when not by a person."""

    TYPE: ClassVar[str] = "message.clicked"
    STATUS: ClassVar[str] = "clicked"

    machine: bool = False
    link: Text = ""


class MessageFailed(MessageEvent, frozen=True, kw_only=True, gc=False, tag="message.failed"):
    """The message could not be sent or delivered; `reason` is free text."""

    TYPE: ClassVar[str] = "message.failed"
    STATUS: ClassVar[str] = "failed"

    reason: Text = ""


class MessageUnsubscribed(MessageEvent, frozen=True, kw_only=True, gc=False, tag="message.unsubscribed"):
    """The person unsubscribed through the message."""

    TYPE: ClassVar[str] = "message.unsubscribed"
    STATUS: ClassVar[str] = "unsubscribed"


class GoalReached(UserEvent, frozen=True, kw_only=True, gc=False, tag="goal.reached"):
    """A business event that may convert entries; `value` is in 10^-9 units of `currency`.

    `journey_id`, `entry_id` and `step_id` are all there, which also shows the goal at that step, or all None.
    """

    TYPE: ClassVar[str] = "goal.reached"
    TOPIC: ClassVar[str] = "conversions"
    RANK: ClassVar[int] = 3

    name: Identifier
    value: Nano | None = None
    currency: str | None = None
    properties: dict[str, Property] | None = None
    journey_id: Identifier | None = None
    entry_id: Identifier | None = None
    step_id: Identifier | None = None


class CallEvent(JourneyEvent, frozen=True, kw_only=True, gc=False):
    """Something happened in a voice call of an entry; `step_id` is the step that makes the call."""

    TOPIC: ClassVar[str] = "calls"

    call_id: Identifier
    step_id: Identifier | None = None


class CallStarted(CallEvent, frozen=True, kw_only=True, gc=False, tag="call.started"):
    """A call began."""

    TYPE: ClassVar[str] = "call.started"
    RANK: ClassVar[int] = 5


class CallMenuReached(CallEvent, frozen=True, kw_only=True, gc=False, tag="call.menu_reached"):
    """The caller reached a menu; the first has no parent."""

    TYPE: ClassVar[str] = "call.menu_reached"
    RANK: ClassVar[int] = 6

    node_id: Identifier
    parent_node_id: Identifier | None = None


class CallInputCollected(CallEvent, frozen=True, kw_only=True, gc=False, tag="call.input_collected"):
    """The caller pressed keys or said something at a menu."""

    TYPE: ClassVar[str] = "call.input_collected"
    RANK: ClassVar[int] = 7

    node_id: Identifier
    value: Text
    kind: Literal["dtmf", "speech"]


class CallEnded(CallEvent, frozen=True, kw_only=True, gc=False, tag="call.ended"):
    """A call ended."""

    TYPE: ClassVar[str] = "call.ended"
    RANK: ClassVar[int] = 8

    outcome: Literal["completed", "dropped", "failed"]
    duration_ms: Duration


class JourneyDefined(Event, frozen=True, kw_only=True, gc=False, tag="journey.defined"):
    """A version of a journey is published; no user belongs to it."""

    TYPE: ClassVar[str] = "journey.defined"
    TOPIC: ClassVar[str] = "definitions"

    definition: JourneyDefinition


class JourneyStatus(Event, frozen=True, kw_only=True, gc=False, tag="journey.status"):
    """A journey runs, pauses or has finished, as its publisher says; no user belongs to it."""

    TYPE: ClassVar[str] = "journey.status"
    TOPIC: ClassVar[str] = "definitions"

    journey_id: Identifier
    status: Status


class UserErased(UserEvent, frozen=True, kw_only=True, gc=False, tag="user.erased"):
    """A person asked to be forgotten."""

    TYPE: ClassVar[str] = "user.erased"
    TOPIC: ClassVar[str] = "users"

    mode: Literal["anonymise", "subtract"]


EVENT_CLASSES: tuple[type[Event], ...] = (
    JourneyEntered,
    JourneyExited,
    StepEntered,
    MessageSent,
    MessageDelivered,
    MessageViewed,
    MessageOpened,
    MessageClicked,
    MessageFailed,
    MessageUnsubscribed,
    GoalReached,
    CallStarted,
    CallMenuReached,
    CallInputCollected,
    CallEnded,
    JourneyDefined,
    JourneyStatus,
    UserErased,
)
EVENT_CLASS_OF_TYPE: dict[str, type[Event]] = {cls.TYPE: cls for cls in EVENT_CLASSES}
TOPIC_KIND_OF_TYPE: dict[str, str] = {cls.TYPE: cls.TOPIC for cls in EVENT_CLASSES}
TOPIC_KINDS: tuple[str, ...] = tuple(dict.fromkeys(TOPIC_KIND_OF_TYPE.values()))
MESSAGE_STATUSES: tuple[str, ...] = tuple(
    cls.STATUS for cls in EVENT_CLASSES if issubclass(cls, MessageEvent)
)
USER_TOPIC_KINDS: tuple[str, ...] = tuple(
    dict.fromkeys(cls.TOPIC for cls in EVENT_CLASSES if issubclass(cls, UserEvent) and cls is not UserErased)
)
"""Topics of what users do; definitions and erasures are control events."""
