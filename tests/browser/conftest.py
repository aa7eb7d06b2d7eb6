"""Fixtures of the browser tests: one Chromium for a process, hosts with numbers in them, watched pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from tests.browser import chromium, dataset
from tests.browser.dashboard import Dashboard
from tests.browser.hosts import ClusterHost, EmbeddedHost, Host, running
from tests.browser.watching import Watch

ACTION_MS = 15_000
expect.set_options(timeout=ACTION_MS)
QUICK = {"test_figures", "test_states"}
"""What `make test` runs of these tests, on the embedded host; `make browser` runs all of them on both."""
HERE = Path(__file__).parent
KINDS = ("embedded", "cluster")
NewHost = Callable[..., Host]
NewDashboard = Callable[..., Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of a kind of host share its browser and host, so in one process and one event loop.

    What takes long is marked slow.
    """
    for item in items:
        if not item.path.is_relative_to(HERE):
            continue
        kind: object = "embedded"
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            params = item.callspec.params
            kind = params.get("kind", params.get("filled_cluster", kind))
        if kind == "cluster":
            item.add_marker(pytest.mark.services)
        if kind == "cluster" or item.path.stem not in QUICK:
            item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.xdist_group(f"browser-{kind}"))
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which of the two hosts."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewHost]:
    """Start hosts of one's own, empty ones; `kind` and settings as environment variables."""
    if lacks := chromium.missing():
        pytest.skip(lacks)
    with ExitStack() as stack:

        def start(kind: str = "embedded", **more: str) -> Host:
            directory = tmp_path_factory.mktemp(kind)
            if kind == "embedded":
                return stack.enter_context(running(EmbeddedHost(directory, **more)))
            kafka = request.getfixturevalue("kafka")
            redis_url = request.getfixturevalue("redis_url")
            return stack.enter_context(running(ClusterHost(directory, kafka, redis_url, **more)))

        yield start


@pytest.fixture(scope="session")
def filled_host(new_host: NewHost) -> Callable[[str], Host]:
    """Give the host of a kind that has counted the dataset; a process has one of each."""
    return cache(lambda kind: dataset.fill(new_host(kind)))


@pytest.fixture(scope="session")
def host(kind: str, filled_host: Callable[[str], Host]) -> Host:
    """Either host; what a test adds to it goes to an account of its own."""
    return filled_host(kind)


@pytest.fixture(scope="session")
def embedded(filled_host: Callable[[str], Host]) -> Host:
    """The embedded host: for what does not depend on which it is."""
    return filled_host("embedded")


@pytest.fixture(scope="session", params=["cluster"])
def filled_cluster(request: pytest.FixtureRequest, filled_host: Callable[[str], Host]) -> Host:
    """The cluster: for what only it can meet."""
    return filled_host(str(request.param))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser; every test has contexts of its own in it."""
    if lacks := chromium.missing():
        pytest.skip(lacks)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=chromium.executable(), args=list(chromium.ARGUMENTS)
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_dashboard(browser: Browser) -> AsyncIterator[NewDashboard]:
    """Open tabs, each of a context of its own; at the end of the test each must have behaved."""
    async with AsyncExitStack() as stack:
        watches: list[Watch] = []

        async def new(host: Host, **context_options: Any) -> Dashboard:
            options = {"viewport": {"width": 1440, "height": 900}, "locale": "en-US", **context_options}
            context = await browser.new_context(**options)
            stack.push_async_callback(context.close)
            context.set_default_timeout(ACTION_MS)
            watch = Watch(host.origin)
            watches.append(watch)
            await watch.over(context)
            return Dashboard(await context.new_page(), host, watch, context)

        yield new
    for watch in watches:
        watch.check()


@pytest_asyncio.fixture(loop_scope="session")
async def dashboard(host: Host, new_dashboard: NewDashboard) -> Dashboard:
    """A tab on the page of a host with numbers."""
    opened: Dashboard = await new_dashboard(host)
    return opened
