"""Conditional requests: an answer has a tag, and who has that answer already is told so instead.

The tag is made of the state of the source, which is asked for before any number is read: so an answer is as
new as its tag or newer, and one that is newer is only sent once more than need be. Handlers know nothing of
this; they are given a source that looks at the tag before it reads.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import Request, Response
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from wayfold import __version__
from wayfold.exporters.api.source import AccountSummary, Freshness, Judged, NumbersSource
from wayfold.models.zone import Zone
from wayfold.state.reading.query import Query

CACHE_CONTROL: Final = "cache_control"
"""The option of a handler that replaces `KEPT` for its answers."""
KEPT: Final = "private, no-cache"
"""An answer may be kept by who asked, and is not shown again without asking whether it still holds."""
NOT_KEPT: Final = "no-store"

_ASKED: Final = "conditional"
_ONE_TAG: Final = re.compile(r'[ \t]*(?:(?:W/)?"([^"\x00-\x20\x7f]*)")?[ \t]*(?:,|$)')


class NotModifiedError(Exception):
    """Who asks has the answer already."""


class Asked:
    """What is known of a request that reads numbers: the tag of its answer, None for none, and its caching.

    `anything` is whether the caller wants no answer if there is any: that is known when there is one.
    """

    def __init__(self, tag: str | None, cache_control: str, given: str) -> None:
        self.tag = tag
        self.cache_control = cache_control
        self.anything = tag is not None and given.strip() == "*"

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer, whether it is sent or not."""
        headers = {"cache-control": self.cache_control, "vary": "Accept-Encoding"}
        return headers if self.tag is None else {"etag": f'W/"{self.tag}"', **headers}


class TaggedSource:
    """The source as one request sees it: its state is looked at before the first number is read.

    Each method that reads numbers may raise `NotModifiedError`.
    """

    def __init__(self, source: NumbersSource, request: Request[Any, Any, Any]) -> None:
        self._source = source
        self._request = request
        self._asked: Asked | None = None

    async def document(self, query: Query) -> Mapping[str, Any]:
        """Answer with a numbers document."""
        await self._look(query.account_id)
        return await self._source.document(query)

    async def users(self, query: Query, number: str) -> Sequence[str]:
        """List the ids of the users behind a number."""
        await self._look(query.account_id)
        return await self._source.users(query, number)

    async def freshness(self, account_id: str | None = None) -> Freshness:
        """Say how fresh the answer is."""
        await self._look(account_id)
        return await self._source.freshness(account_id)

    async def accounts(self) -> Sequence[AccountSummary]:
        """List the accounts."""
        await self._look(None)
        return await self._source.accounts()

    async def state(self, account_id: str | None = None) -> str | None:
        """Give the state of the source."""
        return await self._source.state(account_id)

    async def judged(self) -> Mapping[int, Judged]:
        """Say what became of records."""
        return await self._source.judged()

    def zone(self, account_id: str) -> Zone:
        """Give the calendar of an account."""
        return self._source.zone(account_id)

    async def unready(self) -> list[str]:
        """Say why no good answer can be given now."""
        return await self._source.unready()

    async def _look(self, account_id: str | None) -> None:
        """Note the tag of the answer, unless it is known; raises when the caller has that answer."""
        if self._asked is not None:
            return
        state = await self._source.state(account_id)
        tag = None if state is None else f"{__version__}-{state}"
        given = ",".join(self._request.headers.getall("if-none-match", []))
        cache_control = self._request.route_handler.opt.get(CACHE_CONTROL, KEPT)
        self._asked = Asked(tag, cache_control, given)
        self._request.scope["state"][_ASKED] = self._asked
        if tag is not None and tag in tags_of(given):
            raise NotModifiedError


def tags_of(given: str) -> list[str]:
    """List the tags of an If-None-Match, weak or not; none when it is not a list of tags."""
    tags: list[str] = []
    at = 0
    while at < len(given):
        one = _ONE_TAG.match(given, at)
        if one is None:
            return []
        if one[1] is not None:
            tags.append(one[1])
        at = one.end()
    return tags


def not_modified(request: Request[Any, Any, Any], _: NotModifiedError) -> Response[bytes]:
    """Answer that the caller's answer still holds."""
    asked: Asked = request.scope["state"][_ASKED]
    return Response(b"", status_code=304, headers=asked.headers)


class TagAnswers:
    """Middleware that gives the answers to questions for numbers their headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back with headers."""
        dropping = False

        async def tagged(message: Message) -> None:
            nonlocal dropping
            asked: Asked | None = scope["state"].get(_ASKED)
            if asked is not None and message["type"] == "http.response.start" and message["status"] == 200:
                headers = [(name.encode(), text.encode()) for name, text in asked.headers.items()]
                dropping = asked.anything
                if dropping:
                    message = {**message, "status": 304, "headers": headers}
                else:
                    message = {**message, "headers": [*message["headers"], *headers]}
            elif dropping and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app(scope, receive, tagged)
