"""Sending to a Wayfold over HTTP: patient while it is busy or away, clear when it says no."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from wayfold.agents.destinations import http
from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.destinations.http import HttpDestination
from wayfold.agents.sink import Outgoing

Answer = Callable[[list[Any]], web.Response]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once, so that the tests do not wait."""
    monkeypatch.setattr(http, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(http, "LONGEST_PAUSE_S", 0.01)


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[tuple[str, list[list[Any]]]]:
    """A server that gives each answer once, then the last one for ever; with the bodies that it got."""
    bodies: list[list[Any]] = []

    async def events(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        bodies.append(body)
        return answers[min(len(bodies), len(answers)) - 1](body)

    app = web.Application()
    app.router.add_post("/v1/events", events)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/")), bodies
    finally:
        await server.close()


def accepted(body: list[Any]) -> web.Response:
    return web.json_response({"accepted": len(body), "rejected": []}, status=202)


def busy(body: list[Any]) -> web.Response:
    return web.json_response({"detail": "behind"}, status=503, headers={"retry-after": "0"})


def rejecting(body: list[Any]) -> web.Response:
    rejected = [
        {"index": index, "event_id": None, "reason": "late", "field": "", "message": "Too old."}
        for index, each in enumerate(body)
        if each == "bad"
    ]
    return web.json_response({"accepted": len(body) - len(rejected), "rejected": rejected}, status=202)


def at_most(limit: int, otherwise: Answer) -> Answer:
    def answer(body: list[Any]) -> web.Response:
        return web.json_response({"detail": "too many"}, status=413) if len(body) > limit else otherwise(body)

    return answer


def records(*values: Any) -> list[Outgoing]:
    return [Outgoing("steps", b"ada", json.dumps(value).encode()) for value in values]


async def sending(url: str, *values: Any, patience_s: float = 5) -> list[int]:
    destination = HttpDestination(url, patience_s)
    try:
        return [each.index for each in await destination.send(records(*values))]
    finally:
        await destination.close()


async def test_records_go_in_one_request() -> None:
    """A batch is one array, in order."""
    async with serving(accepted) as (url, bodies):
        assert await sending(url, "a", {"b": 1}) == []
        assert bodies == [["a", {"b": 1}]]


async def test_a_busy_server_is_tried_again() -> None:
    """503 with Retry-After is waited for, and the same batch is sent again."""
    async with serving(busy, busy, accepted) as (url, bodies):
        assert await sending(url, "a") == []
        assert bodies == [["a"]] * 3


async def test_rejected_events_are_reported_by_their_place() -> None:
    """Verdicts come back with the index of the record in the batch."""
    async with serving(rejecting) as (url, _):
        assert await sending(url, "a", "bad", "b") == [1]


async def test_a_batch_that_is_too_large_is_halved() -> None:
    """413 is answered by smaller requests; places still count from the batch's beginning."""
    async with serving(at_most(2, rejecting)) as (url, bodies):
        assert await sending(url, "a", "b", "c", "bad", "d", "bad") == [3, 5]
        assert all(len(body) <= 2 for body in bodies if len(body) < 6 and len(body) != 3)


async def test_a_refusal_is_told_as_the_server_told_it() -> None:
    """Any other status is an error with the server's own words."""

    def forbidden(body: list[Any]) -> web.Response:
        return web.json_response({"detail": "not today"}, status=403)

    async with serving(forbidden) as (url, _):
        with pytest.raises(DestinationError, match="answered 403: not today"):
            await sending(url, "a")


async def test_a_server_that_stays_away_is_given_up() -> None:
    """When nobody answers for long enough, the error says what to do."""
    with pytest.raises(DestinationError, match="Check that Wayfold runs there"):
        await sending(f"http://127.0.0.1:{unused_port()}", "a", patience_s=0.05)


async def test_a_server_that_stays_busy_is_given_up_with_its_reason() -> None:
    """Patience with a busy server ends too."""
    async with serving(lambda body: web.json_response({"detail": "far behind"}, status=503)) as (url, _):
        with pytest.raises(DestinationError, match="far behind"):
            await sending(url, "a", patience_s=0.05)
