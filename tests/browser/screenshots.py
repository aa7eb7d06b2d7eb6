"""Pictures of every view and state of the page, in light and dark, on a desktop and a phone.

    python -m tests.browser.screenshots OUT [VIEW ...]

writes OUT/<view>-<theme>-<screen>.png from an embedded host with the dataset of these tests. They are for
looking at; docs/images has the ones that the documents show.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, async_playwright

from tests.browser import chromium
from tests.browser.dashboard import Dashboard
from tests.browser.dataset import fill
from tests.browser.hosts import EmbeddedHost, Host, running
from tests.browser.screens import PHONE
from tests.browser.views import VIEWS
from tests.browser.watching import Watch

SCREENS: Final[dict[str, dict[str, Any]]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {**PHONE, "device_scale_factor": 2},
}
THEMES: Final = ("light", "dark")
# Hides what is another in each picture: how far is counted, and when it was read.
STILL: Final = """
() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) {
    walk.currentNode.data = walk.currentNode.data.replace(/\\d\\d:\\d\\d:\\d\\d/g, '14:03:07')
  }
}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pictures and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path, help="folder that the pictures go to")
    parser.add_argument("views", nargs="*", help="some of the views; all by default")
    given = parser.parse_args(arguments)
    if lacks := chromium.missing():
        print(lacks, file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory() as folder,
        running(EmbeddedHost(Path(folder))) as host,
    ):
        fill(host)
        failed = asyncio.run(take(host, given.out, given.views or list(VIEWS)))
    for name, error in failed.items():
        print(f"{name}: {error}", file=sys.stderr)
    return 1 if failed else 0


async def take(host: Host, out: Path, views: Collection[str]) -> dict[str, Exception]:
    """Take the pictures of some views; give what could not be taken, by its name."""
    out.mkdir(parents=True, exist_ok=True)
    failed: dict[str, Exception] = {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.executable(), args=list(chromium.ARGUMENTS)
        )
        for view in views:
            for theme in THEMES:
                for screen in SCREENS:
                    name = f"{view}-{theme}-{screen}"
                    try:
                        await _picture(browser, host, view, theme, screen, out / f"{name}.png")
                        print(out / f"{name}.png", flush=True)
                    except Exception as error:
                        failed[name] = error
        await browser.close()
    return failed


async def _picture(browser: Browser, host: Host, view: str, theme: str, screen: str, path: Path) -> None:
    options = {"color_scheme": theme, "reduced_motion": "reduce", "locale": "en-US", **SCREENS[screen]}
    context = await browser.new_context(**options)
    try:
        context.set_default_timeout(10_000)
        dashboard = Dashboard(await context.new_page(), host, Watch(host.origin), context)
        await VIEWS[view](dashboard)
        await dashboard.page.evaluate("document.fonts.ready")
        await dashboard.page.evaluate(STILL)
        await dashboard.page.screenshot(path=path, animations="disabled")
    finally:
        await dashboard.page.unroute_all(behavior="ignoreErrors")
        await context.close()


if __name__ == "__main__":
    sys.exit(main())
