"""One valid event of every type, as its JSON; the schemas, the documentation and the tests show these."""

from typing import Any, Final

_PERSON: Final = {"user_id": "user-42"}
_ENTRY: Final = {**_PERSON, "journey_id": "welcome", "journey_version": 1, "entry_id": "entry-7"}
_MESSAGE: Final = {**_ENTRY, "step_id": "welcome-mail", "message_id": "message-9", "channel": "email"}
_CALL: Final = {**_ENTRY, "step_id": "welcome-call", "call_id": "call-3"}


def _event(type_: str, second: int, **fields: Any) -> dict[str, Any]:
    at = f"2026-11-01T09:30:{second:02d}.250Z"
    return {"type": type_, "event_id": f"event-{second:02d}", "occurred_at": at, **fields}


_ALL: Final = (
    _event("journey.entered", 0, **_ENTRY),
    _event("step.entered", 1, **_ENTRY, step_id="welcome-mail", variant="b"),
    _event("message.sent", 2, **_MESSAGE, cost="0.0004", currency="EUR"),
    _event("message.delivered", 3, **_MESSAGE),
    _event("message.viewed", 4, **_MESSAGE, platform="web"),
    _event("message.opened", 5, **_MESSAGE, machine=True),
    _event("message.clicked", 6, **_MESSAGE, platform="ios", link="https://shop.example/offer"),
    _event("message.failed", 7, **_PERSON, message_id="message-10", channel="push", reason="no device token"),
    _event("message.unsubscribed", 8, **_MESSAGE),
    _event(
        "goal.reached",
        9,
        **_PERSON,
        name="purchase_completed",
        value=59.9,
        currency="EUR",
        properties={"plan": "pro", "seats": 3, "items": [{"sku": "A-1", "price": 59.9}]},
    ),
    _event("call.started", 10, **_CALL),
    _event("call.menu_reached", 11, **_CALL, node_id="language", parent_node_id="greeting"),
    _event("call.input_collected", 12, **_CALL, node_id="language", value="2", kind="dtmf"),
    _event("call.ended", 13, **_CALL, outcome="completed", duration_ms=61_500),
    _event("journey.exited", 14, **_ENTRY, reason="completed"),
    _event(
        "journey.defined",
        15,
        account_id="default",
        journey_id="welcome",
        journey_version=1,
        name="Welcome",
        steps=[
            {"step_id": "welcome-mail", "name": "Welcome mail", "type": "message", "channel": "email"},
            {
                "step_id": "three-days",
                "type": "wait",
                "next": [
                    {"step_id": "thanks", "name": "clicked"},
                    {"step_id": "welcome-call", "name": "timeout"},
                ],
            },
            {
                "step_id": "welcome-call",
                "type": "ivr_menu",
                "nodes": [
                    {"node_id": "greeting", "inputs": []},
                    {"node_id": "language", "inputs": ["1", "2"]},
                ],
            },
            {"step_id": "thanks", "type": "end"},
        ],
        goal={"name": "purchase_completed", "properties": {"plan": "pro"}},
        conversion_window_ms=259_200_000,
    ),
    _event("journey.status", 16, journey_id="welcome", status="running"),
    _event("user.erased", 17, **_PERSON, mode="anonymise"),
)
EXAMPLES: Final[dict[str, dict[str, Any]]] = {example["type"]: example for example in _ALL}
"""By type, in the order in which one journey's events would come."""


def as_cloudevent(event: dict[str, Any]) -> dict[str, Any]:
    """The structured CloudEvent that says the same as a bare event."""
    outside = {"type", "event_id", "occurred_at", "user_id"}
    return {
        "specversion": "1.0",
        "id": event["event_id"],
        "source": "/shop",
        "type": event["type"],
        "time": event["occurred_at"],
        **({"subject": event["user_id"]} if "user_id" in event else {}),
        "data": {name: value for name, value in event.items() if name not in outside},
    }


def as_binary(event: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, bytes]]]:
    """The data and the Kafka headers of the binary CloudEvent that says the same as a bare event."""
    envelope = as_cloudevent(event)
    data = envelope.pop("data")
    return data, [(f"ce_{name}", str(value).encode()) for name, value in envelope.items()]
