"""A small built page, and clients of applications that serve it."""

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.exporters.traffic import OracleSource, traffic
from wayfold.exporters.api.app import create_app
from wayfold.exporters.dashboard.built import read_page
from wayfold.exporters.dashboard.routes import page_routes

DOCUMENT = b"""<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta property="csp-nonce" nonce="__CSP_NONCE__">
    <script type="module" src="./assets/index-1a2b.js" nonce="__CSP_NONCE__"></script>
  </head>
  <body><div id="root"></div></body>
</html>
"""
SCRIPT = b"console.log('a script that is long enough to be worth compressing')\n" * 20
GZIPPED = gzip.compress(SCRIPT)
FONT = b"wOF2\x00\x01"
Client = Callable[..., httpx.AsyncClient]


async def no_metrics(accept: str) -> tuple[bytes, str]:
    return b"", "text/plain"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as `make page` leaves it."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_bytes(DOCUMENT)
    (static / "THIRD_PARTY.txt").write_bytes(b"react 19\n")
    (static / "icon.svg").write_bytes(b"<svg/>")
    (static / "assets" / "index-1a2b.js").write_bytes(SCRIPT)
    # Not what it is said to be: the server only passes copies on.
    (static / "assets" / "index-1a2b.js.br").write_bytes(b"as brotli")
    (static / "assets" / "index-1a2b.js.gz").write_bytes(GZIPPED)
    (static / "assets" / "inter-9f.woff2").write_bytes(FONT)
    (tmp_path / "secret.txt").write_bytes(b"not for readers")
    return static


@pytest.fixture
async def client_of(built: Path) -> AsyncIterator[Client]:
    """Makes a client of an application that serves the folder, or another one, below a prefix."""
    async with AsyncExitStack() as stack:

        def client_of(prefix: str = "", folder: Path = built) -> httpx.AsyncClient:
            routes = page_routes(read_page(folder, prefix), prefix)
            app = create_app(OracleSource(traffic()), no_metrics, routes=routes, path_prefix=prefix)
            transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
            client = httpx.AsyncClient(transport=transport, base_url="http://wayfold")
            stack.push_async_callback(client.aclose)
            return client

        yield client_of


@pytest.fixture
def client(client_of: Client) -> httpx.AsyncClient:
    """A client of the small page at the root."""
    return client_of()
