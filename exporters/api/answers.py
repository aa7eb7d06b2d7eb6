"""What the API answers, as types: the OpenAPI document is made from them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from wayfold.exporters.api.number_types import (
    ChannelStatuses,
    Count,
    Instant,
    JourneyNumbers,
    NotFilterable,
    StepNumbers,
    SummaryNumbers,
)


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


class Next(Struct):
    """A way on from a step; `name` tells the ways of a step apart, such as "yes" and "no"."""

    step_id: str
    name: str | None


class Node(Struct):
    """A node of a call's menu, and the texts that it expects, pressed or said."""

    node_id: str
    inputs: list[str]


class Step(Struct, kw_only=True):
    """A step and its numbers; `type` and `channel` are null when no definition names the step."""

    step_id: str
    name: str
    type: str | None
    channel: str | None
    next: Annotated[
        list[Next],
        Meta(
            description=(
                "Where the step leads: as its definition says, else to the following step. Empty for an end, "
                "for the last step, and for a step that no definition names."
            )
        ),
    ]
    nodes: Annotated[
        list[Node] | None, Meta(description="The nodes of an ivr_menu; null for every other step.")
    ]
    numbers: StepNumbers


class Goal(Struct):
    """Which goal events convert: those of this name that have every one of the properties."""

    name: str
    properties: Annotated[
        dict[str, str | int | float | bool | None],
        Meta(description="The filter as it was published.", examples=[{"plan": "pro", "seats": 5}]),
    ]


class VersionStep(Step, kw_only=True):
    """A step with the journey version that it belongs to."""

    journey_version: int


class Version(Struct, kw_only=True):
    """A journey version, its numbers and its steps in order."""

    journey_version: int
    name: str
    defined: Annotated[bool, Meta(description="Whether a definition of the version was accepted.")]
    goal: Annotated[Goal | None, Meta(description="Null when the definition has none, or is not there yet.")]
    conversion_window_ms: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description=(
                "How long after its exit an entry can still convert: three days where the definition leaves "
                "it out; null when the version is not defined."
            )
        ),
    ]
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
    numbers: SummaryNumbers


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


class KnownAccount(Struct, kw_only=True):
    """An account."""

    account_id: str
    time_zone: Annotated[
        str, Meta(description="The zone of its days and hours.", examples=["Europe/Istanbul"])
    ]
    journeys: Annotated[int, Meta(ge=0, description="How many journeys it has.")]
    watermark: Annotated[
        Instant | None,
        Meta(description="Greatest occurred_at accepted of its users' events; null before the first."),
    ]


class AccountsAnswer(Fresh, kw_only=True):
    """The accounts there are, by id."""

    accounts: list[KnownAccount]


class FreshnessAnswer(Fresh, kw_only=True):
    """How fresh the numbers are."""

    state: Annotated[
        str,
        Meta(description="Names what answers given now reflect: another one means that numbers may differ."),
    ]


class AccountAnswer(Fresh, kw_only=True):
    """One account."""

    account_id: str
    time_zone: str
    monthly_engaged_persons: list[Month] | UnsetType = UNSET
    channels: list[ChannelStatuses] | UnsetType = UNSET
    not_filterable: NotFilterable | UnsetType = UNSET


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
