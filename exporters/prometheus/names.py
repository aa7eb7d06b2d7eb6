"""Every metric: its name, type, labels and meaning. docs/metrics.md is made from this table.

Names are `wayfold_<what>_<unit>`, in base units, counters ending in `_total`. No label holds a user, an
entry, a message or an event. What a late event can lower is a gauge, even where it mostly grows.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    """Types of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Name(NamedTuple):
    """One metric; `field` is where the numbers document or the telemetry has it."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    field: str = ""


_PARTITION: Final = ("partition",)
_TIME: Final = Kind.HISTOGRAM

ENGINE: Final = (
    Name("wayfold_build_info", Kind.GAUGE, ("version",), "Always 1; the label is Wayfold's version."),
    Name("wayfold_partitions", Kind.GAUGE, (), "Partitions that this process has."),
    Name(
        "wayfold_watermark_timestamp_seconds",
        Kind.GAUGE,
        _PARTITION,
        "Greatest occurred_at accepted, in seconds since 1970; absent before the first event.",
    ),
    Name(
        "wayfold_lag_records",
        Kind.GAUGE,
        _PARTITION,
        "Records in the log, over all topics, that are not counted yet.",
    ),
    Name(
        "wayfold_lag_seconds",
        Kind.GAUGE,
        _PARTITION,
        "For how long the oldest record that is not counted yet has been in the log; 0 when all are.",
    ),
    Name("wayfold_next_offset", Kind.GAUGE, ("partition", "topic"), "Offset of the next record to count."),
    Name(
        "wayfold_definition_conflicts",
        Kind.GAUGE,
        _PARTITION,
        "Journey versions that were published with several contents; the earliest content holds.",
    ),
    Name("wayfold_accepted_total", Kind.COUNTER, _PARTITION, "Events accepted, since the log's beginning."),
    Name("wayfold_duplicates_total", Kind.COUNTER, _PARTITION, "Events that had been accepted before."),
    Name(
        "wayfold_refused_total",
        Kind.COUNTER,
        ("partition", "reason"),
        "Records not accepted, each kept as a dead letter; reason late and future among them.",
    ),
    Name("wayfold_state_bytes", Kind.GAUGE, _PARTITION, "Size of the partition's store on disk."),
    Name("wayfold_batch_records", _TIME, (), "Records in each committed batch.", "batch_records"),
    Name("wayfold_fold_seconds", _TIME, (), "Time to fold each batch in memory.", "fold_seconds"),
    Name("wayfold_commit_seconds", _TIME, (), "Time of each atomic write to the store.", "commit_seconds"),
    Name("wayfold_publish_seconds", _TIME, (), "Time of each push of views to Redis.", "publish_seconds"),
    Name("wayfold_read_seconds", _TIME, (), "Time of each read of numbers over HTTP.", "read_seconds"),
    Name("wayfold_snapshot_seconds", _TIME, (), "Time of each snapshot with its upload.", "snapshot_seconds"),
    Name(
        "wayfold_publish_failures_total",
        Kind.COUNTER,
        (),
        "Pushes of views that failed and are tried again.",
        "publish_failures",
    ),
    Name(
        "wayfold_publish_refused_journeys",
        Kind.GAUGE,
        (),
        "Journeys and accounts whose numbers Redis refuses now, while it takes others.",
        "publish_refused_journeys",
    ),
    Name(
        "wayfold_snapshot_failures_total",
        Kind.COUNTER,
        (),
        "Snapshots that could not be made or uploaded.",
        "snapshot_failures",
    ),
    Name(
        "wayfold_last_snapshot_timestamp_seconds",
        Kind.GAUGE,
        _PARTITION,
        "When the partition's latest snapshot was taken, in seconds since 1970; absent without any.",
    ),
    Name(
        "wayfold_assignments_total",
        Kind.COUNTER,
        (),
        "Times that this process was given partitions.",
        "assignments",
    ),
    Name(
        "wayfold_metrics_left_out",
        Kind.GAUGE,
        (),
        "Series of journeys and steps that this page leaves out because of metrics.max_label_sets.",
    ),
)

_ENTRY: Final = (
    ("entries_total", Kind.COUNTER, "Entries.", "total_entries"),
    ("entered_users", Kind.GAUGE, "Distinct users with an entry.", "entered_users"),
    ("active_entries", Kind.GAUGE, "Entries without an exit.", "active_entries"),
    ("exited_entries_total", Kind.COUNTER, "Entries with an exit.", "exited_entries"),
    ("exited_users", Kind.GAUGE, "Distinct users with an exit.", "exited_users"),
    ("converted_entries", Kind.GAUGE, "Entries that converted.", "converted_entries"),
    ("converted_users", Kind.GAUGE, "Distinct users with an entry that converted.", "converted_users"),
    ("conversion_events", Kind.GAUGE, "Goal events that qualify for an entry.", "conversion_events"),
    (
        "conversion_ratio",
        Kind.GAUGE,
        "Converted users per entered user; absent without any.",
        "conversion_rate",
    ),
    ("unconverted_exits", Kind.GAUGE, "Exited entries that did not convert.", "total_exits"),
    ("active_users", Kind.GAUGE, "Users who viewed, opened or clicked a message of it.", "active_users"),
)


def _entry_names(prefix: str, labels: tuple[str, ...]) -> tuple[Name, ...]:
    return (
        *(Name(f"{prefix}_{end}", kind, labels, meaning, field) for end, kind, meaning, field in _ENTRY),
        Name(
            f"{prefix}_conversion_value",
            Kind.GAUGE,
            (*labels, "currency"),
            "Sum of the values of the conversion events.",
            "conversion_values",
        ),
    )


JOURNEY: Final = _entry_names("wayfold_journey", ("account", "journey"))
VERSION: Final = _entry_names("wayfold_journey_version", ("account", "journey", "version"))

_STEP: Final = ("account", "journey", "version", "step")

STEP: Final = (
    Name("wayfold_step_entered_total", Kind.COUNTER, _STEP, "Entries that came to the step.", "entered"),
    Name("wayfold_step_entered_users", Kind.GAUGE, _STEP, "Distinct users among them.", "entered_users"),
    Name("wayfold_step_current_entries", Kind.GAUGE, _STEP, "Entries that are at the step now.", "current"),
    Name(
        "wayfold_step_dropped_entries",
        Kind.GAUGE,
        _STEP,
        "Entries that left from here unconverted.",
        "dropped",
    ),
    Name(
        "wayfold_step_message_events_total",
        Kind.COUNTER,
        (*_STEP, "channel", "status"),
        "Message events; the statuses machine_viewed, machine_opened and machine_clicked are no people.",
        "channels.events",
    ),
    Name(
        "wayfold_step_messages",
        Kind.GAUGE,
        (*_STEP, "channel", "status"),
        "Distinct messages with the status.",
        "channels.messages",
    ),
    Name(
        "wayfold_step_message_users",
        Kind.GAUGE,
        (*_STEP, "status"),
        "Distinct users with a message of the status.",
        "users",
    ),
    Name(
        "wayfold_step_cost",
        Kind.GAUGE,
        (*_STEP, "channel", "currency"),
        "Sum of the costs of the messages sent.",
        "cost",
    ),
    Name(
        "wayfold_step_dwell_seconds",
        Kind.GAUGE,
        (*_STEP, "percentile"),
        "Time from coming to the step to leaving it; percentile 50, 90 and 99.",
        "dwell",
    ),
)

ACCOUNT: Final = (
    Name(
        "wayfold_account_engaged_persons",
        Kind.GAUGE,
        ("account", "month"),
        "Monthly engaged persons of the latest month.",
        "monthly_engaged_persons",
    ),
)

GROUPS: Final = {
    "The engine": ENGINE,
    "Accounts": ACCOUNT,
    "Journeys": JOURNEY,
    "Journey versions": VERSION,
    "Steps": STEP,
}
"""All metrics under the headings of docs/metrics.md."""
