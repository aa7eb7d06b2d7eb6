"""What the page shows where there are no numbers: nothing yet, nothing there, a broken link."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.async_api import expect

from tests.browser import dataset
from tests.browser.conftest import NewDashboard, NewHost
from tests.browser.dashboard import Dashboard, journey_path
from tests.browser.hosts import Host
from tests.browser.watching import OUTAGE

ODD_LINKS = {
    "unknown parameters": "/journeys?utm_source=mail&foo=bar",
    "bad days": "/journeys?from=yesterday&to=2026-13-45",
    "days the wrong way round": "/journeys?from=2026-10-01&to=2026-09-01",
    "one day only": "/journeys?from=2026-10-01",
    "bad range": "/journeys?range=last_week",
    "bad filters": "/journeys?channel=E-MAIL&platform=amiga&version=two&clock=wall",
    "bad sort": "/journeys?sort=DROP%20TABLE",
    "bad people": "/journeys?people=entered_users&people_version=x",
    "twice": "/journeys?range=today&range=all",
    "broken escapes": "/journeys?find=%&channel=%E0%A4%A",
    "the root": "/",
    "the root with an old search": "/?range=all&page=3",
    "a filter of another page": "/journeys?version=2&step=offer",
}


async def test_an_empty_host_waits_for_its_first_event(
    new_host: NewHost, new_dashboard: NewDashboard
) -> None:
    """An empty host shows three ways to send events, turns green with the first, then shows its journey."""
    host = new_host("embedded")
    dashboard: Dashboard = await new_dashboard(host)
    await dashboard.load("/journeys")
    page = dashboard.page
    line = page.locator("[data-first-event]")
    await expect(line).to_have_attribute("data-first-event", "false")
    tabs = page.get_by_role("tab")
    assert await tabs.all_inner_texts() == ["curl", "Kafka", "Sample data"]
    for index, text in enumerate(("/v1/events", "wayfold.entries", "wayfold simulate")):
        await tabs.nth(index).click()
        await expect(page.get_by_role("tabpanel")).to_contain_text(text)
    # Where the event belongs to an account without journeys, the line is green and no table hides it.
    now = datetime.now(UTC) - timedelta(seconds=1)
    host.publish(dataset.encoded([dataset.goal("ann", now)]))
    await expect(line).to_have_attribute("data-first-event", "true")
    host.publish(dataset.encoded([dataset.entered("ann", "first/journey", now)]))
    await expect(dashboard.figure("entered_users", "first/journey")).to_have_attribute("data-value", "1")


async def test_what_the_curl_tab_says_works(new_host: NewHost, new_dashboard: NewDashboard) -> None:
    """The command of the curl tab, run in a shell, sends the first event, and its journey is shown."""
    host = new_host("embedded")
    dashboard: Dashboard = await new_dashboard(host)
    await dashboard.load("/journeys")
    command = await dashboard.page.get_by_role("tabpanel").locator("pre").inner_text()
    done = await asyncio.create_subprocess_shell(
        f"{command} --silent --show-error --fail", stdout=-1, stderr=-1
    )
    said, complaint = await done.communicate()
    assert done.returncode == 0, (said, complaint)
    await expect(dashboard.figure("entered_users", "welcome")).to_have_attribute("data-value", "1")


async def test_an_unknown_journey_is_said(dashboard: Dashboard) -> None:
    """A journey that does not exist is said to be unknown, by its id, and there is a way on."""
    dashboard.watch.allow(OUTAGE)
    await dashboard.load(journey_path("no/such journey 🎉"))
    said = dashboard.page.get_by_role("heading", level=1)
    await expect(said).to_contain_text("no/such journey 🎉")
    await expect(dashboard.page.locator("[data-number]")).to_have_count(0)
    await dashboard.page.get_by_role("link", name="All journeys").click()
    await dashboard.has_figures()


async def test_an_account_without_journeys_is_said(dashboard: Dashboard) -> None:
    """An account in which nothing was counted shows how to send events, and no table of zeros."""
    await dashboard.load("/journeys", account="nobody-here")
    await expect(dashboard.page.locator("[data-first-event]")).to_be_visible()
    await expect(dashboard.page.locator("[data-number]")).to_have_count(0)


async def test_a_search_without_hits_is_said(dashboard: Dashboard) -> None:
    """A search that finds nothing says what was looked for, as text."""
    await dashboard.load("/journeys", find="<b>nothing</b>")
    await expect(dashboard.page.get_by_text("<b>nothing</b>")).to_be_visible()


@pytest.mark.parametrize("link", ODD_LINKS.values(), ids=ODD_LINKS)
async def test_an_odd_link_still_opens(embedded: Host, new_dashboard: NewDashboard, link: str) -> None:
    """A link with what is unknown, broken or of an older page opens the table as if that were not there."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.load(link)
    await dashboard.has_figures()
    await expect(dashboard.page.get_by_role("heading", name="Journeys", level=1)).to_be_visible()


async def test_an_unknown_page_is_said(embedded: Host) -> None:
    """An address that is no page of ours is not found; it never answers with the page's document."""
    answer = httpx.get(f"{embedded.url}/no-such-page", headers={"accept": "text/html"})
    assert answer.status_code == 404
