"""What operators do about records of a running embedded host: send mended ones again, skip one."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any

import aiohttp
import msgspec
from litestar import Request, Response, Router, post
from msgspec import Meta

from wayfold.agents.control.skipping import SkipRefusedError, SkipRequest
from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.embedded.dead_letters import LocalDeadLetters
from wayfold.agents.ingest.bodies import UnreadableBodyError
from wayfold.agents.ingest.problems import EXCEPTION_HANDLERS, problem
from wayfold.agents.sink import EventSink
from wayfold.models.refusal import DeadLetter, Refusal

ReadLines = Callable[[Iterable[bytes]], Iterable[tuple[DeadLetter, bytes | None]]]
"""Reads lines as `wayfold dead-letters list --json` prints them; what it raises says what is wrong."""


Skip = Callable[[SkipRequest], Awaitable[None]]
"""Skips a record; raises `SkipRefusedError`."""


class StillRefused(msgspec.Struct, frozen=True):
    """A letter that would be refused again."""

    topic: str
    partition: int
    offset: int
    refusal: Refusal


class ResendAnswer(msgspec.Struct):
    """What became of letters that were to be sent again."""

    sent: Annotated[int, Meta(ge=0, description="Letters whose records are durable in the log now.")]
    refused: list[StillRefused]


class SkipAnswer(msgspec.Struct):
    """The record that is refused from now on, wherever it is not counted yet."""

    topic: str
    partition: int
    offset: int


def letters_router(
    letters: LocalDeadLetters, sink: EventSink, read_lines: ReadLines, skip_record: Skip
) -> Router:
    """Build the routes that send letters again, and turn a record into one."""

    @post("/v1/dead-letters/resend", tags=["ingest"], summary="Send dead letters again", status_code=200)
    async def resend(request: Request[Any, Any, Any]) -> ResendAnswer:
        """Take lines as `wayfold dead-letters list --json` prints them, their `value` mended."""
        body = await request.body()
        try:
            mended = list(read_lines(body.splitlines()))
        except Exception as error:
            raise UnreadableBodyError(400, str(error)) from error
        answers = await letters.resend(sink, mended)
        refused = [
            StillRefused(one.letter.topic, one.letter.partition, one.letter.offset, one.refusal)
            for one in answers
            if one.refusal is not None
        ]
        return ResendAnswer(len(answers) - len(refused), refused)

    @post("/v1/dead-letters/skip", tags=["ingest"], summary="Skip a record of the log", status_code=200)
    async def skip(request: Request[Any, Any, Any]) -> SkipAnswer:
        """Refuse one record that is not counted yet, unread: it becomes a dead letter.

        The body is a JSON object: topic, partition, offset, and optional note, by and force. 409 when the
        record is not there, or is counted and the request not forced.
        """
        try:
            asked = msgspec.json.decode(await request.body(), type=SkipRequest)
        except msgspec.DecodeError as error:
            raise UnreadableBodyError(400, str(error)) from error
        await skip_record(asked)
        return SkipAnswer(asked.topic, asked.partition, asked.offset)

    return Router(
        "/",
        route_handlers=[resend, skip],
        exception_handlers={**EXCEPTION_HANDLERS, SkipRefusedError: _not_skipped},
    )


def _not_skipped(_: Request[Any, Any, Any], error: SkipRefusedError) -> Response[Any]:
    return problem(409, "not-skipped", str(error))


async def resend_over_http(url: str, lines: bytes) -> ResendAnswer:
    """Send letters to the route of a running host; raises `DestinationError`."""
    status, body = await _post(url, "/v1/dead-letters/resend", lines)
    if status != 200:
        raise _unexpected(url, status, body)
    return msgspec.json.decode(body, type=ResendAnswer)


async def skip_over_http(url: str, request: SkipRequest) -> None:
    """Skip a record of a running host; raises `DestinationError` or `SkipRefusedError`."""
    status, body = await _post(url, "/v1/dead-letters/skip", msgspec.json.encode(request))
    if status == 409:
        raise SkipRefusedError(msgspec.json.decode(body)["detail"])
    if status != 200:
        raise _unexpected(url, status, body)


async def _post(url: str, path: str, content: bytes) -> tuple[int, bytes]:
    address = f"{url.rstrip('/')}{path}"
    try:
        async with aiohttp.ClientSession() as session, session.post(address, data=content) as response:
            return response.status, await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise DestinationError(
            f"{url} did not answer ({error}). Check that `wayfold run` runs there."
        ) from error


def _unexpected(url: str, status: int, body: bytes) -> DestinationError:
    return DestinationError(f"{url} answered {status}: {body[:500].decode(errors='replace')}")
