"""What the audit knows of an event: plain values read from its JSON, nothing of the fold's own types."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from wayfold.audit.oracle.times import instant_ms

DEFAULT_WINDOW_MS = 3 * 86_400_000
MESSAGE_TYPES = ("sent", "delivered", "viewed", "opened", "clicked", "failed", "unsubscribed")
STATUSES = (*MESSAGE_TYPES, "machine_viewed", "machine_opened", "machine_clicked")

_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


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
    definition: "OracleDefinition | None" = None

    @property
    def order(self) -> tuple[int, str]:
        """The earlier of two events of one type is the lesser; ties go by event id."""
        return (self.at, self.event_id)

    @property
    def status(self) -> str:
        """The message status: people and machines apart."""
        status = self.kind.removeprefix("message.")
        return f"machine_{status}" if self.machine and status in ("viewed", "opened", "clicked") else status

    @property
    def scope(self) -> tuple[str, ...]:
        """Within what its event id counts once."""
        user = self.user or ""
        if self.kind == "journey.defined":
            return ("definition", self.account, self.journey or "", str(self.version))
        if self.kind == "user.erased":
            return ("erased", self.account, user)
        if self.kind == "goal.reached":
            return ("goal", self.account, user)
        if self.journey is None:
            return ("no journey", self.account, user)
        return ("journey", self.account, user, self.journey)


@dataclass(frozen=True, slots=True)
class OracleDefinition:
    """What a journey version says of itself. `steps` are (step_id, name, type, channel or None), in order."""

    name: str
    steps: tuple[tuple[str, str, str, str | None], ...]
    goal_name: str | None
    goal_properties: tuple[tuple[str, Any], ...]
    window_ms: int

    def is_goal(self, event: OracleEvent) -> bool:
        """Whether this goal event is the one the definition names, with the properties it asks for."""
        return event.name == self.goal_name and all(
            key in event.properties and equal_scalars(event.properties[key], wanted)
            for key, wanted in self.goal_properties
        )


def equal_scalars(one: object, other: object) -> bool:
    """JSON equality of scalars: true is not 1, but 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    numbers = (int, float, Decimal)
    if isinstance(one, numbers) and isinstance(other, numbers):
        return exact(one) == exact(other)
    return type(one) is type(other) and one == other


def exact(number: object) -> Decimal:
    """A JSON number or a decimal string, exactly as written."""
    return Decimal(str(number))


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
    bound = kind not in ("goal.reached", "user.erased") and fields.get("journey_id") is not None
    return OracleEvent(
        kind=kind,
        event_id=fields["event_id"],
        at=instant_ms(fields["occurred_at"]),
        account=_given(fields, "account_id", "default"),
        user=fields.get("user_id"),
        journey=fields.get("journey_id"),
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
        definition=_read_definition(fields) if kind == "journey.defined" else None,
    )


def _given(fields: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    value = fields.get(name)
    return otherwise if value is None else value


def _read_definition(fields: Mapping[str, Any]) -> OracleDefinition:
    goal = fields.get("goal") or {}
    return OracleDefinition(
        name=fields["name"],
        steps=tuple(
            (step["step_id"], _given(step, "name", step["step_id"]), step["type"], step.get("channel"))
            for step in fields.get("steps") or ()
        ),
        goal_name=goal.get("name"),
        goal_properties=tuple(sorted((goal.get("properties") or {}).items())),
        window_ms=_window_ms(fields),
    )


def _window_ms(fields: Mapping[str, Any]) -> int:
    if fields.get("conversion_window_ms") is not None:
        return int(fields["conversion_window_ms"])
    if fields.get("conversion_window") is not None:
        found = re.fullmatch(r"([0-9]+) *(ms|s|m|h|d|w)", fields["conversion_window"])
        if found is None:
            raise ValueError("no such duration")
        return int(found[1]) * _UNIT_MS[found[2]]
    return DEFAULT_WINDOW_MS


CONTROL = ("journey.defined", "user.erased")


def watermark_of(events: Iterable[OracleEvent]) -> int:
    """The greatest occurred_at in milliseconds, -1 without any.

    Control events do not count: a definition published today must not make an old log late.
    """
    return max((event.at for event in events if event.kind not in CONTROL), default=-1)


def event_set(events: Iterable[bytes | str | Mapping[str, Any]]) -> list[OracleEvent]:
    """The set that every number is stated over: of each event id in its scope the first that came.

    Of several definitions of a journey version the first counts, whatever its event id.
    """
    seen: set[tuple[str, ...]] = set()
    chosen: list[OracleEvent] = []
    for value in events:
        event = parse(value)
        if event is None:
            raise ValueError(f"not an event: {value!r}")
        identity = event.scope if event.kind == "journey.defined" else (*event.scope, event.event_id)
        if identity not in seen:
            seen.add(identity)
            chosen.append(event)
    return chosen
