"""The address alone says what is shown: to oneself after a reload, and to a colleague elsewhere."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import NewDashboard
from tests.browser.dashboard import FIGURES, Dashboard, journey_path
from tests.browser.dataset import HURTFUL
from tests.browser.figures import figures
from tests.browser.hosts import Host

VIEWS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "range, filters, sort, search": (
        "/journeys",
        {
            "from": "2026-09-08",
            "to": "2026-09-22",
            "channel": "email",
            "platform": "none",
            "clock": "entry",
            "find": "c",
            "sort": "-sent.messages",
        },
    ),
    "people of a row": (
        "/journeys",
        {"from": "2026-09-08", "to": "2026-09-22", "people": "entered_users", "people_journey": "welcome"},
    ),
    "a journey, filtered": (
        journey_path("welcome"),
        {"version": "2", "step": "offer", "channel": "email", "from": "2026-09-08", "to": "2026-09-22"},
    ),
    "another zone": ("/journeys", {"account": "nepal", "from": "2026-09-20", "to": "2026-09-21"}),
}
CHANGES_BY_ITSELF: Final = re.compile(r"(Counted up to|Read at|No answer since|as of \d).*")


@pytest.mark.parametrize(("path", "search"), VIEWS.values(), ids=VIEWS)
async def test_a_link_shows_the_same_to_a_colleague(
    host: Host, new_dashboard: NewDashboard, path: str, search: dict[str, str]
) -> None:
    """A link opens the same text and figures in a browser of another zone, language and theme."""
    mine: Dashboard = await new_dashboard(host)
    await mine.open(path, **search)
    theirs: Dashboard = await new_dashboard(
        host, timezone_id="Pacific/Auckland", locale="ar-EG", color_scheme="dark"
    )
    await theirs.page.goto(mine.page.url)
    await theirs.has_figures()
    if "people" in search:
        for dashboard in (mine, theirs):
            await expect(dashboard.page.locator("[data-total]")).to_have_attribute(
                "data-total", re.compile(r"\d")
            )
    await expect(theirs.page.locator("[data-freshness]")).to_be_attached()
    assert await figures(theirs.page) == await figures(mine.page)
    assert await text(theirs.page) == await text(mine.page)


async def test_what_is_clicked_together_stands_in_the_address(
    embedded: Host, new_dashboard: NewDashboard
) -> None:
    """Range, filter, sort, search and people chosen by hand are in the address; a reload restores them."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys")
    page = dashboard.page
    await page.keyboard.press("y")
    await page.get_by_role("button", name="Filter", exact=True).click()
    await page.get_by_role("option", name="Clock").click()
    await page.get_by_role("option").first.click()
    await expect(page.locator("[data-filter=clock]")).to_be_visible()
    await page.get_by_role("columnheader", name="Exits").get_by_role("button").click()
    await page.get_by_role("searchbox").fill("cart")
    await expect(page.get_by_role("row")).to_have_count(2)
    await dashboard.figure("entered_users", "cart-reminder").get_by_role("button").first.click()
    await expect(page.locator("[data-total]")).to_have_attribute("data-total", re.compile(r"\d"))
    for part in (
        "range=last_12_months",
        "clock=entry",
        "sort=-exited_entries",
        "find=cart",
        "people=entered_users",
    ):
        assert part in page.url, part
    before = await text(page)
    await page.reload()
    await expect(page.locator("[data-total]")).to_have_attribute("data-total", re.compile(r"\d"))
    await dashboard.has_figures()
    assert await text(page) == before


async def test_going_back_undoes(embedded: Host, new_dashboard: NewDashboard) -> None:
    """Back closes people, takes off a range and leaves a journey, one after the other."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys")
    page = dashboard.page
    await page.keyboard.press("y")
    await expect(page).to_have_url(re.compile("range=last_12_months"))
    await dashboard.row_link("welcome").click()
    await dashboard.has_figures()
    await expect(page).to_have_url(re.compile(r"/journeys/welcome\?range=last_12_months"))
    await page.locator(FIGURES).first.get_by_role("button").first.click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.go_back()
    await expect(page).to_have_url(re.compile(r"/journeys\?range=last_12_months"))
    await page.go_back()
    await expect(page).to_have_url(f"{embedded.url}/journeys")


@pytest.mark.parametrize("journey", HURTFUL, ids=range(len(HURTFUL)))
async def test_journeys_with_odd_ids_open(embedded: Host, new_dashboard: NewDashboard, journey: str) -> None:
    """A journey whose id has slashes, percents, emoji or markup opens by row, by link and after a reload."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys", find=journey)
    await dashboard.row_link(journey).click()
    heading = dashboard.page.get_by_role("heading", level=1, name=HURTFUL[journey], exact=True)
    for visit in ("row", "reload", "link"):
        if visit == "reload":
            await dashboard.page.reload()
        elif visit == "link":
            await dashboard.load(journey_path(journey))
        await expect(heading, visit).to_be_visible()
        await dashboard.has_figures()
        shown = await figures(dashboard.page)
        assert {figure.journey for figure in shown} == {journey}
        total = next(figure for figure in shown if figure.number == "total_entries")
        assert total.value == "10"


async def text(page: Page) -> list[str]:
    """What can be read on the page, without the line that changes by itself each second."""
    written = await page.locator("body").inner_text()
    return [CHANGES_BY_ITSELF.sub("", line) for line in written.splitlines()]
