"""From the hashes in Redis back to the numbers document: the same shapes as every other answer."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from wayfold.exporters.redis_views.committed import TIME_ZONE
from wayfold.exporters.redis_views.fields import PERCENTILES, RATIOS, Kind, kind_of
from wayfold.exporters.redis_views.keys import JourneyName, encode_view, step_of, version_of
from wayfold.models.money import MAXIMUM_DECIMALS
from wayfold.state.reading.live_views import summary_of
from wayfold.state.reading.views import Views, step_view

Hash = Mapping[str, str]
Hashes = Mapping[str, Hash]
"""The hashes of a journey by encoded view."""

UTC: Final = "UTC"
DWELL_COUNT: Final = "dwell_count"
_NOT_ADDED: Final = frozenset({"watermark", "as_of", DWELL_COUNT, *RATIOS, *PERCENTILES})


class _Named(msgspec.Struct):
    """A definition, of which the name is wanted."""

    name: str


_decode_named = msgspec.json.Decoder(_Named).decode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def journey_partial(name: JourneyName, metadata: Hash, hashes: Hashes) -> dict[str, Any]:
    """A journey as `wayfold.state.reading.numbers.finish` takes it from a partition."""
    return {
        "account_id": name.account_id,
        "journey_id": name.journey_id,
        "definitions": {version: _decode(definition) for version, definition in metadata.items()},
        "views": views_of(hashes),
    }


def summary_partial(name: JourneyName, metadata: Hash, hashes: Hashes) -> dict[str, Any]:
    """A journey as `finish` takes it for a summary; the names of views say which versions there are."""
    return {
        "account_id": name.account_id,
        "journey_id": name.journey_id,
        "definitions": {
            version: {"name": _decode_named(definition).name} for version, definition in metadata.items()
        },
        "versions": sorted({version for view in hashes if (version := _version_in(view)) is not None}),
        "views": summary_of(views_of(hashes)),
    }


def account_partial(name: JourneyName, metadata: Hash, hashes: Hashes) -> dict[str, Any]:
    """An account as `wayfold.state.reading.numbers.finish` takes it from a partition."""
    time_zone = metadata.get(TIME_ZONE, UTC)
    return {"account_id": name.account_id, "time_zone": time_zone, "views": views_of(hashes)}


def views_of(hashes: Hashes) -> Views:
    """Views with the whole numbers that partitions count in; what Redis computes of them is left out."""
    views: Views = {}
    for view, fields in hashes.items():
        step = step_of(view)
        named = view if step is None else step_view(step.version, step.step_id)
        views[named] = {
            field: _units(value) if kind_of[field] is Kind.MONEY else int(value)
            for field, value in fields.items()
            if value and field not in _NOT_ADDED
        }
    return views


def put_dwell(document: dict[str, Any], hashes: Mapping[JourneyName, Hashes]) -> None:
    """Put the dwell times of the steps into a document: their histograms stay in Redis."""
    for name, version, step in _steps(document):
        found = hashes[name].get(step_key(version, step["step_id"]), {})
        step["numbers"]["dwell"] = {
            "count": int(found.get(DWELL_COUNT) or 0),
            **{field.removeprefix("dwell_"): _stay(found.get(field)) for field in PERCENTILES},
        }


def step_key(version: int, step_id: str) -> str:
    """The encoded view of a step."""
    return encode_view(step_view(version, step_id))


def _version_in(view: str) -> int | None:
    step = step_of(view)
    return version_of(view) if step is None else step.version


def _steps(document: Mapping[str, Any]) -> Iterator[tuple[JourneyName, int, dict[str, Any]]]:
    for journey in document["journeys"]:
        name = JourneyName(journey["account_id"], journey["journey_id"])
        for version in journey["versions"]:
            for step in version["steps"]:
                yield name, version["journey_version"], step


def _units(decimal: str) -> int:
    """A plain decimal in 10^-9 units, of any size."""
    whole, _, decimals = decimal.partition(".")
    return int(whole + decimals.ljust(MAXIMUM_DECIMALS, "0"))


def _stay(text: str | None) -> float | None:
    return float(text) if text else None
