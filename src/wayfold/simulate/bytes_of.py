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
        self.calls = call_bytes(step, here, account) if step.menus else {}
        """By what happened; … entry id, call id, and a call's end also its duration in milliseconds."""


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
        items = ITEMS if plan.goal.has_items else ""
        listed = ("properties", f'{{"device":"phone"{properties}{items}}}')
        self.goal = template("goal.reached", named, listed, account=account)
        """No further holes."""
        self.goal_value = template(
            "goal.reached", named, listed, holes=("value", "currency"), account=account
        )
        """… value, currency."""
        self.newsletter = message_bytes("email", (), ("message_id", "platform"), account)
        """Messages outside of journeys, by status; … message id, platform."""


ITEMS: Final = ',"items":[{"sku":"m-17","price":9.5,"count":2},{"sku":"k-3","price":4,"count":1}]'
"""What was bought, as shops send it along with a purchase."""

CLICKED: Final = "clicked {}"
REACHED: Final = "menu {}"
PRESSED: Final = "input {} {}"
ENDED: Final = "ended {}"
OTHER_INPUT: Final = "9"
"""What people press though it is not expected."""


def call_bytes(step: PlanStep, here: tuple[tuple[str, str], ...], account: str) -> dict[str, bytes]:
    """Make the patterns of a call's events: `started`, `REACHED`, `PRESSED` and `ENDED` with their words."""

    def make(kind: str, *more: tuple[str, str]) -> bytes:
        return template(f"call.{kind}", *here, *more, holes=("entry_id", "call_id"), account=account)

    first = step.menus[0].node_id
    patterns = {"started": make("started")}
    for outcome in ("completed", "dropped", "failed"):
        ended = make("ended", ("outcome", _quoted(outcome)))
        patterns[ENDED.format(outcome)] = ended[:-1] + b',"duration_ms":%d}'
    for menu in step.menus:
        node = ("node_id", _quoted(menu.node_id))
        parent = () if menu.node_id == first else (("parent_node_id", _quoted(first)),)
        patterns[REACHED.format(menu.node_id)] = make("menu_reached", node, *parent)
        for text in (*menu.inputs, OTHER_INPUT):
            kind = "dtmf" if text.isdigit() else "speech"
            given = (("value", _quoted(text)), ("kind", _quoted(kind)))
            patterns[PRESSED.format(menu.node_id, text)] = make("input_collected", node, *given)
    return patterns


def message_bytes(
    channel_name: str, fields: tuple[tuple[str, str], ...], holes: tuple[str, ...], account: str
) -> dict[str, bytes]:
    """Make the patterns of a channel's message events, by status, and `clicked` also by its link's number."""
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
    links = [("link", _quoted(link)) for link in channel.links]
    patterns["machine_clicked"] = make("clicked", ("machine", "true"), *links[:1])
    for number, link in enumerate(links):
        patterns[CLICKED.format(number)] = make("clicked", link)
    return patterns


def _bound(plan: Plan) -> tuple[tuple[str, str], ...]:
    return (("journey_id", _quoted(plan.journey_id)), ("journey_version", str(plan.journey_version)))
