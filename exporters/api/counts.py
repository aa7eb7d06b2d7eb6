"""One number of all journeys of an account, bucket by bucket."""

from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from wayfold.exporters.api.answers import Fresh
from wayfold.exporters.api.conditional import READS_NUMBERS
from wayfold.exporters.api.given import PROBLEMS, GivenQuestion
from wayfold.exporters.api.journeys import answer, fresh
from wayfold.exporters.api.number_types import Count, Instant
from wayfold.exporters.api.series import BucketLength, buckets_of, of_buckets
from wayfold.exporters.api.source import BadQuestionError, parameter_of
from wayfold.state.names.catalog import DEFAULT_ACCOUNT
from wayfold.state.reading.counted import COUNTED, NotCountedError, counted
from wayfold.state.reading.query import Query

CountedNumber = Annotated[
    str,
    QueryParameter(name="number", min_length=1, max_length=300, description=f"One of {', '.join(COUNTED)}."),
]


class Times(Struct, kw_only=True):
    """A bucket of time, [start, end)."""

    start: Annotated[str, Meta(description="In the account's local time.", examples=["2026-11-01"])]
    end: Annotated[str, Meta(description="In the account's local time.", examples=["2026-11-02"])]
    starts_at: Instant
    ends_at: Instant


class JourneyCounts(Struct):
    """One number of a journey in each bucket."""

    journey_id: str
    counts: list[Count]


class CountsAnswer(Fresh, kw_only=True):
    """One number of the journeys of an account per bucket; a journey with only zeros is left out."""

    account_id: str
    number: str
    bucket: str
    buckets: list[Times]
    journeys: list[JourneyCounts]


@get(
    "/v1/series",
    opt={"parameters": frozenset({"bucket", "number"}), **READS_NUMBERS},
    tags=["journeys"],
    responses=PROBLEMS,
    summary="One number of all journeys of an account per hour, day, week or month",
)
async def get_counts(
    question: GivenQuestion, number: CountedNumber, bucket: BucketLength = "day"
) -> Response[CountsAnswer]:
    """Answer with a count of each journey for each bucket between from and to; both are required."""
    source, query = question.source, msgspec.structs.replace(question.query, number=number)
    _require_counted(query)
    account_id = query.account_id or DEFAULT_ACCOUNT
    buckets = buckets_of(query, bucket, question.limits.buckets, source.zone(account_id))
    if not buckets.bounds:
        raise BadQuestionError("to", "there is no time between from and to; the range is [from, to)")
    document = await source.document(of_buckets(query, buckets))
    content = {
        **fresh(document),
        "account_id": account_id,
        "number": number,
        "bucket": bucket,
        "buckets": buckets.rows(),
        "journeys": [
            {"journey_id": journey["journey_id"], "counts": journey["counts"]}
            for journey in document["journeys"]
            if any(journey["counts"])
        ],
    }
    return answer(CountsAnswer, content)


def _require_counted(query: Query) -> None:
    """Raise BadQuestionError for a number that is no count, or a filter that does not apply to it."""
    try:
        counted(query)
    except NotCountedError as error:
        raise BadQuestionError(parameter_of(error.dimension), str(error)) from None
