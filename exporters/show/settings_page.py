"""The settings as a table, as JSON, and as docs/settings.md."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wayfold.settings import Loaded, Settings, expectation, fields, variable

UNSET = "(unset)"
EMPTY = "(empty)"
HEAD = """# Settings

Every setting has a name `group.field`. It can be set in three places; the first that has it wins:

1. a flag: `--set kafka.topic_prefix=acme`, with any command that reads settings,
2. the environment: `WAYFOLD_KAFKA_TOPIC_PREFIX=acme`,
3. a file: `topic_prefix = "acme"` under `[kafka]` in `wayfold.toml`, or in the file that `--config` or
   `WAYFOLD_CONFIG` names.

`wayfold settings` prints each with its value and where it came from. Secrets are never printed. In the
environment and in flags, tables are written as JSON.
"""


def as_rows(loaded: Loaded) -> list[dict[str, Any]]:
    """List the settings: name, value (secrets as asterisks), source and meaning."""
    groups = loaded.settings.model_dump(mode="json")
    rows = []
    for name, field in fields():
        group, _, own = name.partition(".")
        rows.append(
            {
                "name": name,
                "value": groups[group][own],
                "source": loaded.sources.get(name, "default"),
                "meaning": " ".join((field.description or "").split()),
            }
        )
    return rows


def print_settings(loaded: Loaded, console: Console) -> None:
    """Print a table of the settings for each group."""
    rows = as_rows(loaded)
    for group in Settings.model_fields:
        table = Table(
            title=group, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False
        )
        for heading in ("setting", "value", "source", "meaning"):
            table.add_column(heading, overflow="fold")
        for row in rows:
            if row["name"].startswith(f"{group}."):
                source = Text(row["source"], style="dim" if row["source"] == "default" else "yellow")
                table.add_row(row["name"], Text(_text(row["value"])), source, Text(row["meaning"]))
        console.print(table)


def settings_markdown() -> str:
    """Write docs/settings.md."""
    parts = [HEAD]
    defaults = Settings().model_dump(mode="json")
    for group, group_field in Settings.model_fields.items():
        parts.append(f"\n## {group}\n\n{type(group_field.default).__doc__}\n")
        parts.append("\n| setting | default | meaning | takes |\n|---|---|---|---|\n")
        for name, field in fields():
            if name.startswith(f"{group}."):
                default = _text(defaults[group][name.partition(".")[2]])
                meaning = " ".join((field.description or "").split())
                cells = (
                    f"`{name}`<br>`{variable(name)}`",
                    f"`{default}`",
                    meaning,
                    _takes(expectation(field)),
                )
                parts.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n")
    return "".join(parts)


def _takes(expected: str) -> str:
    return expected.removeprefix("Give ") if expected.startswith("Give ") else ""


def _text(value: Any) -> str:
    if value is None:
        return UNSET
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) or EMPTY
