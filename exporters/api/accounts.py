"""Which accounts there are, and how fresh their numbers are."""

from typing import Any

from litestar import Request, Response, get

from wayfold.exporters.api import answers, filters
from wayfold.exporters.api.conditional import READS_NUMBERS
from wayfold.exporters.api.given import PROBLEMS, Source
from wayfold.exporters.api.instants import instant
from wayfold.exporters.api.journeys import answer
from wayfold.exporters.api.source import Freshness, SourceUnavailableError


def fields_of(fresh: Freshness) -> dict[str, Any]:
    """Write how fresh an answer is, as every answer says it."""
    return {
        "as_of": instant(fresh.as_of_ms),
        "watermark": instant(fresh.watermark_ms) if fresh.watermark_ms >= 0 else None,
        "lag_ms": fresh.lag_ms,
    }


@get(
    "/v1/accounts", opt=READS_NUMBERS, responses=PROBLEMS, tags=["accounts"], summary="The accounts there are"
)
async def list_accounts(source: Source, request: Request[Any, Any, Any]) -> Response[answers.AccountsAnswer]:
    """Answer with every account that has a journey, an event or a definition, by id."""
    filters.check_names(request, ())
    content = {
        **fields_of(await source.freshness()),
        "accounts": [
            {
                "account_id": account.account_id,
                "time_zone": account.time_zone,
                "journeys": account.journeys,
                "watermark": instant(account.watermark_ms) if account.watermark_ms >= 0 else None,
            }
            for account in await source.accounts()
        ],
    }
    return answer(answers.AccountsAnswer, content)


@get(
    "/v1/freshness",
    responses=PROBLEMS,
    tags=["operation"],
    summary="How fresh the numbers are, and whether they changed",
)
async def get_freshness(
    source: Source, request: Request[Any, Any, Any], account: filters.AnyAccount = None
) -> Response[answers.FreshnessAnswer]:
    """Answer at little cost; for who shows numbers and asks for them again when `state` is another."""
    filters.check_names(request, {"account"})
    state = await source.state()
    if state is None:
        reasons = await source.unready()
        raise SourceUnavailableError("; ".join(reasons) or "not all numbers are there; ask again in a moment")
    fresh = await source.freshness(account)
    response = answer(answers.FreshnessAnswer, {**fields_of(fresh), "state": state})
    response.headers["cache-control"] = "no-store"
    return response
