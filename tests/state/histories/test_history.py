"""What is stored of a user stands for what was in memory: nothing is lost, added or put in another order."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.generators.seeded import event_set, replay_hint, seeds
from tests.properties.executions import Execution, run
from wayfold.models.limits import PROPERTY_INTEGER_LIMIT
from wayfold.state.histories import history as merge
from wayfold.state.histories.history import (
    Arrival,
    Goal,
    History,
    MessageEvent,
    StepGoal,
    User,
    decode_user,
    encode,
)
from wayfold.state.partition import Partition
from wayfold.state.store import keys

TIMES = st.integers(0, 253_402_300_799_999)
NUMBERS = st.integers(0, 2**32 - 1)
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
ENTRY_IDS = st.sampled_from(["first", "second", "é", "😀" * 200])
AMOUNTS = st.sampled_from(["", "0", "-1", "999999999999999999999999"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-PROPERTY_INTEGER_LIMIT, PROPERTY_INTEGER_LIMIT - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)

ARRIVALS = st.tuples(ENTRY_IDS, st.builds(Arrival, TIMES, IDS, NUMBERS))
GOALS_AT_STEPS = st.tuples(ENTRY_IDS, st.builds(StepGoal, TIMES, IDS, IDS, IDS, AMOUNTS, IDS))
ENTERED = st.tuples(ENTRY_IDS, st.just("entered"), TIMES, IDS, st.integers(1, 2**53 - 1))
EXITED = st.tuples(ENTRY_IDS, st.just("exited"), TIMES, IDS, st.sampled_from(["completed", "goal"]))
MESSAGES = st.lists(st.builds(MessageEvent, ENTRY_IDS, IDS, TIMES, IDS, NUMBERS, IDS), max_size=20)
GOALS = st.builds(Goal, TIMES, IDS, IDS, AMOUNTS, IDS, st.none() | st.dictionaries(IDS, SCALARS, max_size=4))
MONTHS = st.dictionaries(NUMBERS, st.dictionaries(IDS, st.tuples(TIMES, IDS), max_size=3), max_size=3)

# A busy machine is no failure.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SENT = MessageEvent("first", "m", 1, "a", 0)


def add(history: History, change: Any) -> None:
    """Merge one change, whatever kind it is."""
    if isinstance(change, list):
        history.add_message_events(change)
        return
    entry = history.entry(change[0])
    if isinstance(change[1], Arrival):
        merge.add_arrival(entry, change[1])
    elif isinstance(change[1], StepGoal):
        merge.add_step_goal(entry, change[1])
    elif change[1] == "entered":
        merge.merge_entered(entry, *change[2:])
    else:
        merge.merge_exited(entry, *change[2:])


def stored(history: History) -> History:
    """The history as it comes back from the store."""
    return History.decode(history.encode())


def in_order(changes: list[Any], entry_id: str, kind: type[Arrival | StepGoal]) -> list[Any]:
    """The arrivals, or goals, of an entry among the changes, by time."""
    found = [change[1] for change in changes if isinstance(change, tuple) and change[0] == entry_id]
    return sorted((one for one in found if isinstance(one, kind)), key=merge.event_order)


def told(history: History) -> dict[str, Any]:
    """All that a history says of itself, but what it only remembers of its own facts."""
    names = [name for name in dir(history) if not name.startswith("_") and name != "facts"]
    facts = {name: getattr(history, name) for name in names if not callable(getattr(history, name))}
    assert {"person", "entries"} <= facts.keys()
    return {**facts, "message events": history.message_events()}


@UNHURRIED
@given(NUMBERS, st.lists(ARRIVALS | GOALS_AT_STEPS | ENTERED | EXITED | MESSAGES, max_size=30))
def test_a_history_that_is_stored_between_changes_loses_nothing(person: int, changes: list[Any]) -> None:
    """Stored and read again after every change, a history says what one says that never left memory."""
    history, kept = History(person), History(person)
    for change in changes:
        add(history, change)
        add(kept, change)
        history = stored(history)
    assert told(history) == told(kept)
    assert history.person == person
    assert history.message_events() == [
        one for change in changes if isinstance(change, list) for one in change
    ]
    for entry_id, entry in history.entries.items():
        assert entry.arrivals == in_order(changes, entry_id, Arrival)
        assert entry.goals == in_order(changes, entry_id, StepGoal)


# MessagePack counts up to 15, and up to 65,535, in headers of other lengths than beyond.
@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_message_events_of_any_count_are_kept(count: int) -> None:
    """Batches at the counts where the encoding changes come back whole, with what came before and after."""
    history = History(7)
    batch = [MessageEvent("first", f"m{number}", number, "a", number, "") for number in range(count)]
    for events in ([SENT], batch, [SENT]):
        history.add_message_events(events)
        history = stored(history)
    assert history.message_events() == [SENT, *batch, SENT]


@UNHURRIED
@given(NUMBERS, st.lists(IDS, max_size=3), MONTHS, st.lists(GOALS, max_size=6))
@example(1, [], {}, [Goal(1, "a", "b", "", "", {"one": 1, "one point": 1.0, "truth": True})])
def test_a_user_is_stored_whole(person: int, journeys: list[str], months: Any, goals: list[Goal]) -> None:
    """Goals with their properties, journeys and months come back equal, and numbers do not become truths."""
    user = User(person, b"marks", journeys, [], months)
    for goal in goals:
        merge.add_goal(user, goal)
    found = decode_user(encode(user))
    assert found == user
    assert repr(found.goals) == repr(user.goals), "1, 1.0 and True are equal, and yet not the same"
    assert found.goals == sorted(goals, key=merge.event_order)


def stored_rows(partition: Partition) -> Iterator[tuple[str, History, bytes]]:
    """Journey and user of each history, as it is in memory, and its row."""
    for scope in partition.catalog.numbered:
        prefix = scope.key_prefix
        for key, row in partition.store.scan(prefix, keys.after(prefix)):
            user_id = key[len(prefix) :].decode()
            yield f"{scope.journey_id} {user_id}", scope.recent[user_id], row


@pytest.mark.parametrize("seed", seeds(3, first=900))
def test_the_row_of_a_history_is_what_is_in_memory(seed: int) -> None:
    """After many batches each row decodes to the history that the fold goes on with, marks included."""
    execution = Execution("batches", shuffled=True, repeated=True, largest_batch=5)
    [partition] = run(event_set(seed, 150), execution, random.Random(seed), cache_histories=8_000)
    rows = list(stored_rows(partition))
    for name, history, row in rows:
        assert told(History.decode(row)) == told(history), f"{name}; {replay_hint(seed)}"
        assert History.decode(row).encode() == row
    assert any(history.entries for _, history, _ in rows)
    assert any(history.message_events() for _, history, _ in rows)
