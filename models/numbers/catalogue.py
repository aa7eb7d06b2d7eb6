"""The whole catalogue: every number that answers hold, and what each kind of step shows first."""

from typing import Final

from wayfold.models.numbers.entry import (
    ACCOUNT,
    EVERY_FILTER,
    JOURNEY,
    STEP,
    CatalogueBreakdown,
    CatalogueNumber,
    CatalogueStep,
    Scope,
)
from wayfold.models.numbers.of_accounts import OF_ACCOUNTS
from wayfold.models.numbers.of_journeys import OF_JOURNEYS
from wayfold.models.numbers.of_messages import channels_of
from wayfold.models.numbers.of_steps import OF_STEPS

# The journey's come last: who keeps one number of each name keeps those.
NUMBERS: Final[tuple[CatalogueNumber, ...]] = (*OF_ACCOUNTS, *OF_STEPS, *OF_JOURNEYS)
BREAKDOWNS: Final[tuple[CatalogueBreakdown, ...]] = (
    channels_of(ACCOUNT, ("channel", "platform")),
    channels_of(STEP, EVERY_FILTER),
    channels_of(JOURNEY, EVERY_FILTER),
)

_DELIVERED: Final = ("sent.messages", "delivered.messages", "clicked.messages", "failed.messages")
_PASSED: Final = ("entered", "current", "dropped")


def _message(channel: str | None, title: str, *numbers: str) -> CatalogueStep:
    return CatalogueStep(type="message", channel=channel, title=title, numbers=numbers)


def _step(type_: str | None, title: str, *numbers: str) -> CatalogueStep:
    return CatalogueStep(type=type_, channel=None, title=title, numbers=numbers)


STEPS: Final[tuple[CatalogueStep, ...]] = (
    _message("push", "Push", "sent.messages", "clicked.messages", "failed.messages"),
    _message("in_app", "In-app message", "viewed.messages", "clicked.messages"),
    _message(
        "email",
        "Email",
        *("delivered.messages", "opened.messages", "clicked.messages", "failed.messages"),
        "unsubscribed.messages",
    ),
    _message("sms", "SMS", *_DELIVERED),
    _message("viber", "Viber", *_DELIVERED),
    _message("whatsapp", "WhatsApp", *_DELIVERED),
    _message("webhook", "Webhook", "sent.messages", "failed.messages"),
    _message(None, "Message", *_DELIVERED),
    _step("wait", "Wait", "current", "dwell.p50_ms"),
    _step("condition", "Condition", *_PASSED),
    _step("split", "Split", *_PASSED),
    _step("action", "Action", "goals.events", "goals.values"),
    _step("ivr_menu", "Call menu", *_PASSED),
    _step("end", "End", "entered"),
    _step(None, "Step without a definition", *_PASSED),
)


def numbers_of(scope: Scope) -> dict[str, CatalogueNumber]:
    """The numbers that are shown in a scope, by name."""
    return {number.name: number for number in NUMBERS if scope in number.scopes}


def breakdowns_of(scope: Scope) -> dict[str, CatalogueBreakdown]:
    """The tables that are shown in a scope, by name."""
    return {table.name: table for table in BREAKDOWNS if scope in table.scopes}


def field_of(name: str) -> str:
    """What of an answer a number stands in, as `not_filterable` names it."""
    return name.partition(".")[0]
