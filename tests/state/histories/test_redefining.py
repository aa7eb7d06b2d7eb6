"""A definition that comes after its events."""

from tests.state.test_partition import DEFINITION, entered, event, fold, journey_of, opened
from wayfold.state.histories.redefining import JUDGED_PIECE
from wayfold.state.partition import Partition
from wayfold.state.reading.query import Query
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
