"""Events as bytes, cheaply: what does not change between two events of a step is put together once."""

import time
from typing import Final

from wayfold.simulate.plans import CHANNELS, Plan, PlanStep

_HEAD: Final = b'{"type":"%b","event_id":"%%b","occurred_at":"%%b","user_id":"%%b"'
STAMPS_KEPT: Final = 20_000


class Stamps:
    """Times as RFC 3339 text with milliseconds; most events share their second with others."""

    def __init__(self) -> None:
        self._seconds: dict[int, bytes] = {}

    def __call__(self, at_ms: int) -> bytes:
        """Write a time, in milliseconds UTC."""
        second = at_ms // 1000
        text = self._seconds.get(second)
        if text is None:
            if len(self._seconds) >= STAMPS_KEPT:
                self._seconds.clear()
            text = self._seconds[second] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%b.%03dZ" % (text, at_ms % 1000)


def template(
    kind: str, *fields: tuple[str, str], holes: tuple[str, ...] = (), account: str = "default"
) -> bytes:
    """Make the pattern of an event type; its holes are event id, time, user id, then `holes` in order."""
    parts = [_HEAD % kind.encode()]
    parts += [b',"%b":"%%b"' % name.encode() for name in holes]
    parts += [b',"%b":%b' % (name.encode(), value.encode()) for name, value in fields]
    if account != "default":
        parts.append(b',"account_id":"%b"' % account.encode())
    return b"".join(parts) + b"}"


def _quoted(text: str) -> str:
    return f'"{text}"'


class StepBytes:
    """Patterns of the events of one step; the holes behind the user are named at each."""

    def __init__(self, plan: Plan, step: PlanStep) -> None:
        bound = _bound(plan)
        here = (*bound, ("step_id", _quoted(step.step_id)))
        account = plan.account_id
        self.entered = template("step.entered", *here, holes=("entry_id",), account=account)
        """… entry id."""
        self.entered_variant = template("step.entered", *here, holes=("entry_id", "variant"), account=account)
        """… entry id, variant."""
        self.goal = template(
            "goal.reached",
            ("journey_id", _quoted(plan.journey_id)),
            ("step_id", _quoted(step.step_id)),
            ("name", _quoted(step.goal or "")),
            holes=("entry_id",),
            account=account,
        )
        """… entry id."""
        holes = ("entry_id", "message_id", "platform")
        self.message = message_bytes(step.channel, here, holes, account) if step.channel else {}
        """By status; … entry id, message id, platform."""


class PlanBytes:
    """Patterns of the events of one journey version."""

    def __init__(self, plan: Plan) -> None:
        bound, account = _bound(plan), plan.account_id
        self.steps = {step.step_id: StepBytes(plan, step) for step in plan.steps}
        self.entered = template("journey.entered", *bound, holes=("entry_id",), account=account)
        """… entry id."""
        self.exited = template("journey.exited", *bound, holes=("entry_id", "reason"), account=account)
        """… entry id, reason."""
        properties = "".join(f',"{key}":"{value}"' for key, value in plan.goal.properties.items())
        named = ("name", _quoted(plan.goal.name))
        listed = ("properties", f'{{"device":"phone"{properties}}}')
        self.goal = template("goal.reached", named, listed, account=account)
        """No further holes."""
        self.goal_value = template(
            "goal.reached", named, listed, holes=("value", "currency"), account=account
        )
        """… value, currency."""
        self.calls = {
            name: template(kind, *bound, *fields, holes=("entry_id", "call_id"), account=account)
            for name, (kind, fields) in _CALLS.items()
        }
        """By what happened; … entry id, call id."""
        self.newsletter = message_bytes("email", (), ("message_id", "platform"), account)
        """Messages outside of journeys, by status; … message id, platform."""


_CALLS: Final[dict[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    "started": ("call.started", ()),
    "menu": ("call.menu_reached", (("node_id", '"confirm"'),)),
    "input": ("call.input_collected", (("node_id", '"confirm"'), ("value", '"1"'), ("kind", '"dtmf"'))),
    "completed": ("call.ended", (("outcome", '"completed"'), ("duration_ms", "41000"))),
    "dropped": ("call.ended", (("outcome", '"dropped"'), ("duration_ms", "9000"))),
}


def message_bytes(
    channel_name: str, fields: tuple[tuple[str, str], ...], holes: tuple[str, ...], account: str
) -> dict[str, bytes]:
    """Make the patterns of a channel's message events, by status."""
    channel = CHANNELS[channel_name]
    base = (*fields, ("channel", _quoted(channel_name)))
    currency = "USD" if account == "acme" else "EUR"
    paid = (("cost", channel.cost), ("currency", _quoted(currency))) if channel.cost else ()

    def make(kind: str, *more: tuple[str, str]) -> bytes:
        return template(f"message.{kind}", *base, *more, holes=holes, account=account)

    patterns = {stage.status: make(stage.status) for stage in channel.stages}
    patterns["sent"] = make("sent", *paid)
    patterns["failed"] = make("failed", ("reason", '"unreachable"'))
    patterns["machine_opened"] = make("opened", ("machine", "true"))
    patterns["machine_clicked"] = make("clicked", ("machine", "true"))
    return patterns


def _bound(plan: Plan) -> tuple[tuple[str, str], ...]:
    return (("journey_id", _quoted(plan.journey_id)), ("journey_version", str(plan.journey_version)))
