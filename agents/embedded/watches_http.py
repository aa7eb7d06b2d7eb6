"""`/v1/watches`: a sender hears exactly what became of its own events, whoever else sends meanwhile."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import PathParameter
from msgspec import Meta

from wayfold.agents.embedded.watches import Watched, Watches
from wayfold.agents.ingest.problems import problem

WatchId = Annotated[str, PathParameter(description="The id that POST /v1/watches gave.")]
TAG: Final = ["ingest"]


class WatchAnswer(msgspec.Struct):
    """A watch, and what became of its records up to now."""

    watch_id: str
    records: Annotated[int, Meta(ge=0, description="Records of the watch that are in the log.")]
    counted: Annotated[int, Meta(ge=0, description="Those that count.")]
    repeated: Annotated[int, Meta(ge=0, description="Those whose event was accepted before.")]
    refused: Annotated[dict[str, int], Meta(description="By reason, those that were not accepted.")]


def watches_router(watches: Watches) -> Router:
    """Build the routes of a host's watches."""

    @post("/v1/watches", tags=TAG, summary="Watch what becomes of events", status_code=201)
    async def open_watch(request: Request[Any, Any, Any]) -> WatchAnswer:
        """Begin a watch: events sent with its id in the header X-Wayfold-Watch are counted apart.

        A host keeps the latest hundred, until it stops.
        """
        return _answer(watches.open(), Watched())

    @get("/v1/watches/{watch_id:str}", tags=TAG, summary="What became of a watch's events")
    async def get_watch(watch_id: WatchId) -> Response[WatchAnswer]:
        """Answer with how many of a watch's records were counted, repeated, and refused by reason."""
        found = watches.of(watch_id)
        if found is None:
            return problem(404, "unknown-watch", f"there is no watch {watch_id!r}, or none any more")
        return Response(_answer(watch_id, found))

    return Router("/", route_handlers=[open_watch, get_watch])


def _answer(watch_id: str, found: Watched) -> WatchAnswer:
    return WatchAnswer(watch_id, found.records, found.counted, found.repeated, dict(found.refused))
