"""What stands on the page is what the API answers."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import pytest

from tests.browser.dashboard import Dashboard, journey_path
from tests.browser.figures import NOT_FILTERABLE, Figure, answered, figures, question

JOURNEYS: Final = ("welcome", "cart-reminder", "lately", "spring/sale")
FOLLOW_S: Final = 10.0
"""Some numbers of a cluster follow the others within seconds."""
DAYS: Final = {"from": "2026-09-08", "to": "2026-09-22"}
QUESTIONS: Final[dict[str, dict[str, str]]] = {
    "all time": {},
    "days": DAYS,
    "a day": {"from": "2026-09-15", "to": "2026-09-16"},
    "last 7 days": {"range": "last_7_days"},
    "last 12 months": {"range": "last_12_months"},
    "no days": {"from": "2020-01-01", "to": "2020-02-01"},
    "channel": {"channel": "email"},
    "platform": {"platform": "ios", **DAYS},
    "entry clock": {"clock": "entry", **DAYS},
    "event clock": {"clock": "event", **DAYS},
    "Istanbul": {"account": "acme", **DAYS},
    "Kathmandu": {"account": "nepal", "from": "2026-09-20", "to": "2026-09-21"},
}
OF_A_JOURNEY: Final[dict[str, dict[str, str]]] = {
    "all time": {},
    "days": DAYS,
    "last 30 days": {"range": "last_30_days"},
    "version": {"version": "2"},
    "step": {"step": "offer"},
    "variant": {"variant": "a", "step": "offer"},
    "no variant": {"variant": ""},
    "channel and platform": {"channel": "in_app", "platform": "android", **DAYS},
    "entry clock": {"clock": "entry", **DAYS},
    "everything": {"version": "2", "step": "offer", "channel": "email", "clock": "entry", **DAYS},
}


@pytest.mark.parametrize("asked", QUESTIONS.values(), ids=QUESTIONS)
async def test_every_figure_of_the_table_is_the_api_s(dashboard: Dashboard, asked: dict[str, str]) -> None:
    """Each figure of the journeys table is what the API answers to the question in the address."""
    await dashboard.open("/journeys", **asked)
    shown = await agree_with_the_api(dashboard)
    assert len({figure.journey for figure in shown}) >= (1 if "account" in asked else 12)


@pytest.mark.parametrize("asked", OF_A_JOURNEY.values(), ids=OF_A_JOURNEY)
async def test_every_figure_of_a_journey_is_the_api_s(dashboard: Dashboard, asked: dict[str, str]) -> None:
    """Each figure of a summary, of its versions, steps and channels too, is what the API answers."""
    await dashboard.open(journey_path("welcome"), **asked)
    shown = await agree_with_the_api(dashboard)
    assert {figure.journey for figure in shown} == {"welcome"}


async def test_the_history_shows_figures_that_are_not_zero(dashboard: Dashboard) -> None:
    """The dataset fills the table: nearly every figure of it counts something."""
    await dashboard.open("/journeys")
    shown = await figures(dashboard.page)
    assert sum(figure.value in ("0", "null", NOT_FILTERABLE) for figure in shown) < len(shown) / 5


async def test_a_filter_that_does_not_apply_is_said(dashboard: Dashboard) -> None:
    """A number without the dimension of a filter shows a dash and says why, never an unfiltered value."""
    await dashboard.open("/journeys", channel="email")
    entered = dashboard.figure("entered_users", "welcome")
    assert await entered.get_attribute("data-value") == NOT_FILTERABLE
    assert (await entered.inner_text()).strip() == "—"
    label = await entered.get_by_role("button").first.get_attribute("aria-label")
    assert label is not None
    assert "channel email" in label


async def agree_with_the_api(dashboard: Dashboard) -> list[Figure]:
    """Compare all figures with the API; give it the seconds in which a cluster's slowest numbers follow."""
    deadline = time.monotonic() + FOLLOW_S
    while True:
        asked = question(dashboard.page.url, dashboard.host)
        shown = await figures(dashboard.page)
        expected = await answered(dashboard.host, shown, asked)
        if shown and shown == expected:
            return shown
        if time.monotonic() > deadline:
            assert shown == expected
            raise AssertionError("the page shows no figure")
        await asyncio.sleep(0.1)
