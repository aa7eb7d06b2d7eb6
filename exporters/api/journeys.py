"""The endpoints that answer with numbers."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, cast

import msgspec
from litestar import Request, Response, get
from litestar.params import PathParameter

from wayfold.exporters.api import answers, filters
from wayfold.exporters.api.conditional import READS_NUMBERS
from wayfold.exporters.api.given import NOT_FOUND, PROBLEMS, GivenQuestion, Source
from wayfold.exporters.api.paths import as_id
from wayfold.exporters.api.problems import NotKnownError
from wayfold.exporters.api.source import BadQuestionError, NumbersSource
from wayfold.state.reading.query import Query

T = TypeVar("T")

JourneyId = Annotated[str, PathParameter(description="Journey id, percent-encoded.")]
StepId = Annotated[str, PathParameter(description="Step id, percent-encoded.")]
AccountId = Annotated[str, PathParameter(description="Account id, percent-encoded.")]


def answer(_: type[T], content: Mapping[str, Any]) -> Response[T]:
    """Answer with content of the shape of a type; it is encoded as it is, without a copy into the type."""
    return cast("Response[T]", Response(msgspec.json.encode(content), media_type="application/json"))


def fresh(document: Mapping[str, Any]) -> dict[str, Any]:
    """Take from a numbers document what every answer has: how fresh it is."""
    return {name: document[name] for name in ("as_of", "watermark", "lag_ms")}


async def read_journey(source: NumbersSource, query: Query) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Read the document of one journey, and the journey in it.

    Raises NotKnownError when there is no such journey, or it has no such version or step.
    """
    document = await source.document(query)
    journey = the_journey(document, query)
    has_version = query.version is None or journey["versions"]
    if not has_version or (query.step_id is not None and not steps_of(journey)):
        await require_known(source, query)
    return document, journey


def the_journey(document: Mapping[str, Any], query: Query) -> Mapping[str, Any]:
    """Take the journey that a query names from a document; raises NotKnownError when there is none."""
    journeys: Sequence[Mapping[str, Any]] = document["journeys"]
    if not journeys:
        raise NotKnownError(
            "journey",
            f"account {query.account_id!r} has no journey {query.journey_id!r}; "
            "GET /v1/journeys lists those it has (parameter account chooses the account)",
        )
    return journeys[0]


async def require_known(source: NumbersSource, query: Query) -> None:
    """Raise NotKnownError unless the journey has the version and the step of a query, over all time.

    What no definition names is only known from events, which the other filters may leave out.
    """
    document = await source.document(Query(account_id=query.account_id, journey_id=query.journey_id))
    versions = [
        version
        for journey in document["journeys"]
        for version in journey["versions"]
        if query.version in (None, version["journey_version"])
    ]
    if query.version is not None and not versions:
        raise NotKnownError(
            "version",
            f"journey {query.journey_id!r} has no version {query.version}; leave it out to see all",
        )
    steps = {step["step_id"] for version in versions for step in version["steps"]}
    if query.step_id is not None and query.step_id not in steps:
        of_version = "" if query.version is None else f"version {query.version} of "
        raise NotKnownError(
            "step",
            f"{of_version}journey {query.journey_id!r} has no step {query.step_id!r}; "
            "its steps are at /v1/journeys/{id}/steps",
        )


def steps_of(journey: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the steps of a journey's versions, each with its version."""
    return [
        {"journey_version": version["journey_version"], **step}
        for version in journey["versions"]
        for step in version["steps"]
    ]


@get(
    "/v1/numbers",
    opt=READS_NUMBERS,
    responses=PROBLEMS,
    tags=["numbers"],
    summary="Every number of every account, journey, version and step",
)
async def get_numbers(
    source: Source,
    request: Request[Any, Any, Any],
    account: filters.AnyAccount = None,
    journey: filters.AnyJourney = None,
    version: filters.Version = None,
    step: filters.StepId = None,
    channel: filters.Channel = None,
    platform: filters.Platform = None,
    variant: filters.Variant = None,
    start: filters.Start = None,
    end: filters.End = None,
    clock: filters.ClockName = "event",
) -> Response[answers.NumbersAnswer]:
    """Answer with the numbers document; restricted to a journey it has no accounts."""
    filters.check_names(request, filters.NAMES | {"journey"})
    filters.check_range(start, end)
    query = Query(
        account_id=account,
        journey_id=journey,
        version=version,
        step_id=step,
        channel=channel,
        platform=platform,
        variant=variant,
        start=start,
        end=end,
        clock=clock,
    )
    return answer(answers.NumbersAnswer, await source.document(query))


@get(
    "/v1/journeys",
    opt=READS_NUMBERS,
    responses=PROBLEMS,
    tags=["journeys"],
    summary="The journeys of an account, with their numbers",
)
async def list_journeys(question: GivenQuestion) -> Response[answers.JourneysAnswer]:
    """Answer with a summary of each journey of an account."""
    document = await question.source.document(msgspec.structs.replace(question.query, detail="summary"))
    content = {
        **fresh(document),
        "account_id": question.query.account_id,
        "journeys": document["journeys"],
    }
    return answer(answers.JourneysAnswer, content)


@get(
    "/v1/journeys/{journey_id:str}",
    opt=READS_NUMBERS,
    responses={**PROBLEMS, **NOT_FOUND},
    tags=["journeys"],
    summary="One journey, its versions and their steps",
)
async def get_journey(question: GivenQuestion, journey_id: JourneyId) -> Response[answers.JourneyAnswer]:
    """Answer with one journey."""
    query = msgspec.structs.replace(question.query, journey_id=as_id(journey_id))
    document, journey = await read_journey(question.source, query)
    return answer(answers.JourneyAnswer, {**fresh(document), **journey})


@get(
    "/v1/journeys/{journey_id:str}/steps",
    opt=READS_NUMBERS,
    responses={**PROBLEMS, **NOT_FOUND},
    tags=["journeys"],
    summary="The steps of a journey",
)
async def list_steps(question: GivenQuestion, journey_id: JourneyId) -> Response[answers.StepsAnswer]:
    """Answer with the steps of every version of a journey."""
    query = msgspec.structs.replace(question.query, journey_id=as_id(journey_id))
    return await _steps(question.source, query)


@get(
    "/v1/journeys/{journey_id:str}/steps/{step_id:str}",
    opt=READS_NUMBERS,
    responses={**PROBLEMS, **NOT_FOUND},
    tags=["journeys"],
    summary="One step of a journey",
)
async def get_step(
    question: GivenQuestion, journey_id: JourneyId, step_id: StepId
) -> Response[answers.StepsAnswer]:
    """Answer with one step, once for each version that has it."""
    if question.query.step_id is not None:
        raise BadQuestionError("step", "the path names the step already; leave the parameter out")
    query = msgspec.structs.replace(question.query, journey_id=as_id(journey_id), step_id=as_id(step_id))
    return await _steps(question.source, query)


async def _steps(source: NumbersSource, query: Query) -> Response[answers.StepsAnswer]:
    document, journey = await read_journey(source, query)
    content = {
        **fresh(document),
        "account_id": journey["account_id"],
        "journey_id": journey["journey_id"],
        "steps": steps_of(journey),
    }
    return answer(answers.StepsAnswer, content)


@get(
    "/v1/accounts/{account_id:str}",
    opt=READS_NUMBERS,
    responses={**PROBLEMS, **NOT_FOUND},
    tags=["accounts"],
    summary="One account: engaged persons and channels",
)
async def get_account(
    source: Source,
    request: Request[Any, Any, Any],
    account_id: AccountId,
    channel: filters.Channel = None,
    platform: filters.Platform = None,
    start: filters.Start = None,
    end: filters.End = None,
) -> Response[answers.AccountAnswer]:
    """Answer with an account's monthly engaged persons and the message totals of its channels."""
    filters.check_names(request, {"channel", "platform", "from", "to"})
    filters.check_range(start, end)
    query = Query(account_id=as_id(account_id), channel=channel, platform=platform, start=start, end=end)
    document = await source.document(query)
    if not document["accounts"]:
        raise NotKnownError(
            "account", f"there are no events of account {query.account_id!r}; GET /v1/numbers lists all"
        )
    return answer(answers.AccountAnswer, {**fresh(document), **document["accounts"][0]})
