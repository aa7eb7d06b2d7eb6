"""The figures on a page, and what the API says to the same questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
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
NONE: Final = "none"
"""No sum of money, in any currency."""
MONEY: Final = ("cost", "conversion_values")
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
    currency: str | None = None

    @property
    def scope(self) -> dict[str, str]:
        """The part of the journey, by the names of the API's filters."""
        return {name: value for name in SCOPE if (value := getattr(self, name)) is not None}


async def figures(page: Page) -> list[Figure]:
    """List the figures of the page's main part."""
    found = await page.evaluate(_COLLECT)
    names = ("number", "journey", "value", "currency", *SCOPE)
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
    found: dict[tuple[str, str | None], Mapping[str, Any]] = {}
    async with httpx.AsyncClient(base_url=host.url, timeout=30, verify=False) as client:
        for figure in shown:
            # A figure of a version is of that, whichever version is filtered by.
            version = figure.version if figure.step is None else None
            if (figure.journey, version) not in found:
                narrowed = {**asked, **({} if version is None else {"version": version})}
                path = f"/v1/journeys/{quote(figure.journey, safe='')}"
                answer = await client.get(path, params=narrowed)
                answer.raise_for_status()
                found[figure.journey, version] = answer.json()
    return [
        replace(
            figure,
            value=_value(figure, found[figure.journey, figure.version if figure.step is None else None]),
        )
        for figure in shown
    ]


def _value(figure: Figure, journey: Mapping[str, Any]) -> str:
    numbers = _numbers(figure, journey)
    name = figure.number.partition(".")[0]
    if name in numbers.get("not_filterable", ()):
        return NOT_FILTERABLE
    if name in MONEY:
        return _sum(figure, numbers[name])
    if figure.channel is not None:
        return str(_of_channel(figure, numbers["channels"]))
    value: Any = numbers
    for part in figure.number.split("."):
        value = value[part]
    assert not isinstance(value, Mapping), (figure, value)
    return NULL if value is None else _written(value)


def _sum(figure: Figure, amounts: Mapping[str, Any]) -> str:
    """Give a sum of money in the figure's currency; costs stand by channel, and are added up without one."""
    sums = list(amounts.values()) if figure.number == "cost" else [amounts]
    if figure.channel is not None:
        sums = [amounts.get(figure.channel, {})]
    if figure.currency is None:
        assert not any(sums), (figure, amounts)
        return NONE
    return f"{sum((Decimal(one.get(figure.currency, 0)) for one in sums), Decimal()).normalize():f}"


def _of_channel(figure: Figure, rows: Sequence[Mapping[str, Any]]) -> int:
    """Add things up over the rows of a channel, and of its platform if the figure has one."""
    status, _, way = figure.number.partition(".")
    assert way in ("events", "messages"), f"{figure}: users of several platforms do not add up"
    own = [row for row in rows if row["channel"] == figure.channel]
    if figure.platform is not None:
        own = [row for row in own if row["platform"] == figure.platform]
    return sum(int(row.get(status, {}).get(way, 0)) for row in own)


def _numbers(figure: Figure, journey: Mapping[str, Any]) -> Mapping[str, Any]:
    """Find the numbers of a figure's scope in the answer about its journey."""
    place: Mapping[str, Any] = journey
    if figure.version is not None:
        place = _one(journey["versions"], "journey_version", int(figure.version))
    if figure.step is not None:
        place = _one(place["steps"], "step_id", figure.step)
    numbers: Mapping[str, Any] = place["numbers"]
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
