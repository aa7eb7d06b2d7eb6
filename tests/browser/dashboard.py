"""The page as a test uses it: opened by what it shows, and waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from playwright.async_api import BrowserContext, Locator, Page, expect

from tests.browser.hosts import Host
from tests.browser.watching import Watch

READY_MS: Final = 5_000
FIGURES: Final = "main [data-number]"


def address(path: str, **search: str | int) -> str:
    """Give the address of a page below that of the host."""
    written = urlencode({name: str(value) for name, value in search.items()})
    return f"{path}?{written}" if written else path


def journey_path(journey_id: str) -> str:
    """Give the path of a journey's page."""
    return f"/journeys/{quote(journey_id, safe='')}"


@dataclass
class Dashboard:
    """A browser's tab on a host's page."""

    page: Page
    host: Host
    watch: Watch
    context: BrowserContext

    async def open(self, path: str = "/journeys", **search: str | int) -> None:
        """Open a page and wait until it shows figures."""
        await self.load(path, **search)
        await self.has_figures()

    async def load(self, path: str = "/journeys", **search: str | int) -> None:
        """Open a page, whatever it shows."""
        await self.page.goto(self.host.url + address(path, **search))

    async def has_figures(self) -> None:
        """Wait until figures are shown and are those of the question in the address."""
        await expect(self.page.locator(FIGURES).first).to_be_visible(timeout=READY_MS)

    def figure(self, number: str, journey: str) -> Locator:
        """Give the element of a figure of a whole journey."""
        return self.page.locator(f'{FIGURES}[data-number="{number}"][data-journey={_quoted(journey)}]').first

    def row_link(self, journey: str) -> Locator:
        """Give the link of a journey's row."""
        row = self.page.get_by_role("row").filter(has=self.figure_of(journey))
        return row.locator("[data-row-link]")

    def figure_of(self, journey: str) -> Locator:
        """Give any figures of a journey."""
        return self.page.locator(f"[data-number][data-journey={_quoted(journey)}]")

    @property
    def drawer(self) -> Locator:
        """The people behind a figure."""
        return self.page.get_by_role("dialog").filter(has=self.page.locator("[data-total]"))


def _quoted(text: str) -> str:
    """Write a text as CSS has strings."""
    return '"' + "".join(f"\\{ord(char):x} " if char in '"\\\n' else char for char in text) + '"'
