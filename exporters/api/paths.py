"""Ids in paths, whatever characters they have, and paths behind a reverse proxy.

A server decodes `%2F` before the application sees the path, and then an id that holds a slash looks like
two segments. The encoded slash is therefore replaced by a control character, which no id can hold,
until the handler has its parameter.

A proxy may serve Wayfold below a prefix, and may or may not take that away before it passes a request on.
"""

from typing import Final
from urllib.parse import unquote

from litestar import Litestar
from litestar.types import Receive, Scope, Send

SLASH: Final = "\x1f"


class KeepEncodedSlashes:
    """ASGI wrapper that keeps an encoded slash apart from one that separates segments.

    It also takes `prefix` ("" or "/some/path") from the paths that begin with it; others stay as they are.
    """

    def __init__(self, app: Litestar, prefix: str = "") -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its path decoded once, encoded slashes marked, the prefix taken away."""
        raw = scope.get("raw_path")
        if raw and b"%2f" in raw.lower():
            text = raw.decode("ascii", "replace").replace("%1f", "%EF%BF%BD").replace("%1F", "%EF%BF%BD")
            path = unquote(text.replace("%2F", SLASH).replace("%2f", SLASH))
            scope = {**scope, "path": path}  # type: ignore[assignment]
        if self.prefix and "path" in scope:
            path = scope["path"]
            if path == self.prefix or path.startswith(f"{self.prefix}/"):
                rest = path.removeprefix(self.prefix) or "/"
                scope = {**scope, "path": rest}  # type: ignore[assignment]
        await self.app(scope, receive, send)


def as_id(segment: str) -> str:
    """Give the id that a path segment stands for."""
    return segment.replace(SLASH, "/")
