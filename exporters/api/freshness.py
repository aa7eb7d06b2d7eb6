"""How fresh numbers are, for who shows them and wants to know when to ask again."""

from typing import Any

from litestar import Request, Response, get

from wayfold.exporters.api import answers, filters
from wayfold.exporters.api.conditional import NOT_KEPT
from wayfold.exporters.api.given import PROBLEMS, LiveSource
from wayfold.exporters.api.instants import instant
from wayfold.exporters.api.source import SourceUnavailableError


@get(
    "/v1/freshness",
    responses=PROBLEMS,
    tags=["numbers"],
    summary="How fresh numbers are, and whether any may have changed",
)
async def get_freshness(
    live_source: LiveSource, request: Request[Any, Any, Any], account: filters.AnyAccount = None
) -> Response[answers.FreshnessAnswer]:
    """Answer with the state that an answer's ETag ends with; it reads no numbers."""
    filters.check_names(request, {"account"})
    # The state first: who asks for numbers when it differs must not miss what came since.
    state = await live_source.state(account)
    if state is None:
        reasons = await live_source.unready()
        raise SourceUnavailableError("; ".join(reasons) or "not all numbers are there; ask again in a moment")
    fresh = await live_source.freshness(account)
    content = answers.FreshnessAnswer(
        as_of=instant(fresh.as_of_ms),
        watermark=instant(fresh.watermark_ms) if fresh.watermark_ms >= 0 else None,
        lag_ms=fresh.lag_ms,
        state=state,
    )
    return Response(content, headers={"cache-control": NOT_KEPT})
