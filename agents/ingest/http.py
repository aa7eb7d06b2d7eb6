"""`POST /v1/events` and `POST /v1/definitions`: the same handlers in front of either host's log."""

import asyncio
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, Router, post
from litestar.openapi import ResponseSpec
from msgspec import Meta

from wayfold.agents.definitions import definition_record
from wayfold.agents.ingest.accept import KnownDefinition, Rejected, check_events, conflict, nothing_known
from wayfold.agents.ingest.bodies import UnreadableBodyError, binary_attributes, require_plain, split_body
from wayfold.agents.ingest.describe import DefinitionsOperation, EventsOperation
from wayfold.agents.ingest.problems import EXCEPTION_HANDLERS, problem
from wayfold.agents.ingest.watching import WATCH_HEADER, AppendWatched
from wayfold.agents.sink import EventSink
from wayfold.models.definition import DefinitionError
from wayfold.models.definition_file import parse_definition

MAXIMUM_EVENTS: Final = 10_000


class EventsAnswer(msgspec.Struct):
    """What became of the events of a request."""

    accepted: Annotated[int, Meta(ge=0, description="Events that are durable now and will be counted.")]
    rejected: Annotated[list[Rejected], Meta(description="Events that were not taken, each with what to do.")]


class NothingAcceptedProblem(msgspec.Struct):
    """Not one event of the request was taken."""

    type: str
    title: str
    status: int
    detail: str
    accepted: int
    rejected: list[Rejected]


class DefinitionAnswer(msgspec.Struct):
    """A version of a journey that is durable now."""

    account_id: str
    journey_id: str
    journey_version: int


class DefinitionProblem(msgspec.Struct):
    """A definition that is wrong: `problems` has every field and its fix."""

    type: str
    title: str
    status: int
    detail: str
    problems: list[dict[str, str]]


def ingest_router(
    sink: EventSink,
    known_definition: KnownDefinition = nothing_known,
    maximum_events: int = MAXIMUM_EVENTS,
    watched: AppendWatched | None = None,
) -> Router:
    """Build the routes that put events into `sink`, at most `maximum_events` of them in one request.

    With `watched` a request may name the watch that its events belong to.
    """
    # A large definition takes a thread a while: many at once must not take all threads.
    parsing = asyncio.Lock()

    @post(
        "/v1/events",
        tags=["ingest"],
        summary="Send events",
        status_code=202,
        operation_class=EventsOperation,
        responses={422: ResponseSpec(NothingAcceptedProblem, description="No event was accepted.")},
    )
    async def post_events(request: Request[Any, Any, Any]) -> Response[EventsAnswer]:
        """Take one event or several, and answer when those accepted are durable.

        Sending an event again is harmless: its event_id counts once. 503 with Retry-After means that
        nothing can be taken for the moment, or that it is not certain that all events are durable: send
        the same request again. 507 means that the disk is full and that nothing was taken: send it again
        when there is room.
        """
        require_plain(request.headers.get("content-encoding"))
        values = split_body(request.headers.get("content-type", ""), await request.body())
        if len(values) > maximum_events:
            raise UnreadableBodyError(
                413, f"The request has {len(values)} events; send at most {maximum_events} at a time."
            )
        checked = await check_events(values, binary_attributes(request.headers), known_definition)
        watch_id = request.headers.get(WATCH_HEADER)
        if watched is None or watch_id is None:
            await sink.append(checked.records)
        else:
            await watched(checked.records, watch_id)
        if checked.rejected and not checked.records:
            return _nothing_accepted(checked.rejected)
        return Response(EventsAnswer(len(checked.records), checked.rejected), status_code=202)

    @post(
        "/v1/definitions",
        tags=["ingest"],
        summary="Define a version of a journey",
        status_code=202,
        operation_class=DefinitionsOperation,
        responses={
            409: ResponseSpec(DefinitionProblem, description="The version has another content already."),
            422: ResponseSpec(DefinitionProblem, description="The definition is wrong."),
        },
    )
    async def post_definition(request: Request[Any, Any, Any]) -> Response[DefinitionAnswer]:
        """Take a journey definition, before or after its events, and answer when it is durable.

        A version never changes; sending the same content again is harmless.
        """
        require_plain(request.headers.get("content-encoding"))
        body = await request.body()
        try:
            async with parsing:
                definition = await asyncio.to_thread(parse_definition, body)
        except DefinitionError as error:
            problems = [{"field": each.field, "message": each.message} for each in error.problems]
            return problem(422, "wrong-definition", str(error), problems=problems)
        refusal = conflict(definition, known_definition)
        if refusal is not None:
            problems = [{"field": refusal.field, "message": refusal.message}]
            return problem(409, "definition-conflict", refusal.message, problems=problems)
        await sink.append([definition_record(definition)])
        return Response(
            DefinitionAnswer(definition.account_id, definition.journey_id, definition.journey_version),
            status_code=202,
        )

    return Router("/", route_handlers=[post_events, post_definition], exception_handlers=EXCEPTION_HANDLERS)


def no_ingest_router() -> Router:
    """Build the routes of a server that takes no events: they say how to start one that does."""

    @post(["/v1/events", "/v1/definitions"], include_in_schema=False)
    async def refuse(request: Request[Any, Any, Any]) -> Response[Any]:
        """Say that this server only answers questions."""
        return problem(
            404,
            "unknown-path",
            f"this server takes nothing at {request.url.path}, it only answers questions: start it with "
            "`wayfold serve --ingest`, or send to Kafka (`wayfold define`, `replay` and `simulate` with "
            "--to kafka)",
        )

    return Router("/", route_handlers=[refuse])


def _nothing_accepted(rejected: list[Rejected]) -> Response[Any]:
    detail = rejected[0].message
    if len(rejected) > 1:
        detail = f"None of the {len(rejected)} events was accepted. The first: {detail}"
    return problem(422, "nothing-accepted", detail, accepted=0, rejected=rejected)
