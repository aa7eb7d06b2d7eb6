"""Definitions and statuses of journeys on their way into a log, to every partition."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

from wayfold.agents.destinations.destination import Destination
from wayfold.agents.sink import Outgoing
from wayfold.models.definition import JourneyDefinition
from wayfold.models.definition_file import parse_definition
from wayfold.models.encode import encode_event
from wayfold.models.events import JourneyStatus, Status


class DefinitionRefusedError(Exception):
    """The other side did not take a definition that is well-formed; the message says why."""


def load_definition(path: Path) -> JourneyDefinition:
    """Read a definition from a YAML or JSON file.

    Raises DefinitionError, which names every field that is wrong, and OSError.
    """
    return parse_definition(path.read_bytes())


def definition_record(definition: JourneyDefinition) -> Outgoing:
    """Make the `journey.defined` record of a definition; the same content always has the same event id."""
    return Outgoing("definitions", None, definition.to_event(datetime.now(UTC)))


def status_record(journey_id: str, status: Status, account_id: str = "default") -> Outgoing:
    """Make the `journey.status` record that says what a journey does from now on.

    Raises InvalidEventError, which names the field that is wrong.
    """
    event = JourneyStatus(
        event_id=f"status-{uuid.uuid4().hex}",
        occurred_at=datetime.now(UTC),
        account_id=account_id,
        journey_id=journey_id,
        status=status,
    )
    return Outgoing(event.TOPIC, None, encode_event(event))


async def publish_definition(destination: Destination, definition: JourneyDefinition) -> None:
    """Send a definition to every partition and return when it is durable; once more is harmless.

    Raises `DefinitionRefusedError`, and `DestinationError` when it could not be sent.
    """
    rejected = await destination.send([definition_record(definition)])
    for each in rejected:
        raise DefinitionRefusedError(each.message)
