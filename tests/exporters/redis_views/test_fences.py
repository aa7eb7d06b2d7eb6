"""Who may push on top of what: offsets of every topic, epochs of owners, and pushes that were seen before."""

import itertools

import pytest
from redis import Redis

from tests.exporters.redis_views.pushing import Pusher, dump, push, totals
from wayfold.exporters.redis_views.fences import NO_FENCE, Fence, fence_text, reaches, read_fence

pytestmark = pytest.mark.services

BEFORE = {"entries": 10, "steps": 20}
LATER = {"entries": 12, "steps": 20}
OTHER = {"entries": 9, "steps": 40, "messages": 3}
"""Not later than BEFORE, and not earlier: it has fewer entries and more of the rest, and a greater sum."""


def pusher(redis: Redis, token: str, total: int, epoch: int, offsets: dict[str, int]) -> Pusher:
    """An owner of partition 0 that counts so many entries."""
    views = {"journey": {"total_entries": total}}
    return Pusher(redis, 0, token, views=views, epoch=epoch, offsets=offsets)


def shown(redis: Redis) -> str:
    """How many entries Redis shows."""
    return totals(redis)["journey"]["total_entries"]


def test_a_fence_is_read_as_it_was_written() -> None:
    """Epoch and offsets come back from a fence; whatever is none comes before every other."""
    assert read_fence(fence_text(7, BEFORE, "a.1")) == Fence(7, BEFORE)
    assert read_fence(fence_text(7, {}, "a.1")) == Fence(7, {})
    assert read_fence("") == read_fence("5662 9c41.3") == NO_FENCE
    assert reaches(LATER, BEFORE)
    assert not reaches(BEFORE, LATER)
    assert not reaches(BEFORE, OTHER)
    assert not reaches(OTHER, BEFORE)


@pytest.mark.parametrize("epoch", [4, 5, 6])
def test_a_state_that_is_behind_in_a_topic_and_ahead_in_none_is_stale(redis: Redis, epoch: int) -> None:
    """Whoever pushes it: a former owner, the same, or a new one that came from an older snapshot."""
    assert pusher(redis, "a", 12, 5, LATER).push_whole() == "ok"
    before = dump(redis)
    assert pusher(redis, "b", 10, epoch, BEFORE).push_whole() == ("superseded" if epoch < 5 else "stale")
    assert dump(redis) == before


def test_of_states_of_which_none_is_later_the_later_owner_s_is_taken(redis: Redis) -> None:
    """The present owner pushes in full over what a former one left, whichever has folded more in sum."""
    for first, second in itertools.permutations([BEFORE, OTHER]):
        redis.flushall()
        former = pusher(redis, "former", 10, 5, first)
        owner = pusher(redis, "owner", 9, 6, second)
        assert former.push_whole() == "ok"
        assert owner.push_changes({"journey"}) == "unknown"
        assert owner.push_whole() == "ok"
        former.views = {"journey": {"total_entries": 11}}
        assert former.push_changes({"journey"}) == "superseded"
        assert former.push_whole() == "superseded"
        assert shown(redis) == "9"


def test_of_one_owner_s_states_none_that_is_behind_in_a_topic_is_taken(redis: Redis) -> None:
    """An owner only ever goes on, so a state of its own that lacks records is one of before."""
    assert pusher(redis, "a", 10, 5, BEFORE).push_whole() == "ok"
    assert pusher(redis, "a", 9, 5, OTHER).push_whole() == "stale"
    assert shown(redis) == "10"


def test_a_paused_owner_changes_nothing_though_it_has_folded_more(redis: Redis) -> None:
    """An owner that was paused with a push in hand is refused once its successor has pushed."""
    paused = pusher(redis, "paused", 10, 5, BEFORE)
    assert paused.push_whole() == "ok"
    in_hand = pusher(redis, "paused", 30, 5, {"entries": 30, "steps": 60}).whole()
    successor = pusher(redis, "successor", 12, 6, LATER)
    assert successor.push_whole() == "ok"
    before = dump(redis)
    assert push(redis, in_hand) == "superseded"
    assert dump(redis) == before


def test_a_paused_owner_s_late_push_keeps_its_successor_waiting_only(redis: Redis) -> None:
    """When it pushes before its successor does, the successor goes on from there once it is as far."""
    paused = pusher(redis, "paused", 30, 5, {"entries": 30, "steps": 60})
    assert paused.push_whole() == "ok"
    successor = pusher(redis, "successor", 12, 6, LATER)
    assert successor.push_whole() == "stale"
    successor.offsets, successor.views = {"entries": 30, "steps": 60}, {"journey": {"total_entries": 31}}
    assert successor.push_whole() == "ok"
    assert shown(redis) == "31"


def test_changes_need_the_fence_that_was_pushed_last(redis: Redis) -> None:
    """With equal offsets but on top of another writer's state, only a whole push is taken."""
    one = pusher(redis, "one", 5, 1, BEFORE)
    one.push_changes({"journey"})
    two = pusher(redis, "two", 4, 2, BEFORE)
    assert two.push_changes({"journey"}) == "unknown"
    assert two.push_whole() == "ok"
    assert shown(redis) == "4"


def test_the_books_of_older_workers_are_not_mixed_with(redis: Redis) -> None:
    """A fence and a source as workers wrote them before there were epochs make the journey be built anew."""
    one = pusher(redis, "one", 5, 1, BEFORE)
    redis.hset(one.keys.fences, mapping={"source": "log", "0": "5662 9c41.3", "0:views": 0})
    assert one.push_changes({"journey"}) == "foreign"
    assert one.push_whole() == "ok"
    assert shown(redis) == "5"
