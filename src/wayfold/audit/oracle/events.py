"""What the audit knows of an event: plain values read from its JSON, nothing of the fold's own types."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from wayfold.audit.oracle.definitions import OracleDefinition, exact, read_definition
from wayfold.audit.oracle.times import instant_ms

GOAL, DEFINED, STATUS, ERASED = "goal.reached", "journey.defined", "journey.status", "user.erased"
CONTROL = (DEFINED, STATUS, ERASED)
"""Types that move no watermark: a definition published today must not make an old log late."""
OF_JOURNEYS = (DEFINED, STATUS)
"""Types that concern a journey and no user, and are published to every partition."""
MESSAGE_TYPES = ("sent", "delivered", "viewed", "opened", "clicked", "failed", "unsubscribed")
STATUSES = (*MESSAGE_TYPES, "machine_viewed", "machine_opened", "machine_clicked")


@dataclass(frozen=True, slots=True)
class OracleEvent:
    """One accepted event. What an event of its type does not have is None, or "" for `variant`."""

    kind: str
    event_id: str
    at: int
    account: str
    user: str | None = None
    journey: str | None = None
    version: int | None = None
    entry: str | None = None
    step: str | None = None
    variant: str = ""
    message: str | None = None
    channel: str | None = None
    platform: str = "none"
    machine: bool = False
    name: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    node: str | None = None
    definition: OracleDefinition | None = None

    @property
    def order(self) -> tuple[int, str, str]:
        """The earlier of two events of one type is the lesser; ties go by event id, then by journey."""
        return (self.at, self.event_id, self.journey or "")

    @property
    def status(self) -> str:
        """The message status: people and machines apart."""
        status = self.kind.removeprefix("message.")
        return f"machine_{status}" if self.machine and status in ("viewed", "opened", "clicked") else status

    @property
    def identity(self) -> tuple[str | None, ...]:
        """What two events have in common of which one repeats the other.

        Journeys' own events have no user; goals and erasures are bound to no journey, whichever a goal names.
        """
        journey = None if self.kind in (GOAL, ERASED) else self.journey
        return (self.account, journey, self.user, self.kind, self.event_id)


def load_json(value: bytes | str) -> Any:
    """JSON with exact decimals; ValueError for what is no strict UTF-8 JSON, OverflowError when too deep."""

    def refuse(token: str) -> None:
        raise ValueError(f"{token} is not JSON")

    text = value.decode("utf-8") if isinstance(value, bytes) else value
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=refuse)
    except RecursionError as error:
        raise OverflowError("nested too deeply") from error


def parse(value: bytes | str | Mapping[str, Any]) -> OracleEvent | None:
    """The event in its bare form, or None when it cannot be read at all.

    It trusts that the event was accepted: fields are read, not checked.
    """
    try:
        fields = value if isinstance(value, Mapping) else load_json(value)
        return _read(fields)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
        return None


def _read(fields: Mapping[str, Any]) -> OracleEvent:
    kind = fields["type"]
    amount = fields.get("cost") if kind == "message.sent" else fields.get("value")
    has_amount = kind in ("message.sent", "goal.reached") and amount is not None
    bound = kind not in (GOAL, STATUS, ERASED) and fields.get("journey_id") is not None
    return OracleEvent(
        kind=kind,
        event_id=fields["event_id"],
        at=instant_ms(fields["occurred_at"]),
        account=_given(fields, "account_id", "default"),
        user=None if kind in OF_JOURNEYS else fields.get("user_id"),
        journey=None if kind == ERASED else fields.get("journey_id"),
        version=int(fields["journey_version"]) if bound else None,
        entry=fields.get("entry_id"),
        step=fields.get("step_id"),
        variant=_given(fields, "variant", ""),
        message=fields.get("message_id"),
        channel=fields.get("channel"),
        platform=_given(fields, "platform", "none"),
        machine=_given(fields, "machine", False),
        name=fields.get("name"),
        amount=exact(amount) if has_amount else None,
        currency=fields.get("currency") if has_amount else None,
        properties=_given(fields, "properties", {}),
        node=fields.get("node_id"),
        definition=read_definition(fields) if kind == DEFINED else None,
    )


def _given(fields: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    value = fields.get(name)
    return otherwise if value is None else value


def watermarks_of(events: Iterable[OracleEvent]) -> dict[str, int]:
    """By account the greatest occurred_at of its users' events, in milliseconds: not of control events."""
    watermarks: dict[str, int] = {}
    for event in events:
        if event.kind not in CONTROL:
            watermarks[event.account] = max(event.at, watermarks.get(event.account, -1))
    return watermarks


def event_set(events: Iterable[bytes | str | Mapping[str, Any]]) -> list[OracleEvent]:
    """The set that every number is stated over: of each identity the first that came."""
    chosen: dict[tuple[str | None, ...], OracleEvent] = {}
    for value in events:
        event = parse(value)
        if event is None:
            raise ValueError(f"not an event: {value!r}")
        chosen.setdefault(event.identity, event)
    return list(chosen.values())
