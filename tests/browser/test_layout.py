"""The page on phones, enlarged, and with thousands of journeys."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from tests.browser import dataset
from tests.browser.conftest import NewDashboard
from tests.browser.dashboard import Dashboard
from tests.browser.hosts import Host
from tests.browser.screens import ENLARGED, PHONE
from tests.browser.views import VIEWS

MANY: Final = 2_000


@pytest.mark.parametrize("screen", [PHONE, ENLARGED], ids=["phone", "200 %"])
@pytest.mark.parametrize("view", VIEWS)
async def test_the_page_is_no_wider_than_the_screen(
    embedded: Host, new_dashboard: NewDashboard, view: str, screen: dict[str, Any]
) -> None:
    """On a phone and at 200 % only tables scroll sideways, never the page; no control is outside of it."""
    dashboard: Dashboard = await new_dashboard(embedded, **screen)
    await VIEWS[view](dashboard)
    width = screen["viewport"]["width"]
    assert await dashboard.page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert await outside(dashboard.page) == []


async def test_the_navigation_is_at_the_bottom_of_a_phone(
    embedded: Host, new_dashboard: NewDashboard
) -> None:
    """On a phone the navigation is a bar at the bottom, which covers no last row."""
    dashboard: Dashboard = await new_dashboard(embedded, **PHONE)
    await dashboard.open("/journeys")
    page = dashboard.page
    box = await page.get_by_role("navigation").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] == pytest.approx(844, abs=1)
    assert box["y"] > 700
    await page.evaluate("document.scrollingElement.scrollTo(0, 1e6)")
    main = await page.locator("main > :last-child").bounding_box()
    assert main is not None
    assert main["y"] + main["height"] <= box["y"] + 1


async def test_people_are_reached_by_touch(embedded: Host, new_dashboard: NewDashboard) -> None:
    """On a phone a tap on a figure opens its people over the whole width, and a tap closes them."""
    dashboard: Dashboard = await new_dashboard(embedded, **PHONE)
    await dashboard.open("/journeys")
    page = dashboard.page
    await dashboard.figure("entered_users", "welcome").get_by_role("button").first.tap()
    await expect(page.locator("[data-total]")).to_have_attribute("data-total", re.compile(r"\d"))
    await page.get_by_role("dialog").get_by_role("button", name="Close").tap()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_thousands_of_journeys_scroll_and_are_found(
    embedded: Host, new_dashboard: NewDashboard
) -> None:
    """Of 2,000 journeys only those in sight are drawn; each is reached by scrolling, search and sorting."""
    at = datetime(2026, 9, 5, tzinfo=UTC)
    names = [f"journey-{index:04}" for index in range(MANY)]
    entered = [dataset.entered("ann", name, at, account="many") for name in names]
    entered += [dataset.entered("bob", name, at, account="many") for name in names[::7]]
    embedded.send(dataset.encoded(entered))
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys", account="many", sort="name")
    page = dashboard.page
    table = page.get_by_role("table", name="Journeys")
    await expect(table).to_have_attribute("aria-rowcount", str(MANY + 1))
    assert await page.get_by_role("row").count() < 60
    for index in (MANY // 2, MANY - 1):
        link = dashboard.page.locator(f'[data-row-link][title="{names[index]}"]')
        share = index / (MANY - 1)
        await table.evaluate(
            "(table, share) => table.scrollTo(0, share * (table.scrollHeight - table.clientHeight))", share
        )
        await expect(link).to_be_visible()
        await expect(dashboard.figure("entered_users", names[index])).to_have_attribute("data-value", "1")
    await page.get_by_role("searchbox").fill("journey-1234")
    await expect(page.locator("[data-row-link]")).to_have_count(1)
    await page.get_by_role("searchbox").fill("")
    await page.get_by_role("columnheader", name="Entered").get_by_role("button").click()
    await expect(page.locator("[data-row-link]").first).to_have_attribute("title", names[0])
    await table.evaluate("(table) => table.scrollTo(0, 0)")
    second = page.locator("[data-row-link]").nth(1)
    await expect(second).to_have_attribute("title", names[7])


async def outside(page: Page) -> list[str]:
    """Controls that stick out of the screen sideways, but for those inside of what scrolls."""
    found: list[str] = await page.evaluate(
        """
        () => [...document.querySelectorAll('button, a, input, [role=alert], h1')].filter((element) => {
          if (!element.checkVisibility({ visibilityProperty: true })) return false
          if (element.closest('[role=table], pre, [role=region], [data-scrolls]')) return false
          for (let up = element.parentElement; up; up = up.parentElement) {
            if (up !== document.scrollingElement && up !== document.body
              && /auto|scroll/.test(getComputedStyle(up).overflowX)) return false
          }
          const { left, right, width } = element.getBoundingClientRect()
          return width > 1 && (left < -1 || right > innerWidth + 1)
        }).map((element) => element.outerHTML.slice(0, 150))
        """
    )
    return found
