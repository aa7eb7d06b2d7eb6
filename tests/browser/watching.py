"""A page that is watched: whatever it should never do fails the test that it was opened for."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request

# Runs before any script of the page, in each of its documents.
OBSERVERS: Final = """
window.__shifts = [];
window.__firstNumberAt = null;
addEventListener('securitypolicyviolation', (event) => {
  console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    window.__shifts.push({
      value: entry.value,
      at: entry.startTime,
      of: entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120) ?? String(node?.nodeValue)),
    });
  }
}).observe({ type: 'layout-shift', buffered: true });
new MutationObserver((_, observer) => {
  if (document.querySelector('[data-number][data-value]') === null) return;
  window.__firstNumberAt = performance.now();
  observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
DIGITS: Final = 0.001
OUTAGE: Final = r"Failed to load resource"
"""What the browser says of each answer that is an error, and of each that does not come."""


class Watch:
    """Remembers what went wrong on the pages of a context."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.faults: list[str] = []
        self.requests: list[str] = []
        self._allowed: list[re.Pattern[str]] = []

    def allow(self, *patterns: str) -> None:
        """Take no offence at console messages that a pattern is found in, from the beginning."""
        self._allowed += [re.compile(pattern) for pattern in patterns]

    async def over(self, context: BrowserContext) -> None:
        """Watch all pages of a context."""
        await context.add_init_script(OBSERVERS)
        context.on("page", self._page)
        context.on("request", self._request)
        context.on("console", self._console)

    def check(self) -> None:
        """Raise AssertionError that names every fault."""
        left = [fault for fault in self.faults if not any(one.search(fault) for one in self._allowed)]
        assert left == [], "the page did what it never should:\n" + "\n".join(left)

    def _page(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        self.requests.append(request.url)
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.faults.append(f"request to another origin: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            place: Any = message.location
            self.faults.append(f"console {message.type}: {message.text} ({place.get('url', '')})")


async def assert_nothing_shifted(page: Page, *, but_digits: bool = False) -> None:
    """Raise AssertionError that names what changed its place without the user's doing.

    With `but_digits` figures may have grown: one that is aligned to the right and gains a digit begins
    further left, which is a thousandth of the page at most.
    """
    found: list[dict[str, Any]] = await page.evaluate("window.__shifts")
    told = [f"by {one['value']:.5f} at {one['at']:.0f} ms: " + "; ".join(one["of"]) for one in found]
    allowed = DIGITS if but_digits else 0.0
    assert sum(one["value"] for one in found) <= allowed, "something changed its place:\n" + "\n".join(told)
