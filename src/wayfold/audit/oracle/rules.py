"""The audit's own reading of the field rules: whether a JSON value is a valid event of its type."""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from wayfold.audit.oracle.definitions import exact
from wayfold.audit.oracle.events import DEFINED, ERASED, GOAL, MESSAGE_TYPES, STATUS
from wayfold.audit.oracle.times import instant_ms

TOPIC_OF = {
    "journey.entered": "entries",
    "journey.exited": "entries",
    "step.entered": "steps",
    **{f"message.{status}": "messages" for status in MESSAGE_TYPES},
    GOAL: "conversions",
    "call.started": "calls",
    "call.menu_reached": "calls",
    "call.input_collected": "calls",
    "call.ended": "calls",
    DEFINED: "definitions",
    STATUS: "definitions",
    ERASED: "users",
}
_BINDING = ("journey_id", "journey_version", "entry_id")
_STEP_TYPES = ("message", "wait", "condition", "split", "action", "ivr_menu", "end")
_JOURNEY_STATUSES = ("running", "paused", "finished")
_EXIT_REASONS = ("completed", "goal", "exit_criteria", "removed", "error")
_DEFINED = (
    *("type", "event_id", "occurred_at", "account_id", "user_id", "journey_id", "journey_version"),
    *("name", "steps", "goal", "conversion_window_ms", "conversion_window"),
)

Fields = Mapping[str, Any]


class RefusedError(Exception):
    """Not an event that can be accepted. `reason` is the refusal's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check(fields: object) -> None:
    """Raise RefusedError unless this is a valid event in its bare form."""
    if not isinstance(fields, Mapping):
        raise RefusedError("unparseable")
    if fields.get("type") is None:
        raise RefusedError("missing_field")
    kind = fields["type"]
    if not isinstance(kind, str) or kind not in TOPIC_OF:
        raise RefusedError("unknown_type" if isinstance(kind, str) else "wrong_field")
    _identifier(fields, "event_id")
    _time(fields)
    _identifier(fields, "account_id", required=False)
    if kind == DEFINED:
        _check_definition(fields)
        return
    if kind == STATUS:
        _identifier(fields, "journey_id")
        _one_of(fields, "status", _JOURNEY_STATUSES)
        return
    _identifier(fields, "user_id")
    if kind == GOAL:
        _check_goal(fields)
    elif kind.startswith("message."):
        _check_message(fields, kind)
    elif kind == ERASED:
        _one_of(fields, "mode", ("anonymise", "subtract"))
    else:
        _binding(fields, required=True)
        _check_bound(fields, kind)


def _check_bound(fields: Fields, kind: str) -> None:
    if kind == "journey.exited":
        _one_of(fields, "reason", _EXIT_REASONS)
    elif kind == "step.entered":
        _identifier(fields, "step_id")
        _text(fields, "variant", required=False)
    elif kind.startswith("call."):
        _identifier(fields, "call_id")
        _identifier(fields, "step_id", required=False)
        if kind in ("call.menu_reached", "call.input_collected"):
            _identifier(fields, "node_id")
        if kind == "call.menu_reached":
            _identifier(fields, "parent_node_id", required=False)
        elif kind == "call.input_collected":
            _text(fields, "value", required=True)
            _one_of(fields, "kind", ("dtmf", "speech"))
        elif kind == "call.ended":
            _one_of(fields, "outcome", ("completed", "dropped", "failed"))
            _whole(fields, "duration_ms", least=0)


def _check_message(fields: Fields, kind: str) -> None:
    bound = _binding(fields, required=False)
    _identifier(fields, "step_id", required=bound)
    if not bound and fields.get("step_id") is not None:
        raise RefusedError("wrong_field")
    _identifier(fields, "message_id")
    _matching(fields, "channel", r"[a-z][a-z0-9_]{0,31}", required=True)
    _one_of(fields, "platform", ("ios", "android", "web", "none"), required=False)
    if kind == "message.sent":
        _money(fields, "cost")
    elif kind == "message.failed":
        _any_text(fields, "reason")
    if kind == "message.clicked":
        _any_text(fields, "link")
    if kind in ("message.viewed", "message.opened", "message.clicked"):
        machine = fields.get("machine")
        if machine is not None and not isinstance(machine, bool):
            raise RefusedError("wrong_field")


def _check_goal(fields: Fields) -> None:
    _identifier(fields, "name")
    _money(fields, "value")
    if fields.get("properties") is not None and not isinstance(fields["properties"], Mapping):
        raise RefusedError("wrong_field")
    places = [fields.get(name) is not None for name in ("journey_id", "entry_id", "step_id")]
    if any(places) and not all(places):
        raise RefusedError("missing_field")
    for name in ("journey_id", "entry_id", "step_id"):
        _identifier(fields, name, required=False)


def _check_definition(fields: Fields) -> None:
    if set(fields) - set(_DEFINED) or any(fields[name] is None for name in fields if name != "goal"):
        raise RefusedError("wrong_field")
    _identifier(fields, "journey_id")
    _whole(fields, "journey_version", least=1)
    _identifier(fields, "name")
    _whole(fields, "conversion_window_ms", least=0, required=False)
    if fields.get("conversion_window") is not None:
        _matching(fields, "conversion_window", r"[0-9]+ *(ms|s|m|h|d|w)", required=True)
    steps = fields.get("steps")
    if steps is None:
        raise RefusedError("missing_field")
    if not isinstance(steps, list):
        raise RefusedError("wrong_field")
    for step in steps:
        _check_defined_step(step)
    if len({step["step_id"] for step in steps}) != len(steps):
        raise RefusedError("wrong_field")
    for step in steps:
        _check_branches(step, {step["step_id"] for step in steps})
        _check_menu(step)
    goal = fields.get("goal")
    if goal is not None:
        if not isinstance(goal, Mapping) or set(goal) - {"name", "properties"}:
            raise RefusedError("wrong_field")
        _identifier(goal, "name")
        _filter(goal.get("properties"))


def _check_defined_step(step: object) -> None:
    known = {"step_id", "name", "type", "channel", "next", "nodes"}
    if not isinstance(step, Mapping) or set(step) - known:
        raise RefusedError("wrong_field")
    _identifier(step, "step_id")
    _identifier(step, "name", required=False)
    _one_of(step, "type", _STEP_TYPES)
    _matching(step, "channel", r"[a-z][a-z0-9_]{0,31}", required=step["type"] == "message")
    if step["type"] != "message" and step.get("channel") is not None:
        raise RefusedError("wrong_field")


def _check_branches(step: Fields, step_ids: set[str]) -> None:
    """Where a step leads: to steps of the same definition, by names of their own, and an end nowhere."""
    branches = _objects(step, "next", {"step_id", "name"})
    for branch in branches:
        _identifier(branch, "step_id")
        _identifier(branch, "name", required=False)
        if branch["step_id"] not in step_ids:
            raise RefusedError("wrong_field")
    if len({branch.get("name") for branch in branches}) != len(branches):
        raise RefusedError("wrong_field")
    if step["type"] == "end" and step.get("next") is not None:
        raise RefusedError("wrong_field")


def _check_menu(step: Fields) -> None:
    """The nodes of a call's menu, each once, with the texts that it expects."""
    nodes = _objects(step, "nodes", {"node_id", "inputs"})
    for node in nodes:
        _identifier(node, "node_id")
        _present(node, "inputs", required=True)
        if not isinstance(node["inputs"], list):
            raise RefusedError("wrong_field")
        for text in node["inputs"]:
            _text({"input": text}, "input", required=True)
    if len({node["node_id"] for node in nodes}) != len(nodes):
        raise RefusedError("wrong_field")
    if step["type"] != "ivr_menu" and step.get("nodes") is not None:
        raise RefusedError("wrong_field")


def _objects(fields: Fields, name: str, known: set[str]) -> list[Fields]:
    """A list of objects with no other fields than these; it may be missing."""
    found = fields.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(
        isinstance(one, Mapping) and not set(one) - known for one in found
    ):
        raise RefusedError("wrong_field")
    return found


def _binding(fields: Fields, *, required: bool) -> bool:
    """Whether the event is bound to a journey: all three of its fields, or none."""
    given = [fields.get(name) is not None for name in _BINDING]
    if not any(given) and not required:
        return False
    _identifier(fields, "journey_id")
    _whole(fields, "journey_version", least=1)
    _identifier(fields, "entry_id")
    return True


def _present(fields: Fields, name: str, *, required: bool) -> bool:
    if fields.get(name) is not None:
        return True
    if required:
        raise RefusedError("missing_field")
    return False


def _text(fields: Fields, name: str, *, required: bool) -> None:
    if _present(fields, name, required=required) and not (
        _is_text(fields[name]) and len(fields[name]) <= 256
    ):
        raise RefusedError("wrong_field")


def _any_text(fields: Fields, name: str) -> None:
    """Text of any length, which is kept and shown as it is; it may be missing."""
    if fields.get(name) is not None and not isinstance(fields[name], str):
        raise RefusedError("wrong_field")


def _is_text(value: object) -> bool:
    """A string that can be printed and stored: no control characters, no lone surrogates."""
    return isinstance(value, str) and not any(unicodedata.category(one) in ("Cc", "Cs") for one in value)


def _identifier(fields: Fields, name: str, *, required: bool = True) -> None:
    if not _present(fields, name, required=required):
        return
    if not _is_text(fields[name]) or not 1 <= len(fields[name]) <= 256:
        raise RefusedError("wrong_field")


def _one_of(fields: Fields, name: str, allowed: tuple[str, ...], *, required: bool = True) -> None:
    if _present(fields, name, required=required) and fields[name] not in allowed:
        raise RefusedError("wrong_field")


def _matching(fields: Fields, name: str, pattern: str, *, required: bool) -> None:
    if _present(fields, name, required=required):
        value = fields[name]
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            raise RefusedError("wrong_field")


def _whole(fields: Fields, name: str, *, least: int, required: bool = True) -> None:
    if _present(fields, name, required=required):
        value = fields[name]
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if not number or value != int(value) or not least <= value < 2**63:
            raise RefusedError("wrong_field")


def _time(fields: Fields) -> None:
    _present(fields, "occurred_at", required=True)
    value = fields["occurred_at"]
    try:
        instant_ms(value)
    except (ValueError, TypeError) as error:
        raise RefusedError("wrong_field") from error


def _money(fields: Fields, name: str) -> None:
    """An amount and its currency, both or neither."""
    has_amount, has_currency = fields.get(name) is not None, fields.get("currency") is not None
    if has_amount != has_currency:
        raise RefusedError("missing_field")
    if not has_amount:
        return
    _matching(fields, "currency", r"[A-Z]{3}", required=True)
    value = fields[name]
    if isinstance(value, str):
        if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) is None:
            raise RefusedError("wrong_field")
    elif isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise RefusedError("wrong_field")
    amount = exact(value)
    if abs(amount) >= 10**15 or amount != round(amount, 9):
        raise RefusedError("wrong_field")


def _filter(value: object) -> None:
    """The properties that a goal must have: a list or an object would match nothing."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise RefusedError("wrong_field")
    if not all(
        item is None or isinstance(item, str | bool | int | float | Decimal) for item in value.values()
    ):
        raise RefusedError("wrong_field")
