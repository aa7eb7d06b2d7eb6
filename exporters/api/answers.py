"""What the API answers, as types: the OpenAPI document is made from them.

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


class Fresh(Struct, kw_only=True):
    """How fresh an answer is."""

    as_of: Annotated[Instant, Meta(description="When the numbers were read.")]
    watermark: Annotated[
        Instant | None,
        Meta(description="Greatest occurred_at that was accepted; null before the first event."),
    ]
    lag_ms: Annotated[
        int | None,
        Meta(
            description="How long the oldest event not counted yet has been in the log; null when not known."
        ),
    ]


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


class JourneyNumbers(Struct, kw_only=True):
    """The numbers of a journey or of one of its versions."""

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
    not_filterable: NotFilterable | UnsetType = UNSET


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
    cost: Annotated[dict[str, dict[str, str]], Meta(description="By channel, then currency.")] | UnsetType = (
        UNSET
    )
    dwell: Dwell | UnsetType = UNSET
    not_filterable: NotFilterable | UnsetType = UNSET


class Step(Struct, kw_only=True):
    """A step and its numbers; `type` and `channel` are null when no definition names the step."""

    step_id: str
    name: str
    type: str | None
    channel: str | None
    numbers: StepNumbers


class VersionStep(Step, kw_only=True):
    """A step with the journey version that it belongs to."""

    journey_version: int


class Version(Struct, kw_only=True):
    """A journey version, its numbers and its steps in order."""

    journey_version: int
    name: str
    definition_conflicts: Annotated[
        int,
        Meta(description="How many other contents were published as this version; the earliest holds."),
    ]
    numbers: JourneyNumbers
    steps: list[Step]


class Journey(Struct, kw_only=True):
    """A journey, its numbers over all versions, and its versions."""

    account_id: str
    journey_id: str
    name: str
    numbers: JourneyNumbers
    versions: list[Version]


class JourneySummary(Struct, kw_only=True):
    """A journey and its numbers over all versions."""

    account_id: str
    journey_id: str
    name: str
    versions: list[int]
    numbers: JourneyNumbers


class JourneyEngagement(Struct):
    """A journey's part in an account's monthly engaged persons."""

    journey_id: str
    persons: Annotated[int, Meta(description="Persons whose first entry of the month was in this journey.")]
    marginal_persons: Annotated[
        int, Meta(description="Persons with an entry in no other journey that month.")
    ]


class Month(Struct):
    """The engaged persons of one calendar month of the account's time zone."""

    month: Annotated[str, Meta(examples=["2026-11"])]
    persons: Count
    journeys: list[JourneyEngagement]


class Account(Struct, kw_only=True):
    """Numbers over all journeys of an account, and messages outside journeys."""

    account_id: str
    time_zone: str
    monthly_engaged_persons: list[Month] | UnsetType = UNSET
    channels: list[ChannelStatuses] | UnsetType = UNSET
    not_filterable: NotFilterable | UnsetType = UNSET


class NumbersAnswer(Fresh, kw_only=True):
    """Every number of every account, journey, version and step."""

    accounts: list[Account]
    journeys: list[Journey]


class JourneysAnswer(Fresh, kw_only=True):
    """The journeys of an account."""

    account_id: str
    journeys: list[JourneySummary]


class JourneyAnswer(Fresh, kw_only=True):
    """One journey with its versions and their steps."""

    account_id: str
    journey_id: str
    name: str
    numbers: JourneyNumbers
    versions: list[Version]


class StepsAnswer(Fresh, kw_only=True):
    """Steps of a journey, by version and in the order of its definition."""

    account_id: str
    journey_id: str
    steps: list[VersionStep]


class AccountAnswer(Fresh, kw_only=True):
    """One account."""

    account_id: str
    time_zone: str
    monthly_engaged_persons: list[Month] | UnsetType = UNSET
    channels: list[ChannelStatuses] | UnsetType = UNSET
    not_filterable: NotFilterable | UnsetType = UNSET


class AccountSummary(Struct, kw_only=True):
    """An account, and what is known of it without its numbers."""

    account_id: str
    time_zone: str
    journeys: Annotated[int, Meta(ge=0, description="How many journeys it has.")]
    watermark: Annotated[
        Instant | None,
        Meta(description="Greatest occurred_at accepted of its users; null before the first event."),
    ]


class AccountsAnswer(Fresh, kw_only=True):
    """The accounts there are, by id."""

    accounts: list[AccountSummary]


class FreshnessAnswer(Fresh, kw_only=True):
    """How fresh numbers are, and which state they are of."""

    state: Annotated[
        str,
        Meta(description="Differs wherever an answer may: one whose ETag ends with it is still the latest."),
    ]


class Bucket(Struct, kw_only=True):
    """The numbers of one bucket of time, [start, end)."""

    start: Annotated[str, Meta(description="In the account's local time.", examples=["2026-11-01"])]
    end: Annotated[str, Meta(description="In the account's local time.", examples=["2026-11-02"])]
    starts_at: Instant
    ends_at: Instant
    numbers: JourneyNumbers
    steps: Annotated[
        list[VersionStep] | UnsetType,
        Meta(description="The step that the filter names, in each version that has it."),
    ] = UNSET


class SeriesAnswer(Fresh, kw_only=True):
    """A journey's numbers per bucket; distinct users are counted anew in each."""

    account_id: str
    journey_id: str
    bucket: str
    series: list[Bucket]


class UsersAnswer(Fresh, kw_only=True):
    """The users behind a number, in order of their ids, one page."""

    account_id: str
    journey_id: str
    number: str
    total: Annotated[int, Meta(description="Users in the whole list; equals a number of users.")]
    users: list[str]
    next_cursor: Annotated[
        str | None, Meta(description="Pass it as cursor for the next page; null on the last.")
    ]


class Problem(Struct, kw_only=True, omit_defaults=True):
    """An error as RFC 9457 describes it (application/problem+json)."""

    type: str
    title: str
    status: int
    detail: Annotated[str, Meta(description="What is wrong and what to do about it.")]
    parameter: Annotated[str | None, Meta(description="The parameter that is wrong.")] = None


class PartitionVerdicts(Struct):
    """What became of the records of one partition, as of one commit."""

    partition: int
    offsets: Annotated[dict[str, Count], Meta(description="By topic, the next record to be judged.")]
    ends: Annotated[
        dict[str, Count] | None,
        Meta(description="By topic, where the log ends now; null when this process cannot say."),
    ]
    accepted: Annotated[Count, Meta(description="Records that count.")]
    repeated: Annotated[Count, Meta(description="Records of events that were accepted before.")]
    refused: Annotated[dict[str, Count], Meta(description="By reason, records that were not accepted.")]


class VerdictsAnswer(Fresh, kw_only=True):
    """What became of every record since the log's beginning, by partition."""

    partitions: list[PartitionVerdicts]


class Health(Struct):
    """Whether the process works; `reasons` say why not."""

    status: str
    reasons: list[str] = []
