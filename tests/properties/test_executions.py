"""Any event set, in whatever way it arrives, gives the oracle's numbers: all of them, for every query."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.generators.seeded import event_set, replay_hint, seeds
from tests.generators.strategies import RANGES, event_sets, queries
from tests.generators.world import TIME_ZONES, Event
from tests.properties.executions import EXECUTIONS, Execution, answer, run
from wayfold.agents.audit import oracle

QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"clock": "entry"},
    {"version": 1},
    {"step_id": "s1", "variant": "A"},
    {"channel": "email"},
    {"platform": "ios", "version": 1},
    *RANGES[1:],
    *({**some, "clock": "entry"} for some in RANGES[1:4]),
    {"start": "2026-03-29", "variant": "B"},
    {"journey_id": "j1", "end": "2026-10-31"},
    {"account_id": "acme"},
)


def _check(
    events: list[tuple[str, Event]], execution: Execution, asked: tuple[dict[str, Any], ...], seed: int
) -> None:
    partitions = run(events, execution, random.Random(seed))
    assert not [refused for partition in partitions for refused in partition.refused]
    bare = [event for _, event in events]
    for query in asked:
        expected = oracle.numbers(bare, TIME_ZONES, "UTC", query)
        found = oracle.differences(answer(partitions, query), expected)
        assert not found, "\n".join([f"query {query}, {execution.name}", *found[:20]])


@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda execution: execution.name)
@pytest.mark.parametrize("seed", seeds(6))
def test_seeded_event_sets(execution: Execution, seed: int) -> None:
    """Event sets of a few hundred events from a seed, in every execution, for many queries."""
    events = event_set(seed, size=(30, 100, 300)[seed % 3])
    try:
        _check(events, execution, QUERIES, seed)
    except Exception as error:
        error.add_note(replay_hint(seed))
        raise


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(
    events=event_sets(),
    execution=st.sampled_from(EXECUTIONS),
    query=queries(),
    seed=st.integers(0, 3),
)
def test_drawn_event_sets(
    events: list[tuple[str, Event]], execution: Execution, query: dict[str, Any], seed: int
) -> None:
    """Small event sets that Hypothesis draws and shrinks, with any mixture of filters."""
    _check(events, execution, (query,), seed)
