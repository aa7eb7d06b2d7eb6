"""Every view of the page in every state it can be in: for what must hold in all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Final

from playwright.async_api import Route, expect

from tests.browser.dashboard import Dashboard, journey_path
from tests.browser.watching import OUTAGE

Opens = Callable[[Dashboard], Awaitable[None]]
MONTH: Final = {"from": "2026-09-01", "to": "2026-10-01"}


async def table(dashboard: Dashboard) -> None:
    """All journeys of an account."""
    await dashboard.open("/journeys")


async def table_of_a_range(dashboard: Dashboard) -> None:
    """The same in a month, filtered, in another zone."""
    await dashboard.open("/journeys", account="acme", channel="email", **MONTH)


async def search_without_hits(dashboard: Dashboard) -> None:
    """A search that finds nothing."""
    await dashboard.load("/journeys", find="no such journey")
    await expect(dashboard.page.get_by_text("no such journey")).to_be_visible()


async def summary(dashboard: Dashboard) -> None:
    """One journey."""
    await dashboard.open(journey_path("welcome"))


async def summary_of_a_range(dashboard: Dashboard) -> None:
    """One journey in a month, filtered."""
    await dashboard.open(journey_path("welcome"), version=2, channel="email", **MONTH)


async def people(dashboard: Dashboard) -> None:
    """The people behind a figure."""
    await dashboard.load("/journeys", people="entered_users", people_journey="welcome")
    await expect(dashboard.page.locator("[data-total]")).to_have_attribute("data-total", re.compile(r"\d"))


async def nobody(dashboard: Dashboard) -> None:
    """The people behind a zero."""
    days = {"from": "2020-01-01", "to": "2020-02-01"}
    await dashboard.load(journey_path("welcome"), people="converted_users", **days)
    await expect(dashboard.page.locator("[data-total]")).to_have_attribute("data-total", "0")


async def range_menu(dashboard: Dashboard) -> None:
    """The calendar."""
    await dashboard.open("/journeys", **MONTH)
    await dashboard.page.get_by_role("button", name=re.compile("^Range:")).click()
    await expect(dashboard.page.get_by_role("grid").first).to_be_visible()


async def filter_menu(dashboard: Dashboard) -> None:
    """What can be filtered by."""
    await dashboard.open("/journeys")
    await dashboard.page.get_by_role("button", name="Filter", exact=True).click()
    await expect(dashboard.page.get_by_role("listbox")).to_be_visible()


async def about_a_figure(dashboard: Dashboard) -> None:
    """All there is to say about a figure."""
    await dashboard.open("/journeys")
    figure = dashboard.figure("conversion_rate", "welcome")
    await figure.hover()
    await figure.get_by_role("button", name=re.compile("^About")).click()
    await expect(dashboard.page.get_by_role("dialog")).to_be_visible()


async def keys(dashboard: Dashboard) -> None:
    """The list of keys."""
    await dashboard.open("/journeys")
    await dashboard.page.keyboard.press("?")
    await expect(dashboard.page.get_by_role("dialog", name="Keys")).to_be_visible()


async def no_events(dashboard: Dashboard) -> None:
    """An account in which nothing was counted."""
    await dashboard.load("/journeys", account="nobody-here")
    await expect(dashboard.page.locator("[data-first-event]")).to_be_visible()


async def unknown_journey(dashboard: Dashboard) -> None:
    """A journey that does not exist."""
    dashboard.watch.allow(OUTAGE)
    await dashboard.load(journey_path("no such journey"))
    await expect(dashboard.page.get_by_role("heading", level=1)).to_contain_text("There is no journey")


async def loading(dashboard: Dashboard) -> None:
    """Shapes, while the numbers are on their way."""

    async def never(_: Route) -> None:
        return

    await dashboard.page.route("**/v1/journeys*", never)
    await dashboard.load("/journeys")
    await expect(dashboard.page.locator("[data-freshness]")).to_be_visible()
    await expect(dashboard.page.get_by_role("table")).to_have_attribute("aria-busy", "true")


async def stale(dashboard: Dashboard) -> None:
    """Events wait to be counted."""

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=json.dumps({**await answer.json(), "lag_ms": 120_000}))

    await dashboard.page.route("**/v1/freshness*", late)
    await dashboard.open("/journeys")
    await expect(dashboard.page.locator("[data-notice=stale]")).to_be_visible()


async def unreachable(dashboard: Dashboard) -> None:
    """The server is gone."""
    dashboard.watch.allow(OUTAGE)
    await dashboard.open("/journeys")
    await dashboard.page.route("**/v1/**", lambda route: route.abort("connectionrefused"))
    await expect(dashboard.page.locator("[data-notice=unreachable]")).to_be_visible()


async def unavailable(dashboard: Dashboard) -> None:
    """The API has no numbers, and says why."""
    dashboard.watch.allow(OUTAGE)
    problem = {
        "type": "urn:wayfold:problem:numbers-unavailable",
        "title": "Numbers unavailable",
        "status": 503,
        "detail": "partition 3 has no worker; start one",
    }

    async def refuse(route: Route) -> None:
        await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))

    await dashboard.page.route("**/v1/journeys?*", refuse)
    await dashboard.load("/journeys")
    await expect(dashboard.page.get_by_role("alert")).to_be_visible()


VIEWS: Final[dict[str, Opens]] = {
    view.__name__: view
    for view in (
        table,
        table_of_a_range,
        search_without_hits,
        summary,
        summary_of_a_range,
        people,
        nobody,
        range_menu,
        filter_menu,
        about_a_figure,
        keys,
        no_events,
        unknown_journey,
        loading,
        stale,
        unreachable,
        unavailable,
    )
}
