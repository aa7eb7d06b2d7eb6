"""What every handler is given: the source of the numbers, and how much a request may ask for."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation

from wayfold.exporters.api.answers import Problem
from wayfold.exporters.api.source import NumbersSource
from wayfold.state.reading.query import Query


class Limits(NamedTuple):
    """Most `buckets` of a series, and most users on a `page` of a list."""

    buckets: int = 750
    page: int = 10_000


MetricsPage = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Writes /metrics: Accept header → (page, content type)."""

DEFAULT_LIMITS = Limits()


class Question(NamedTuple):
    """What a request asks for, by its filters, whom, and how much of it it may ask for."""

    query: Query
    source: NumbersSource
    limits: Limits


# What is given is no data of the request: it is passed on as it is. A handler asks for one of these: several
# would be made in tasks of their own, and each turn of the event loop may have to wait for the fold.
Source = SkipValidation[NamedDependency[NumbersSource]]
GivenQuestion = SkipValidation[NamedDependency[Question]]
GivenMetricsPage = SkipValidation[NamedDependency[MetricsPage]]


def _problem(description: str) -> ResponseSpec:
    return ResponseSpec(
        Problem,
        generate_examples=False,
        description=description,
        media_type="application/problem+json",
    )


BAD_PARAMETER: Final = {400: _problem("A parameter is wrong; the problem names it and what it takes.")}
PROBLEMS: Final = {
    **BAD_PARAMETER,
    503: _problem("The numbers cannot be had now; the problem says why."),
}
NOT_FOUND: Final = {404: _problem("There is no such journey, version, step or account.")}
