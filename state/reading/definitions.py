"""What answers say of definitions: of a version its goal and window, of a step where it leads."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

Definition = Mapping[str, Any]
"""A definition as `partition_numbers.definitions_of` gives it."""

UNDEFINED_STEP: Final[Mapping[str, Any]] = {"type": None, "channel": None, "next": [], "nodes": None}


def described_version(definition: Definition | None) -> dict[str, Any]:
    """Whether a version is defined, its goal as published, and its conversion window in milliseconds.

    What Redis has from a worker that did not tell goals has neither goal nor window until it is told anew.
    """
    if definition is None:
        return {"defined": False, "goal": None, "conversion_window_ms": None}
    return {
        "defined": True,
        "goal": definition.get("goal"),
        "conversion_window_ms": definition.get("conversion_window_ms"),
    }


def described_steps(definition: Definition | None) -> dict[str, dict[str, Any]]:
    """The steps of a definition by id, in order: name, type, channel, where they lead, and a menu's nodes."""
    if definition is None:
        return {}
    steps: Sequence[Mapping[str, Any]] = definition["steps"]
    return {
        step["step_id"]: {
            "step_id": step["step_id"],
            "name": step.get("name") or step["step_id"],
            "type": step.get("type"),
            "channel": step.get("channel"),
            "next": _next_of(step, following),
            "nodes": _nodes_of(step) if step.get("type") == "ivr_menu" else None,
        }
        for step, following in pairwise([*steps, None])
        if step is not None
    }


def undefined_step(step_id: str) -> dict[str, Any]:
    """A step that no definition names; its id is its name."""
    return {"step_id": step_id, "name": step_id, **UNDEFINED_STEP}


def _next_of(step: Mapping[str, Any], following: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Where a step leads: where it says, else to the following one; an end nowhere."""
    ways = step.get("next")
    if ways is not None:
        return [{"step_id": way["step_id"], "name": way.get("name")} for way in ways]
    if following is None or step.get("type") == "end":
        return []
    return [{"step_id": following["step_id"], "name": None}]


def _nodes_of(step: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"node_id": node["node_id"], "inputs": list(node["inputs"])} for node in step.get("nodes") or ()]
