"""The catalogue of numbers over HTTP."""

import hashlib
from typing import Any, Final, cast

import msgspec
from litestar import Request, Response, get
from litestar.openapi.datastructures import ResponseSpec

from wayfold.exporters.api import filters
from wayfold.exporters.api.conditional import matches
from wayfold.exporters.api.given import BAD_PARAMETER
from wayfold.models.numbers import catalogue, words
from wayfold.models.numbers.entry import CatalogueBreakdown, CatalogueNumber, CatalogueStep, CatalogueWord


class CatalogueAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every number that answers hold: its name, title, meaning and unit, and which questions it takes."""

    numbers: tuple[CatalogueNumber, ...]
    breakdowns: tuple[CatalogueBreakdown, ...]
    steps: tuple[CatalogueStep, ...]
    filters: tuple[CatalogueWord, ...]
    clocks: tuple[CatalogueWord, ...]
    times: tuple[CatalogueWord, ...]


CATALOGUE: Final = CatalogueAnswer(
    numbers=catalogue.NUMBERS,
    breakdowns=catalogue.BREAKDOWNS,
    steps=catalogue.STEPS,
    filters=words.FILTERS,
    clocks=words.CLOCKS,
    times=words.TIMES,
)
_CONTENT: Final = msgspec.json.encode(CATALOGUE)
_TAG: Final = hashlib.sha256(_CONTENT).hexdigest()[:16]
# Kept for as long as it is what this release says: asked for again, it is most often not sent again.
_HEADERS: Final = {"etag": f'W/"{_TAG}"', "cache-control": "private, no-cache"}

_UNCHANGED: Final = ResponseSpec(
    None, generate_examples=False, description="It is still what the ETag in If-None-Match says."
)


@get(
    "/v1/catalogue",
    responses={**BAD_PARAMETER, 304: _UNCHANGED},
    tags=["numbers"],
    summary="What every number means, and which questions it takes",
)
async def get_catalogue(request: Request[Any, Any, Any]) -> Response[CatalogueAnswer]:
    """Answer with the catalogue of numbers; it is the same for as long as the process lives."""
    filters.check_names(request, ())
    if matches(request.headers.get("if-none-match", ""), _TAG):
        return cast("Response[CatalogueAnswer]", Response(b"", status_code=304, headers=_HEADERS))
    answer = Response(_CONTENT, media_type="application/json", headers=_HEADERS)
    return cast("Response[CatalogueAnswer]", answer)
