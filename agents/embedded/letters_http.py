"""`POST /v1/dead-letters/resend`: mended dead letters into the log of a running embedded host."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import aiohttp
import msgspec
from litestar import Request, Router, post
from msgspec import Meta

from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.embedded.dead_letters import LocalDeadLetters
from wayfold.agents.ingest.bodies import UnreadableBodyError
from wayfold.agents.ingest.problems import EXCEPTION_HANDLERS
from wayfold.agents.sink import EventSink
from wayfold.models.refusal import DeadLetter, Refusal

ReadLines = Callable[[Iterable[bytes]], Iterable[tuple[DeadLetter, bytes | None]]]
"""Reads lines as `wayfold dead-letters list --json` prints them; what it raises says what is wrong."""


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


def letters_router(letters: LocalDeadLetters, sink: EventSink, read_lines: ReadLines) -> Router:
    """Build the route that sends letters again."""

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

    return Router("/", route_handlers=[resend], exception_handlers=EXCEPTION_HANDLERS)


async def resend_over_http(url: str, lines: bytes) -> ResendAnswer:
    """Send letters to the route of a running host; raises `DestinationError`."""
    address = f"{url.rstrip('/')}/v1/dead-letters/resend"
    try:
        async with aiohttp.ClientSession() as session, session.post(address, data=lines) as response:
            body = await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise DestinationError(
            f"{url} did not answer ({error}). Check that `wayfold run` runs there."
        ) from error
    if response.status != 200:
        raise DestinationError(f"{url} answered {response.status}: {body[:500].decode(errors='replace')}")
    return msgspec.json.decode(body, type=ResendAnswer)
