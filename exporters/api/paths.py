"""Ids in paths, whatever characters they have.

A server decodes `%2F` before the application sees the path, and then an id that holds a slash looks like
two segments. The encoded slash is therefore replaced by a control character, which no id can hold,
until the handler has its parameter.
"""

from typing import Final
from urllib.parse import unquote

from litestar import Litestar
from litestar.types import Receive, Scope, Send

SLASH: Final = "\x1f"


class KeepEncodedSlashes:
    """ASGI wrapper that keeps an encoded slash apart from one that separates segments."""

    def __init__(self, app: Litestar) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its path decoded once, encoded slashes marked."""
        raw = scope.get("raw_path")
        if raw and b"%2f" in raw.lower():
            text = raw.decode("ascii", "replace").replace("%1f", "%EF%BF%BD").replace("%1F", "%EF%BF%BD")
            path = unquote(text.replace("%2F", SLASH).replace("%2f", SLASH))
            scope = {**scope, "path": path}  # type: ignore[assignment]
        await self.app(scope, receive, send)


def as_id(segment: str) -> str:
    """Give the id that a path segment stands for."""
    return segment.replace(SLASH, "/")
