"""What became of records: counted, repeated, or refused and why."""

from typing import Any, Final

from litestar import Request, get

from wayfold.exporters.api import answers
from wayfold.exporters.api.filters import check_names
from wayfold.exporters.api.given import PROBLEMS, Source
from wayfold.exporters.api.instants import instant
from wayfold.exporters.api.source import Judged

REFUSED: Final = "refused_total:"
"""Begins the names of a partition's counters of refusals; the reason follows."""


@get("/v1/verdicts", responses=PROBLEMS, tags=["operation"], summary="What became of the records of the log")
async def get_verdicts(source: Source, request: Request[Any, Any, Any]) -> answers.VerdictsAnswer:
    """Answer with how many records were counted, repeated, and refused by reason, since the log's beginning.

    The difference between two answers is what became of the records in between; `wayfold replay` tells it of
    what it sent. Every partition is as of one commit.
    """
    check_names(request, frozenset())
    judged = await source.judged()
    fresh = await source.freshness()
    return answers.VerdictsAnswer(
        as_of=instant(fresh.as_of_ms),
        watermark=instant(fresh.watermark_ms) if fresh.watermark_ms >= 0 else None,
        lag_ms=fresh.lag_ms,
        partitions=[verdicts_of(number, one) for number, one in sorted(judged.items())],
    )


def verdicts_of(partition: int, judged: Judged) -> answers.PartitionVerdicts:
    """Give what became of a partition's records."""
    return answers.PartitionVerdicts(
        partition=partition,
        offsets=dict(judged.offsets),
        ends=None if judged.ends is None else dict(judged.ends),
        accepted=judged.counters.get("accepted_total", 0),
        repeated=judged.counters.get("duplicate_total", 0),
        refused={
            name.removeprefix(REFUSED): count
            for name, count in sorted(judged.counters.items())
            if name.startswith(REFUSED)
        },
    )
