"""The users behind a number, page by page."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_right
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from wayfold.exporters.api import answers, filters
from wayfold.exporters.api.conditional import LISTS_PEOPLE
from wayfold.exporters.api.given import NOT_FOUND, PROBLEMS, GivenQuestion
from wayfold.exporters.api.instants import instant
from wayfold.exporters.api.journeys import JourneyId, answer
from wayfold.exporters.api.paths import as_id
from wayfold.exporters.api.source import BadQuestionError

Number = Annotated[
    str, QueryParameter(name="number", min_length=1, max_length=300, description=filters.MEANINGS["number"])
]
Limit = Annotated[int | None, QueryParameter(name="limit", ge=1, description=filters.MEANINGS["limit"])]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description=filters.MEANINGS["cursor"])]


DEFAULT_PAGE = 1_000


@get(
    "/v1/journeys/{journey_id:str}/users",
    opt={"parameters": frozenset({"number", "limit", "cursor"}), **LISTS_PEOPLE},
    tags=["journeys"],
    responses={**PROBLEMS, **NOT_FOUND},
    summary="The users behind a number",
)
async def list_users(
    question: GivenQuestion,
    journey_id: JourneyId,
    number: Number,
    limit: Limit = None,
    cursor: Cursor = None,
) -> Response[answers.UsersAnswer]:
    """Answer with one page of the users that a number counts; `step` asks for a number of that step."""
    source, limits = question.source, question.limits
    size = limit or min(DEFAULT_PAGE, limits.page)
    if size > limits.page:
        raise BadQuestionError("limit", f"at most {limits.page}; ask for several pages with cursor")
    query = msgspec.structs.replace(question.query, journey_id=as_id(journey_id))
    fresh = await source.freshness(query.account_id)
    users = await source.users(query, number)
    start = bisect_right(users, _last_user(cursor)) if cursor is not None else 0
    page = users[start : start + size]
    content = {
        "as_of": instant(fresh.as_of_ms),
        "watermark": instant(fresh.watermark_ms) if fresh.watermark_ms >= 0 else None,
        "lag_ms": fresh.lag_ms,
        "account_id": query.account_id,
        "journey_id": query.journey_id,
        "number": number,
        "total": len(users),
        "users": page,
        "next_cursor": _cursor(page[-1]) if start + size < len(users) else None,
    }
    return answer(answers.UsersAnswer, content)


def _cursor(user_id: str) -> str:
    return urlsafe_b64encode(user_id.encode()).decode()


def _last_user(cursor: str) -> str:
    try:
        return urlsafe_b64decode(cursor).decode()
    except (binascii.Error, ValueError):
        raise BadQuestionError("cursor", f"not a cursor of ours. {filters.MEANINGS['cursor']}") from None
