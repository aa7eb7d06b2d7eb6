"""The figures on a page, and what the API says to the same questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit
from zoneinfo import ZoneInfo

import httpx
from playwright.async_api import Page

from tests.browser.dataset import ZONES
from tests.browser.hosts import Host

FILTERS: Final = ("version", "step", "channel", "platform", "variant", "clock")
SCOPE: Final = ("version", "step", "channel", "platform")
NOT_FILTERABLE: Final = "not filterable"
NULL: Final = "null"
_COLLECT: Final = """
[...document.querySelectorAll('main [data-number]')].map((element) => ({ ...element.dataset }))
"""


@dataclass(frozen=True)
class Figure:
    """A figure as the document has it: which number of which part of a journey, and its exact value."""

    number: str
    journey: str
    value: str
    version: str | None = None
    step: str | None = None
    channel: str | None = None
    platform: str | None = None

    @property
    def scope(self) -> dict[str, str]:
        """The part of the journey, by the names of the API's filters."""
        return {name: value for name in SCOPE if (value := getattr(self, name)) is not None}


async def figures(page: Page) -> list[Figure]:
    """List the figures of the page's main part."""
    found = await page.evaluate(_COLLECT)
    names = ("number", "journey", "value", *SCOPE)
    return [Figure(**{name: one[name] for name in names if name in one}) for one in found]


def question(page_url: str, host: Host) -> dict[str, str]:
    """Give the question that a page's address stands for, in the API's words: account, days, filters."""
    search = {name: values[-1] for name, values in parse_qs(urlsplit(page_url).query, True).items()}
    account = search.get("account", "default")
    asked: dict[str, str] = {name: search[name] for name in FILTERS if name in search}
    days: dict[str, str] = {name: search[name] for name in ("from", "to") if name in search}
    return {"account": account, **(days or days_of(search.get("range", "all"), account, host)), **asked}


def days_of(name: str, account: str, host: Host) -> dict[str, str]:
    """Give the days of a named range now, in the account's zone."""
    as_of = datetime.fromisoformat(host.read("/v1/freshness")["as_of"])
    today = as_of.astimezone(ZoneInfo(ZONES.get(account, "UTC"))).date()
    tomorrow = today + timedelta(days=1)
    first: dict[str, tuple[date, date]] = {
        "today": (today, tomorrow),
        "yesterday": (today - timedelta(days=1), today),
        "last_7_days": (today - timedelta(days=6), tomorrow),
        "last_30_days": (today - timedelta(days=29), tomorrow),
        "last_12_months": (_a_year_before(today) + timedelta(days=1), tomorrow),
    }
    if name == "all":
        return {}
    start, end = first[name]
    return {"from": start.isoformat(), "to": end.isoformat()}


async def answered(host: Host, shown: Sequence[Figure], asked: Mapping[str, str]) -> list[Figure]:
    """Give the same figures with the values that the API has for them."""
    found: dict[str, Any] = {}
    async with httpx.AsyncClient(base_url=host.url, timeout=30, verify=False) as client:
        for journey in {figure.journey for figure in shown}:
            answer = await client.get(f"/v1/journeys/{quote(journey, safe='')}", params=dict(asked))
            answer.raise_for_status()
            found[journey] = answer.json()
    return [
        Figure(figure.number, figure.journey, _value(figure, found[figure.journey]), **figure.scope)
        for figure in shown
    ]


def _value(figure: Figure, journey: Mapping[str, Any]) -> str:
    numbers = _numbers(figure, journey)
    value: Any = numbers
    for name in figure.number.split("."):
        value = value.get(name, NOT_FILTERABLE) if isinstance(value, Mapping) else NOT_FILTERABLE
    if value is None:
        return NULL
    if value == NOT_FILTERABLE:
        # Left out and named, never just missing.
        assert figure.number.partition(".")[0] in numbers.get("not_filterable", ()), (figure, numbers)
        return NOT_FILTERABLE
    assert not isinstance(value, Mapping), (figure, value)
    return _written(value)


def _numbers(figure: Figure, journey: Mapping[str, Any]) -> Mapping[str, Any]:
    """Find the numbers of a figure's scope in the answer about its journey."""
    place: Mapping[str, Any] = journey
    if figure.version is not None:
        place = _one(journey["versions"], "journey_version", int(figure.version))
    if figure.step is not None:
        place = _one(place["steps"], "step_id", figure.step)
    numbers: Mapping[str, Any] = place["numbers"]
    if figure.channel is not None:
        rows = [row for row in numbers["channels"] if row["channel"] == figure.channel]
        if figure.platform is not None:
            rows = [row for row in rows if row["platform"] == figure.platform]
        assert len(rows) == 1, (figure, numbers["channels"])
        numbers = rows[0]
    return numbers


def _one(rows: Sequence[Mapping[str, Any]], name: str, value: object) -> Mapping[str, Any]:
    found = [row for row in rows if row[name] == value]
    assert len(found) == 1, f"{len(found)} rows with {name} {value!r}"
    return found[0]


def _written(value: Any) -> str:
    """Write a value as JavaScript does, so that the comparison is exact."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _a_year_before(day: date) -> date:
    """The same day a year before; of 29 February the last of its month."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
