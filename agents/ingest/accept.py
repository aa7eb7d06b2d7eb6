"""Which events of a request are taken, where each goes, and why the others are not."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from wayfold.agents.sink import Outgoing
from wayfold.models.decode import decode_event
from wayfold.models.definition import JourneyDefinition
from wayfold.models.events import Event, JourneyDefined, UserErased, UserEvent, occurred_ms
from wayfold.models.refusal import Reason, Refusal
from wayfold.state.intake.refusals import FUTURE_LIMIT_MS

SLICE_EVENTS: Final = 250
"""Events that are checked without a pause."""


class Rejected(msgspec.Struct, frozen=True):
    """An event that was not taken, and what to do about it."""

    index: Annotated[int, Meta(ge=0, description="Which event of the request, counted from 0.")]
    event_id: Annotated[str | None, Meta(description="Its id, when it could be read.")]
    reason: Annotated[Reason, Meta(description="The kind of refusal.")]
    field: Annotated[str, Meta(description='The field that is wrong, "" when it is the whole event.')]
    message: Annotated[str, Meta(description="What was found and what to send instead.")]


class Checked(msgspec.Struct):
    """The records to append, and what is not taken."""

    records: list[Outgoing]
    rejected: list[Rejected]


KnownDefinition = Callable[[str, str, int], JourneyDefinition | None]
"""Looks up what is defined already, by account, journey and version."""


def nothing_known(_account_id: str, _journey_id: str, _version: int) -> JourneyDefinition | None:
    """Know no definition: where the fold runs elsewhere."""
    return None


async def check_events(
    values: Sequence[bytes | msgspec.Raw],
    headers: tuple[tuple[str, bytes], ...] = (),
    known: KnownDefinition = nothing_known,
) -> Checked:
    """Decode every event, giving way to other requests in between.

    `headers` are the attributes of a binary CloudEvent, kept with the record. An event of the future (but an
    erasure, which is never that), and another content for a version that is defined, are refused here, where
    the sender hears of it; the fold would refuse them too.
    """
    checked = Checked([], [])
    latest_ms = time.time_ns() // 1_000_000 + FUTURE_LIMIT_MS
    for index, raw in enumerate(values):
        if index and not index % SLICE_EVENTS:
            await asyncio.sleep(0)
        value = raw if isinstance(raw, bytes) else bytes(raw)
        event = decode_event(None, value, headers)
        if isinstance(event, JourneyDefined):
            event = conflict(event.definition, known) or event
            # A large one takes as long as many other events.
            await asyncio.sleep(0)
        if not isinstance(event, Refusal | UserErased) and occurred_ms(event.occurred_at) > latest_ms:
            event = _future(event)
        if isinstance(event, Refusal):
            rejected = Rejected(index, _event_id(value), event.reason, event.field, event.message)
            checked.rejected.append(rejected)
        else:
            checked.records.append(outgoing(event, value, headers))
    return checked


def outgoing(event: Event, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> Outgoing:
    """Address an event's bytes: the topic kind of its type, keyed by its user."""
    key = event.user_id.encode() if isinstance(event, UserEvent) else None
    return Outgoing(event.TOPIC, key, value, headers)


def conflict(definition: JourneyDefinition, known: KnownDefinition) -> Refusal | None:
    """Say why a definition cannot be taken, None when it can."""
    found = known(definition.account_id, definition.journey_id, definition.journey_version)
    if found is None or found == definition:
        return None
    return Refusal(
        Reason.DEFINITION_CONFLICT,
        "journey_version",
        f"Version {definition.journey_version} of journey {definition.journey_id!r} is defined already, with "
        "other content, and a version never changes: publish the change as the next version.",
    )


def _future(event: Event) -> Refusal:
    return Refusal(
        Reason.FUTURE,
        "occurred_at",
        f"`occurred_at` {event.occurred_at.isoformat()} is more than an hour ahead of this server's clock: "
        "check the publisher's clock and time zone.",
    )


def _event_id(value: bytes) -> str | None:
    """Read the id of an event that was refused, if it has one that can be read."""
    try:
        fields: Any = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    found = fields.get("event_id", fields.get("id"))
    return found if isinstance(found, str) else None
