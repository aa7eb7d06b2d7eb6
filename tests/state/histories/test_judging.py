"""A definition that comes after its events."""

from typing import Any

import pytest

from tests.state.draining import drained
from tests.state.test_partition import DEFINITION, entered, event, fold, journey_of, opened
from wayfold.state.histories.judging import JUDGED_PIECE
from wayfold.state.partition import Partition
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.partition_numbers import JudgedAnewError
from wayfold.state.reading.query import Query
from wayfold.state.store import keys
from wayfold.state.store.memory_store import MemoryStore

PIECES = 6
USERS = [f"user-{number:03d}" for number in range(PIECES * JUDGED_PIECE)]


def bought_before_the_definition() -> Partition:
    """Another process's partition, with nobody in the cache: all entered and bought."""
    store = MemoryStore()
    first = opened(store)
    fold(first, "entries", *(entered(f"e-{user}", user=user) for user in USERS))
    bought = [event("goal.reached", f"g-{user}", "01T11:00:00", user, name="bought") for user in USERS]
    fold(first, "conversions", *bought)
    return opened(store.restarted())


def test_histories_are_judged_in_pieces_and_show_together() -> None:
    """Others may read meanwhile, and see nobody converted until the commit."""
    partition = bought_before_the_definition()
    fold(partition, "definitions", DEFINITION, commit=False)
    pieces = 0
    for _ in partition.prepare():
        pieces += 1
        assert journey_of(partition)["converted_users"] == 0
        assert partition.partial(Query())["journeys"][0]["definitions"] == {}
    assert pieces >= PIECES
    partition.commit()
    assert journey_of(partition)["converted_users"] == len(USERS)
    assert partition.partial(Query())["journeys"][0]["definitions"]["1"]["name"] == "Welcome"


def test_a_merge_that_is_begun_again_goes_on_with_the_same_definition() -> None:
    """Nobody is counted twice when the rest is done at one go, nor who comes with the definition."""
    partition = bought_before_the_definition()
    fold(partition, "definitions", DEFINITION, commit=False)
    late = event("goal.reached", "g-late", "01T11:00:00", "late", name="bought")
    fold(partition, "conversions", late, commit=False)
    fold(partition, "entries", entered("e-late", user="late"), commit=False)
    pieces = partition.prepare()
    next(pieces)
    next(pieces)
    assert partition.refused == []
    partition.commit()
    numbers = journey_of(partition)
    assert numbers["converted_users"] == numbers["conversion_events"] == len(USERS) + 1


def test_users_who_are_judged_do_not_fill_the_cache() -> None:
    """A late definition looks at every user, and memory stays bounded."""
    partition = bought_before_the_definition()
    fold(partition, "definitions", DEFINITION)
    assert partition._people._users == {}
    assert journey_of(partition)["converted_users"] == len(USERS)


def numbers_of(partition: Partition, **query: Any) -> dict[str, Any]:
    numbers: dict[str, Any] = finish([partition.partial(Query(**query))], Query(**query))["journeys"][0]
    return numbers


def judged_slowly(store: MemoryStore) -> Partition:
    """The partition of `bought_before_the_definition`, of which ten histories are judged with each commit."""
    return opened(store, judged_histories=10)


def entered_and_bought() -> MemoryStore:
    """A store of a journey whose users entered and bought, and of another journey."""
    store = MemoryStore()
    first = opened(store)
    fold(first, "entries", *(entered(f"e-{user}", user=user) for user in USERS))
    bought = [event("goal.reached", f"g-{user}", "01T11:00:00", user, name="bought") for user in USERS]
    fold(first, "conversions", *bought)
    return store.restarted()


def test_a_late_definition_of_many_histories_holds_up_nobody() -> None:
    """Events of other journeys, and their definitions, show with the next commit, while one is judged."""
    partition = judged_slowly(entered_and_bought())
    fold(partition, "definitions", DEFINITION)
    other = {**DEFINITION, "journey_id": "other", "event_id": "other"}
    fold(partition, "definitions", other)
    fold(partition, "entries", entered("e-new", user="new", journey_id="other"))
    fold(partition, "conversions", event("goal.reached", "g-new", "01T11:00:00", "new", name="bought"))
    assert partition.judging_since_ms is not None
    assert numbers_of(partition, journey_id="other")["numbers"]["converted_users"] == 1


def test_what_is_judged_is_settled_as_records_are() -> None:
    """Commits that only judge do not let the journal grow: it holds as many histories as it may records."""
    store = entered_and_bought()
    partition = opened(store, judged_histories=10, journal_records=30)
    fold(partition, "definitions", DEFINITION)
    most = 0
    while partition.judging_since_ms is not None:
        partition.commit()
        most = max(most, sum(1 for _ in store.scan(keys.JOURNAL, keys.after(keys.JOURNAL))))
    assert 0 < most <= 3


def test_a_journey_shows_what_it_was_until_all_of_it_is_judged() -> None:
    """Its numbers over all time are those from before, also after a restart; others are not answered."""
    store = entered_and_bought()
    partition = judged_slowly(store)
    before = numbers_of(partition)
    commits = 0
    fold(partition, "definitions", DEFINITION)
    while partition.judging_since_ms is not None:
        assert numbers_of(partition) == before
        assert partition.changed_views() == []
        assert [view.views for view in partition.all_views() if view.journey_id] != []
        with pytest.raises(JudgedAnewError, match="welcome"):
            numbers_of(partition, start="2026-11-01")
        with pytest.raises(JudgedAnewError):
            drained(partition.users(Query(journey_id="welcome"), "converted_users"))
        if commits % 3 == 0:
            store = store.restarted()
            partition = judged_slowly(store)
        partition.commit()
        commits += 1
    assert commits >= len(USERS) // 10
    assert numbers_of(partition)["numbers"]["converted_users"] == len(USERS)
    assert numbers_of(partition)["name"] == "Welcome"
    assert numbers_of(partition, start="2026-11-01")["numbers"]["converted_users"] == len(USERS)
    [changed] = [view for view in partition.changed_views() if view.journey_id]
    assert changed.views["journey"]["converted_users"] == len(USERS)
    for kind in (keys.JUDGEMENT, keys.FROZEN):
        assert list(store.scan(kind, keys.after(kind))) == []
