"""The filters that questions take, and their translation into a query."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from litestar import Request
from litestar.params import QueryParameter

from wayfold.exporters.api.given import Limits, Question
from wayfold.exporters.api.source import BadQuestionError, NumbersSource
from wayfold.models.zone import RangeError, Zone
from wayfold.state.reading.query import Clock, Query

_BOUND: Final = "in the account's time zone: a date (2026-11-01) or an hour (2026-11-01T13:00)."

MEANINGS: Final = {
    "account": "Account whose journeys these are.",
    "journey": "Only the journey with this id.",
    "version": "Only this journey version: a whole number from 1 up.",
    "step": "Only this step, by its id.",
    "channel": "Only this channel: a lower-case word such as email, sms, push.",
    "platform": "Only this platform: ios, android, web or none.",
    "variant": "Only this variant of a split.",
    "from": f"Start of the range, included, {_BOUND}",
    "to": f"End of the range, excluded, {_BOUND}",
    "clock": "The time of exits and conversions: their own (event) or that of their entry (entry).",
    "bucket": "Length of a bucket: hour, day, week (from Monday) or month of the account's time zone.",
    "number": "Name of the number: entered_users, sent.messages, goals:<name>, and so on.",
    "limit": "Most users on the page: a whole number from 1 up.",
    "cursor": "Where to go on: next_cursor of the page before, unchanged.",
}

Account = Annotated[
    str, QueryParameter(name="account", min_length=1, max_length=256, description=MEANINGS["account"])
]
AnyAccount = Annotated[
    str | None,
    QueryParameter(
        name="account", min_length=1, max_length=256, description=f"{MEANINGS['account']} Left out: all."
    ),
]
AnyJourney = Annotated[
    str | None,
    QueryParameter(name="journey", min_length=1, max_length=256, description=MEANINGS["journey"]),
]
Version = Annotated[int | None, QueryParameter(name="version", ge=1, description=MEANINGS["version"])]
StepId = Annotated[
    str | None, QueryParameter(name="step", min_length=1, max_length=256, description=MEANINGS["step"])
]
Channel = Annotated[
    str | None,
    QueryParameter(name="channel", pattern=r"^[a-z][a-z0-9_]{0,31}$", description=MEANINGS["channel"]),
]
Platform = Annotated[
    Literal["ios", "android", "web", "none"] | None,
    QueryParameter(name="platform", description=MEANINGS["platform"]),
]
Variant = Annotated[
    str | None, QueryParameter(name="variant", max_length=256, description=MEANINGS["variant"])
]
Start = Annotated[str | None, QueryParameter(name="from", description=MEANINGS["from"])]
End = Annotated[str | None, QueryParameter(name="to", description=MEANINGS["to"])]
ClockName = Annotated[Clock, QueryParameter(name="clock", description=MEANINGS["clock"])]

NAMES: Final = frozenset(
    {"account", "version", "step", "channel", "platform", "variant", "from", "to", "clock"}
)

_CALENDAR: Final = Zone("UTC")


def asking(source: NumbersSource, limits: Limits) -> Callable[..., Question]:
    """Make what makes a question of the filters of a request; the journey, if any, is part of the path."""

    def ask(
        request: Request[Any, Any, Any],
        account: Account = "default",
        version: Version = None,
        step: StepId = None,
        channel: Channel = None,
        platform: Platform = None,
        variant: Variant = None,
        start: Start = None,
        end: End = None,
        clock: ClockName = "event",
    ) -> Question:
        check_names(request, NAMES | request.route_handler.opt.get("parameters", frozenset()))
        check_range(start, end)
        query = Query(
            account_id=account,
            version=version,
            step_id=step,
            channel=channel,
            platform=platform,
            variant=variant,
            start=start,
            end=end,
            clock=clock,
        )
        return Question(query, source, limits)

    return ask


def check_names(request: Request[Any, Any, Any], known: Collection[str]) -> None:
    """Raise for a parameter that does not exist or comes twice.

    Ignoring a misspelt filter, or one of two, would give the numbers of another question.
    """
    for name in request.query_params:
        if name not in known:
            others = f"; use one of {', '.join(sorted(known))}" if known else ", nor any other"
            raise BadQuestionError(name, f"there is no such parameter here{others}")
        given = request.query_params.getall(name)
        if len(given) > 1:
            raise BadQuestionError(
                name, f"is given {len(given)} times; give it once, and ask a question for each value"
            )


def check_range(start: str | None, end: str | None) -> None:
    """Raise for bounds that are no local dates or hours, or that are the wrong way round."""
    for name, bound in (("from", start), ("to", end)):
        try:
            # The form does not depend on the zone; the account's zone is applied when the numbers are read.
            _CALENDAR.span(bound, None) if name == "from" else _CALENDAR.span(None, bound)
        except RangeError as error:
            raise BadQuestionError(name, str(error).removeprefix(f"{name}: ")) from None
    if start and end and datetime.fromisoformat(start) > datetime.fromisoformat(end):
        raise BadQuestionError("to", f"{end} is before from ({start}); the range is [from, to)")
