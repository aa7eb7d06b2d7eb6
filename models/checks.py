"""Rules of events that no field's type can say: what belongs together, and which characters are allowed."""

import functools
from collections.abc import Callable
from typing import Any

import msgspec

from wayfold.models.events import (
    END_OF_TIME_MS,
    EVENT_CLASSES,
    Event,
    GoalReached,
    Identifier,
    Label,
    MessageEvent,
    MessageSent,
    occurred_ms,
)
from wayfold.models.limits import (
    EXPECTED_CHANNEL,
    EXPECTED_CURRENCY,
    EXPECTED_TIME,
    find_control_character,
    is_channel,
    is_currency,
    shortened,
)
from wayfold.models.properties import settle_properties
from wayfold.models.refusal import Reason, Refusal

_MAXIMUM_REMEMBERED = 4096
_channels: set[str] = set()
_currencies: set[str] = set()


def check_event(event: Event) -> Refusal | None:
    """Everything about a decoded event that its types leave open; None when it is right."""
    return check_characters(event) or check_time(event) or check_rules(event)


def check_time(event: Event) -> Refusal | None:
    """Events lie between 1970 and 9999, in UTC."""
    if 0 <= occurred_ms(event.occurred_at) < END_OF_TIME_MS:
        return None
    return wrong("occurred_at", event.occurred_at.isoformat(), EXPECTED_TIME)


def check_characters(event: Event) -> Refusal | None:
    """Ids, names and variants have no control characters; free text may."""
    for field in _identifiers(type(event)):
        text: str | None = getattr(event, field)
        if text is not None and find_control_character(text):
            return wrong(field, repr(text), "a string without control characters")
    return None


def check_rules(event: Event) -> Refusal | None:
    """Which fields belong together, and words that need a pattern."""
    rule = RULES.get(type(event))
    return None if rule is None else rule(event)


def check_message(event: MessageEvent) -> Refusal | None:
    """A message has all four ids of its journey's step, or none of them."""
    if event.journey_id is None:
        if event.journey_version is not None or event.entry_id is not None:
            return _incomplete(event, _MESSAGE_FIELDS, "a message of a journey")
        if event.step_id is not None:
            return Refusal(Reason.WRONG_FIELD, "step_id", _STEP_WITHOUT_JOURNEY)
    elif event.journey_version is None or event.entry_id is None or event.step_id is None:
        return _incomplete(event, _MESSAGE_FIELDS, "a message of a journey")
    if event.channel in _channels:
        return None
    return _check_word(event.channel, "channel", is_channel, _channels, EXPECTED_CHANNEL)


def check_sent(event: MessageSent) -> Refusal | None:
    """A cost has a currency."""
    refusal = check_message(event)
    if refusal is None and (event.cost is not None or event.currency is not None):
        return _check_amount("cost", event.cost, event.currency)
    return refusal


def check_goal(event: GoalReached) -> Refusal | None:
    """A value has a currency, a goal of a step names journey, entry and step, and properties can be kept."""
    if event.value is not None or event.currency is not None:
        refusal = _check_amount("value", event.value, event.currency)
        if refusal is not None:
            return refusal
    ids = (event.journey_id, event.entry_id, event.step_id)
    if ids != (None, None, None) and None in ids:
        return _incomplete(event, _GOAL_FIELDS, "a goal at a step of a journey")
    return settle_properties(event.properties) if event.properties else None


def wrong(field: str, found: str, expected: str) -> Refusal:
    """A refusal of a field for its value; `found` is shown shortened."""
    return Refusal(Reason.WRONG_FIELD, field, f"`{field}` is {shortened(found)}, but must be {expected}.")


_STEP_WITHOUT_JOURNEY = (
    "`step_id` is given without a journey: leave it out, or add journey_id, journey_version and entry_id."
)
_MESSAGE_FIELDS = ("journey_id", "journey_version", "entry_id", "step_id")
_GOAL_FIELDS = ("journey_id", "entry_id", "step_id")


def _incomplete(event: Event, fields: tuple[str, ...], what: str) -> Refusal:
    missing = next(field for field in fields if getattr(event, field) is None)
    message = f"`{missing}` is missing: {what} has {', '.join(fields)}; add it, or leave all of them out."
    return Refusal(Reason.MISSING_FIELD, missing, message)


def _check_amount(field: str, amount: int | None, currency: str | None) -> Refusal | None:
    if amount is None:
        message = f"`currency` is given without `{field}`: add `{field}`, or leave `currency` out."
        return Refusal(Reason.MISSING_FIELD, field, message)
    if currency is None:
        message = f"`{field}` is given without `currency`: add {EXPECTED_CURRENCY}."
        return Refusal(Reason.MISSING_FIELD, "currency", message)
    if currency in _currencies:
        return None
    return _check_word(currency, "currency", is_currency, _currencies, EXPECTED_CURRENCY)


def _check_word(
    word: str, field: str, is_valid: Callable[[str], object], remembered: set[str], expected: str
) -> Refusal | None:
    """Check a word that comes again and again, and remember it when it is right."""
    if not is_valid(word):
        return wrong(field, repr(word), expected)
    if len(remembered) < _MAXIMUM_REMEMBERED:
        remembered.add(word)
    return None


@functools.cache
def _identifiers(cls: type[Event]) -> tuple[str, ...]:
    kinds = (Identifier, Label, Identifier | None)
    return tuple(field.name for field in msgspec.structs.fields(cls) if field.type in kinds)


RULES: dict[type[Event], Callable[[Any], Refusal | None]] = {
    **{cls: check_message for cls in EVENT_CLASSES if issubclass(cls, MessageEvent)},
    MessageSent: check_sent,
    GoalReached: check_goal,
}
