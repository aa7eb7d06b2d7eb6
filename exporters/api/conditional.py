"""Answers that are still right are not given again: tags of what an answer reflects, and 304.

A tag names the state of the source before the numbers were read (see `NumbersSource.state`), so that an
answer may be newer than its tag and never older. It says nothing of `as_of` and `lag_ms`, which change all
the time.
"""

import re
from typing import Any, Final

from litestar import Request, Response
from litestar.types import Message, Scope

from wayfold import __version__
from wayfold.exporters.api.source import NumbersSource

READS_NUMBERS: Final = {"reads_numbers": True}
"""In the `opt` of a handler whose answer follows from the numbers, and nothing else but the URL."""
LISTS_PEOPLE: Final = {"reads_numbers": True, "lists_people": True}
"""The same for answers that hold ids of users: nobody may keep them."""

_TAG: Final = "wayfold.tag"
_ANY: Final = "wayfold.any"
_DROPPED: Final = "dropped"
"""What `_ANY` is once the caller has been told that there is an answer, which is not sent."""
_TAGS: Final = re.compile(r'\s*(?:W/)?"([^"]*)"\s*(?:,|$)')
_MOST_COMPARED: Final = 4096
"""Characters of If-None-Match that are looked at; no client of ours sends as many."""


async def answer_unchanged(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Answer 304 when the client has what it would get; otherwise note the tag, for `send_tag`."""
    if not request.route_handler.opt.get("reads_numbers"):
        return None
    source: NumbersSource = request.app.state["source"]
    state = await source.state()
    if state is None:
        return None
    tag = f"{__version__}-{state}"
    request.scope["state"][_TAG] = tag
    given = ",".join(request.headers.getall("if-none-match", []))
    if given.strip() == "*":
        # Whether there is an answer is known when it was read: a wrong question has none.
        request.scope["state"][_ANY] = True
    elif matches(given, tag):
        return Response(None, status_code=304)
    return None


async def send_tag(message: Message, scope: Scope) -> None:
    """Put the tag on an answer, and say who may keep it: errors nobody, numbers whoever asks again first."""
    if message["type"] == "http.response.body":
        if scope["state"].get(_ANY) == _DROPPED:
            message["body"] = b""
        return
    if message["type"] != "http.response.start":
        return
    tag = scope["state"].get(_TAG)
    if tag is None and message["status"] < 400:
        return
    headers = [header for header in message["headers"] if header[0].lower() != b"cache-control"]
    if tag is not None and message["status"] in (200, 304):
        if scope["state"].get(_ANY) and message["status"] == 200:
            scope["state"][_ANY], message["status"] = _DROPPED, 304
            headers = [header for header in headers if not header[0].lower().startswith(b"content-")]
        headers.append((b"etag", f'W/"{tag}"'.encode()))
        if not any(header[0].lower() == b"vary" for header in headers):
            headers.append((b"vary", b"Accept-Encoding"))
        opt = scope["route_handler"].opt
        keep = b"no-store" if opt.get("lists_people") else b"private, no-cache"
    else:
        keep = b"no-store"
    message["headers"] = [*headers, (b"cache-control", keep)]


def matches(if_none_match: str, tag: str) -> bool:
    """Whether If-None-Match names a tag, weakly compared; what cannot be read matches nothing."""
    if len(if_none_match) > _MOST_COMPARED:
        return False
    position = 0
    while position < len(if_none_match):
        found = _TAGS.match(if_none_match, position)
        if found is None:
            return False
        if found[1] == tag:
            return True
        position = found.end()
    return False
