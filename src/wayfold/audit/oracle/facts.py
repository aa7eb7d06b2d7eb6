"""What numbers count: facts with the place and time they fall at, the filter over them, and plain sums."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from wayfold.audit.oracle.events import OracleEvent
from wayfold.audit.oracle.times import bound_ms

_NANO = 10**9

USER_ROW = ("account_id", "user_id")
ENTRY_ROW = ("account_id", "user_id", "journey_id", "entry_id")
ARRIVAL_ROW = (*ENTRY_ROW, "journey_version", "step_id")
MESSAGE_ROW = (*ARRIVAL_ROW, "message_id")
EVENT_ROW = ("account_id", "user_id", "type", "journey_id", "event_id")


class Fact(NamedTuple):
    """One thing counted: its identity, whose it is, when it falls, and the dimensions it has."""

    row: tuple[Any, ...]
    user: str
    at: int
    version: int | None = None
    step: str | None = None
    channel: str | None = None
    platform: str | None = None
    variant: str | None = None
    amount_nano: int = 0
    currency: str | None = None
    dwell_ms: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """A query, with its range as instants of one account. None leaves a dimension open."""

    version: int | None = None
    step: str | None = None
    channel: str | None = None
    platform: str | None = None
    variant: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    by_entry: bool = False

    @staticmethod
    def of(query: Mapping[str, Any], zone: ZoneInfo) -> "Filter":
        """The query's filter on this zone's clock; ValueError when a range is no local date or hour."""
        start, end = query.get("start"), query.get("end")
        clock = query.get("clock") or "event"
        if clock not in ("event", "entry"):
            raise ValueError(f"no such clock: {clock!r}")
        return Filter(
            version=query.get("version"),
            step=query.get("step_id"),
            channel=query.get("channel"),
            platform=query.get("platform"),
            variant=query.get("variant"),
            start_ms=None if start is None else bound_ms(start, zone),
            end_ms=None if end is None else bound_ms(end, zone),
            by_entry=clock == "entry",
        )

    def at(self, version: int | None, step: str | None = None) -> "Filter":
        """The same filter at one version, or at one step of it."""
        return replace(self, version=version, step=self.step if step is None else step)

    def in_range(self, at: int) -> bool:
        """Whether an instant lies in the half-open range."""
        return (self.start_ms is None or self.start_ms <= at) and (self.end_ms is None or at < self.end_ms)

    def keep(self, facts: Iterable[Fact]) -> list[Fact]:
        """The facts that match in every dimension they have."""
        return [
            fact
            for fact in facts
            if self.in_range(fact.at)
            and _same(self.version, fact.version)
            and _same(self.step, fact.step)
            and _same(self.channel, fact.channel)
            and _same(self.platform, fact.platform)
            and _same(self.variant, fact.variant)
        ]


def _same(wanted: object, had: object) -> bool:
    return wanted is None or had is None or wanted == had


def users_of(facts: Iterable[Fact]) -> set[str]:
    """The distinct users behind facts of one account."""
    return {fact.user for fact in facts}


def event_row(event: OracleEvent) -> tuple[Any, ...]:
    """The identity of an event, in the columns of EVENT_ROW."""
    return (event.account, event.user, event.kind, event.journey, event.event_id)


def nano(event: OracleEvent) -> int:
    """The event's money as a whole number of 10^-9 units; 0 without any."""
    return 0 if event.amount is None else int(event.amount * _NANO)


def money(facts: Iterable[Fact]) -> dict[str, str]:
    """Exact sums per currency as plain decimal text, currencies sorted, sums of zero left out."""
    sums: dict[str, int] = {}
    for fact in facts:
        if fact.currency is not None:
            sums[fact.currency] = sums.get(fact.currency, 0) + fact.amount_nano
    return {currency: money_text(sums[currency]) for currency in sorted(sums) if sums[currency]}


def money_text(units: int) -> str:
    """Whole 10^-9 units as decimal text without exponent and without trailing zeros."""
    whole, rest = divmod(abs(units), _NANO)
    decimals = f"{rest:09d}".rstrip("0")
    return ("-" if units < 0 else "") + str(whole) + (f".{decimals}" if decimals else "")


def ratio(part: int, whole: int) -> float | None:
    """A rate; None over nothing."""
    return part / whole if whole else None


def nearest_rank(sorted_values: Sequence[int], percent: int) -> int | None:
    """The least value that at least `percent` of a hundred values do not exceed; None of none."""
    if not sorted_values:
        return None
    rank = -(-percent * len(sorted_values) // 100)
    return sorted_values[rank - 1]
