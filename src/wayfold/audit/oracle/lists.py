"""Every number is a list: what a number counts, row by row, and the users behind it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wayfold.audit.oracle.accounts import Account, accounts_of
from wayfold.audit.oracle.events import STATUSES, event_set, watermarks_of
from wayfold.audit.oracle.facts import (
    ARRIVAL_ROW,
    ENTRY_ROW,
    EVENT_ROW,
    MESSAGE_ROW,
    USER_ROW,
    Fact,
    Filter,
)

# What each number counts: the columns of its rows, and the facts whose rows, or whose users, they are.
_JOURNEY = {
    "total_entries": (ENTRY_ROW, "total_entries"),
    "entered_users": (USER_ROW, "total_entries"),
    "active_entries": (ENTRY_ROW, "active_entries"),
    "exited_entries": (ENTRY_ROW, "exited_entries"),
    "exited_users": (USER_ROW, "exited_entries"),
    "converted_entries": (ENTRY_ROW, "converted_entries"),
    "converted_users": (USER_ROW, "converted_entries"),
    "conversion_events": (EVENT_ROW, "conversion_events"),
    "conversion_rate_open": (ENTRY_ROW, "conversion_rate_open"),
    "total_exits": (ENTRY_ROW, "total_exits"),
    "total_exits_open": (ENTRY_ROW, "total_exits_open"),
    "active_users": (USER_ROW, "active_users"),
}
_STEP = {
    "entered": (ARRIVAL_ROW, "entered"),
    "entered_users": (USER_ROW, "entered"),
    "current": (ARRIVAL_ROW, "current"),
    "dropped": (ARRIVAL_ROW, "dropped"),
    "dropped_users": (USER_ROW, "dropped"),
    "dwell": (EVENT_ROW, "dwell"),
}
_STATUS = {
    f"{status}.{what}": (columns, f"{status}.{facts}")
    for status in STATUSES
    for what, columns, facts in (
        ("events", EVENT_ROW, "events"),
        ("messages", MESSAGE_ROW, "messages"),
        ("users", USER_ROW, "events"),
    )
}

Events = Iterable[bytes | str | Mapping[str, Any]]
Columns = tuple[str, ...]


def members(
    events: Events,
    time_zones: Mapping[str, str] | None,
    default_time_zone: str,
    query: Mapping[str, Any],
    number: str,
    *,
    month: str | None = None,
) -> list[dict[str, Any]]:
    """What a number counts, one row each, sorted; its length is the number.

    The query names the account (default "default") and, for a number of a journey, the journey; for a number
    of a step also step_id and version. Without a journey, `<status>.…` are the account's channel totals.
    `number` is a name of the document: "converted_users", "sent.messages", "goals:<name>",
    "monthly_engaged_persons" and "marginal_persons" (with a month as 2026-11). ValueError for others.
    """
    columns, facts = _facts(events, time_zones, default_time_zone, query, number, month)
    if columns == USER_ROW:
        account_id = query.get("account_id") or "default"
        rows: Iterable[tuple[Any, ...]] = {(account_id, fact.user) for fact in facts}
    else:
        rows = [fact.row for fact in facts]
    return [dict(zip(columns, row, strict=True)) for row in sorted(rows, key=_sortable)]


def users(
    events: Events,
    time_zones: Mapping[str, str] | None,
    default_time_zone: str,
    query: Mapping[str, Any],
    number: str,
    *,
    month: str | None = None,
) -> set[str]:
    """The distinct users of what a number counts; the arguments are those of `members`."""
    return {fact.user for fact in _facts(events, time_zones, default_time_zone, query, number, month)[1]}


def _sortable(row: Sequence[Any]) -> tuple[tuple[bool, Any], ...]:
    return tuple((value is not None, value) for value in row)


def _facts(
    events: Events,
    time_zones: Mapping[str, str] | None,
    default_time_zone: str,
    query: Mapping[str, Any],
    number: str,
    month: str | None,
) -> tuple[Columns, list[Fact]]:
    chosen = event_set(events)
    accounts = accounts_of([chosen], time_zones or {}, default_time_zone)
    account = accounts.get(query.get("account_id") or "default")
    columns = _columns(number)
    if account is None:
        return columns, []
    where = Filter.of(query, account.zone)
    watermark_ms = watermarks_of(account.events).get(account.account, -1)
    if number in ("monthly_engaged_persons", "marginal_persons"):
        return columns, _person_facts(account, query.get("journey_id"), number, month)
    if query.get("journey_id") is None:
        if number not in _STATUS:
            raise ValueError(f"{number} is a journey's: the query must name the journey")
        return columns, where.keep(account.messages[_STATUS[number][1]])
    journey = account.journeys.get(query["journey_id"])
    if journey is None:
        return columns, []
    if number in _JOURNEY:
        in_step = number == "entered_users" and where.step is not None
        if not in_step:
            return columns, journey.entry_facts(where, watermark_ms)[_JOURNEY[number][1]]
    name = {**_STEP, **_STATUS}.get(number, (columns, number))[1]
    return columns, where.keep(journey.step_facts(where).get(name, ()))


def _columns(number: str) -> Columns:
    if number.startswith("goals:"):
        return EVENT_ROW
    if number in ("monthly_engaged_persons", "marginal_persons"):
        return USER_ROW
    known = {**_JOURNEY, **_STEP, **_STATUS}
    if number not in known:
        raise ValueError(f"no such number: {number!r}")
    return known[number][0]


def _person_facts(account: Account, journey: str | None, number: str, month: str | None) -> list[Fact]:
    if month is None:
        raise ValueError(f"{number} is a month's: give the month")
    if number == "monthly_engaged_persons":
        persons = account.persons(month, journey)
    elif journey is None:
        raise ValueError("marginal_persons are a journey's: the query must name the journey")
    else:
        persons = account.marginal_persons(month, journey)
    return [Fact((user,), user, 0) for user in persons]
