"""The text of docs/redis.md; its tables are those of `fields`."""

from importlib.resources import files

from wayfold.exporters.redis_views.calls import MOST_VIEWS, SLICE_WAIT_MS
from wayfold.exporters.redis_views.fields import DWELL, VIEWS, Field, Kind
from wayfold.state.cells.dwell import GAMMA

_TYPES = {
    Kind.COUNT: "integer",
    Kind.MONEY: "decimal",
    Kind.LATEST: "milliseconds UTC or empty",
    Kind.BUCKET: "integer",
    Kind.RATIO: "decimal or empty",
    Kind.PERCENTILE: "decimal or empty",
    Kind.TIME: "RFC 3339",
}


def redis_markdown() -> str:
    """Write the whole document."""
    text = files(__package__).joinpath("document.md").read_text(encoding="utf-8")
    for view in ("journey", "step", "account", "month"):
        text = text.replace(f"@{view}@", fields_table(VIEWS[view]))
    text = text.replace("@most_views@", str(MOST_VIEWS)).replace("@slice_wait@", str(SLICE_WAIT_MS // 1000))
    return text.replace("@dwell@", fields_table(DWELL)).replace("@gamma@", repr(GAMMA))


def fields_table(fields: tuple[Field, ...]) -> str:
    """A table of fields."""
    rows = [f"| `{field.name}` | {_type(field)} | {field.meaning} |" for field in fields]
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *rows])


def _type(field: Field) -> str:
    return "integer" if field.name == "dwell_count" else _TYPES[field.kind]
