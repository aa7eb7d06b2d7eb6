"""Large answers are sent gzip-compressed to who takes them so.

They are compressed by threads of their own: zlib lets the event loop and the fold run meanwhile.
"""

import asyncio
import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

LEAST_BYTES: Final = 64 * 1024
LEVEL: Final = 1
THREADS: Final = 2
TYPES: Final = (b"application/json", b"application/problem+json", b"text/")

_GZIP: Final = re.compile(r"^[ \t]*(gzip|x-gzip|\*)[ \t]*(?:;[ \t]*q=([0-9.]+)[ \t]*)?$", re.IGNORECASE)
_threads: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="compression")


class CompressLarge:
    """Middleware that compresses an answer that comes in one piece of 64 KiB or more."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back, smaller where that is worth it."""
        start: HTTPResponseStartEvent | None = None

        async def compressed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None:
                began, start = start, None
                if message["type"] == "http.response.body" and is_worth_it(began, message["body"]):
                    # A piece of an answer that comes in several stays as it is.
                    if not message["more_body"] and takes_gzip(_accepted(scope)):
                        body = await asyncio.get_running_loop().run_in_executor(
                            _threads, _compress, message["body"]
                        )
                        began = _with_headers(began, len(body))
                        message = {**message, "body": body}
                    began = _varying(began)
                await send(began)
            await send(message)

        await self.app(scope, receive, compressed)


def is_worth_it(start: HTTPResponseStartEvent, body: bytes) -> bool:
    """Whether an answer is large, text, and not compressed yet."""
    headers = dict(start["headers"])
    return (
        len(body) >= LEAST_BYTES
        and headers.get(b"content-type", b"").startswith(TYPES)
        and b"content-encoding" not in headers
    )


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding takes gzip; what is said of gzip goes before what is said of all."""
    found: dict[str, bool] = {}
    for part in accepted.split(","):
        one = _GZIP.match(part)
        if one is not None:
            found[one[1].lower()] = one[2] is None or one[2].strip("0.") != ""
    return found.get("gzip", found.get("x-gzip", found.get("*", False)))


def _compress(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


def _accepted(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"accept-encoding"]
    return b",".join(values).decode("latin-1")


def _with_headers(start: HTTPResponseStartEvent, length: int) -> HTTPResponseStartEvent:
    kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    headers = [*kept, (b"content-encoding", b"gzip"), (b"content-length", str(length).encode())]
    return {**start, "headers": headers}


def _varying(start: HTTPResponseStartEvent) -> HTTPResponseStartEvent:
    if any(name == b"vary" for name, _ in start["headers"]):
        return start
    return {**start, "headers": [*start["headers"], (b"vary", b"Accept-Encoding")]}
