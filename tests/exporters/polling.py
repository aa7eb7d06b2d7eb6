"""A client that keeps answers with their tags, as a page does that polls."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

TIMELESS = ("as_of", "lag_ms")


def timeless(answer: httpx.Response) -> dict[str, Any]:
    """Give what an answer says, but for when it was given."""
    content: Mapping[str, Any] = answer.json()
    return {name: value for name, value in content.items() if name not in TIMELESS}


class Poller:
    """Asks the same questions again and again; `kept` are the answers by URL, each with its tag."""

    def __init__(self, client: httpx.AsyncClient, urls: Sequence[str]) -> None:
        self.client = client
        self.urls = urls
        self.kept: dict[str, tuple[str, dict[str, Any]]] = {}

    async def ask(self) -> dict[str, int]:
        """Ask every question with the tag of the answer kept, and keep what is new; gives each status."""
        statuses = {}
        for url in self.urls:
            tag, _ = self.kept.get(url, ("", {}))
            answer = await self.client.get(url, headers={"if-none-match": tag} if tag else {})
            statuses[url] = answer.status_code
            if answer.status_code == 304:
                assert answer.headers["etag"] == tag
                assert answer.content == b""
            elif answer.status_code == 200:
                assert "etag" not in answer.headers or answer.headers["etag"] != tag
                if "etag" in answer.headers:
                    self.kept[url] = answer.headers["etag"], timeless(answer)
            else:
                assert "etag" not in answer.headers
                assert answer.headers["cache-control"] == "no-store"
        return statuses

    async def check(self) -> dict[str, int]:
        """Ask as `ask` does; where the answer kept is said to hold, a fresh one has to be the same."""
        kept = dict(self.kept)
        statuses = await self.ask()
        for url in [url for url, status in statuses.items() if status == 304]:
            fresh = await self.client.get(url)
            assert fresh.status_code == 200, (url, fresh.text)
            assert timeless(fresh) == kept[url][1], url
        return statuses
