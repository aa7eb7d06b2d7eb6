"""What the audit knows of a definition: what a journey version says of itself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

DEFAULT_WINDOW_MS = 3 * 86_400_000

_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

Branches = tuple[tuple[str, str | None], ...]
Nodes = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class OracleDefinition:
    """What a journey version says of itself.

    `steps` are (step_id, name, type, channel or None), in order. `paths` has for each step where it leads,
    as (step_id, name), or None when it does not say; `menus` the nodes of a menu as (node_id, inputs).
    """

    name: str
    steps: tuple[tuple[str, str, str, str | None], ...]
    goal_name: str | None
    goal_properties: tuple[tuple[str, Any], ...]
    window_ms: int
    paths: tuple[Branches | None, ...] = ()
    menus: tuple[Nodes | None, ...] = ()

    def is_goal(self, name: str | None, properties: Mapping[str, Any]) -> bool:
        """Whether a goal event is the one the definition names, with the properties it asks for.

        A property that is a list or an object equals nothing that a definition may ask for.
        """
        return name == self.goal_name and all(
            key in properties and equal_scalars(properties[key], wanted)
            for key, wanted in self.goal_properties
        )

    @property
    def goal(self) -> dict[str, Any] | None:
        """The goal as it was published; None without one."""
        if self.goal_name is None:
            return None
        properties = {
            key: float(value) if isinstance(value, Decimal) else value for key, value in self.goal_properties
        }
        return {"name": self.goal_name, "properties": properties}

    def leads_to(self, place: int) -> list[dict[str, str | None]]:
        """Where the step at a place leads: where it says, else to the one after it; an end nowhere."""
        branches = self.paths[place] if self.paths else None
        if branches is None:
            at_end = self.steps[place][2] == "end" or place + 1 == len(self.steps)
            branches = () if at_end else ((self.steps[place + 1][0], None),)
        return [{"step_id": step, "name": name} for step, name in branches]

    def nodes(self, place: int) -> list[dict[str, Any]] | None:
        """The nodes of the menu at a place, None where there is no menu."""
        if self.steps[place][2] != "ivr_menu":
            return None
        nodes = (self.menus[place] if self.menus else None) or ()
        return [{"node_id": node, "inputs": list(inputs)} for node, inputs in nodes]

    @property
    def content(self) -> tuple[Any, ...]:
        """All that it says, in a form that is equal just when two definitions say the same."""
        goal = tuple((key, _kind(value), _plain(value)) for key, value in self.goal_properties)
        return (self.name, self.steps, self.goal_name, goal, self.window_ms, self.paths, self.menus)


def equal_scalars(one: object, other: object) -> bool:
    """JSON equality of scalars: true is not 1, but 1 is 1.0."""
    return _kind(one) == _kind(other) != "other" and _plain(one) == _plain(other)


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float | Decimal):
        return "number"
    return "text" if isinstance(value, str) else "other"


def _plain(value: object) -> object:
    return exact(value) if _kind(value) == "number" else value


def exact(number: object) -> Decimal:
    """A JSON number or a decimal string, exactly as written."""
    return Decimal(str(number))


def read_definition(fields: Mapping[str, Any]) -> OracleDefinition:
    """The definition in the fields of a `journey.defined` that was accepted."""
    goal = fields.get("goal") or {}
    steps: Sequence[Mapping[str, Any]] = fields.get("steps") or ()
    return OracleDefinition(
        name=fields["name"],
        steps=tuple(
            (step["step_id"], step.get("name") or step["step_id"], step["type"], step.get("channel"))
            for step in steps
        ),
        goal_name=goal.get("name"),
        goal_properties=tuple(sorted((goal.get("properties") or {}).items())),
        window_ms=_window_ms(fields),
        paths=tuple(_branches(step.get("next")) for step in steps),
        menus=tuple(_nodes(step.get("nodes")) for step in steps),
    )


def _branches(given: Sequence[Mapping[str, Any]] | None) -> Branches | None:
    return None if given is None else tuple((branch["step_id"], branch.get("name")) for branch in given)


def _nodes(given: Sequence[Mapping[str, Any]] | None) -> Nodes | None:
    return None if given is None else tuple((node["node_id"], tuple(node["inputs"])) for node in given)


def _window_ms(fields: Mapping[str, Any]) -> int:
    if fields.get("conversion_window_ms") is not None:
        return int(fields["conversion_window_ms"])
    if fields.get("conversion_window") is not None:
        found = re.fullmatch(r"([0-9]+) *(ms|s|m|h|d|w)", fields["conversion_window"])
        if found is None:
            raise ValueError("no such duration")
        return int(found[1]) * _UNIT_MS[found[2]]
    return DEFAULT_WINDOW_MS
