"""Everything is reached by keys alone."""

from __future__ import annotations

import re

import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import NewDashboard
from tests.browser.dashboard import FIGURES, Dashboard
from tests.browser.hosts import Host


@pytest_asyncio.fixture(loop_scope="session")
async def table(embedded: Host, new_dashboard: NewDashboard) -> Dashboard:
    """A tab on the journeys table."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys", sort="name")
    return dashboard


async def focused(dashboard: Dashboard) -> str:
    """The text of what has the focus."""
    found: str = await dashboard.page.evaluate("document.activeElement?.textContent ?? ''")
    return found


async def test_rows_are_walked_and_opened(table: Dashboard) -> None:
    """j, k and the arrows go from row to row, Enter opens the journey, g goes back to all of them."""
    keyboard, links = table.page.keyboard, table.page.locator("[data-row-link]")
    names = await links.all_inner_texts()
    walked = []
    for key in ("j", "j", "j", "k", "ArrowDown", "ArrowUp"):
        await keyboard.press(key)
        walked.append(names.index(await focused(table)))
    assert walked == [0, 1, 2, 1, 2, 1]
    await keyboard.press("Enter")
    await expect(table.page.get_by_role("heading", level=1, name=names[1], exact=True)).to_be_visible()
    await keyboard.press("g")
    await expect(table.page.get_by_role("heading", level=1, name="Journeys", exact=True)).to_be_visible()


async def test_people_open_and_close_with_the_focus_back(table: Dashboard) -> None:
    """Tab reaches a figure, Enter and p open its people with the focus inside, Esc gives the focus back."""
    keyboard, page = table.page.keyboard, table.page
    await keyboard.press("j")
    await keyboard.press("Tab")
    label = await page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert re.search(r": [\d,]+\. Show the people$", label), label
    for opens in ("Enter", "p"):
        await keyboard.press(opens)
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert await page.evaluate("document.activeElement.closest('[role=dialog]') !== null")
        await keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await expect(page.get_by_role("button", name=label, exact=True).first).to_be_focused()


async def test_tab_stays_in_the_people(table: Dashboard) -> None:
    """While people are open, Tab goes round inside of them and reaches closing, copying and the list."""
    page = table.page
    await page.locator(FIGURES).first.get_by_role("button").first.click()
    await expect(page.locator("[data-total]")).to_have_attribute("data-total", re.compile(r"\d"))
    reached = set()
    for _ in range(8):
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.closest('[role=dialog]') !== null")
        reached.add(
            await page.evaluate(
                "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
            )
        )
    assert {"Close", "Copy ids", "Users"} <= reached


async def test_ranges_have_keys(table: Dashboard) -> None:
    """d, w, m, y and a choose a range, and the arrows move it by its length."""
    page = table.page
    expected = {"d": "today", "w": "last_7_days", "m": "last_30_days", "y": "last_12_months"}
    for key, name in expected.items():
        await page.keyboard.press(key)
        await expect(page).to_have_url(re.compile(f"range={name}"))
    await page.keyboard.press("a")
    await expect(page).not_to_have_url(re.compile("range="))
    await page.goto(f"{table.host.url}/journeys?from=2026-09-08&to=2026-09-15")
    await table.has_figures()
    await page.keyboard.press("ArrowLeft")
    await expect(page).to_have_url(re.compile("from=2026-09-01&to=2026-09-08"))
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(page).to_have_url(re.compile("from=2026-09-15&to=2026-09-22"))


async def test_search_has_a_key(table: Dashboard) -> None:
    """A slash goes to the search; what is typed there are letters, not commands; Esc empties it."""
    page = table.page
    await page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    await expect(search).to_be_focused()
    await page.keyboard.type("dwmy?")
    await expect(search).to_have_value("dwmy?")
    await expect(page).not_to_have_url(re.compile("range="))
    await page.keyboard.press("Escape")
    await expect(search).to_have_value("")
    await page.keyboard.type("win back")
    await expect(page.locator("[data-row-link]")).to_have_count(1)


async def test_help_has_a_key(table: Dashboard) -> None:
    """A question mark opens the list of keys, Esc closes it."""
    page = table.page
    await page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keys")
    await expect(help_).to_contain_text("Last 7 days")
    await page.keyboard.press("Escape")
    await expect(help_).to_have_count(0)


async def test_keys_with_control_are_the_browser_s(table: Dashboard) -> None:
    """A key with Ctrl or Alt is left to the browser: Ctrl+D is no range."""
    before = table.page.url
    for chord in ("Control+d", "Alt+m", "Control+ArrowLeft"):
        await table.page.keyboard.press(chord)
    await table.page.keyboard.press("/")
    await expect(table.page.get_by_role("searchbox")).to_be_focused()
    assert table.page.url == before


async def test_the_way_to_the_numbers_is_short(table: Dashboard) -> None:
    """The first Tab offers to skip the navigation, and goes to the main part."""
    page = table.page
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Skip to the numbers")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await table.has_figures()


async def test_what_a_figure_means_is_reached(table: Dashboard) -> None:
    """Focus on a figure tells what it means, and everything about it opens by keys."""
    page = table.page
    await page.keyboard.press("j")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("tooltip")).to_be_visible()


async def test_filters_are_put_on_and_off(table: Dashboard) -> None:
    """A filter is chosen from its menu by arrows and Enter, and taken off by its chip."""
    page = table.page
    await page.get_by_role("button", name="Filter", exact=True).focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listbox", name="Filter by")).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listbox", name="Platform")).to_be_visible()
    await page.keyboard.press("Enter")
    chip = page.locator("[data-filter=platform]")
    await expect(chip).to_have_text("Platform: ios")
    await expect(page).to_have_url(re.compile("platform=ios"))
    await chip.focus()
    await page.keyboard.press("Enter")
    await expect(chip).to_have_count(0)
