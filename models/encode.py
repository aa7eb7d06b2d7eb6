"""Events to the bytes that are published."""

from typing import Any

import msgspec

from wayfold.models.decode import decode_event
from wayfold.models.events import Event, JourneyDefined
from wayfold.models.money import Nano, decimal_text
from wayfold.models.refusal import Refusal


class InvalidEventError(ValueError):
    """An event that would be refused; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def encode_event(event: Event) -> bytes:
    """The bare JSON of an event. Raises InvalidEventError for one that would be refused."""
    if isinstance(event, JourneyDefined):
        value = event.definition.to_event(event.occurred_at, event.event_id)
    else:
        value = _encode(event)
    found = decode_event(event.TOPIC, value)
    if isinstance(found, Refusal):
        raise InvalidEventError(found)
    return value


def _amount_to_json(found: Any) -> str:
    if isinstance(found, Nano):
        return decimal_text(found)
    raise NotImplementedError(f"an event cannot hold a {type(found).__name__}")


_encode = msgspec.json.Encoder(enc_hook=_amount_to_json).encode
