"""A list is of one moment, whatever is folded and committed while it is made."""

from typing import Any

import msgspec
import pytest

from tests.state.draining import drained
from tests.state.test_partition import DEFINITION, JOURNEY, entered, event, exited, fold, journey_of, opened
from wayfold.state.partition import Partition
from wayfold.state.reading.lists import PIECE_ROWS, NoListError
from wayfold.state.reading.query import Query

USERS = [f"user-{number:03d}" for number in range(3 * PIECE_ROWS)]
QUERY = Query(account_id="default", journey_id="welcome")
NUMBERS = ("active_entries", "conversion_events", "converted_users", "entered_users", "exited_entries")


@pytest.fixture
def partition() -> Partition:
    """Everyone entered and half of them bought, but what is bought converts nobody yet."""
    partition = opened()
    fold(partition, "entries", *(entered(f"e-{user}", user=user) for user in USERS))
    bought = [event("goal.reached", f"g-{user}", "01T11:00:00", user, name="bought") for user in USERS[::2]]
    fold(partition, "conversions", *bought)
    return partition


def change(partition: Partition, *, commit: bool) -> None:
    """Define the goal, let the others buy too, strangers come and all leave."""
    late = [*USERS, "aaa", "zzz"]
    fold(partition, "definitions", DEFINITION, commit=commit)
    more = [event("goal.reached", f"h-{user}", "01T11:00:00", user, name="bought") for user in USERS[1::2]]
    fold(partition, "conversions", *more, commit=commit)
    fold(partition, "entries", entered("e-a", user="aaa"), entered("e-z", user="zzz"), commit=commit)
    fold(partition, "entries", *(exited("01T12:00:00", user) for user in late), commit=commit)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_list_is_that_of_the_commit_before_it_was_begun(partition: Partition, number: str) -> None:
    """What is committed between its pieces is not in it, a goal's definition included."""
    before = drained(partition.users(QUERY, number))
    assert len(before) == journey_of(partition)[number]
    pieces = partition.users(QUERY, number)
    if before:
        next(pieces)
    change(partition, commit=True)
    assert not before or drained(pieces) == before
    after = drained(partition.users(QUERY, number))
    assert len(after) == journey_of(partition)[number]
    assert after != before


@pytest.mark.parametrize("number", NUMBERS)
def test_a_list_is_as_long_as_its_number_while_a_batch_is_pending(partition: Partition, number: str) -> None:
    """What is not committed is in neither, however far its merge has come."""
    before = drained(partition.users(QUERY, number))
    change(partition, commit=False)
    for _ in partition.prepare():
        assert drained(partition.users(QUERY, number)) == before
    assert len(before) == journey_of(partition)[number]
    partition.commit()
    assert len(drained(partition.users(QUERY, number))) == journey_of(partition)[number]


@pytest.mark.parametrize(
    ("number", "filters", "wrong"),
    [
        ("converted_users", {"channel": "email"}, "channel"),
        ("entered_users", {"platform": "web"}, "platform"),
        ("total_entries", {"step_id": "hello"}, "step_id"),
        ("conversion_events", {"variant": "a"}, "variant"),
        ("goals:bought", {"step_id": "hello", "variant": "a"}, "variant"),
        ("current", {"step_id": "hello", "channel": "email"}, "channel"),
        ("sent.messages", {"journey_id": "", "version": 1}, "version"),
        ("sent.messages", {"version": 1, "step_id": "hello", "channel": "email", "variant": "a"}, None),
        ("active_users", {"version": 1, "step_id": "hello", "channel": "email", "variant": "a"}, None),
        ("current", {"version": 1, "step_id": "hello", "variant": "a"}, None),
        ("converted_users", {"version": 1}, None),
        ("sent.users", {"journey_id": "", "channel": "email", "platform": "web"}, None),
    ],
)
def test_a_filter_that_does_not_apply_is_refused(
    partition: Partition, number: str, filters: dict[str, Any], wrong: str | None
) -> None:
    """Nobody is told that a list is empty because it was asked by what its number does not have."""
    sent: dict[str, Any] = {
        **JOURNEY,
        "entry_id": "n-ann",
        "step_id": "s",
        "message_id": "m",
        "channel": "push",
    }
    fold(partition, "messages", event("message.sent", "m", "01T10:00:00", **sent))
    query = msgspec.structs.replace(QUERY, **filters)
    if wrong is None:
        assert drained(partition.users(query, number)) == []
        return
    with pytest.raises(NoListError, match=number) as caught:
        drained(partition.users(query, number))
    assert caught.value.dimension == wrong
