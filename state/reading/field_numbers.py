"""The numbers of journeys, steps and accounts from the fields of their views, under the contract's names."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from wayfold.models.money import decimal_text
from wayfold.models.numbers.of_messages import UNDELIVERED_CHANNELS
from wayfold.state.cells.dwell import percentile_ms
from wayfold.state.histories.history import STATUSES
from wayfold.state.reading.query import Query
from wayfold.state.reading.views import ENTRIES_CLOSE, EXITS_CLOSE, SUMMARY_STATUSES

Document = dict[str, Any]

COUNTERS = ("events", "messages", "users")
ADDED_COUNTERS = ("events", "messages")
"""What of messages adds up over the steps of a journey."""
MESSAGE_NUMBERS = (*STATUSES, "channels", "click_rate", "fail_rate", "cost")
ENTRY_NUMBERS = (
    "total_entries",
    "entered_users",
    "active_entries",
    "exited_entries",
    "exited_users",
    "converted_entries",
    "converted_users",
    "conversion_events",
)


def instant_text(at_ms: int) -> str | None:
    """Milliseconds UTC as RFC 3339 text; None before anything happened."""
    if at_ms < 0:
        return None
    instant = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def journey_numbers(fields: Mapping[str, int], query: Query) -> Document:
    """Give the numbers of a journey, or of one version of it, from the fields of its view.

    The fields of messages are those of its steps added up (`add_messages`). Numbers that a filter of the
    query does not apply to are left out and named in `not_filterable`.
    """
    numbers = {**_entry_numbers(fields, query), **_message_numbers(fields, ADDED_COUNTERS)}
    return _of_entries_left_out(numbers, query)


def summary_numbers(fields: Mapping[str, int], query: Query) -> Document:
    """Those of the numbers of a journey that a summary shows; as in `journey_numbers`."""
    numbers = {**_entry_numbers(fields, query), **_statuses(fields, SUMMARY_STATUSES, ADDED_COUNTERS)}
    return _of_entries_left_out(numbers, query)


def _of_entries_left_out(numbers: Document, query: Query) -> Document:
    if not (query.step_id or query.channel or query.platform or query.variant is not None):
        return numbers
    # Nothing but an entry's version is known of it.
    return keep(numbers, [name for name in numbers if name in (*MESSAGE_NUMBERS, "active_users")])


def _entry_numbers(fields: Mapping[str, int], query: Query) -> Document:
    numbers: Document = {name: fields.get(name, 0) for name in ENTRY_NUMBERS}
    numbers["conversion_values"] = _money(fields, "conversion_values:")
    entered = fields.get("entered_users", 0)
    converted = (
        fields.get("cohort_converted_users", 0) if _ranged(query) else fields.get("converted_users", 0)
    )
    numbers["conversion_rate"] = converted / entered if entered else None
    # Active entries of a version in which nothing can convert keep nothing open.
    unbounded = fields.get("open_active_entries", 0) > 0
    numbers["conversion_rate_open"] = {
        "entries": fields.get("open_entries", 0),
        "closes_at": None if unbounded else instant_text(fields.get(ENTRIES_CLOSE, -1)),
    }
    numbers["total_exits"] = fields.get("total_exits", 0)
    numbers["total_exits_open"] = {
        "entries": fields.get("open_exits", 0),
        "closes_at": instant_text(fields.get(EXITS_CLOSE, -1)),
    }
    numbers["active_users"] = fields.get("active_users", 0)
    return numbers


def _statuses(fields: Mapping[str, int], statuses: Iterable[str], counters: Sequence[str]) -> Document:
    get = fields.get
    return {status: {counter: get(f"{status}_{counter}", 0) for counter in counters} for status in statuses}


def _message_numbers(fields: Mapping[str, int], counters: Sequence[str]) -> Document:
    """The numbers of messages: statuses, channels, rates and costs."""
    numbers = _statuses(fields, STATUSES, counters)
    channels = channel_rows(fields, counters)
    numbers["channels"] = channels
    clicked = sum(row["clicked"]["messages"] for row in channels)
    reached = sum(
        row["sent" if row["channel"] in UNDELIVERED_CHANNELS else "delivered"]["messages"] for row in channels
    )
    numbers["click_rate"] = clicked / reached if reached else None
    sent = numbers["sent"]["messages"]
    numbers["fail_rate"] = numbers["failed"]["messages"] / sent if sent else None
    numbers["cost"] = _cost(fields)
    return numbers


def step_numbers(fields: Mapping[str, int], stays: Mapping[str, int], query: Query) -> Document:
    """The numbers of a step from the fields of its view and the histogram of the stays in it.

    `not_filterable` is as in `journey_numbers`.
    """
    numbers: Document = {
        name: fields.get(name, 0)
        for name in ("entered", "entered_users", "current", "dropped", "dropped_users")
    }
    numbers |= _message_numbers(fields, COUNTERS)
    numbers["goals"] = _goals(fields)
    histogram = {int(bucket): count for bucket, count in stays.items() if count}
    numbers["dwell"] = {
        "count": sum(histogram.values()),
        **{f"p{percent}_ms": percentile_ms(histogram, percent) for percent in (50, 90, 99)},
    }
    if query.channel or query.platform:
        return keep(numbers, MESSAGE_NUMBERS)
    if query.variant is not None:
        return keep(numbers, tuple(name for name in numbers if name != "goals"))
    return numbers


def _ranged(query: Query) -> bool:
    return bool(query.start or query.end or query.version is not None)


def keep(numbers: Document, names: Iterable[str]) -> Document:
    """The numbers with these names, and the others' names."""
    kept = {name: numbers[name] for name in names}
    kept["not_filterable"] = [name for name in numbers if name not in kept]
    return kept


def channel_rows(fields: Mapping[str, int], counters: Sequence[str] = COUNTERS) -> list[Document]:
    """The statuses of each channel and platform that there is anything of."""
    found: dict[tuple[str, str], Document] = {}
    for field, amount in fields.items():
        place = _place_of(field) if amount and ":" in field else None
        if place is not None:
            channel, (status, counter) = place
            row = found.get(channel)
            if row is None:
                row = found[channel] = {name: dict.fromkeys(counters, 0) for name in STATUSES}
            row[status][counter] = amount
    return [
        {"channel": channel, "platform": platform, **row}
        for (channel, platform), row in sorted(found.items())
    ]


@lru_cache(maxsize=4096)
def _place_of(field: str) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """The (channel, platform) and (status, counter) of a field, None for one that is not by channel."""
    head, *rest = field.split(":")
    status, _, counter = head.rpartition("_")
    if len(rest) != 2 or status not in STATUSES or counter not in COUNTERS:
        return None
    return (rest[0], rest[1]), (status, counter)


def _goals(fields: Mapping[str, int]) -> Document:
    goals: Document = {}
    for field, amount in _starting_with(fields, "goals_events:"):
        name = field.split(":", 1)[1]
        goals[name] = {"events": amount, "values": _money(fields, f"goals_values:{name}:")}
    return goals


def _cost(fields: Mapping[str, int]) -> Document:
    cost: Document = {}
    for field, amount in _starting_with(fields, "cost:"):
        _, channel, currency = field.split(":")
        cost.setdefault(channel, {})[currency] = decimal_text(amount)
    return cost


def _money(fields: Mapping[str, int], prefix: str) -> dict[str, str]:
    """Sums by currency; a sum of zero is left out."""
    return {
        field[len(prefix) :]: decimal_text(amount)
        for field, amount in _starting_with(fields, prefix)
        if ":" not in field[len(prefix) :]
    }


def _starting_with(fields: Mapping[str, int], prefix: str) -> list[tuple[str, int]]:
    """Fields that are not zero, by name."""
    found = [field for field in fields if field.startswith(prefix)]
    return [(field, fields[field]) for field in sorted(found) if fields[field]]
