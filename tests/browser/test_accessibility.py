"""The page is usable for those who see little, nothing, or few colours, and for those who use no mouse."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.conftest import NewDashboard
from tests.browser.dashboard import Dashboard, journey_path
from tests.browser.hosts import Host
from tests.browser.screens import PHONE
from tests.browser.views import VIEWS

RULES: Final = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    # Off unless it is asked for by name, though it is one of WCAG 2.2 AA.
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}


@pytest.mark.parametrize("view", VIEWS)
async def test_axe_finds_nothing(embedded: Host, new_dashboard: NewDashboard, view: str) -> None:
    """Axe finds no breach of WCAG 2.2 A or AA in a view or state of the page, light and dark."""
    dashboard: Dashboard = await new_dashboard(embedded, color_scheme="light", reduced_motion="reduce")
    await VIEWS[view](dashboard)
    for scheme in ("light", "dark"):
        await dashboard.page.emulate_media(color_scheme=scheme)
        await expect(dashboard.page.locator("html")).to_have_attribute("data-theme", scheme)
        assert await breaches(dashboard.page) == "", scheme


@pytest.mark.parametrize("view", ["table", "summary", "people", "no_events"])
async def test_axe_finds_nothing_on_a_phone(embedded: Host, new_dashboard: NewDashboard, view: str) -> None:
    """Axe finds nothing on a phone either, where targets must be large or far enough from each other."""
    dashboard: Dashboard = await new_dashboard(embedded, reduced_motion="reduce", **PHONE)
    await VIEWS[view](dashboard)
    assert await breaches(dashboard.page) == ""


async def test_axe_sees_a_breach(embedded: Host, new_dashboard: NewDashboard) -> None:
    """The search for breaches finds one that is put into the page: it does look."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys")
    await dashboard.page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert "button-name" in await breaches(dashboard.page)


async def test_the_table_is_one_for_screen_readers(embedded: Host, new_dashboard: NewDashboard) -> None:
    """The table has a name, its row count, a heading for each column, and figures that say what they are."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys")
    page = dashboard.page
    table = page.get_by_role("table", name="Journeys")
    journeys = len(embedded.read("/v1/journeys")["journeys"])
    await expect(table).to_have_attribute("aria-rowcount", str(journeys + 1))
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Welcome"))
    cells = await row.get_by_role("cell").count() + await row.get_by_role("rowheader").count()
    assert cells == await page.get_by_role("columnheader").count()
    entered = embedded.read("/v1/journeys/welcome")["numbers"]["entered_users"]
    button = dashboard.figure("entered_users", "welcome").get_by_role("button").first
    await expect(button).to_have_accessible_name(re.compile(rf": {entered}\. Show the people$"))
    sorted_by = page.get_by_role("columnheader", name="Entered")
    await expect(sorted_by).to_have_attribute("aria-sort", "descending")


async def test_landmarks_and_headings(embedded: Host, new_dashboard: NewDashboard) -> None:
    """Each page has one navigation, banner, main part and first heading, and headings leave out no level."""
    dashboard: Dashboard = await new_dashboard(embedded)
    for path in ("/journeys", journey_path("welcome")):
        await dashboard.open(path)
        page = dashboard.page
        await expect(page.get_by_role("navigation", name="Pages")).to_have_count(1)
        await expect(page.get_by_role("banner")).to_have_count(1)
        await expect(page.get_by_role("main")).to_have_count(1)
        await expect(page.get_by_role("heading", level=1)).to_have_count(1)
        levels = await page.locator("h1, h2, h3, h4").evaluate_all("(all) => all.map((h) => +h.tagName[1])")
        assert all(after <= before + 1 for before, after in pairwise(levels)), levels


async def test_an_outage_is_announced(embedded: Host, new_dashboard: NewDashboard) -> None:
    """What is wrong with the numbers is an alert, so that screen readers say it at once."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await VIEWS["unreachable"](dashboard)
    await expect(dashboard.page.get_by_role("alert")).to_contain_text("does not answer")


async def test_nothing_moves_for_those_who_ask_for_that(embedded: Host, new_dashboard: NewDashboard) -> None:
    """With reduced motion nothing on the page has an animation or a transition that takes time."""
    moving = """
    () => [...document.querySelectorAll('*')].filter((element) => {
      const style = getComputedStyle(element)
      const longest = (text) => Math.max(...text.split(',').map(parseFloat))
      const moves = style.animationName !== 'none' && longest(style.animationDuration) > 0
      return moves || longest(style.transitionDuration) > 0
    }).map((element) => element.outerHTML.slice(0, 120))
    """
    dashboard: Dashboard = await new_dashboard(embedded, reduced_motion="reduce")
    for view in ("table", "people", "no_events", "loading", "keys"):
        await VIEWS[view](dashboard)
        assert await dashboard.page.evaluate(moving) == [], view
        await dashboard.page.unroute_all(behavior="ignoreErrors")


async def test_the_theme_is_chosen_and_kept(embedded: Host, new_dashboard: NewDashboard) -> None:
    """The theme follows the system until one is chosen; what is chosen stays after a reload."""
    dashboard: Dashboard = await new_dashboard(embedded, color_scheme="dark")
    await dashboard.open("/journeys")
    html = dashboard.page.locator("html")
    await expect(html).to_have_attribute("data-theme", "dark")
    button = dashboard.page.get_by_role("button", name=re.compile("^Theme:"))
    await button.click()
    await expect(html).to_have_attribute("data-theme", "light")
    await dashboard.page.reload()
    await expect(html).to_have_attribute("data-theme", "light")
    await button.click()
    await expect(html).to_have_attribute("data-theme", "dark")


async def breaches(page: Page) -> str:
    """What axe has to say of the page; nothing when all is well."""
    found = await Axe().run(page, options=RULES)
    return found.generate_report() if found.violations_count else ""
