"""Which log a state was folded from, and by which calendar: what a state and a snapshot must agree on."""

import hashlib
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from wayfold.models.zone_rules import Changes, clock_changes, database_version, differing_zone, horizon_s

NAME_DIGITS = 16


class Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules by which days and hours were cut.

    `database` is the version of the time zone database, `clock_changes` what it says before `until_s` of the
    zones that were in use.
    """

    database: str
    until_s: int
    clock_changes: dict[str, Changes]


class LogIdentity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A log with its partitions, and the calendar that its events are counted by.

    `log_id` names the log and never changes while it lives; `topic_ids` are the ids of its topics, by topic:
    one that was deleted and created again has another.
    """

    log_id: str
    partitions: int
    partitioner: str
    topic_ids: dict[str, str]
    calendar: Calendar

    @property
    def name(self) -> str:
        """The log in a few letters: where its snapshots lie, apart from those of any other."""
        return "log-" + hashlib.sha256(self.log_id.encode()).hexdigest()[:NAME_DIGITS]


def calendar_of(zones: Iterable[str]) -> Calendar:
    """Note the rules that this machine has for time zones."""
    until_s = horizon_s(time.time())
    return Calendar(
        database=database_version(),
        until_s=until_s,
        clock_changes={name: clock_changes(name, until_s) for name in sorted(set(zones))},
    )


def zones_in_use(time_zone: str, account_time_zones: Mapping[str, str]) -> set[str]:
    """Name the zones that the settings give to accounts."""
    return {time_zone, *account_time_zones.values()}


def log_differences(found: LogIdentity, wanted: LogIdentity) -> list[str]:
    """Say in what the log that a state was folded from differs from the one that is to be folded.

    A topic that only one of them has is no difference: a later version may fold one more.
    """
    differences = [
        f"{name}: {getattr(found, name)} then, {getattr(wanted, name)} now"
        for name in ("partitions", "partitioner")
        if getattr(found, name) != getattr(wanted, name)
    ]
    differences += [
        f"{topic} was deleted and created again, or is another system's"
        for topic, topic_id in wanted.topic_ids.items()
        if found.topic_ids.get(topic, topic_id) != topic_id
    ]
    if not found.topic_ids.keys() & wanted.topic_ids.keys():
        differences.append(f"it was folded from {', '.join(sorted(found.topic_ids))}")
    return differences


def calendar_difference(found: LogIdentity, wanted: LogIdentity, until_s: float) -> str | None:
    """Say where the two calendars differ before `until_s`; None when they cut every day alike.

    Another version of the time zone database is no difference by itself: most of them change the future.
    """
    some, others = found.calendar, wanted.calendar
    differing = differing_zone(
        some.clock_changes, others.clock_changes, min(until_s, some.until_s, others.until_s)
    )
    if differing is None:
        return None
    zone, at_s = differing
    at = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"the time zone database was {some.database} then and is {others.database} now, and they have "
        f"different clocks in {zone} from {at} on, so days and hours would be cut in two ways"
    )
