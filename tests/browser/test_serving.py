"""The page behind a path prefix."""

from __future__ import annotations

from typing import Final

from playwright.async_api import expect

from tests.browser import dataset
from tests.browser.conftest import NewDashboard, NewHost
from tests.browser.dashboard import FIGURES, Dashboard, journey_path
from tests.browser.hosts import Host
from tests.browser.test_figures import agree_with_the_api

PREFIX: Final = "/tools/wayfold"


async def test_the_page_works_behind_a_prefix(new_host: NewHost, new_dashboard: NewDashboard) -> None:
    """The page loads, asks, links, opens people and survives a reload, all of it below the prefix."""
    host: Host = new_host("embedded", WAYFOLD_HTTP_PATH_PREFIX=PREFIX)
    host.send(dataset.lines_of_history(), dataset.definitions_of_history())
    dashboard: Dashboard = await new_dashboard(host)
    await dashboard.load("/")
    await dashboard.has_figures()
    await agree_with_the_api(dashboard)
    await dashboard.row_link("welcome").click()
    await dashboard.has_figures()
    assert dashboard.page.url == host.url + journey_path("welcome")
    await dashboard.page.reload()
    await dashboard.has_figures()
    await dashboard.page.locator(FIGURES).first.get_by_role("button").first.click()
    await expect(dashboard.page.get_by_role("dialog")).to_be_visible()
    outside = [url for url in dashboard.watch.requests if not url.startswith(f"{host.url}/")]
    assert outside == []
