"""The page in a real browser: how soon it shows numbers, and how soon it says that the server is gone.

The embedded host has demo traffic beside it, so that it has other things to do.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.cluster import Process, answers, running
from benchmarks.context import BenchError, Context, Figures
from local_services.process import HOST, free_port
from wayfold.exporters.dashboard.built import STATIC

TRIES: Final = 9
OUTAGES: Final = 3
WAIT_S: Final = 60.0
JOURNEY: Final = "/journeys/welcome"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NOTES_TIMES: Final = """
    window.__at = {}
    const looks = {first: '[data-number]:not([data-value="null"])', said: '[data-notice="unreachable"]'}
    new MutationObserver(() => {
        for (const [name, look] of Object.entries(looks))
            if (!(name in window.__at) && document.querySelector(look)) window.__at[name] = performance.now()
    }).observe(document, {childList: true, subtree: true, attributes: true})
"""


def measure(context: Context) -> Figures:
    """Measure from the opening of the page to its first number, and from a kill to the word of it."""
    browser_path = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser_path is None:
        raise BenchError("there is no Chromium: apt-get install chromium")
    if not (STATIC / "index.html").is_file():
        raise BenchError("the page is not built: make page")
    port = free_port()
    url = f"http://{HOST}:{port}"
    arguments = ["run", "--demo", "--port", str(port), "--data", str(context.path / "data")]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(ARGUMENTS))
        tries = context.count(TRIES, least=1)
        with running(context, "page", *arguments) as host:
            host.wait_for(lambda: answers(f"{url}{JOURNEY.replace('/journeys', '/v1/journeys')}"), "traffic")
            table = [_first_ms(browser, f"{url}/journeys") for _ in range(tries)]
            summary = [_first_ms(browser, f"{url}{JOURNEY}?range=last_7_days") for _ in range(tries)]
            host.check()
        said = [
            _said_ms(browser, url, lambda: running(context, "page", *arguments))
            for _ in range(context.count(OUTAGES, least=1))
        ]
        browser.close()
    return {
        "first_number_ms": round(median(table)),
        "first_number_of_a_journey_ms": round(median(summary)),
        "slowest_first_number_ms": round(max(table + summary)),
        "outage_said_ms": round(max(said)),
    }


def _first_ms(browser: Browser, url: str) -> float:
    """Open the page as somebody who was never here; gives when its first number stands there."""
    with browser.new_context() as visit:
        visit.add_init_script(NOTES_TIMES)
        page = visit.new_page()
        page.goto(url)
        return _noted_ms(page, "first")


def _said_ms(browser: Browser, url: str, started: Callable[[], Any]) -> float:
    """Kill the host under an open page; gives how long it takes until the page says so."""
    with browser.new_context() as visit:
        visit.add_init_script(NOTES_TIMES)
        page = visit.new_page()
        with started() as host:
            assert isinstance(host, Process)
            host.wait_for(lambda: answers(f"{url}/readyz"), "the host to be ready")
            page.goto(f"{url}/journeys")
            _noted_ms(page, "first")
            killed_at_ms = float(page.evaluate("performance.now()"))
            os.kill(host.process_id, signal.SIGKILL)
            return _noted_ms(page, "said") - killed_at_ms


def _noted_ms(page: Page, name: str) -> float:
    """Wait until the page has noted a time; its policy forbids a condition as text, so it is asked again."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        noted = page.evaluate(f"window.__at[{name!r}] ?? null")
        if noted is not None:
            return float(noted)
        time.sleep(0.01)
    raise BenchError(f"the page did not come to {name!r} within {WAIT_S:.0f} s")
