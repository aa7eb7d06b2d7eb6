"""A journey's numbers bucket by bucket."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from wayfold.exporters.api import answers, filters
from wayfold.exporters.api.given import ANSWERS, NOT_FOUND, GivenQuestion
from wayfold.exporters.api.instants import instant
from wayfold.exporters.api.journeys import JourneyId, answer, fresh, read_journey, steps_of
from wayfold.exporters.api.paths import as_id
from wayfold.exporters.api.source import BadQuestionError, NumbersSource
from wayfold.state.reading.query import Query

BucketName = Literal["hour", "day", "month"]
BucketLength = Annotated[BucketName, QueryParameter(name="bucket", description=filters.MEANINGS["bucket"])]


@get(
    "/v1/journeys/{journey_id:str}/series",
    opt={"parameters": frozenset({"bucket"})},
    tags=["journeys"],
    responses={**ANSWERS, **NOT_FOUND},
    summary="A journey's numbers per hour, day or month",
)
async def get_series(
    question: GivenQuestion, journey_id: JourneyId, bucket: BucketLength = "day"
) -> Response[answers.SeriesAnswer]:
    """Answer with a journey's numbers for each bucket between from and to; both are required."""
    source = question.source
    query = msgspec.structs.replace(question.query, journey_id=as_id(journey_id))
    bounds = boundaries(query, bucket, question.limits.buckets)
    # The whole range first: it says whether there is such a journey, and which numbers are left out.
    document, journey = await read_journey(source, query)
    zone = source.zone(journey["account_id"])
    series = []
    for start, end in pairwise(bounds):
        span = zone.span(start, end)
        if span is None or span.start_ms >= span.end_ms:
            continue  # the hour that the clocks skip in spring
        part = await _bucket(source, msgspec.structs.replace(query, start=start, end=end))
        part.update(start=start, end=end, starts_at=instant(span.start_ms), ends_at=instant(span.end_ms))
        series.append(part)
    content = {
        **fresh(document),
        "account_id": journey["account_id"],
        "journey_id": journey["journey_id"],
        "bucket": bucket,
        "series": series,
    }
    return answer(answers.SeriesAnswer, content)


async def _bucket(source: NumbersSource, query: Query) -> dict[str, Any]:
    journeys = (await source.document(query))["journeys"]
    part: dict[str, Any] = {"numbers": journeys[0]["numbers"] if journeys else {}}
    if query.step_id is not None:
        steps = steps_of(journeys[0]) if journeys else []
        part["steps"] = [step for step in steps if step["step_id"] == query.step_id]
    return part


def boundaries(query: Query, bucket: BucketName, limit: int) -> list[str]:
    """List the local times at which buckets begin, and the end of the last.

    The first and the last bucket are cut to the range. Raises BadQuestionError when the range has no
    start or end, or more than `limit` buckets.
    """
    for name, value in (("from", query.start), ("to", query.end)):
        if value is None:
            raise BadQuestionError(name, f"is required here. {filters.MEANINGS[name]}")
    start, end = datetime.fromisoformat(query.start or ""), datetime.fromisoformat(query.end or "")
    bounds = []
    for bound in _steps(start, bucket):
        if bound >= end:
            break
        bounds.append(_text(bound))
        if len(bounds) > limit:
            raise BadQuestionError(
                "bucket",
                f"from and to enclose more than {limit} buckets; take a longer bucket or a shorter range",
            )
    return [*bounds, _text(end)]


def _steps(start: datetime, bucket: BucketName) -> Iterator[datetime]:
    yield start
    if bucket == "hour":
        bound = start.replace(minute=0)
        while True:
            bound += timedelta(hours=1)
            yield bound
    bound = start.replace(hour=0, day=1) if bucket == "month" else start.replace(hour=0)
    while True:
        bound += timedelta(days=1)
        if bucket == "day" or bound.day == 1:
            yield bound


def _text(bound: datetime) -> str:
    return bound.strftime("%Y-%m-%d") if bound.hour == 0 else bound.strftime("%Y-%m-%dT%H:00")
