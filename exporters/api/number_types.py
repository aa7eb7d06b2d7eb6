"""The numbers in answers, as types: the OpenAPI document is made from them.

A number that a filter cannot restrict is left out of an answer and named under `not_filterable` beside
the others, so every number may be absent.
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[
    str, Meta(description="RFC 3339 in UTC with milliseconds.", examples=["2026-11-01T12:00:00.000Z"])
]
Money = Annotated[
    dict[str, str], Meta(description="Exact decimal sums by currency.", examples=[{"EUR": "12.5"}])
]
Rate = Annotated[float | None, Meta(description="A share; null when there is nothing to divide by.")]
NotFilterable = Annotated[
    list[str], Meta(description="Numbers left out because a filter of the question does not apply to them.")
]
Users = Annotated[int, Meta(ge=0, description="Distinct users.")]


class Inside(Struct):
    """What can still change because its conversion window is open at the watermark."""

    entries: Count
    closes_at: Instant | None


class StatusCount(Struct):
    """One message status, counted three ways."""

    events: Count
    messages: Count
    users: Count


class Statuses(Struct, kw_only=True):
    """The ten message statuses; those called machine_… are not people."""

    sent: StatusCount | UnsetType = UNSET
    delivered: StatusCount | UnsetType = UNSET
    viewed: StatusCount | UnsetType = UNSET
    opened: StatusCount | UnsetType = UNSET
    clicked: StatusCount | UnsetType = UNSET
    failed: StatusCount | UnsetType = UNSET
    unsubscribed: StatusCount | UnsetType = UNSET
    machine_viewed: StatusCount | UnsetType = UNSET
    machine_opened: StatusCount | UnsetType = UNSET
    machine_clicked: StatusCount | UnsetType = UNSET


class ChannelStatuses(Statuses, kw_only=True):
    """Message statuses of one channel on one platform."""

    channel: str
    platform: str


class MessageCount(Struct):
    """One message status of all steps together. Users do not add up over steps, and are left out."""

    events: Count
    messages: Count


Cost = Annotated[dict[str, dict[str, str]], Meta(description="By channel, then currency.")]


class AddedChannelStatuses(Struct, kw_only=True):
    """The ten message statuses of one channel on one platform, of all steps together."""

    channel: str
    platform: str
    sent: MessageCount
    delivered: MessageCount
    viewed: MessageCount
    opened: MessageCount
    clicked: MessageCount
    failed: MessageCount
    unsubscribed: MessageCount
    machine_viewed: MessageCount
    machine_opened: MessageCount
    machine_clicked: MessageCount


class SummaryNumbers(Struct, kw_only=True):
    """The numbers of a journey that a list of journeys shows."""

    total_entries: Count | UnsetType = UNSET
    entered_users: Users | UnsetType = UNSET
    active_entries: Count | UnsetType = UNSET
    exited_entries: Count | UnsetType = UNSET
    exited_users: Users | UnsetType = UNSET
    converted_entries: Count | UnsetType = UNSET
    converted_users: Users | UnsetType = UNSET
    conversion_events: Count | UnsetType = UNSET
    conversion_values: Money | UnsetType = UNSET
    conversion_rate: Rate | UnsetType = UNSET
    conversion_rate_open: Inside | UnsetType = UNSET
    total_exits: Count | UnsetType = UNSET
    total_exits_open: Inside | UnsetType = UNSET
    active_users: Users | UnsetType = UNSET
    sent: MessageCount | UnsetType = UNSET
    delivered: MessageCount | UnsetType = UNSET
    clicked: MessageCount | UnsetType = UNSET
    failed: MessageCount | UnsetType = UNSET
    not_filterable: NotFilterable | UnsetType = UNSET


class JourneyNumbers(SummaryNumbers, kw_only=True):
    """The numbers of a journey or of one of its versions."""

    viewed: MessageCount | UnsetType = UNSET
    opened: MessageCount | UnsetType = UNSET
    unsubscribed: MessageCount | UnsetType = UNSET
    machine_viewed: MessageCount | UnsetType = UNSET
    machine_opened: MessageCount | UnsetType = UNSET
    machine_clicked: MessageCount | UnsetType = UNSET
    channels: list[AddedChannelStatuses] | UnsetType = UNSET
    click_rate: Rate | UnsetType = UNSET
    fail_rate: Rate | UnsetType = UNSET
    cost: Cost | UnsetType = UNSET


class GoalCount(Struct):
    """Goal events of one name."""

    events: Count
    values: Money


class Dwell(Struct):
    """Time from entering a step to the entry's next step or exit; percentiles within 1 %."""

    count: Count
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None


class StepNumbers(Statuses, kw_only=True):
    """The numbers of a step of one journey version."""

    entered: Count | UnsetType = UNSET
    entered_users: Users | UnsetType = UNSET
    current: Count | UnsetType = UNSET
    dropped: Count | UnsetType = UNSET
    dropped_users: Users | UnsetType = UNSET
    channels: list[ChannelStatuses] | UnsetType = UNSET
    click_rate: Rate | UnsetType = UNSET
    fail_rate: Rate | UnsetType = UNSET
    goals: dict[str, GoalCount] | UnsetType = UNSET
    cost: Cost | UnsetType = UNSET
    dwell: Dwell | UnsetType = UNSET
    not_filterable: NotFilterable | UnsetType = UNSET
