"""The numbers document as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

Numbers = Mapping[str, Any]

NONE = "–"
BAR_WIDTH = 6
LABEL_WIDTH = 16
ENTRY_ROWS = (
    ("entries", "total_entries"),
    ("users entered", "entered_users"),
    ("active entries", "active_entries"),
    ("entries exited", "exited_entries"),
    ("users exited", "exited_users"),
    ("converted", "converted_entries"),
    ("users converted", "converted_users"),
    ("conversion rate", "conversion_rate"),
    ("  still open", "conversion_rate_open"),
    ("goal events", "conversion_events"),
    ("goal value", "conversion_values"),
    ("unconverted exits", "total_exits"),
    ("  still open", "total_exits_open"),
    ("active users", "active_users"),
)
SUMMARY_COLUMNS = (
    ("entries", "total_entries"),
    ("users", "entered_users"),
    ("active", "active_entries"),
    ("converted", "converted_users"),
    ("rate", "conversion_rate"),
    ("exits", "total_exits"),
)
HEADINGS = {"delivered": "deliv-\nered", "unsubscribed": "unsub-\nscribed"}
STATUS_COLUMNS = ("sent", "delivered", "viewed", "opened", "clicked", "failed", "unsubscribed")


def print_document(document: Numbers, console: Console, *, journey_id: str | None) -> None:
    """Print a numbers document: one journey in full, or a line for each."""
    if journey_id is None:
        parts: list[RenderableType] = [summary(document["journeys"]), *map(account, document["accounts"])]
    else:
        parts = [part for journey in document["journeys"] for part in funnel(journey)]
    console.print(Group(*parts, freshness(document)))


def freshness(document: Numbers) -> Text:
    """Say in one line how fresh the numbers are."""
    lag = "unknown" if document["lag_ms"] is None else f"{document['lag_ms']:,} ms"
    line = f"as of {document['as_of']} · watermark {document['watermark'] or NONE} · lag {lag}"
    left_out = any("not_filterable" in journey["numbers"] for journey in document["journeys"])
    if left_out:
        line += f"\n{NONE} a filter does not apply to the number"
    return Text(line, style="dim")


def summary(journeys: Sequence[Numbers]) -> RenderableType:
    """Give a line for each journey."""
    if not journeys:
        return Text("no journeys yet: publish events, or `wayfold run --demo` to see some")
    table = _table("journey", "versions")
    for heading, _ in SUMMARY_COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for journey in journeys:
        table.add_row(
            Text.assemble(f"{journey['account_id']}/", (journey["journey_id"], "bold")),
            ", ".join(str(version["journey_version"]) for version in journey["versions"]),
            *(cell(journey["numbers"], field) for _, field in SUMMARY_COLUMNS),
        )
    return table


def account(row: Numbers) -> RenderableType:
    """Give an account's monthly engaged persons, latest month last."""
    months = row.get("monthly_engaged_persons") or ()
    listed = ", ".join(f"{month['month']} {month['persons']:,}" for month in months)
    return Text(f"{row['account_id']}: engaged persons {listed or NONE} ({row['time_zone']})")


def funnel(journey: Numbers) -> list[RenderableType]:
    """Give a journey's numbers over all and by version, and the steps of each version."""
    title = Text.assemble((journey["name"], "bold"), f"  {journey['account_id']}/{journey['journey_id']}")
    versions = journey["versions"]
    table = _table("")
    for heading in ("all", *(f"version {version['journey_version']}" for version in versions)):
        table.add_column(heading, justify="right", no_wrap=True)
    columns = [journey["numbers"], *(version["numbers"] for version in versions)]
    for heading, field in ENTRY_ROWS:
        table.add_row(heading, *(cell(numbers, field) for numbers in columns))
    return [title, table, *(part for version in versions for part in steps(version))]


def steps(version: Numbers) -> list[RenderableType]:
    """Give the funnel of a version: its steps in order, who came and stayed, and what became of messages."""
    flow = _table(f"version {version['journey_version']}", "type", "")
    for heading in ("entered", "current", "dropped", "dwell p50", "p90"):
        flow.add_column(heading, justify="right", no_wrap=True)
    most = max((step["numbers"].get("entered", 0) for step in version["steps"]), default=0)
    for step in version["steps"]:
        numbers = step["numbers"]
        dwell = numbers.get("dwell") or {}
        flow.add_row(
            Text(step["name"], style="bold"),
            step["channel"] or step["type"] or NONE,
            Text("█" * round(BAR_WIDTH * numbers.get("entered", 0) / most) if most else "", style="cyan"),
            *(cell(numbers, field) for field in ("entered", "current", "dropped")),
            *(duration(dwell.get(field)) for field in ("p50_ms", "p90_ms")),
        )
    sending = [step for step in version["steps"] if any(_users(step, status) for status in STATUS_COLUMNS)]
    return [flow, messages(sending)] if sending else [flow]


def messages(sending: Sequence[Numbers]) -> RenderableType:
    """Give the users of each message status, and the rates, of the steps that sent something."""
    shown = [status for status in STATUS_COLUMNS if any(_users(step, status) for step in sending)]
    table = _table("users by status")
    for heading in (*(HEADINGS.get(status, status) for status in shown), "click", "fail"):
        table.add_column(heading, justify="right", no_wrap=True)
    for step in sending:
        table.add_row(
            Text(step["name"], style="bold"),
            *(f"{_users(step, status):,}" for status in shown),
            *(cell(step["numbers"], field) for field in ("click_rate", "fail_rate")),
        )
    return table


def cell(numbers: Numbers, field: str) -> str:
    """Write a number for people; a dash when there is none."""
    value = numbers.get(field)
    if value is None or value == {}:
        return NONE
    if isinstance(value, float):
        return f"{value:.1%}"
    if isinstance(value, Mapping):
        if "closes_at" not in value:
            return "\n".join(f"{amount} {currency}" for currency, amount in value.items())
        until = f"\nto {value['closes_at'][:16].replace('T', ' ')}" if value["closes_at"] else ""
        return f"{value['entries']:,}{until}" if value["entries"] else "0"
    return f"{value:,}"


def duration(milliseconds: float | None) -> str:
    """Write a duration for people: 850 ms, 12.5 s, 3.2 min, 4.0 h, 2.1 d."""
    if milliseconds is None:
        return NONE
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)):
        if milliseconds >= size:
            return f"{milliseconds / size:.1f} {unit}"
    return f"{milliseconds:.0f} ms"


def _users(step: Numbers, status: str) -> int:
    counted = step["numbers"].get(status)
    return 0 if counted is None else int(counted["users"])


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        # The first column says what a line is about: it is the last to give way to a narrow terminal.
        table.add_column(heading, min_width=LABEL_WIDTH if heading is headings[0] else None, overflow="fold")
    return table
