"""Reading gives way to nobody on its way to the numbers: a turn of a busy event loop takes milliseconds."""

import asyncio
from typing import Any

import pytest

from tests.exporters.api.conftest import AnySource
from tests.exporters.traffic import OracleSource
from wayfold.exporters.api.paths import KeepEncodedSlashes

JOURNEY = "/v1/journeys/welcome"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/journeys", "account=acme"),
        (JOURNEY, "account=acme"),
        (f"{JOURNEY}/steps", "account=acme"),
        (f"{JOURNEY}/series", "account=acme&from=2026-11-01&to=2026-11-03"),
        ("/v1/series", "account=acme&number=total_entries&from=2026-11-01&to=2026-11-03"),
        (f"{JOURNEY}/users", "account=acme&number=entered_users"),
        ("/v1/accounts/acme", ""),
        ("/v1/numbers", ""),
        ("/readyz", ""),
        ("/metrics", ""),
    ],
)
async def test_an_answer_whose_numbers_are_at_hand_is_given_in_one_turn(
    source: OracleSource, application: tuple[AnySource, KeepEncodedSlashes], path: str, query: str
) -> None:
    """No other task of the event loop runs between a request and its answer."""
    app: Any = application[1]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    statuses: list[int | None] = []
    running = asyncio.create_task(others())
    await asyncio.sleep(0)
    before = turns
    await app(scope, receive, send)
    assert turns == before
    assert statuses[0] == 200
    running.cancel()
