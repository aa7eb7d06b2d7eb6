"""What the OpenAPI document says of request bodies, which the handlers read as bytes."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

EVENT_EXAMPLE = {
    "type": "message.delivered",
    "event_id": "e-1",
    "occurred_at": "2026-11-01T12:00:00Z",
    "user_id": "u-1",
    "journey_id": "welcome",
    "journey_version": 1,
    "entry_id": "n-1",
    "step_id": "hello",
    "message_id": "m-1",
    "channel": "email",
}
DEFINITION_EXAMPLE = {
    "journey_id": "welcome",
    "journey_version": 1,
    "name": "Welcome",
    "steps": [{"step_id": "hello", "name": "Hello", "type": "message", "channel": "email"}],
    "goal": {"name": "purchase_completed"},
    "conversion_window": "3d",
}
_event = Schema(type=OpenAPIType.OBJECT, description="An event; docs/events.md has every type and field.")
_events = Schema(type=OpenAPIType.ARRAY, items=_event)
_lines = Schema(type=OpenAPIType.STRING, description="One event a line.")
_definition = Schema(
    type=OpenAPIType.OBJECT, description="A journey definition; docs/events.md has its fields."
)


@dataclass
class EventsOperation(Operation):
    """The operation that takes events."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            required=True,
            description=(
                "One event or several, bare or as CloudEvents 1.0 (structured, batch, or binary with "
                "ce- headers)."
            ),
            content={
                "application/json": OpenAPIMediaType(
                    schema=Schema(one_of=[_event, _events]), example=EVENT_EXAMPLE
                ),
                "application/x-ndjson": OpenAPIMediaType(schema=_lines),
                "application/cloudevents+json": OpenAPIMediaType(schema=_event),
                "application/cloudevents-batch+json": OpenAPIMediaType(schema=_events),
            },
        )


@dataclass
class DefinitionsOperation(Operation):
    """The operation that takes a journey definition."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            required=True,
            description="A definition as in a file of `wayfold define`.",
            content={
                "application/json": OpenAPIMediaType(schema=_definition, example=DEFINITION_EXAMPLE),
                "application/yaml": OpenAPIMediaType(schema=_definition),
            },
        )
