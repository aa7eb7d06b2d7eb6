"""A journey's numbers bucket by bucket."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter

from wayfold.exporters.api import answers, filters
from wayfold.exporters.api.conditional import READS_NUMBERS
from wayfold.exporters.api.given import NOT_FOUND, PROBLEMS, GivenQuestion
from wayfold.exporters.api.instants import instant
from wayfold.exporters.api.journeys import (
    JourneyId,
    answer,
    fresh,
    read_journey,
    require_known,
    the_journey,
)
from wayfold.exporters.api.paths import as_id
from wayfold.exporters.api.source import BadQuestionError
from wayfold.models.zone import Zone
from wayfold.state.reading.query import Query

MONDAY: Final = 0

BucketName = Literal["hour", "day", "week", "month"]
BucketLength = Annotated[BucketName, QueryParameter(name="bucket", description=filters.MEANINGS["bucket"])]


class Buckets(NamedTuple):
    """Buckets of a series: the local bounds of each, and the instants that these are."""

    bounds: tuple[tuple[str, str], ...]
    instants: tuple[tuple[str, str], ...]

    def rows(self) -> list[dict[str, str]]:
        """Each bucket as answers name it."""
        return [
            {"start": start, "end": end, "starts_at": starts_at, "ends_at": ends_at}
            for (start, end), (starts_at, ends_at) in zip(self.bounds, self.instants, strict=True)
        ]


@get(
    "/v1/journeys/{journey_id:str}/series",
    opt={"parameters": frozenset({"bucket"}), **READS_NUMBERS},
    tags=["journeys"],
    responses={**PROBLEMS, **NOT_FOUND},
    summary="A journey's numbers per hour, day, week or month",
)
async def get_series(
    question: GivenQuestion, journey_id: JourneyId, bucket: BucketLength = "day"
) -> Response[answers.SeriesAnswer]:
    """Answer with a journey's numbers for each bucket between from and to; both are required."""
    source = question.source
    query = msgspec.structs.replace(question.query, journey_id=as_id(journey_id))
    buckets = buckets_of(query, bucket, question.limits.buckets, source.zone(query.account_id or ""))
    if not buckets.bounds:
        document, journey = await read_journey(source, query)
        journey = {**journey, "series": [], "versions": [query.version]}
    else:
        document = await source.document(of_buckets(query, buckets))
        journey = the_journey(document, query)
    series = journey["series"]
    unseen = query.step_id is not None and not any(part["steps"] for part in series)
    if unseen or (query.version is not None and query.version not in journey["versions"]):
        await require_known(source, query)
    content = {
        **fresh(document),
        "account_id": journey["account_id"],
        "journey_id": journey["journey_id"],
        "bucket": bucket,
        "series": [{**row, **part} for row, part in zip(buckets.rows(), series, strict=True)],
    }
    return answer(answers.SeriesAnswer, content)


def of_buckets(query: Query, buckets: Buckets) -> Query:
    """Put a question for each of the buckets at once."""
    return msgspec.structs.replace(query, start=None, end=None, ranges=buckets.bounds)


def buckets_of(query: Query, bucket: BucketName, limit: int, zone: Zone) -> Buckets:
    """Cut the range of a query into buckets, but for the hour that the clocks skip in spring.

    Raises as `boundaries` does.
    """
    bounds, instants = [], []
    for start, end in pairwise(boundaries(query, bucket, limit)):
        span = zone.span(start, end)
        if span is not None and span.start_ms < span.end_ms:
            bounds.append((start, end))
            instants.append((instant(span.start_ms), instant(span.end_ms)))
    return Buckets(tuple(bounds), tuple(instants))


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
        if bucket == "day" or (bound.weekday() == MONDAY if bucket == "week" else bound.day == 1):
            yield bound


def _text(bound: datetime) -> str:
    return bound.strftime("%Y-%m-%d") if bound.hour == 0 else bound.strftime("%Y-%m-%dT%H:00")
