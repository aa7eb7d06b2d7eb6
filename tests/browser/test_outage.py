"""What the page says while its numbers cannot be had, and how it comes back."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import Route, expect

from tests.browser.conftest import NewDashboard
from tests.browser.dashboard import FIGURES, Dashboard, journey_path
from tests.browser.hosts import ClusterHost, Host
from tests.browser.watching import OUTAGE

RECOVERED_MS = 15_000


@pytest.mark.parametrize("path", ["/journeys", journey_path("welcome")], ids=["table", "summary"])
async def test_a_killed_server_is_said(dashboard: Dashboard, path: str) -> None:
    """A killed server is said while its figures stay, and the page recovers by itself."""
    dashboard.watch.allow(OUTAGE)
    await dashboard.open(path)
    page = dashboard.page
    await expect(page.locator("[data-freshness]")).to_be_visible()
    shown = await page.locator(FIGURES).first.inner_text()
    await page.evaluate("window.__marker = 'the same document'")
    await asyncio.to_thread(dashboard.host.kill)
    try:
        await page.locator("[data-notice=unreachable]").wait_for(timeout=RECOVERED_MS)
        await expect(page.get_by_role("alert")).to_contain_text("does not answer")
        assert await page.locator(FIGURES).first.inner_text() == shown
        await expect(page.locator("[data-freshness]")).to_contain_text("No answer since")
    finally:
        await asyncio.to_thread(dashboard.host.start)
    await expect(page.locator("[data-notice]")).to_have_count(0, timeout=RECOVERED_MS)
    await expect(page.locator("[data-freshness]")).to_contain_text("behind")
    assert await page.evaluate("window.__marker") == "the same document"


async def test_a_page_that_cannot_ask_at_all_says_so(dashboard: Dashboard) -> None:
    """A page whose first questions fail shows no number, says why, and shows the numbers when they come."""
    dashboard.watch.allow(OUTAGE)
    await dashboard.page.route("**/v1/**", lambda route: route.abort("connectionrefused"))
    await dashboard.load("/journeys")
    await expect(dashboard.page.locator("[data-notice=unreachable]")).to_be_visible()
    assert await dashboard.page.locator(FIGURES).count() == 0
    await dashboard.page.unroute_all()
    await dashboard.has_figures()


async def test_a_lagging_server_is_said(dashboard: Dashboard) -> None:
    """When the oldest event waits for more than a minute an amber line says so, and the figures are grey."""
    await dashboard.open("/journeys")
    fresh = await colour_of_a_figure(dashboard)
    lag_ms = 120_000

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=json.dumps({**await answer.json(), "lag_ms": lag_ms}))

    await dashboard.page.route("**/v1/freshness*", late)
    notice = dashboard.page.locator("[data-notice=stale]")
    await expect(notice).to_be_visible()
    await expect(notice).to_contain_text("2 min")
    await expect(dashboard.page.locator("[data-freshness]")).to_have_attribute("data-freshness", str(lag_ms))
    assert await colour_of_a_figure(dashboard) != fresh
    await dashboard.page.unroute_all(behavior="ignoreErrors")
    await expect(notice).to_have_count(0)
    await expect(dashboard.page.locator("[data-freshness]")).to_contain_text("behind")


async def test_a_worker_that_is_gone_is_named(filled_cluster: Host, new_dashboard: NewDashboard) -> None:
    """While a partition's worker stands still a slice shows no figure but which partition is missing."""
    assert isinstance(filled_cluster, ClusterHost)
    dashboard: Dashboard = await new_dashboard(filled_cluster)
    dashboard.watch.allow(OUTAGE)
    await dashboard.open("/journeys")
    filled_cluster.worker.pause()
    try:
        await dashboard.load("/journeys", channel="email")
        said = dashboard.page.get_by_role("alert")
        await expect(said.first).to_contain_text("partition", timeout=RECOVERED_MS)
        assert await dashboard.page.locator(FIGURES).count() == 0
    finally:
        filled_cluster.worker.resume()
    await expect(dashboard.page.locator(FIGURES).first).to_be_visible(timeout=2 * RECOVERED_MS)


async def test_an_unavailable_answer_is_said_with_its_reason(dashboard: Dashboard) -> None:
    """A 503 is said at once in the API's own words, and its figures come when the API has them again."""
    dashboard.watch.allow(OUTAGE)
    detail = "partition 3 has no worker; start one"
    problem = {
        "type": "urn:wayfold:problem:numbers-unavailable",
        "title": "Numbers unavailable",
        "status": 503,
        "detail": detail,
    }

    async def unavailable(route: Route) -> None:
        await route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))

    await dashboard.page.route("**/v1/journeys?*", unavailable)
    await dashboard.load("/journeys")
    await expect(dashboard.page.get_by_role("alert")).to_contain_text(detail)
    assert await dashboard.page.locator(FIGURES).count() == 0
    await dashboard.page.unroute_all(behavior="ignoreErrors")
    await dashboard.has_figures()


async def colour_of_a_figure(dashboard: Dashboard) -> str:
    """The colour in which the first figure is written."""
    button = dashboard.page.locator(FIGURES).first.get_by_role("button").first
    colour: str = await button.evaluate(
        "(button) => `${getComputedStyle(button).color} ${getComputedStyle(button.parentElement).opacity}`"
    )
    return colour
