"""The routes of the page: the document at each address of a page, and the files that it loads."""

import secrets
from http import HTTPStatus
from typing import Any, Final

from litestar import HttpMethod, Request, Response, route
from litestar.handlers import HTTPRouteHandler

from wayfold.exporters.dashboard.built import BuiltPage, File
from wayfold.exporters.dashboard.encodings import chosen
from wayfold.exporters.dashboard.headers import PROTECTING, content_security_policy
from wayfold.exporters.dashboard.unbuilt import unbuilt_document

PAGES: Final = ("/", "/journeys", "/journeys/{rest:path}")
"""Where the document is served; no other path answers with it."""
ASSETS: Final = "assets/"
READING: Final = (HttpMethod.GET, HttpMethod.HEAD)
# The names of assets change with their content.
LASTING: Final = "public, max-age=31536000, immutable"
ASKED_AGAIN: Final = "no-cache"


def page_routes(page: BuiltPage | None, prefix: str) -> list[HTTPRouteHandler]:
    """Make the routes that serve `page` at addresses that begin with `prefix`.

    Without a page its addresses answer 503 and say what to run. The routes are no part of the API, so the
    OpenAPI document does not list them. An unknown file is an unknown path like any other.
    """

    @route([*PAGES], http_method=[*READING], include_in_schema=False, sync_to_thread=False)
    def document() -> Response[bytes]:
        nonce = secrets.token_urlsafe(16)
        content = unbuilt_document(nonce, prefix) if page is None else page.with_nonce(nonce)
        return Response(
            content,
            status_code=HTTPStatus.SERVICE_UNAVAILABLE if page is None else HTTPStatus.OK,
            media_type="text/html",
            headers={
                "cache-control": "no-store",
                "content-security-policy": content_security_policy(nonce),
                **PROTECTING,
            },
        )

    if page is None:
        return [document]
    paths = [f"/{name}" for name in page.files]

    @route(paths, http_method=[*READING], include_in_schema=False, sync_to_thread=False)
    def file(request: Request[Any, Any, Any]) -> Response[bytes]:
        name = request.scope["path"].strip("/")
        return _file(page.files[name], request, LASTING if name.startswith(ASSETS) else ASKED_AGAIN)

    return [document, file]


def _file(found: File, request: Request[Any, Any, Any], keeping: str) -> Response[bytes]:
    """Answer with the file, the copy of it that the client takes, or 304 where the client has that."""
    encoding = chosen(request.headers.get("accept-encoding", ""), found.copies)
    tag = f'"{found.digest}-{encoding}"' if encoding else f'"{found.digest}"'
    headers = {"cache-control": keeping, "etag": tag, **PROTECTING}
    if found.copies:
        headers["vary"] = "accept-encoding"
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if encoding:
        headers["content-encoding"] = encoding
    content = found.copies[encoding] if encoding else found.content
    return Response(content, media_type=found.content_type, headers=headers)


def _has(if_none_match: str, tag: str) -> bool:
    tags = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in tags or "*" in tags
