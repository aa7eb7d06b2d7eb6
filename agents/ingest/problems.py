"""Errors of the ingest as application/problem+json, as the rest of the API answers them."""

from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.types import ExceptionHandlersMap

from wayfold.agents.ingest.bodies import UnreadableBodyError
from wayfold.agents.sink import SinkBusyError, SinkFailedError, SinkFullError

CONTENT_TYPE: Final = "application/problem+json"
KIND_OF_STATUS: Final = {
    400: "unreadable-body",
    413: "too-many-events",
    415: "unsupported-media-type",
    422: "nothing-accepted",
}


def problem(
    status: int, kind: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any
) -> Response[Any]:
    """Build the answer of an error; `members` are further members of the problem."""
    content = {
        "type": f"urn:wayfold:problem:{kind}",
        "title": kind.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        **members,
    }
    return Response(
        msgspec.json.encode(content), status_code=status, media_type=CONTENT_TYPE, headers=headers
    )


def _unreadable(_: Request[Any, Any, Any], error: UnreadableBodyError) -> Response[Any]:
    return problem(error.status, KIND_OF_STATUS[error.status], str(error))


def _busy(_: Request[Any, Any, Any], error: SinkBusyError) -> Response[Any]:
    return problem(503, "too-busy", str(error), headers={"retry-after": str(error.retry_after_s)})


def _failed(_: Request[Any, Any, Any], error: SinkFailedError) -> Response[Any]:
    return problem(503, "not-durable", str(error), headers={"retry-after": "10"})


def _full(_: Request[Any, Any, Any], error: SinkFullError) -> Response[Any]:
    return problem(507, "disk-full", str(error), headers={"retry-after": "60"})


EXCEPTION_HANDLERS: Final[ExceptionHandlersMap] = {
    UnreadableBodyError: _unreadable,
    SinkBusyError: _busy,
    SinkFailedError: _failed,
    SinkFullError: _full,
}
