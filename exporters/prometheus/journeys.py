"""The numbers of journeys that belong in Prometheus: what one watches or alerts on, with bounded labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from wayfold.exporters.prometheus.families import Families
from wayfold.exporters.prometheus.names import ACCOUNT, JOURNEY, STEP, VERSION, Name
from wayfold.state.histories.history import STATUSES

STEP_BY_FIELD = {name.field: name for name in STEP}
PERCENTILES = {"50": "p50_ms", "90": "p90_ms", "99": "p99_ms"}
Numbers = Mapping[str, Any]


def add_journeys(families: Families, document: Numbers, *, versions: bool, steps: bool) -> None:
    """Add what a numbers document has: all journeys first, so that the limit leaves out steps before them."""
    for account in document["accounts"]:
        months = account["monthly_engaged_persons"]
        if months:
            labels = [account["account_id"], months[-1]["month"]]
            families.bounded(ACCOUNT[0], labels, months[-1]["persons"])
    journeys = [(journey, [journey["account_id"], journey["journey_id"]]) for journey in document["journeys"]]
    for journey, labels in journeys:
        _add_entries(families, JOURNEY, labels, journey["numbers"])
    revisions = [
        (version, [*labels, str(version["journey_version"])])
        for journey, labels in journeys
        for version in journey["versions"]
    ]
    if versions:
        for version, labels in revisions:
            _add_entries(families, VERSION, labels, version["numbers"])
    if steps:
        for version, labels in revisions:
            for step in version["steps"]:
                _add_step(families, [*labels, step["step_id"]], step["numbers"])


def _add_entries(families: Families, names: Sequence[Name], labels: list[str], numbers: Numbers) -> None:
    for name in names:
        value = numbers[name.field]
        if name.labels[-1] == "currency":
            for currency, amount in value.items():
                families.bounded(name, [*labels, currency], float(amount))
        elif value is not None:
            families.bounded(name, labels, value)


def _add_step(families: Families, labels: list[str], numbers: Numbers) -> None:
    for field in ("entered", "entered_users", "current", "dropped"):
        families.bounded(STEP_BY_FIELD[field], labels, numbers[field])
    for measure in ("events", "messages"):
        for (channel, status), count in _by_channel(numbers, measure).items():
            families.bounded(STEP_BY_FIELD[f"channels.{measure}"], [*labels, channel, status], count)
    for status in STATUSES:
        if numbers[status]["users"]:
            families.bounded(STEP_BY_FIELD["users"], [*labels, status], numbers[status]["users"])
    for channel, amounts in numbers["cost"].items():
        for currency, amount in amounts.items():
            families.bounded(STEP_BY_FIELD["cost"], [*labels, channel, currency], float(amount))
    for percentile, field in PERCENTILES.items():
        if numbers["dwell"][field] is not None:
            families.bounded(STEP_BY_FIELD["dwell"], [*labels, percentile], numbers["dwell"][field] / 1000)


def _by_channel(numbers: Numbers, measure: str) -> dict[tuple[str, str], int]:
    """Add up the platforms of each channel; a message has one for each status."""
    counts: dict[tuple[str, str], int] = {}
    for row in numbers["channels"]:
        for status in STATUSES:
            count = row[status][measure]
            if count:
                key = (row["channel"], status)
                counts[key] = counts.get(key, 0) + count
    return counts
