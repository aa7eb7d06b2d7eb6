"""Which accounts there are."""

from typing import Any

from litestar import Request, Response, get

from wayfold.exporters.api import answers
from wayfold.exporters.api.filters import check_names
from wayfold.exporters.api.given import ANSWERS, Source
from wayfold.exporters.api.instants import instant


@get("/v1/accounts", responses=ANSWERS, tags=["accounts"], summary="The accounts there are")
async def list_accounts(source: Source, request: Request[Any, Any, Any]) -> Response[answers.AccountsAnswer]:
    """Answer with every account that has an event or a definition, by id; it reads no numbers."""
    check_names(request, frozenset())
    fresh = await source.freshness()
    accounts = await source.accounts()
    watermark_ms = max((account.watermark_ms for account in accounts), default=-1)
    content = answers.AccountsAnswer(
        as_of=instant(fresh.as_of_ms),
        watermark=_instant(watermark_ms),
        lag_ms=fresh.lag_ms,
        accounts=[
            answers.AccountSummary(
                account_id=account.account_id,
                time_zone=account.time_zone,
                journeys=account.journeys,
                watermark=_instant(account.watermark_ms),
            )
            for account in accounts
        ],
    )
    return Response(content)


def _instant(at_ms: int) -> str | None:
    return instant(at_ms) if at_ms >= 0 else None
