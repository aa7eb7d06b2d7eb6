"""Errors as application/problem+json: what is wrong, and what to do about it."""

import re
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotFoundException, ValidationException
from litestar.types import ExceptionHandlersMap

from wayfold.exporters.api.answers import Problem
from wayfold.exporters.api.filters import MEANINGS
from wayfold.exporters.api.source import CLOSED_MEANWHILE, BadQuestionError, SourceUnavailableError
from wayfold.models.zone import RangeError
from wayfold.state.store.errors import StoreFailedError, StoreProblem

CONTENT_TYPE: Final = "application/problem+json"

log = structlog.get_logger(__name__)


class NotKnownError(Exception):
    """What the path names does not exist; `kind` is journey, version, step or account."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def problem(
    status: int,
    kind: str,
    detail: str,
    parameter: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response[bytes]:
    """Build the answer of an error; `kind` becomes its type and, in words, its title."""
    content = Problem(
        type=f"urn:wayfold:problem:{kind}",
        title=kind.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        parameter=parameter,
    )
    return Response(
        msgspec.json.encode(content), status_code=status, media_type=CONTENT_TYPE, headers=headers
    )


def _not_known(_: Request[Any, Any, Any], error: NotKnownError) -> Response[bytes]:
    return problem(404, f"unknown-{error.kind}", str(error))


def _bad_question(_: Request[Any, Any, Any], error: BadQuestionError) -> Response[bytes]:
    return problem(400, "bad-parameter", f"{error.parameter}: {error}", error.parameter)


def _bad_range(_: Request[Any, Any, Any], error: RangeError) -> Response[bytes]:
    return problem(400, "bad-parameter", str(error), str(error).partition(":")[0])


def _unavailable(_: Request[Any, Any, Any], error: SourceUnavailableError) -> Response[bytes]:
    return problem(503, "numbers-unavailable", str(error), headers={"retry-after": str(error.retry_after_s)})


def _closed(request: Request[Any, Any, Any], error: StoreFailedError) -> Response[bytes]:
    """Answer when a store failed under the reader; one that was closed is soon open again, somewhere."""
    if error.problem is not StoreProblem.CLOSED:
        return _unexpected(request, error)
    return _unavailable(request, SourceUnavailableError(CLOSED_MEANWHILE))


def _invalid(_: Request[Any, Any, Any], error: ValidationException) -> Response[bytes]:
    """Name the first wrong parameter and say what it takes."""
    missing = re.match(r"Missing required query parameter '(\w+)'", error.detail)
    if missing:
        name = missing[1]
        return problem(400, "bad-parameter", f"{name}: is required here. {MEANINGS.get(name, '')}", name)
    first = error.extra[0] if isinstance(error.extra, list) and error.extra else {}
    name = str(first.get("key", "")) if isinstance(first, dict) else ""
    if not name:
        return problem(400, "bad-request", error.detail)
    meaning = MEANINGS.get(name, "")
    return problem(400, "bad-parameter", f"{name}: {first['message']}. {meaning}".rstrip(), name)


def _no_route(request: Request[Any, Any, Any], _: NotFoundException) -> Response[bytes]:
    return problem(
        404, "unknown-path", f"there is nothing at {request.url.path}; /schema describes every path there is"
    )


def _http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    if error.status_code >= 500:
        return _unexpected(request, error)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    detail = error.detail
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        limit = request.route_handler.resolve_request_max_body_size()
        detail = (
            f"the body has more than the {limit} bytes of the server's setting http.max_body_bytes: send it "
            "in several requests, or raise the setting"
        )
    return problem(error.status_code, kind, detail, headers=dict(error.headers or {}))


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Keep the cause in the log, not in the answer: it may hold what a reader must not see."""
    log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    return problem(
        500, "internal-error", "the server failed; its log says why. Report it if it happens again."
    )


EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {
    NotKnownError: _not_known,
    BadQuestionError: _bad_question,
    RangeError: _bad_range,
    SourceUnavailableError: _unavailable,
    StoreFailedError: _closed,
    ValidationException: _invalid,
    NotFoundException: _no_route,
    HTTPException: _http,
    Exception: _unexpected,
}
