"""The generators keep their promises: the same for the same seed, and rich in what the contract turns on."""

from collections import Counter
from typing import Any

import pytest

from tests.generators.seeded import EFFORT_VARIABLE, SEED_VARIABLE, event_set, seeds
from tests.generators.world import TIME_ZONES, scope_of
from wayfold.audit import oracle
from wayfold.audit.oracle.times import instant_ms


def test_a_seed_gives_the_same_events_every_time() -> None:
    """A seed that is printed replays."""
    assert event_set(7, 200) == event_set(7, 200)
    assert event_set(7, 200) != event_set(8, 200)


def test_the_environment_names_one_seed_or_asks_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """One seed to replay a failure; more effort for a long run."""
    monkeypatch.delenv(SEED_VARIABLE, raising=False)
    monkeypatch.setenv(EFFORT_VARIABLE, "3")
    assert seeds(2, first=10) == [10, 11, 12, 13, 14, 15]
    monkeypatch.setenv(SEED_VARIABLE, "42")
    assert seeds(2, first=10) == [42]


def test_every_event_is_valid_and_none_contradicts_another() -> None:
    """The naive rules accept all of them, and no id has two contents in its scope."""
    for seed in range(5):
        events = event_set(seed, 150)
        ids: dict[Any, Any] = {}
        for _, event in events:
            if "user_id" in event:
                assert ids.setdefault((*scope_of(event), event["event_id"]), event) == event
        times = [instant_ms(event["occurred_at"]) for _, event in events]
        assert max(times) - min(times) < 400 * 86_400_000


def test_sets_are_rich() -> None:
    """Over a few seeds: conversions, exits that did not convert, drops, repeats in time, several versions."""
    seen: Counter[str] = Counter()
    for seed in range(12):
        events = [event for _, event in event_set(seed, 150)]
        times = Counter(event["occurred_at"] for event in events)
        seen["together"] += sum(count > 1 for count in times.values())
        for journey in oracle.numbers(events, TIME_ZONES)["journeys"]:
            for name in ("converted_entries", "total_exits", "active_users", "active_entries"):
                seen[name] += journey["numbers"][name]
            seen["versions"] += len(journey["versions"]) - 1
            for version in journey["versions"]:
                for step in version["steps"]:
                    seen["dropped"] += step["numbers"]["dropped"]
                    seen["goals"] += len(step["numbers"]["goals"])
    assert all(seen[name] >= 5 for name in ("together", "versions", "dropped", "goals")), seen
    assert all(seen[name] >= 5 for name in ("converted_entries", "total_exits", "active_users")), seen
