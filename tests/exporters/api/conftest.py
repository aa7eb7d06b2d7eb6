"""A client of the API over a source that answers from the oracle."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.exporters.traffic import OracleSource, traffic
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.given import Limits


async def no_metrics(accept: str) -> tuple[bytes, str]:
    return b"", "text/plain"


@pytest.fixture
def source() -> OracleSource:
    return OracleSource(traffic())


@pytest.fixture
async def client(source: OracleSource) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(source, no_metrics, limits=Limits(buckets=100, page=50))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        yield client
