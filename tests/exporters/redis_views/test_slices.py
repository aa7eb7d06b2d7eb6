"""Journeys of more views than one call takes: shown in one step, whoever else pushes, stops or interferes."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.exporters.redis_views.pushing import (
    NAME,
    Pusher,
    Views,
    drop,
    expected_sums,
    push,
    run,
    shown_sums,
    totals,
)
from wayfold.exporters.redis_views import calls
from wayfold.exporters.redis_views.calls import Push
from wayfold.exporters.redis_views.keys import Keys
from wayfold.exporters.redis_views.link import text

pytestmark = pytest.mark.services

KEYS = Keys("test").journey(NAME)


def large(factor: int) -> Views:
    """Views of a journey with 130 steps and their histograms, and money."""
    views: Views = {"journey": {"total_entries": factor, "conversion_values:EUR": 10**20 * factor}}
    for number in range(130):
        views[f"step:1:s{number}"] = {"entered": (number + 1) * factor}
        views[f"dwell:1:s{number}"] = {str(number % 7): factor}
    return views


def pusher(redis: Redis, number: int, factor: int, sequence: int = 1, **known: object) -> Pusher:
    """An owner of a partition of the large journey."""
    token = f"owner{number}"
    return Pusher(redis, number, token, views=large(factor), sequence=sequence, **known)  # type: ignore[arg-type]


def make(redis: Redis, pushed: Push) -> Iterator[str]:
    """Make one call of a push after the other; gives the verdicts."""
    for call in pushed.calls:
        answer = run(redis, call.script, list(call.keys), list(call.arguments))
        yield text(answer[0])


def test_a_large_journey_shows_in_one_step(redis: Redis) -> None:
    """No call of a push in slices changes anything that is read, but the last, which changes all of it."""
    one = pusher(redis, 0, 1)
    assert one.push_whole() == "ok"
    before = shown_sums(redis)
    assert before == expected_sums([one.views])
    again = pusher(redis, 0, 7, 2, epoch=2)
    again.views.pop("step:1:s5")
    again.views["version:1"] = {"total_entries": 7}
    verdicts = make(redis, again.whole())
    for verdict in verdicts:
        if verdict == "ok":
            break
        assert verdict == "staged"
        assert shown_sums(redis) == before
    assert shown_sums(redis) == expected_sums([again.views])
    assert not redis.exists(KEYS.view("step:1:s5"))
    leftovers = {text(key) for key in redis.keys("*:next")} | {text(key) for key in redis.keys("*:staging")}
    assert leftovers == set()
    assert all(redis.ttl(key) == -1 for key in redis.keys("*"))


def test_changes_of_many_views_show_in_one_step(redis: Redis) -> None:
    """Differences come in slices as absolute values do, and percentiles follow from the copies."""
    one = pusher(redis, 0, 1)
    assert one.push_whole() == "ok"
    before = totals(redis)
    one.sequence, one.views = 2, large(5)
    assert one.push_changes(set(one.views)) == "ok"
    assert len(one.sent[-1].calls) == 4
    assert shown_sums(redis) == expected_sums([one.views])
    after = totals(redis)
    assert (before["step:1:s3"]["dwell_count"], after["step:1:s3"]["dwell_count"]) == ("1", "5")
    assert push(redis, one.sent[-1]) == "ok"
    assert totals(redis) == after


def test_others_wait_while_slices_come(redis: Redis) -> None:
    """Another partition's push meanwhile is told that the journey is busy, and is taken afterwards."""
    one, two = pusher(redis, 0, 1), pusher(redis, 1, 3)
    small = Pusher(redis, 2, "small", views={"journey": {"total_entries": 5}}, sequence=1)
    verdicts = make(redis, one.whole())
    assert next(verdicts) == "staged"
    assert two.push_whole() == "busy"
    assert small.push_changes({"journey"}) == "busy"
    assert list(verdicts) == ["staged", "staged", "ok"]
    assert small.push_changes({"journey"}) == "ok"
    assert two.push_whole() == "ok"
    assert shown_sums(redis) == expected_sums([one.views, two.views, small.views])


def test_slices_that_do_not_come_to_their_end_are_forgotten(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies amid its slices leaves nothing that is read, and the journey free before long."""
    monkeypatch.setattr(calls, "SLICE_WAIT_MS", 30)
    dying, other = pusher(redis, 0, 1), pusher(redis, 1, 3)
    verdicts = make(redis, dying.whole())
    assert next(verdicts) == next(verdicts) == "staged"
    while other.push_whole() == "busy":
        pass
    assert shown_sums(redis) == expected_sums([other.views])
    assert list(verdicts) == ["broken", "broken"]
    assert shown_sums(redis) == expected_sums([other.views])
    while redis.keys("*:next"):
        pass
    assert dying.push_whole() == "ok"
    assert shown_sums(redis) == expected_sums([dying.views, other.views])


def test_a_slice_that_is_missing_is_noticed(redis: Redis) -> None:
    """When one slice did not arrive, nothing of the push is shown, and the journey is free again."""
    one = pusher(redis, 0, 1)
    whole = one.whole()
    incomplete = whole._replace(calls=[whole.calls[0], *whole.calls[2:]])
    assert list(make(redis, incomplete)) == ["staged", "broken", "broken"]
    assert totals(redis) == {}
    assert one.push_whole() == "ok"


@pytest.mark.parametrize("accident", ["drop", "flush"])
def test_what_redis_loses_amid_slices_does_not_come_back_with_them(redis: Redis, accident: str) -> None:
    """Copies of totals that were dropped or flushed meanwhile are not shown."""
    one, two = pusher(redis, 0, 1), pusher(redis, 1, 3)
    assert two.push_whole() == "ok"
    verdicts = make(redis, one.whole())
    assert next(verdicts) == "staged"
    if accident == "drop":
        assert drop(redis, NAME) == 1
    else:
        redis.flushall()
    assert list(verdicts) == ["broken", "broken", "broken"]
    assert totals(redis) == {}
    assert one.push_whole() == two.push_whole() == "ok"
    assert shown_sums(redis) == expected_sums([one.views, two.views])


def test_a_key_of_another_type_is_found_before_anything_is_written(redis: Redis) -> None:
    """A string in the place of a late slice's view makes the push fail whole, with the key's name."""
    one = pusher(redis, 0, 1)
    assert one.push_whole() == "ok"
    redis.set(KEYS.view("step:1:s77"), "not a hash")
    before = redis.hgetall(KEYS.view("journey"))
    again = pusher(redis, 0, 2, 2)
    failed = []
    for call in again.whole().calls:
        try:
            answer = run(redis, call.script, list(call.keys), list(call.arguments))
            assert text(answer[0]) in {"staged", "broken"}
        except Exception as error:
            failed.append(str(error))
    assert failed
    assert all("step:1:s77 holds a string, not a hash" in reason for reason in failed)
    assert redis.hgetall(KEYS.view("journey")) == before


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_what_is_read_is_always_whole(redis: Redis, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Calls of several owners' pushes in any order: after each, totals are a sum of whole states."""
    monkeypatch.setattr(calls, "MOST_VIEWS", 2)
    redis.flushall()
    generator = random.Random(seed)
    owners = [Pusher(redis, number, f"owner{number}") for number in range(3)]
    shown: list[Views] = [{} for _ in owners]
    under_way: dict[int, tuple[Views, Iterator[str]]] = {}
    for _ in range(60):
        number = generator.randrange(len(owners))
        owner = owners[number]
        if number not in under_way:
            owner.sequence += 1
            owner.views = {
                view: {field: generator.randrange(1, 9) for field in fields}
                for view, fields in (
                    ("journey", ("total_entries", "conversion_values:EUR")),
                    ("version:1", ("total_entries", "active_entries")),
                    ("step:1:a", ("entered",)),
                    ("dwell:1:a", ("3", "5")),
                    ("step:1:b", ("entered", "cost:sms:EUR")),
                )
                if generator.random() < 0.8
            }
            under_way[number] = owner.views, make(redis, owner.whole())
        views, verdicts = under_way[number]
        verdict = next(verdicts, None)
        if verdict == "ok":
            shown[number] = views
        if verdict != "staged":
            del under_way[number]
        assert shown_sums(redis) == expected_sums(shown)
