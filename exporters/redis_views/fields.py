"""The fields of every view in Redis: one table, from which docs/redis.md and the tests are made.

A field is plain (`total_entries`) or carries its dimensions behind colons (`sent_messages:email:none`).
Plain fields are always there; one with dimensions is absent while it is zero. Partitions push
integers; what Redis shows is the total over all partitions.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from wayfold.models.numbers.of_messages import UNDELIVERED_CHANNELS
from wayfold.state.histories.history import STATUSES
from wayfold.state.reading.field_numbers import COUNTERS
from wayfold.state.reading.views import LATEST_FIELDS

CLICK_BASE: Final = "click_base_messages"


class Kind(StrEnum):
    """How the values of the partitions become the field in Redis."""

    COUNT = "count"  # whole numbers, added
    MONEY = "money"  # whole numbers of 10^-9 units, added; Redis shows a decimal
    LATEST = "latest"  # milliseconds since 1970, the greatest
    BUCKET = "bucket"  # counts of a histogram, added, in a hash of their own
    RATIO = "ratio"  # computed in Redis, of two totals
    PERCENTILE = "percentile"  # computed in Redis, of a histogram
    TIME = "time"  # how fresh the hash is


class Field(NamedTuple):
    """One field: its name with `<dimensions>`, how it adds up, and what it means."""

    name: str
    kind: Kind
    meaning: str

    @property
    def is_plain(self) -> bool:
        """Whether the field has no dimensions."""
        return ":" not in self.name


_FRESHNESS: Final = (
    Field(
        "watermark",
        Kind.TIME,
        "the account's greatest `occurred_at` accepted when the hash last changed, RFC 3339 UTC",
    ),
    Field("as_of", Kind.TIME, "when the worker committed the latest numbers in the hash, RFC 3339 UTC"),
)

JOURNEY: Final = (
    Field("total_entries", Kind.COUNT, "entries"),
    Field("entered_users", Kind.COUNT, "users with an entry"),
    Field("active_entries", Kind.COUNT, "entries without an exit"),
    Field("exited_entries", Kind.COUNT, "entries with an exit"),
    Field("exited_users", Kind.COUNT, "users with an exited entry"),
    Field("converted_entries", Kind.COUNT, "entries that converted"),
    Field("converted_users", Kind.COUNT, "users with a converted entry"),
    Field("conversion_events", Kind.COUNT, "goal events that qualify for an entry"),
    Field("conversion_values:<currency>", Kind.MONEY, "value of those goal events"),
    Field("conversion_rate", Kind.RATIO, "converted_users ÷ entered_users"),
    Field("open_entries", Kind.COUNT, "entries still inside their conversion window"),
    Field("open_active_entries", Kind.COUNT, "those of open_entries that have not exited"),
    Field("open_entries_closes_at_ms", Kind.LATEST, "when the last of those closes; empty until all exited"),
    Field("total_exits", Kind.COUNT, "exited entries that did not convert"),
    Field("open_exits", Kind.COUNT, "those of total_exits that can still convert"),
    Field("open_exits_closes_at_ms", Kind.LATEST, "when the last of their windows closes"),
    Field("active_users", Kind.COUNT, "users who were sent a message and viewed, opened or clicked one"),
    *_FRESHNESS,
)

_STATUS_MEANINGS: Final = {
    "events": "`{}` events",
    "messages": "messages with a `{}` event",
    "users": "users with a `{}` event",
}


def _statuses(dimensions: str) -> tuple[Field, ...]:
    return tuple(
        Field(f"{status}_{measure}{dimensions}", Kind.COUNT, _STATUS_MEANINGS[measure].format(status))
        for status in STATUSES
        for measure in COUNTERS
    )


STEP: Final = (
    Field("entered", Kind.COUNT, "entries that entered the step"),
    Field("entered_users", Kind.COUNT, "users among them"),
    Field("current", Kind.COUNT, "entries whose latest step it is and that have not exited"),
    Field("dropped", Kind.COUNT, "entries that exited here without converting"),
    Field("dropped_users", Kind.COUNT, "users among them"),
    *_statuses(""),
    *_statuses(":<channel>:<platform>"),
    Field(
        CLICK_BASE,
        Kind.COUNT,
        "what click_rate divides by: delivered, or sent on channels without",
    ),
    Field("click_rate", Kind.RATIO, "clicked_messages ÷ click_base_messages"),
    Field("fail_rate", Kind.RATIO, "failed_messages ÷ sent_messages"),
    Field("goals_events:<name>", Kind.COUNT, "goal events at the step"),
    Field("goals_values:<name>:<currency>", Kind.MONEY, "value of those goal events"),
    Field("cost:<channel>:<currency>", Kind.MONEY, "cost of the sent events"),
    Field("dwell_count", Kind.PERCENTILE, "arrivals whose stay has ended"),
    Field("dwell_p50_ms", Kind.PERCENTILE, "median stay in milliseconds, within 1 %"),
    Field("dwell_p90_ms", Kind.PERCENTILE, "nine of ten stays are at most this long"),
    Field("dwell_p99_ms", Kind.PERCENTILE, "99 of 100 stays are at most this long"),
    *_FRESHNESS,
)

DWELL: Final = (
    Field("count", Kind.BUCKET, "arrivals whose stay has ended"),
    Field("<bucket>", Kind.BUCKET, "arrivals whose stay falls into the logarithmic bucket"),
)

ACCOUNT: Final = (*_statuses(":<channel>:<platform>"), *_FRESHNESS)

MONTH: Final = (
    Field("persons", Kind.COUNT, "persons with an entry in the month"),
    Field(
        "persons:<journey_id>",
        Kind.COUNT,
        "persons whose first entry of the month was in the journey",
    ),
    Field("marginal_persons:<journey_id>", Kind.COUNT, "persons with no other journey that month"),
    *_FRESHNESS,
)

VIEWS: Final = {"journey": JOURNEY, "version": JOURNEY, "step": STEP, "account": ACCOUNT, "month": MONTH}
"""The fields by the first word of a view's name."""

MOST_REMEMBERED: Final = 65_536

MONEY_PREFIXES: Final = tuple(
    sorted(
        {
            field.name.partition("<")[0]
            for fields in VIEWS.values()
            for field in fields
            if field.kind == Kind.MONEY
        }
    )
)
RATIOS: Final = {
    "conversion_rate": ("converted_users", "entered_users"),
    "click_rate": ("clicked_messages", CLICK_BASE),
    "fail_rate": ("failed_messages", "sent_messages"),
}
PERCENTILES: Final = {"dwell_p50_ms": 50, "dwell_p90_ms": 90, "dwell_p99_ms": 99}


T = TypeVar("T")


class _Memo(dict[str, T]):
    """What a function says of each field name, remembered: cheaper to ask than any function."""

    def __init__(self, function: Callable[[str], T]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, field: str) -> T:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        found = self[field] = self._function(field)
        return found


def _kind(field: str) -> Kind:
    if field.startswith(MONEY_PREFIXES):
        return Kind.MONEY
    if field in LATEST_FIELDS:
        return Kind.LATEST
    return Kind.COUNT


def _in_click_base(field: str) -> bool:
    measure, _, rest = field.partition(":")
    channel = rest.partition(":")[0]
    if channel in UNDELIVERED_CHANNELS:
        return measure == "sent_messages"
    return measure == "delivered_messages" and bool(channel)


kind_of: Final = _Memo(_kind)
"""How a field that a partition pushes adds up."""

in_click_base: Final = _Memo(_in_click_base)
"""Whether click_rate divides by a field of a step: delivered messages, or sent ones where none report."""


def fields_of(view: str) -> tuple[Field, ...]:
    """The fields of a view, from its name."""
    return VIEWS[view.partition(":")[0]]


def plain_fields(view_kind: str) -> dict[str, str]:
    """What the plain fields of a new view start with: "0" for counts, "" for what is not known yet."""
    empty = {Kind.RATIO, Kind.LATEST, Kind.PERCENTILE, Kind.TIME}
    start = {field.name: "" if field.kind in empty else "0" for field in VIEWS[view_kind] if field.is_plain}
    if "dwell_count" in start:
        start["dwell_count"] = "0"
    return start
