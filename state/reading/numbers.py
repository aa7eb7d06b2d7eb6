"""The numbers document: partials of all partitions added up, under the names of the contract."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from wayfold.models.money import decimal_text
from wayfold.state.cells.dwell import percentile_ms
from wayfold.state.histories.history import STATUSES
from wayfold.state.reading.definitions import described_steps, described_version, undefined_step
from wayfold.state.reading.query import Query
from wayfold.state.reading.views import (
    ACCOUNT,
    ENTRIES_CLOSE,
    EXITS_CLOSE,
    JOURNEY,
    Views,
    dwell_view,
    merge,
    step_view,
    version_view,
)
from wayfold.state.reading.watermarks import greatest, watermark_of

Document = dict[str, Any]

# Channels that report no delivery: their clicks are measured against what was sent.
UNDELIVERED_CHANNELS = frozenset(("push", "in_app", "webhook"))
COUNTERS = ("events", "messages", "users")
_FIELDS_OF = {status: tuple(f"{status}_{counter}" for counter in COUNTERS) for status in STATUSES}
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


def finish(partials: Sequence[Mapping[str, Any]], query: Query) -> Document:
    """Make the document of a query from the partials of all partitions.

    A partial is what `Partition.partial` gives: {"watermarks": {account: ms}, "journeys": [{"account_id",
    "journey_id", "definitions", "views"}], "accounts": [{"account_id", "time_zone", "views"}]}. The watermark
    is that of the account that is asked for, else the greatest of all.
    """
    watermarks = greatest(partial["watermarks"] for partial in partials)
    watermark_ms = watermark_of(watermarks, query.account_id)
    journeys = _merged(row for partial in partials for row in partial["journeys"])
    accounts = _merged(row for partial in partials for row in partial["accounts"])
    return {
        "watermark": instant_text(watermark_ms),
        "accounts": [_account(row, query) for _, row in sorted(accounts.items())],
        "journeys": [_journey(row, query) for _, row in sorted(journeys.items())],
    }


def instant_text(at_ms: int) -> str | None:
    """Milliseconds UTC as RFC 3339 text; None before anything happened."""
    if at_ms < 0:
        return None
    instant = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _merged(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["account_id"], row.get("journey_id", ""))
        into = merged.get(key)
        if into is None:
            into = merged[key] = {**row, "views": {}, "definitions": {}}
        merge(into["views"], row["views"])
        into["definitions"].update(row.get("definitions", {}))
    return merged


def _account(row: Mapping[str, Any], query: Query) -> Document:
    views: Views = row["views"]
    months = []
    for view in sorted(name for name in views if name.startswith("month:")):
        fields = views[view]
        if not fields.get("persons"):
            continue
        journeys = sorted(
            {field.split(":", 1)[1] for field, count in fields.items() if ":" in field and count}
        )
        months.append(
            {
                "month": view.split(":", 1)[1],
                "persons": fields["persons"],
                "journeys": [
                    {
                        "journey_id": journey_id,
                        "persons": fields.get(f"persons:{journey_id}", 0),
                        "marginal_persons": fields.get(f"marginal_persons:{journey_id}", 0),
                    }
                    for journey_id in journeys
                ],
            }
        )
    numbers: Document = {"monthly_engaged_persons": months, "channels": _channels(views.get(ACCOUNT, {}))}
    kept: tuple[str, ...] = tuple(numbers)
    if query.version is not None or query.step_id is not None or query.variant is not None:
        kept = ()
    elif query.start or query.end or query.channel or query.platform:
        kept = ("channels",)
    numbers = numbers if len(kept) == len(numbers) else _keep(numbers, kept)
    return {"account_id": row["account_id"], "time_zone": row["time_zone"], **numbers}


def _journey(row: Mapping[str, Any], query: Query) -> Document:
    views: Views = row["views"]
    definitions: dict[int, Mapping[str, Any]] = {int(key): value for key, value in row["definitions"].items()}
    latest = definitions[max(definitions)] if definitions else None
    versions = set(definitions) | {int(view.split(":", 2)[1]) for view in views if ":" in view}
    if query.version is not None:
        versions &= {query.version}
    own = JOURNEY if query.version is None else version_view(query.version)
    return {
        "account_id": row["account_id"],
        "journey_id": row["journey_id"],
        "name": row["journey_id"] if latest is None else latest["name"],
        "numbers": journey_numbers(views.get(own, {}), query),
        "versions": [
            _version(row["journey_id"], version, definitions.get(version), views, query)
            for version in sorted(versions)
        ],
    }


def _version(
    journey_id: str, version: int, definition: Mapping[str, Any] | None, views: Views, query: Query
) -> Document:
    steps = described_steps(definition)
    prefixes = (step_view(version, ""), dwell_view(version, ""))
    seen = {view[len(prefix) :] for view in views for prefix in prefixes if view.startswith(prefix)}
    order = [*steps, *sorted(seen - steps.keys())]
    if query.step_id is not None:
        order = [step_id for step_id in order if step_id == query.step_id]
    rows = []
    for step_id in order:
        numbers = step_numbers(
            views.get(step_view(version, step_id), {}), views.get(dwell_view(version, step_id), {}), query
        )
        rows.append({**(steps.get(step_id) or undefined_step(step_id)), "numbers": numbers})
    return {
        "journey_version": version,
        "name": journey_id if definition is None else definition["name"],
        **described_version(definition),
        "definition_conflicts": 0 if definition is None else definition.get("conflicts", 0),
        "numbers": journey_numbers(views.get(version_view(version), {}), query),
        "steps": rows,
    }


def journey_numbers(fields: Mapping[str, int], query: Query) -> Document:
    """The numbers of a journey, or of one version of it, from the fields of its view.

    Numbers that a filter of the query does not apply to are left out and named in `not_filterable`.
    """
    numbers: Document = {name: fields.get(name, 0) for name in ENTRY_NUMBERS}
    numbers["conversion_values"] = _money(fields, "conversion_values:")
    entered = fields.get("entered_users", 0)
    converted = (
        fields.get("cohort_converted_users", 0) if _ranged(query) else fields.get("converted_users", 0)
    )
    numbers["conversion_rate"] = converted / entered if entered else None
    unbounded = fields.get("active_entries", 0) > 0
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
    if query.step_id or query.channel or query.platform or query.variant is not None:
        return _keep(numbers, ("active_users",))
    return numbers


def step_numbers(fields: Mapping[str, int], stays: Mapping[str, int], query: Query) -> Document:
    """The numbers of a step from the fields of its view and the histogram of the stays in it.

    `not_filterable` is as in `journey_numbers`.
    """
    numbers: Document = {
        name: fields.get(name, 0)
        for name in ("entered", "entered_users", "current", "dropped", "dropped_users")
    }
    channels = _channels(fields)
    get = fields.get
    for status, (of_events, of_messages, of_users) in _FIELDS_OF.items():
        numbers[status] = {
            "events": get(of_events, 0),
            "messages": get(of_messages, 0),
            "users": get(of_users, 0),
        }
    numbers["channels"] = channels
    clicked = sum(row["clicked"]["messages"] for row in channels)
    reached = sum(
        row["sent" if row["channel"] in UNDELIVERED_CHANNELS else "delivered"]["messages"] for row in channels
    )
    numbers["click_rate"] = clicked / reached if reached else None
    sent = numbers["sent"]["messages"]
    numbers["fail_rate"] = numbers["failed"]["messages"] / sent if sent else None
    numbers["goals"] = _goals(fields)
    numbers["cost"] = _cost(fields)
    histogram = {int(bucket): count for bucket, count in stays.items() if count}
    numbers["dwell"] = {
        "count": sum(histogram.values()),
        **{f"p{percent}_ms": percentile_ms(histogram, percent) for percent in (50, 90, 99)},
    }
    messages = (*STATUSES, "channels", "click_rate", "fail_rate", "cost")
    if query.channel or query.platform:
        return _keep(numbers, messages)
    if query.variant is not None:
        return _keep(numbers, tuple(name for name in numbers if name != "goals"))
    return numbers


def _ranged(query: Query) -> bool:
    return bool(query.start or query.end or query.version is not None)


def _keep(numbers: Document, names: Iterable[str]) -> Document:
    kept = {name: numbers[name] for name in names}
    kept["not_filterable"] = [name for name in numbers if name not in kept]
    return kept


def _channels(fields: Mapping[str, int]) -> list[Document]:
    found: dict[tuple[str, str], Document] = {}
    for field, amount in fields.items():
        place = _place_of(field) if amount and ":" in field else None
        if place is not None:
            channel, (status, counter) = place
            row = found.get(channel)
            if row is None:
                row = found[channel] = {name: dict.fromkeys(COUNTERS, 0) for name in STATUSES}
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
