"""Numbers move while events come in; nothing else does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.browser import dataset
from tests.browser.conftest import NewDashboard
from tests.browser.dashboard import FIGURES, Dashboard, journey_path
from tests.browser.hosts import Host
from tests.browser.watching import assert_nothing_shifted

ACCOUNT = "live"
MOVES_MS = 5_000
BEATS_AT_REST = 3
MOST_BEATS = 12


async def send_entries(host: Host, journey: str, start: int, count: int) -> None:
    """Have users enter a journey of the account now."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    events = [
        event
        for index in range(start, start + count)
        for event in dataset.passing(
            f"live-{index}", journey, now - timedelta(minutes=5), index, account=ACCOUNT
        )
    ]
    await asyncio.to_thread(host.publish, dataset.encoded(events))


async def test_numbers_move_without_reload_or_shift(dashboard: Dashboard) -> None:
    """Under live traffic a figure rises to each new value, on the same document, and nothing on it shifts."""
    host, journey = dashboard.host, f"moving-{dashboard.host.kind}"
    await send_entries(host, journey, 0, 3)
    await dashboard.open("/journeys", account=ACCOUNT)
    figure = dashboard.figure("entered_users", journey)
    await expect(figure).to_have_attribute("data-value", "3")
    await dashboard.page.evaluate("window.__marker = 'the same document'")
    for count in (8, 13, 250):
        before = int(str(await figure.get_attribute("data-value")))
        await send_entries(host, journey, before, count - before)
        await expect(figure).to_have_attribute("data-value", str(count), timeout=MOVES_MS)
    assert await dashboard.page.evaluate("window.__marker") == "the same document"
    await assert_nothing_shifted(dashboard.page, but_digits=True)


async def test_a_summary_moves_too(dashboard: Dashboard) -> None:
    """The figures of a journey's page follow the traffic, on the same document and without a shift."""
    host, journey = dashboard.host, f"summary-{dashboard.host.kind}"
    await send_entries(host, journey, 0, 3)
    await dashboard.open(journey_path(journey), account=ACCOUNT)
    figure = dashboard.page.locator(f'{FIGURES}[data-number="total_entries"]').first
    await expect(figure).to_have_attribute("data-value", "3")
    # What moved while it loaded is another test's.
    await dashboard.page.evaluate("window.__shifts.length = 0")
    await dashboard.page.evaluate("window.__marker = 'the same document'")
    await send_entries(host, journey, 3, 9)
    await expect(figure).to_have_attribute("data-value", "12", timeout=MOVES_MS)
    assert await dashboard.page.evaluate("window.__marker") == "the same document"
    await assert_nothing_shifted(dashboard.page, but_digits=True)


@pytest.mark.parametrize(
    ("path", "search"),
    [
        ("/journeys", {}),
        ("/journeys", {"account": "acme", "range": "last_30_days", "channel": "email"}),
        (journey_path("welcome"), {}),
        (journey_path("onboarding"), {"account": "acme", "from": "2026-09-01", "to": "2026-10-01"}),
    ],
    ids=["table", "table of a range", "summary", "summary of a range"],
)
async def test_nothing_shifts_while_it_loads(dashboard: Dashboard, path: str, search: dict[str, str]) -> None:
    """From the first shape to the last figure nothing changes its place."""
    await dashboard.open(path, **search)
    await expect(dashboard.page.locator("[data-freshness]")).to_be_visible()
    await assert_nothing_shifted(dashboard.page)


async def test_a_page_at_rest_asks_for_little(embedded: Host, new_dashboard: NewDashboard) -> None:
    """While nothing is counted the page asks only how fresh the numbers are, about once a second."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys")
    await expect(dashboard.page.locator("[data-freshness]")).to_be_visible()
    paths: list[str] = []
    for _ in range(MOST_BEATS):
        async with dashboard.page.expect_request(lambda request: "/v1/freshness" in request.url):
            pass
        paths = [urlsplit(url).path for url in dashboard.watch.requests[-BEATS_AT_REST:]]
        if set(paths) == {"/v1/freshness"}:
            return
    raise AssertionError(f"the page goes on asking {paths}")


async def test_the_view_is_asked_for_with_few_requests(embedded: Host, new_dashboard: NewDashboard) -> None:
    """To show the table the page asks the API at most four questions, besides how fresh it is."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys")
    await expect(dashboard.page.get_by_role("img", name="Entries of").first).to_be_visible()
    asked = [url for url in dashboard.watch.requests if "/v1/" in url and "/v1/freshness" not in url]
    assert len(asked) <= 4, asked
