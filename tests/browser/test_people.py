"""The people behind a figure are those that it counts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.async_api import Locator, expect

from tests.browser import dataset
from tests.browser.dashboard import Dashboard, journey_path
from tests.browser.figures import NOT_FILTERABLE, Figure, figures, question

OF_USERS: Final = re.compile(r"(_users|\.users)$")
QUESTIONS: Final[dict[str, dict[str, str]]] = {
    "all time": {},
    "days": {"from": "2026-09-08", "to": "2026-09-22"},
    "entry clock": {"from": "2026-09-08", "to": "2026-09-22", "clock": "entry"},
}
MOST_DRAWERS: Final = 12


@pytest.mark.parametrize("asked", QUESTIONS.values(), ids=QUESTIONS)
async def test_a_figure_opens_its_people(dashboard: Dashboard, asked: dict[str, str]) -> None:
    """A click on a figure lists the API's users; a list of a number of users is as long as the number."""
    await dashboard.open("/journeys", **asked)
    for index in range(5):
        figure = dashboard.page.locator("main [data-number][data-journey=welcome]").nth(index)
        shown = (await figures(dashboard.page))[index]
        assert shown.journey == "welcome"
        await figure.get_by_role("button").first.click()
        if shown.number == "conversion_rate":
            await choose_part(dashboard)
        await compare_list(dashboard, shown)
        await dashboard.page.keyboard.press("Escape")
        await expect(dashboard.page.get_by_role("dialog")).to_have_count(0)


async def test_figures_of_a_summary_open_their_people(dashboard: Dashboard) -> None:
    """Figures of users on a summary, of versions, steps and channels too, open lists of their length."""
    await dashboard.open(journey_path("welcome"))
    shown_there = await figures(dashboard.page)
    found = [one for one in shown_there if OF_USERS.search(one.number) and one.value != "0"]
    assert found
    for shown in found[:MOST_DRAWERS]:
        scope = {f"people_{name}": value for name, value in shown.scope.items()}
        await dashboard.load(journey_path("welcome"), people=shown.number, **scope)
        await compare_list(dashboard, shown)


async def test_a_rate_has_two_lists(dashboard: Dashboard) -> None:
    """The people of a rate are asked for by part: those above the line, or those below it."""
    await dashboard.open("/journeys")
    await dashboard.figure("conversion_rate", "welcome").get_by_role("button").first.click()
    parts = parts_of(dashboard)
    await expect(parts).to_have_text(["Goal performers", "Profiles in journey"])
    numbers = dashboard.host.read("/v1/journeys/welcome")["numbers"]
    await parts.first.click()
    await expect(total_of(dashboard)).to_have_attribute("data-total", str(numbers["converted_users"]))


async def test_users_with_odd_ids_are_listed_as_they_are(dashboard: Dashboard) -> None:
    """User ids of any script, with markup, quotes and formulas, stand in the list as text, as they are."""
    journey = "spring/sale"
    await dashboard.load(journey_path(journey), people="entered_users")
    await expect(total_of(dashboard)).to_have_attribute("data-total", str(len(dataset.HURTFUL_USERS) + 2))
    assert set(await listed(dashboard)) == {*dataset.HURTFUL_USERS, "ann", "bob"}


async def test_nobody_behind_a_zero(dashboard: Dashboard) -> None:
    """A number that is zero opens an empty list that says so."""
    await dashboard.load(
        journey_path("welcome"), people="converted_users", **{"from": "2020-01-01", "to": "2020-02-01"}
    )
    await expect(total_of(dashboard)).to_have_attribute("data-total", "0")
    await expect(dashboard.page.get_by_role("dialog").get_by_text("Nobody")).to_be_visible()


async def test_long_lists_are_whole(dashboard: Dashboard) -> None:
    """A list longer than a page of the API is scrolled to its very last user, and none is left out."""
    users = [f"many-{index:04}" for index in range(1_203)]
    at = datetime(2026, 9, 3, tzinfo=UTC)
    entered = [dataset.entered(user, "crowd", at, account="crowded") for user in users]
    dashboard.host.send(dataset.encoded(entered))
    await dashboard.load(journey_path("crowd"), account="crowded", people="entered_users")
    await expect(total_of(dashboard)).to_have_attribute("data-total", "1203")
    region = dashboard.drawer.get_by_role("region", name="Users")
    last = region.get_by_text(users[-1], exact=True)
    for _ in range(20):
        await region.evaluate("(element) => element.scrollTo(0, element.scrollHeight)")
        if await last.count():
            break
        await dashboard.page.wait_for_timeout(50)
    await expect(last).to_be_visible()


def total_of(dashboard: Dashboard) -> Locator:
    """The element that says how many people there are."""
    return dashboard.page.locator("[data-total]")


def parts_of(dashboard: Dashboard) -> Locator:
    """What a rate is made of, while neither is chosen."""
    return (
        dashboard.page.get_by_role("dialog")
        .get_by_role("button")
        .and_(dashboard.page.locator("button:not([aria-label=Close])"))
    )


async def choose_part(dashboard: Dashboard) -> None:
    """Choose the first part of a rate."""
    await parts_of(dashboard).first.click()


async def listed(dashboard: Dashboard) -> list[str]:
    """The users that are drawn."""
    return await dashboard.drawer.get_by_role("listitem").locator("bdi").all_inner_texts()


async def compare_list(dashboard: Dashboard, shown: Figure) -> None:
    """Compare the drawer with the API's list of its number, and its length with a figure of users."""
    await expect(total_of(dashboard)).to_have_attribute("data-total", re.compile(r"^\d+$"))
    total = await total_of(dashboard).get_attribute("data-total")
    search = {name: values[-1] for name, values in parse_qs(urlsplit(dashboard.page.url).query, True).items()}
    asked = {**question(dashboard.page.url, dashboard.host), **shown.scope}
    path = f"/v1/journeys/{quote(shown.journey, safe='')}/users"
    listed_as = {one["name"]: one["list"] for one in dashboard.host.read("/v1/catalogue")["numbers"]}
    answer = dashboard.host.read(path, number=listed_as[search["people"]], limit=10_000, **asked)
    assert total == str(answer["total"])
    drawn = await listed(dashboard)
    assert drawn == answer["users"][: len(drawn)]
    assert len(drawn) >= min(answer["total"], 10)
    if OF_USERS.search(shown.number) and shown.value != NOT_FILTERABLE:
        assert total == shown.value
