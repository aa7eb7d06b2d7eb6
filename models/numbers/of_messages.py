"""The numbers of messages: ten statuses, three ways each, their rates and costs."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from wayfold.models.numbers.entry import (
    CatalogueBreakdown,
    CatalogueNumber,
    Filter,
    Scope,
    Unit,
    by_both,
    number,
)

Counter = Literal["events", "messages", "users"]
COUNTERS: Final[tuple[Counter, ...]] = ("events", "messages", "users")
UNDELIVERED_CHANNELS: Final = ("push", "in_app", "webhook")
"""Channels that report no delivery: their clicks are measured against what was sent."""


class _Status(NamedTuple):
    """The words of a status: of an event, of messages and of users, and what happened to messages."""

    name: str
    events: str
    messages: str
    users: str
    happened: str


_BY_MACHINES: Final = "by a machine (a bot, a link scanner, a mail privacy proxy)"
_STATUSES: Final = (
    _Status("sent", "Sent events", "Messages sent", "Users sent to", "were sent"),
    _Status("delivered", "Delivered events", "Messages delivered", "Users delivered to", "were delivered"),
    _Status("viewed", "Viewed events", "Messages viewed", "Users who viewed", "were viewed by a person"),
    _Status("opened", "Opened events", "Messages opened", "Users who opened", "were opened by a person"),
    _Status("clicked", "Clicked events", "Messages clicked", "Users who clicked", "were clicked by a person"),
    _Status("failed", "Failed events", "Messages failed", "Users with a failure", "failed"),
    _Status(
        "unsubscribed",
        "Unsubscribed events",
        "Messages unsubscribed from",
        "Users who unsubscribed",
        "were unsubscribed from",
    ),
    _Status(
        "machine_viewed",
        "Viewed events of machines",
        "Messages viewed by machines",
        "Users with machine views",
        f"were viewed {_BY_MACHINES}",
    ),
    _Status(
        "machine_opened",
        "Opened events of machines",
        "Messages opened by machines",
        "Users with machine opens",
        f"were opened {_BY_MACHINES}",
    ),
    _Status(
        "machine_clicked",
        "Clicked events of machines",
        "Messages clicked by machines",
        "Users with machine clicks",
        f"were clicked {_BY_MACHINES}",
    ),
)
STATUSES: Final = tuple(status.name for status in _STATUSES)
_UNITS: Final[dict[Counter, Unit]] = {"events": "events", "messages": "messages", "users": "users"}


def _short_title(status: str) -> str:
    """The status alone: Sent, Viewed by machines."""
    by_machine = status.removeprefix("machine_")
    return status.capitalize() if by_machine == status else f"{by_machine.capitalize()} by machines"


def message_numbers(
    scopes: tuple[Scope, ...], filters: tuple[Filter, ...], *, counters: Sequence[Counter] = COUNTERS
) -> tuple[CatalogueNumber, ...]:
    """All numbers of messages: statuses counted these ways, rates and cost."""
    return (
        *status_numbers(scopes, filters, counters=counters),
        *_rate_numbers(scopes, filters),
        _cost_number(scopes, filters),
    )


def status_numbers(
    scopes: tuple[Scope, ...],
    filters: tuple[Filter, ...],
    *,
    counters: Sequence[Counter] = COUNTERS,
    listed: bool = True,
) -> tuple[CatalogueNumber, ...]:
    """The ten statuses, counted these ways."""
    return tuple(
        number(
            name=f"{status.name}.{counter}",
            scopes=scopes,
            title=getattr(status, counter),
            short_title=_short_title(status.name) if counter == "messages" else None,
            meaning=_meaning(status, counter),
            unit=_UNITS[counter],
            filters=filters,
            placed_by=by_both("first_status" if counter == "messages" else "status"),
            list=f"{status.name}.{counter}" if listed else None,
        )
        for status in _STATUSES
        for counter in counters
    )


def _meaning(status: _Status, counter: Counter) -> str:
    if counter == "events":
        happened = status.happened.replace("were ", "was ", 1)
        return f"Events that say that a message {happened}; a message may have several."
    if counter == "messages":
        return (
            f"Messages that {status.happened}: each once, at its first such event and under that event's "
            "channel and platform."
        )
    return f"Distinct users with messages that {status.happened}, counted wherever they have such an event."


def _rate_numbers(scopes: tuple[Scope, ...], filters: tuple[Filter, ...]) -> tuple[CatalogueNumber, ...]:
    """The click rate and the fail rate."""
    return (
        number(
            name="click_rate",
            scopes=scopes,
            title="Click rate",
            meaning=(
                "Clicked messages ÷ the sum over channels of delivered messages (of sent ones for push, "
                "in_app and webhook). Null over 0; in a range each by its own time, so it may exceed 1."
            ),
            unit="share",
            filters=filters,
            placed_by=by_both("first_status"),
            numerator="clicked.messages",
            denominator="delivered.messages",
            denominator_by_channel=dict.fromkeys(UNDELIVERED_CHANNELS, "sent.messages"),
        ),
        number(
            name="fail_rate",
            scopes=scopes,
            title="Fail rate",
            meaning="Failed messages ÷ sent messages. Null over 0; in a range each by its own time.",
            unit="share",
            filters=filters,
            placed_by=by_both("first_status"),
            numerator="failed.messages",
            denominator="sent.messages",
        ),
    )


def _cost_number(scopes: tuple[Scope, ...], filters: tuple[Filter, ...]) -> CatalogueNumber:
    """What messages cost."""
    return number(
        name="cost",
        scopes=scopes,
        title="Cost",
        meaning="The costs of sent events, exact, by channel and currency.",
        unit="money",
        filters=filters,
        placed_by=by_both("status"),
    )


def channels_of(scopes: tuple[Scope, ...], filters: tuple[Filter, ...]) -> CatalogueBreakdown:
    """The statuses by channel and platform."""
    return CatalogueBreakdown(
        name="channels",
        scopes=scopes,
        title="Channels",
        meaning="The message statuses for each channel and platform that has any.",
        by=("channel", "platform"),
        filters=filters,
    )
