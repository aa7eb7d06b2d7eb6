"""A client of the API over a source that answers from the oracle."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.exporters.traffic import OracleSource, traffic
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.given import Limits
from wayfold.exporters.api.paths import KeepEncodedSlashes


async def no_metrics(accept: str) -> tuple[bytes, str]:
    return b"", "text/plain"


class AnySource:
    """Passes every question on to the source of the test that runs, so that one application serves all."""

    def __init__(self) -> None:
        self.current: OracleSource | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.current, name)


@pytest.fixture(scope="session")
def application() -> tuple[AnySource, KeepEncodedSlashes]:
    source = AnySource()
    return source, create_app(source, no_metrics, limits=Limits(buckets=100, page=50))


@pytest.fixture
def source(application: tuple[AnySource, KeepEncodedSlashes]) -> OracleSource:
    application[0].current = OracleSource(traffic())
    return application[0].current


@pytest.fixture
async def client(
    source: OracleSource, application: tuple[AnySource, KeepEncodedSlashes]
) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application[1])  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        yield client
