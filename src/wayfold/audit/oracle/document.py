"""The numbers document, laid out from the facts."""

from collections.abc import Mapping
from typing import Any

from wayfold.audit.oracle.accounts import Account, Journey
from wayfold.audit.oracle.facts import Filter
from wayfold.audit.oracle.journeys import journey_numbers
from wayfold.audit.oracle.steps import by_place, channel_rows, message_numbers, step_numbers
from wayfold.audit.oracle.times import instant_text

_JOURNEY_NUMBERS = (
    "total_entries",
    "entered_users",
    "active_entries",
    "exited_entries",
    "exited_users",
    "converted_entries",
    "converted_users",
    "conversion_events",
    "conversion_values",
    "conversion_rate",
    "conversion_rate_open",
    "total_exits",
    "total_exits_open",
)
_STEP_ENTRY_NUMBERS = ("entered", "entered_users", "current", "dropped", "dropped_users", "dwell")


def watermark_text(watermarks: Mapping[str, int], account: str | None) -> str | None:
    """The greatest of accounts' watermarks, or that of the account that is asked for; None without any."""
    chosen = [at for name, at in watermarks.items() if account in (None, name)]
    return instant_text(max(chosen)) if chosen else None


def not_filterable(query: Mapping[str, Any]) -> dict[str, set[str]]:
    """Which numbers lack a dimension that the query filters by, for "journey", "step" and "account"."""
    given = {
        name
        for name in ("version", "step_id", "channel", "platform", "variant")
        if query.get(name) is not None
    }
    if query.get("start") is not None or query.get("end") is not None:
        given.add("range")
    lacking: dict[str, set[str]] = {"journey": set(), "step": set(), "account": set()}
    if given & {"step_id", "channel", "platform", "variant"}:
        lacking["journey"].update(_JOURNEY_NUMBERS)
    if given & {"channel", "platform"}:
        lacking["step"].update(_STEP_ENTRY_NUMBERS)
    if given & {"channel", "platform", "variant"}:
        lacking["step"].add("goals")
    if given & {"version", "step_id", "variant"}:
        lacking["account"].add("channels")
    if given:
        lacking["account"].add("monthly_engaged_persons")
    return lacking


def journey_document(
    journey: Journey, query: Mapping[str, Any], where: Filter, watermark_ms: int
) -> dict[str, Any]:
    """One member of "journeys"."""
    lacking = not_filterable(query)
    places = by_place(journey.step_facts(where))
    versions = []
    for version in journey.versions():
        if where.version not in (None, version):
            continue
        definition = journey.definitions.get(version)
        at_version = where.at(version)
        steps = [
            {
                **step,
                "numbers": _without(
                    step_numbers(
                        places.get((version, step["step_id"]), {}), at_version.at(version, step["step_id"])
                    ),
                    lacking["step"],
                ),
            }
            for step in journey.steps(version, places)
            if where.step in (None, step["step_id"])
        ]
        versions.append(
            {
                "journey_version": version,
                "name": definition.name if definition else journey.journey,
                "defined": definition is not None,
                "goal": definition.goal if definition else None,
                "conversion_window_ms": definition.window_ms if definition else None,
                "definition_conflicts": journey.conflicts.get(version, 0),
                "numbers": _journey_numbers(journey, at_version, watermark_ms, lacking["journey"]),
                "steps": steps,
            }
        )
    return {
        "account_id": journey.account,
        "journey_id": journey.journey,
        "name": journey.name,
        "numbers": _journey_numbers(journey, where, watermark_ms, lacking["journey"]),
        "versions": versions,
    }


def _journey_numbers(journey: Journey, where: Filter, watermark_ms: int, lacking: set[str]) -> dict[str, Any]:
    facts = journey.entry_facts(where, watermark_ms)
    numbers = {**journey_numbers(facts, journey.entries), **message_numbers(journey.messages, where)}
    return _without(numbers, lacking)


def _without(numbers: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    kept = {name: number for name, number in numbers.items() if name not in names}
    return {**kept, "not_filterable": [name for name in numbers if name in names]} if names else kept


def account_document(account: Account, query: Mapping[str, Any], where: Filter) -> dict[str, Any]:
    """One member of "accounts"."""
    lacking = not_filterable(query)["account"]
    numbers = {
        "monthly_engaged_persons": account.monthly_engaged_persons(),
        "channels": channel_rows(account.messages, where),
    }
    return {
        "account_id": account.account,
        "time_zone": str(account.zone),
        **_without(numbers, lacking),
    }
