"""Days and times are the account's, wherever the browser is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from tests.browser import dataset
from tests.browser.conftest import NewDashboard
from tests.browser.dashboard import Dashboard
from tests.browser.hosts import Host

BROWSERS = ["Pacific/Auckland", "America/Los_Angeles", "UTC"]


@pytest.mark.parametrize("timezone_id", BROWSERS)
async def test_the_account_s_zone_is_printed(
    host: Host, new_dashboard: NewDashboard, timezone_id: str
) -> None:
    """The zone of the account stands beside the range with what it is ahead of UTC, and days are its days."""
    dashboard: Dashboard = await new_dashboard(host, timezone_id=timezone_id)
    await dashboard.open("/journeys", account="acme", range="today")
    zone = dashboard.page.locator("[data-zone]")
    await expect(zone).to_have_attribute("data-zone", "Europe/Istanbul")
    await expect(zone).to_contain_text("Europe/Istanbul, UTC+3")
    today = datetime.now(ZoneInfo("Europe/Istanbul"))
    await expect(zone).to_contain_text(f"{today.day} {today:%b %Y}")


async def test_half_hours_of_a_zone_are_printed(embedded: Host, new_dashboard: NewDashboard) -> None:
    """A zone that is not whole hours ahead is printed with its minutes; UTC is only called so."""
    dashboard: Dashboard = await new_dashboard(embedded)
    await dashboard.open("/journeys", account="nepal")
    await expect(dashboard.page.locator("[data-zone]")).to_contain_text("Asia/Kathmandu, UTC+5:45")
    await dashboard.open("/journeys")
    await expect(dashboard.page.locator("[data-zone]")).to_have_text("UTC")


async def test_times_are_the_account_s(embedded: Host, new_dashboard: NewDashboard) -> None:
    """How far is counted is said in the time of the account's zone, not of the browser's."""
    dashboard: Dashboard = await new_dashboard(embedded, timezone_id="America/Los_Angeles")
    await dashboard.open("/journeys", account="acme")
    said = await dashboard.page.locator("[data-freshness]").inner_text()
    clock = re.search(r"\d\d:\d\d:\d\d", said)
    assert clock is not None, said
    istanbul = datetime.now(ZoneInfo("Europe/Istanbul"))
    allowed = {f"{istanbul - timedelta(seconds=ago):%H:%M:%S}" for ago in range(-5, 60)}
    assert clock[0] in allowed


async def test_a_day_is_the_account_s_day(host: Host, new_dashboard: NewDashboard) -> None:
    """An event just after the account's midnight is of the new day there, though it is the old one in UTC."""
    dashboard: Dashboard = await new_dashboard(host, timezone_id="UTC")
    counts = []
    for day in (20, 21):
        await dashboard.open(
            "/journeys", account="nepal", **{"from": f"2026-09-{day}", "to": f"2026-09-{day + 1}"}
        )
        figure = dashboard.figure("entered_users", "midnight")
        counts.append(int(str(await figure.get_attribute("data-value"))))
    local = [
        datetime.fromisoformat(str(event["occurred_at"])).astimezone(ZoneInfo("Asia/Kathmandu")).day
        for event in dataset.own_events(datetime.now(UTC))
        if event["account_id"] == "nepal" and event["type"] == "journey.entered"
    ]
    assert counts == [local.count(20), local.count(21)]
    assert min(counts) > 0
