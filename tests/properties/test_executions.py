"""Any event set, in whatever way it arrives, gives the oracle's numbers: all of them, for every query."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.generators.seeded import effort, event_set, large_event_set, queries, replay_hint, seeds
from tests.generators.strategies import drawn_queries, event_sets
from tests.generators.world import TIME_ZONES, Event
from tests.properties.executions import EXECUTIONS, Execution, answer, run
from wayfold.audit import oracle


def _check(
    events: list[tuple[str, Event]],
    execution: Execution,
    asked: tuple[dict[str, Any], ...],
    seed: int,
    cache_histories: int | None = None,
) -> None:
    partitions = run(events, execution, random.Random(seed), cache_histories)
    assert not [name for one in partitions for name in one.counters if name.startswith("refused")]
    bare = [event for _, event in events]
    for query in asked:
        expected = oracle.numbers(bare, TIME_ZONES, "UTC", query)
        found = oracle.differences(answer(partitions, query), expected)
        assert not found, "\n".join([f"query {query}, {execution.name}", *found[:20]])


@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda execution: execution.name)
@pytest.mark.parametrize("seed", seeds(6))
def test_seeded_event_sets(execution: Execution, seed: int) -> None:
    """Event sets of up to 150 events from a seed, in every execution, for everything and for slices of it."""
    events = event_set(seed, size=(20, 60, 150)[seed % 3])
    asked = ({}, {"clock": "entry"}, *queries(random.Random(seed), events, 12))
    try:
        _check(events, execution, asked, seed)
    except Exception as error:
        error.add_note(replay_hint(seed))
        raise


@settings(
    max_examples=60 * effort(),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(
    events=event_sets(),
    execution=st.sampled_from(EXECUTIONS),
    query=drawn_queries(),
    seed=st.integers(0, 3),
)
def test_drawn_event_sets(
    events: list[tuple[str, Event]], execution: Execution, query: dict[str, Any], seed: int
) -> None:
    """Small event sets that Hypothesis draws and shrinks, with any mixture of filters."""
    _check(events, execution, (query,), seed)


def test_more_histories_than_the_cache_holds() -> None:
    """6,000 events of 600 users, with room for 20 histories in memory, in batches and with accidents."""
    events = large_event_set(0, 6_000, 600)
    execution = Execution("large", partitions=2, shuffled=True, largest_batch=300, accidents=0.2)
    _check(events, execution, ({}, {"start": "2026-04-01"}), 0, cache_histories=20)
