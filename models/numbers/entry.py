"""What the catalogue says of a number."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

Scope = Literal["journey", "version", "step", "account"]
Unit = Literal[
    "entries", "users", "messages", "events", "arrivals", "money", "share", "milliseconds", "instant"
]
Filter = Literal["version", "step", "channel", "platform", "variant"]
Time = Literal[
    "entry",
    "exit",
    "first_goal",
    "goal",
    "first_arrival",
    "arrival",
    "status",
    "first_status",
    "interaction",
]

JOURNEY: Final[tuple[Scope, ...]] = ("journey", "version")
STEP: Final[tuple[Scope, ...]] = ("step",)
ACCOUNT: Final[tuple[Scope, ...]] = ("account",)
EVERY_FILTER: Final[tuple[Filter, ...]] = ("version", "step", "channel", "platform", "variant")


class PlacedBy(msgspec.Struct, frozen=True):
    """By which of `times` a number falls in a range, on either clock."""

    event: Time
    entry: Time


class CatalogueNumber(msgspec.Struct, frozen=True, kw_only=True):
    """A number that answers hold; a name may mean another number in another scope."""

    name: Annotated[
        str,
        Meta(
            description=(
                "Where it stands among the numbers of an answer. What is before the first dot is what "
                "not_filterable names."
            ),
            examples=["entered_users", "sent.messages"],
        ),
    ]
    scopes: Annotated[tuple[Scope, ...], Meta(description="Of what it is shown.")]
    title: Annotated[str, Meta(description="Its name for people.")]
    short_title: Annotated[
        str, Meta(description="The same where what is around says the rest, as in the head of a table.")
    ]
    meaning: Annotated[str, Meta(description="What it counts, exactly.")]
    unit: Unit
    filters: Annotated[
        tuple[Filter, ...], Meta(description="By what it can be filtered; else it is left out.")
    ]
    placed_by: Annotated[
        PlacedBy | None, Meta(description="What places it in a range; null when it takes no range.")
    ]
    list: Annotated[
        str | None,
        Meta(
            description=(
                "The number to ask /v1/journeys/{journey_id}/users for the users behind it, with the same "
                "filters; <name> stands for the goal's. Null when they cannot be listed."
            ),
            examples=["sent.messages", "goals:<name>"],
        ),
    ]
    numerator: Annotated[str | None, Meta(description="Of a rate, the number that is divided.")]
    denominator: Annotated[str | None, Meta(description="Of a rate, the number that it is divided by.")]
    denominator_by_channel: Annotated[
        Mapping[str, str],
        Meta(description="Channels where it is divided by another number; the channels are added up."),
    ]


class CatalogueBreakdown(msgspec.Struct, frozen=True, kw_only=True):
    """A table that answers hold: the numbers of the same scope, split up."""

    name: str
    scopes: tuple[Scope, ...]
    title: str
    meaning: str
    by: tuple[Filter, ...]
    filters: tuple[Filter, ...]


class CatalogueStep(msgspec.Struct, frozen=True, kw_only=True):
    """What a step shows first, by its type and, of a message, its channel."""

    type: Annotated[str | None, Meta(description="Null for a step that no definition names.")]
    channel: Annotated[str | None, Meta(description="Null for every channel that has no row of its own.")]
    title: str
    numbers: tuple[str, ...]


class CatalogueWord(msgspec.Struct, frozen=True, kw_only=True):
    """A word that the catalogue uses: a filter, a clock or a time."""

    name: str
    title: str
    meaning: str


def number(
    *,
    name: str,
    scopes: tuple[Scope, ...],
    title: str,
    meaning: str,
    unit: Unit,
    short_title: str | None = None,
    filters: tuple[Filter, ...] = (),
    placed_by: PlacedBy | None = None,
    list: str | None = None,  # noqa: A002
    numerator: str | None = None,
    denominator: str | None = None,
    denominator_by_channel: Mapping[str, str] | None = None,
) -> CatalogueNumber:
    """An entry of the catalogue; what is left out it does not have."""
    return CatalogueNumber(
        name=name,
        scopes=scopes,
        title=title,
        short_title=short_title or title,
        meaning=meaning,
        unit=unit,
        filters=filters,
        placed_by=placed_by,
        list=list,
        numerator=numerator,
        denominator=denominator,
        denominator_by_channel=denominator_by_channel or {},
    )


def by_both(time: Time) -> PlacedBy:
    """Placed by the same time whatever the clock."""
    return PlacedBy(event=time, entry=time)
