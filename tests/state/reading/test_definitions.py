"""What answers say of definitions: goal, window, and where steps lead."""

from typing import Any

import msgspec
import pytest

from tests.state.test_partition import DEFINITION, entered, event, fold, opened
from wayfold.audit import oracle
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.query import Query

STEPS = [
    {"step_id": "mail", "name": "Mail", "type": "message", "channel": "email"},
    {
        "step_id": "opened",
        "type": "condition",
        "next": [
            {"step_id": "end", "name": "yes"},
            {"step_id": "mail", "name": "no"},
            {"step_id": "mail", "name": "timeout"},
        ],
    },
    {"step_id": "call", "type": "ivr_menu", "nodes": [{"node_id": "top", "inputs": ["1", "yes"]}]},
    {"step_id": "silent", "type": "ivr_menu"},
    {"step_id": "stop", "type": "split", "next": []},
    {"step_id": "end", "type": "end"},
    {"step_id": "pause", "type": "wait"},
]
FILTER = {"int": 1, "float": 1.0, "true": True, "false": False, "null": None, "text": "1", "small": 0.1}
FULL = {**DEFINITION, "steps": STEPS, "goal": {"name": "bought", "properties": FILTER}}


def versions_of(*definitions: dict[str, Any], events: tuple[dict[str, Any], ...] = ()) -> list[Any]:
    """The versions of a journey in the answer, which is also what the oracle makes of it."""
    partition = opened()
    fold(partition, "definitions", *definitions)
    fold(partition, "entries", *(one for one in events if one["type"] == "journey.entered"))
    fold(partition, "steps", *(one for one in events if one["type"] == "step.entered"))
    document = finish([partition.partial(Query())], Query())
    assert oracle.differences(document, oracle.numbers([*definitions, *events])) == []
    versions: list[Any] = document["journeys"][0]["versions"]
    return versions


def test_a_goal_is_shown_as_it_was_published() -> None:
    """Whole numbers, decimals, true, false, null and text of the filter keep their kind."""
    goal = versions_of(FULL)[0]["goal"]
    assert msgspec.json.encode(goal["properties"]) == msgspec.json.encode(FILTER)
    assert goal["name"] == "bought"


def test_the_oracle_tells_kinds_of_values_apart() -> None:
    """A goal that asks for 1 is another one than one that asks for 1.0 or true."""
    document = oracle.numbers([FULL])
    for other in (1.0, True, "1"):
        changed = {**FULL, "goal": {"name": "bought", "properties": {**FILTER, "int": other}}}
        assert len(oracle.differences(document, oracle.numbers([changed]))) == 1


def test_a_definition_without_goal_and_window() -> None:
    """The window is three days when the definition leaves it out, and no goal is null."""
    bare = {name: DEFINITION[name] for name in DEFINITION if name not in ("goal", "conversion_window_ms")}
    version = versions_of(bare)[0]
    assert (version["defined"], version["goal"]) == (True, None)
    assert version["conversion_window_ms"] == 259_200_000


def test_a_version_that_only_events_name() -> None:
    """It is not defined, has neither goal nor window, and its steps lead nowhere."""
    arrived = event("step.entered", "s", "01T10:01:00", journey_id="welcome", journey_version=1)
    version = versions_of(events=(entered("e"), {**arrived, "entry_id": "n-ann", "step_id": "mail"}))[0]
    assert (version["defined"], version["goal"], version["conversion_window_ms"]) == (False, None, None)
    (step,) = version["steps"]
    assert (step["step_id"], step["type"], step["next"], step["nodes"]) == ("mail", None, [], None)


@pytest.mark.parametrize(
    ("step_id", "expected"),
    [
        ("mail", [("opened", None)]),
        ("opened", [("end", "yes"), ("mail", "no"), ("mail", "timeout")]),
        ("call", [("silent", None)]),
        ("stop", []),
        ("end", []),
        ("pause", []),
    ],
)
def test_where_a_step_leads(step_id: str, expected: list[tuple[str, str | None]]) -> None:
    """As its definition says, else to the following step; an end and the last step lead nowhere."""
    steps = {step["step_id"]: step for step in versions_of(FULL)[0]["steps"]}
    assert [(way["step_id"], way["name"]) for way in steps[step_id]["next"]] == expected


def test_a_menu_has_its_nodes() -> None:
    """The nodes of a menu are as published, none when it says none, and other steps have no list."""
    steps = {step["step_id"]: step["nodes"] for step in versions_of(FULL)[0]["steps"]}
    assert steps["call"] == [{"node_id": "top", "inputs": ["1", "yes"]}]
    assert steps["silent"] == []
    assert steps["mail"] is None


def test_one_step_leads_where_it_leads_among_all() -> None:
    """A question about one step answers with the way on to steps that it leaves out."""
    partition = opened()
    fold(partition, "definitions", FULL)
    query = Query(step_id="call")
    (step,) = finish([partition.partial(query)], query)["journeys"][0]["versions"][0]["steps"]
    assert step["next"] == [{"step_id": "silent", "name": None}]
