"""The numbers document: partials of all partitions added up, under the names of the contract."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from msgspec import structs

from wayfold.state.reading.definitions import described_steps, described_version, undefined_step
from wayfold.state.reading.field_numbers import (
    Document,
    channel_rows,
    instant_text,
    journey_numbers,
    keep,
    step_numbers,
    summary_numbers,
)
from wayfold.state.reading.query import Query
from wayfold.state.reading.views import (
    ACCOUNT,
    Views,
    add_messages,
    dwell_view,
    merge,
    own_view,
    step_view,
    version_view,
)
from wayfold.state.reading.watermarks import greatest, watermark_of

T = TypeVar("T")


def finish(partials: Sequence[Mapping[str, Any]], query: Query) -> Document:
    """Make the document of a query from the partials of all partitions.

    A partial is what `Partition.partial` gives: {"watermarks": {account: ms}, "journeys": [{"account_id",
    "journey_id", "definitions", "views"}], "accounts": [{"account_id", "time_zone", "views"}]}, or what
    `Partition.read` gives. The watermark is that of the account that is asked for, else the greatest of all.

    In a summary `versions` of a journey are their numbers. With `ranges` a journey has `series`: the numbers
    of each range, and `steps` when the query names one. With a `number` it has its `counts` in each.
    """
    return drained(finishing(partials, query))


def finishing(partials: Sequence[Mapping[str, Any]], query: Query) -> Generator[None, None, Document]:
    """Do the same in pieces, between which others may work."""
    watermarks = greatest(partial["watermarks"] for partial in partials)
    watermark_ms = watermark_of(watermarks, query.account_id)
    journeys = yield from _merged(row for partial in partials for row in partial["journeys"])
    accounts = yield from _merged(row for partial in partials for row in partial["accounts"])
    shape = _shape(query)
    found = []
    for _, row in sorted(journeys.items()):
        found.append(shape(row, query))
        yield
    return {
        "watermark": instant_text(watermark_ms),
        "accounts": [_account(row, query) for _, row in sorted(accounts.items())],
        "journeys": found,
    }


def drained(pieces: Generator[None, None, T]) -> T:
    """Do work that comes in pieces in one go."""
    while True:
        try:
            next(pieces)
        except StopIteration as done:
            return cast("T", done.value)


def _shape(query: Query) -> Callable[[Mapping[str, Any], Query], Document]:
    if query.number is not None:
        return _counts
    if query.ranges:
        return _series
    return _journey if query.detail == "all" else _summary


def _merged(
    rows: Iterable[Mapping[str, Any]],
) -> Generator[None, None, dict[tuple[str, str], dict[str, Any]]]:
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["account_id"], row.get("journey_id", ""))
        into = merged.get(key)
        if into is None:
            into = merged[key] = {**row, "views": [], "counts": [], "versions": set(), "definitions": {}}
        views = row.get("views", [])
        for place, of_range in enumerate(views if isinstance(views, list) else [views]):
            if place == len(into["views"]):
                into["views"].append({})
            merge(into["views"][place], of_range)
        counts = row.get("counts", ())
        into["counts"] = [sum(pair) for pair in zip(into["counts"] or [0] * len(counts), counts, strict=True)]
        into["versions"].update(row.get("versions", ()))
        into["definitions"].update(row.get("definitions", {}))
        yield
    return merged


def _account(row: Mapping[str, Any], query: Query) -> Document:
    views: Views = row["views"][0]
    months = []
    for view in sorted(name for name in views if name.startswith("month:")):
        fields = views[view]
        if not fields.get("persons"):
            continue
        journeys = sorted(
            {field.split(":", 1)[1] for field, count in fields.items() if ":" in field and count}
        )
        months.append(
            {
                "month": view.split(":", 1)[1],
                "persons": fields["persons"],
                "journeys": [
                    {
                        "journey_id": journey_id,
                        "persons": fields.get(f"persons:{journey_id}", 0),
                        "marginal_persons": fields.get(f"marginal_persons:{journey_id}", 0),
                    }
                    for journey_id in journeys
                ],
            }
        )
    numbers: Document = {"monthly_engaged_persons": months, "channels": channel_rows(views.get(ACCOUNT, {}))}
    kept: tuple[str, ...] = tuple(numbers)
    if query.version is not None or query.step_id is not None or query.variant is not None:
        kept = ()
    elif query.start or query.end or query.channel or query.platform:
        kept = ("channels",)
    numbers = numbers if len(kept) == len(numbers) else keep(numbers, kept)
    return {"account_id": row["account_id"], "time_zone": row["time_zone"], **numbers}


def _journey(row: Mapping[str, Any], query: Query) -> Document:
    versions = _versions(row, row["views"][0], query)
    return {**_named(row), "numbers": _whole(row["views"][0], query), "versions": versions}


def _summary(row: Mapping[str, Any], query: Query) -> Document:
    fields = row["views"][0].get(own_view(query), {})
    return {
        **_named(row),
        "numbers": summary_numbers(fields, query),
        "versions": _known_versions(row, query),
    }


def _series(row: Mapping[str, Any], query: Query) -> Document:
    series = []
    for (start, end), views in zip(query.ranges, row["views"], strict=True):
        ranged = structs.replace(query, start=start, end=end)
        part: Document = {"numbers": _whole(views, ranged)}
        if query.step_id is not None:
            part["steps"] = [
                {"journey_version": version["journey_version"], **step}
                for version in _versions(row, views, ranged)
                for step in version["steps"]
            ]
        series.append(part)
    return {**_named(row), "versions": _known_versions(row, query), "series": series}


def _known_versions(row: Mapping[str, Any], query: Query) -> list[int]:
    known = {*row["versions"], *map(int, row["definitions"])}
    return sorted(known if query.version is None else known & {query.version})


def _counts(row: Mapping[str, Any], _: Query) -> Document:
    return {"account_id": row["account_id"], "journey_id": row["journey_id"], "counts": row["counts"]}


def _named(row: Mapping[str, Any]) -> Document:
    definitions = {int(key): value for key, value in row["definitions"].items()}
    return {
        "account_id": row["account_id"],
        "journey_id": row["journey_id"],
        "name": definitions[max(definitions)]["name"] if definitions else row["journey_id"],
    }


def _whole(views: Views, query: Query) -> Document:
    """The numbers of a journey as a whole, or of the one version that is asked for."""
    fields = dict(views.get(own_view(query), {}))
    add_messages(fields, views, query.version)
    return journey_numbers(fields, query)


def _versions(row: Mapping[str, Any], views: Views, query: Query) -> list[Document]:
    definitions: dict[int, Mapping[str, Any]] = {int(key): value for key, value in row["definitions"].items()}
    versions = set(definitions) | {int(view.split(":", 2)[1]) for view in views if ":" in view}
    if query.version is not None:
        versions &= {query.version}
    return [
        _version(row["journey_id"], version, definitions.get(version), views, query)
        for version in sorted(versions)
    ]


def _version(
    journey_id: str, version: int, definition: Mapping[str, Any] | None, views: Views, query: Query
) -> Document:
    steps = described_steps(definition)
    prefixes = (step_view(version, ""), dwell_view(version, ""))
    seen = {view[len(prefix) :] for view in views for prefix in prefixes if view.startswith(prefix)}
    order = [*steps, *sorted(seen - steps.keys())]
    if query.step_id is not None:
        order = [step_id for step_id in order if step_id == query.step_id]
    rows = []
    for step_id in order:
        numbers = step_numbers(
            views.get(step_view(version, step_id), {}), views.get(dwell_view(version, step_id), {}), query
        )
        rows.append({**(steps.get(step_id) or undefined_step(step_id)), "numbers": numbers})
    own = dict(views.get(version_view(version), {}))
    add_messages(own, views, version)
    return {
        "journey_version": version,
        "name": journey_id if definition is None else definition["name"],
        **described_version(definition),
        "definition_conflicts": 0 if definition is None else definition.get("conflicts", 0),
        "numbers": journey_numbers(own, query),
        "steps": rows,
    }
