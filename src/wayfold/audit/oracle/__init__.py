"""The oracle: every number recomputed from the event set, by its definition, sharing nothing with the fold.

It is a plain batch program over the standard library: it groups events with dicts and sets, lists what each
number counts, and takes the length. The self-audit compares the fold with it, and so do the tests.

Everything takes events in their bare JSON form (bytes, text or parsed objects), definitions among them, and
a query as a plain dict with any of: account_id, journey_id, version, step_id, channel, platform, variant,
start, end (local dates or hours), clock ("event" or "entry").
"""

from collections.abc import Iterable, Mapping
from typing import Any

from wayfold.audit.oracle.acceptance import Acceptance, accept
from wayfold.audit.oracle.accounts import accounts_of
from wayfold.audit.oracle.consumption import ConsumptionRow
from wayfold.audit.oracle.differences import differences
from wayfold.audit.oracle.document import account_document, journey_document, watermark_text
from wayfold.audit.oracle.events import OracleEvent, event_set, parse, watermarks_of
from wayfold.audit.oracle.facts import Filter
from wayfold.audit.oracle.limits import Limits
from wayfold.audit.oracle.lists import members, users
from wayfold.audit.oracle.partitioning import partition_of

__all__ = [
    "Acceptance",
    "ConsumptionRow",
    "Limits",
    "OracleEvent",
    "accept",
    "differences",
    "members",
    "numbers",
    "parse",
    "partition_of",
    "users",
]


def numbers(
    events: Iterable[bytes | str | Mapping[str, Any]],
    time_zones: Mapping[str, str] | None = None,
    default_time_zone: str = "UTC",
    query: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The numbers document of accepted events, without as_of and lag_ms.

    `time_zones` are the accounts' own. The watermark is the greatest occurred_at of all events but control
    ones, or of those of the account that is asked for, None without any; what is open is judged at that of
    its account. With a journey_id there are no account numbers. ValueError when an event or the query cannot
    be read.
    """
    query = query or {}
    chosen = event_set(events)
    watermarks = watermarks_of(chosen)
    accounts = []
    journeys = []
    for name, account in accounts_of([chosen], time_zones or {}, default_time_zone).items():
        if query.get("account_id") not in (None, name):
            continue
        where = Filter.of(query, account.zone)
        if query.get("journey_id") is None:
            accounts.append(account_document(account, query, where))
        journeys += [
            journey_document(journey, query, where, watermarks.get(name, -1))
            for journey_id, journey in account.journeys.items()
            if query.get("journey_id") in (None, journey_id)
        ]
    return {
        "watermark": watermark_text(watermarks, query.get("account_id")),
        "accounts": accounts,
        "journeys": journeys,
    }
