"""A store that is closed under a reader is a moment's absence, not a fault."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.exporters.partitions import fold_all, open_partitions
from tests.exporters.traffic import traffic
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.internal import create_internal_app, partitions_router
from wayfold.exporters.api.local import LocalNumbers
from wayfold.exporters.api.source import SourceUnavailableError
from wayfold.exporters.prometheus.page import MetricsWriter
from wayfold.models.zone import Zone
from wayfold.state.reading.query import Query
from wayfold.state.telemetry import Telemetry

SLICE = Query(account_id="acme", journey_id="welcome", start="2026-11-01T11:00", end="2026-11-02T12:00")
RANGE = "account=acme&from=2026-11-01T11:00&to=2026-11-02T12:00"
ASKED: dict[str, Any] = {"query": SLICE, "partitions": [0, 1], "watermarks": {}}
OF_BOTH = [
    ("POST", "/internal/partial", ASKED),
    ("POST", "/internal/users", {**ASKED, "number": "entered_users"}),
]
QUESTIONS = [
    ("GET", f"/v1/numbers?{RANGE}", None),
    ("GET", f"/v1/journeys?{RANGE}", None),
    ("GET", f"/v1/journeys/welcome?{RANGE}", None),
    ("GET", f"/v1/journeys/welcome/steps?{RANGE}", None),
    ("GET", f"/v1/accounts/acme?{RANGE.partition('&')[2]}", None),
    ("GET", f"/v1/journeys/welcome/series?{RANGE}&bucket=hour", None),
    ("GET", f"/v1/series?{RANGE}&number=sent.messages", None),
    ("GET", "/v1/journeys/welcome/users?account=acme&number=total_entries", None),
]


@pytest.fixture
async def client(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a host whose second partition was closed."""
    partitions = open_partitions(tmp_path, 2)
    fold_all(partitions, traffic())
    source = LocalNumbers(lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    metrics = MetricsWriter(Telemetry(), lambda: partitions, source)
    app: Any
    if request.param == "worker":
        app = create_internal_app(lambda: partitions, metrics, unready=list, token=None)
    else:
        app = create_app(source, metrics, routes=[partitions_router(lambda: partitions)])
    partitions[1].close()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        yield client
    partitions[0].close()


@pytest.mark.parametrize(
    ("client", "method", "path", "body"),
    [("embedded host", *question) for question in QUESTIONS + OF_BOTH]
    + [("worker", *question) for question in OF_BOTH],
    indirect=["client"],
)
async def test_a_store_closed_under_a_reader_is_a_503(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    """Whoever asks is told to ask again, whatever was asked; an answer without a part never comes."""
    content = None if body is None else msgspec.json.encode(body)
    answer = await client.request(method, path, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"] == "urn:wayfold:problem:numbers-unavailable"
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("client", ["embedded host", "worker"], indirect=True)
async def test_metrics_are_shown_while_a_store_is_closed(client: httpx.AsyncClient) -> None:
    """The page comes with what is known; the size of a closed store is absent."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert 'wayfold_state_bytes{partition="0"}' in answer.text
    assert 'wayfold_state_bytes{partition="1"}' not in answer.text
    assert 'wayfold_accepted_total{partition="1"}' in answer.text


async def test_who_reads_the_source_itself_is_told_the_same(tmp_path: Path) -> None:
    """Readers beside HTTP, such as the page of metrics, get the error that they are prepared for."""
    partitions = open_partitions(tmp_path, 1)
    fold_all(partitions, traffic())
    source = LocalNumbers(lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    partitions[0].close()
    with pytest.raises(SourceUnavailableError, match="ask again"):
        await source.document(SLICE)
    with pytest.raises(SourceUnavailableError, match="ask again"):
        await source.users(SLICE, "entered_users")
