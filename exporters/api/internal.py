"""What a cluster worker answers to `wayfold serve`: the shares of its partitions, unfinished.

It listens on an address of its own. With a token set, only those who send it are answered; health and
metrics are for everyone who reaches the port.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from litestar import Litestar, Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody, SkipValidation

from wayfold.exporters.api import answers
from wayfold.exporters.api.given import MetricsPage
from wayfold.exporters.api.health import healthz, metrics
from wayfold.exporters.api.local import ReadablePartition, local_users, none_closed, share_of
from wayfold.exporters.api.problems import EXCEPTION_HANDLERS, problem
from wayfold.state.reading.query import Query

TOKEN_HEADER: Final = "x-wayfold-token"  # noqa: S105 - the name of the header, not a secret


class PartitionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far a partition is: `sequence` grows with every commit, `watermarks` are its accounts'.

    The rest is as in `Judged`.
    """

    watermarks: dict[str, int]
    sequence: int
    offsets: Mapping[str, int] = {}
    counters: Mapping[str, int] = {}


class PartialsQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for the shares of some partitions, with open windows judged at the accounts' `watermarks`."""

    query: Query
    partitions: list[int]
    watermarks: dict[str, int]


class UsersQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for the users behind a number in some partitions."""

    query: Query
    partitions: list[int]
    number: str


class WrongTokenError(Exception):
    """The caller did not show the shared token."""


class OpenPartitions:
    """The partitions that this worker has at the moment of a question, by number."""

    def __init__(self, partitions: Callable[[], Sequence[ReadablePartition]]) -> None:
        self._partitions = partitions

    def all(self) -> dict[int, ReadablePartition]:
        """Give every partition that is open now."""
        return {partition.number: partition for partition in self._partitions()}

    def of(self, numbers: Sequence[int]) -> dict[int, ReadablePartition]:
        """Give those of the partitions that are here; the caller sees which are missing."""
        here = self.all()
        return {number: here[number] for number in numbers if number in here}


Partitions = SkipValidation[NamedDependency[OpenPartitions]]


@get("/internal/partitions", tags=["internal"])
async def get_partitions(open_partitions: Partitions) -> Response[bytes]:
    """Answer with how far each partition is that this worker has."""
    return _answer(
        {
            number: PartitionStatus(
                watermarks=dict(partition.watermarks),
                sequence=partition.sequence,
                offsets=partition.offsets,
                counters=partition.counters,
            )
            for number, partition in open_partitions.all().items()
        }
    )


@post("/internal/partial", tags=["internal"])
async def post_partial(open_partitions: Partitions, data: JSONBody[PartialsQuestion]) -> Response[bytes]:
    """Answer with the shares of those of the asked partitions that are here."""
    with none_closed():
        shares = {
            number: await share_of(partition, data.query, data.watermarks)
            for number, partition in open_partitions.of(data.partitions).items()
        }
    return _answer(shares)


@post("/internal/users", tags=["internal"])
async def post_users(open_partitions: Partitions, data: JSONBody[UsersQuestion]) -> Response[bytes]:
    """Answer with the users behind a number, for those of the asked partitions that are here."""
    here = open_partitions.of(data.partitions)
    found = await local_users(list(here.values()), data.query, data.number)
    return _answer(dict(zip(here, found, strict=True)))


def partitions_router(partitions: Callable[[], Sequence[ReadablePartition]]) -> Router:
    """Give the embedded host's routes for questions about its partitions, for `wayfold audit`."""
    open_partitions = OpenPartitions(partitions)
    return Router(
        path="/",
        route_handlers=[get_partitions, post_partial, post_users],
        dependencies={"open_partitions": Provide(lambda: open_partitions, sync_to_thread=False)},
        include_in_schema=False,
    )


def _answer(partitions: Mapping[int, Any]) -> Response[bytes]:
    content = msgspec.json.encode({"partitions": partitions})
    return Response(content, status_code=200, media_type="application/json")


def create_internal_app(
    partitions: Callable[[], Sequence[ReadablePartition]],
    metrics_page: MetricsPage,
    *,
    unready: Callable[[], list[str]],
    token: str | None,
) -> Litestar:
    """Build the application of a worker's own port.

    `partitions` gives the partitions that are open now, `unready` why the worker is not ready, `token`
    what a caller of /internal must send, None for nothing.
    """
    open_partitions = OpenPartitions(partitions)

    def require_token(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        given = connection.headers.get(TOKEN_HEADER, "")
        internal = connection.scope["path"].startswith("/internal/")
        if internal and token is not None and not hmac.compare_digest(given.encode(), token.encode()):
            raise WrongTokenError

    @get("/readyz", tags=["operation"], sync_to_thread=False)
    def readyz() -> Response[answers.Health]:
        """Answer 200 when the worker is in its group and its partitions are caught up, else 503."""
        reasons = unready()
        state = answers.Health("not ready" if reasons else "ready", reasons)
        return Response(state, status_code=503 if reasons else 200)

    return Litestar(
        route_handlers=[get_partitions, post_partial, post_users, healthz, readyz, metrics],
        dependencies={
            "open_partitions": Provide(lambda: open_partitions, sync_to_thread=False),
            "metrics_page": Provide(lambda: metrics_page, sync_to_thread=False),
        },
        guards=[require_token],
        exception_handlers={**EXCEPTION_HANDLERS, WrongTokenError: _wrong_token},
        openapi_config=None,
        logging_config=None,
    )


def _wrong_token(_: Request[Any, Any, Any], __: WrongTokenError) -> Response[bytes]:
    detail = (
        "the token is missing or wrong; set worker.token to the same value for workers and `wayfold serve`"
    )
    return problem(401, "wrong-token", detail)
