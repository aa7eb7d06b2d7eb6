"""The push script on a real Redis: what it takes, what it refuses, and what the totals are."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.exporters.redis_views.pushing import (
    Pusher,
    drop,
    dump,
    expected_sums,
    push,
    restore,
    shown_sums,
    totals,
)
from wayfold.exporters.redis_views import calls
from wayfold.state.cells.dwell import percentile_ms

pytestmark = pytest.mark.services


def pusher(redis: Redis, number: int = 0, token: str = "a", **known: object) -> Pusher:
    return Pusher(redis, number, token, **known)  # type: ignore[arg-type]


def test_totals_are_the_sum_over_partitions(redis: Redis) -> None:
    """Two partitions' absolute values are added; pushing one of them again changes nothing."""
    one = pusher(redis, 0, views={"journey": {"total_entries": 5}}, sequence=7)
    two = pusher(redis, 1, views={"journey": {"total_entries": 3}}, sequence=4)
    assert one.push_changes({"journey"}) == "ok"
    assert two.push_changes({"journey"}) == "ok"
    assert push(redis, one.sent[-1]) == "ok"
    assert push(redis, two.sent[-1]) == "ok"
    assert totals(redis)["journey"]["total_entries"] == "8"


def test_plain_fields_are_there_from_the_start(redis: Redis) -> None:
    """A backend finds every plain field in a hash that exists: "0" for counts, "" for what is not known."""
    pusher(redis, views={"journey": {"total_entries": 1}}, sequence=1).push_changes({"journey"})
    shown = totals(redis)["journey"]
    assert shown["exited_entries"] == "0"
    assert shown["conversion_rate"] == ""
    assert shown["watermark"] == "2026-11-01T00:00:00.001Z"


def test_a_whole_push_takes_away_what_is_no_more(redis: Redis) -> None:
    """Fields and views that a partition no longer has leave the totals; a view that nobody has is deleted."""
    one = pusher(
        redis, 0, views={"journey": {"total_entries": 5}, "version:1": {"total_entries": 5}}, sequence=1
    )
    two = pusher(redis, 1, views={"journey": {"total_entries": 1, "conversion_values:EUR": 7}}, sequence=1)
    one.push_whole()
    two.push_whole()
    again = pusher(redis, 0, "b", views={"journey": {"exited_entries": 2}}, sequence=2)
    assert again.push_whole() == "ok"
    assert shown_sums(redis) == expected_sums([again.views, two.views])
    assert "version:1" not in totals(redis)
    assert not redis.exists("test:{acme/wel%7Bcome%7D%2F1}:version:1")


def test_money_is_exact_beyond_64_bits(redis: Redis) -> None:
    """Sums of 10^-9 units far beyond 2^63, of both signs, come out as exact decimals."""
    amounts = [10**24 - 1, -(10**24) - 10**9, 3 * 10**27 + 123_456_789, -5, 2]
    partitions = [
        pusher(
            redis,
            number,
            views={"journey": {"total_entries": 1, "conversion_values:EUR": amount}},
            sequence=1,
        )
        for number, amount in enumerate(amounts)
    ]
    for partition in partitions:
        partition.push_changes({"journey"})
        assert shown_sums(redis) == expected_sums([p.views for p in partitions if p.sent])


def test_rates_read_back_as_the_same_double(redis: Redis) -> None:
    """A rate is the shortest plain decimal that reads back as converted ÷ entered, and "" over nothing."""
    generator = random.Random(7)
    one = pusher(redis, views={"journey": {"total_entries": 1}})
    for _ in range(200):
        entered = generator.choice([1, 3, 7, 1000, 10**6, 10**9]) * generator.randrange(1, 50)
        converted = generator.randrange(0, entered + 1) // generator.choice([1, 1, 10**4, 10**7]) or 0
        one.sequence += 1
        one.views = {"journey": {"entered_users": entered, "converted_users": converted}}
        one.push_changes({"journey"})
        shown = totals(redis)["journey"]["conversion_rate"]
        assert float(shown) == converted / entered
        assert "e" not in shown
        assert shown == "0" or len(shown) <= 26
    one.sequence += 1
    one.views = {"journey": {}}
    one.push_changes({"journey"})
    assert totals(redis)["journey"]["conversion_rate"] == ""


def test_click_rate_counts_sent_where_nothing_reports_delivery(redis: Redis) -> None:
    """Clicks are divided by delivered e-mails and sent pushes together."""
    fields = {
        "clicked_messages": 3,
        "sent_messages": 30,
        "delivered_messages": 9,
        "sent_messages:email:none": 20,
        "delivered_messages:email:none": 9,
        "sent_messages:push:ios": 10,
        "failed_messages": 6,
    }
    pusher(redis, views={"step:1:mail": fields}, sequence=1).push_changes({"step:1:mail"})
    shown = totals(redis)["step:1:mail"]
    assert float(shown["click_rate"]) == 3 / 19
    assert shown["fail_rate"] == "0.2"


def test_percentiles_follow_the_histogram_of_all_partitions(redis: Redis) -> None:
    """dwell_count and the percentiles equal those of the added histograms, by nearest rank."""
    generator = random.Random(3)
    histograms = [
        {generator.randrange(0, 900): generator.randrange(1, 50) for _ in range(40)} for _ in range(3)
    ]
    added: dict[int, int] = {}
    for number, histogram in enumerate(histograms):
        for bucket, count in histogram.items():
            added[bucket] = added.get(bucket, 0) + count
        stays = {str(bucket): count for bucket, count in histogram.items()}
        views = {"step:1:mail": {"entered": 1}, "dwell:1:mail": stays}
        pusher(redis, number, views=views, sequence=1).push_changes(set(views))
        shown = totals(redis)["step:1:mail"]
        assert shown["dwell_count"] == str(sum(added.values()))
        for percent in (50, 90, 99):
            expected = percentile_ms(added, percent)
            assert expected is not None
            assert float(shown[f"dwell_p{percent}_ms"]) == pytest.approx(expected, rel=1e-9, abs=0.0011)


def test_closing_times_are_the_latest_and_empty_while_somebody_is_inside(redis: Redis) -> None:
    """The last window closes at the greatest time of all partitions, once every entry has exited."""
    closes = "open_entries_closes_at_ms"
    one = pusher(
        redis, 0, views={"journey": {"open_active_entries": 1, closes: 253_402_300_799_999}}, sequence=1
    )
    two = pusher(redis, 1, views={"journey": {closes: 1_700_000_000_000}}, sequence=1)
    one.push_changes({"journey"})
    two.push_changes({"journey"})
    assert totals(redis)["journey"][closes] == ""
    one.views, one.sequence = {"journey": {closes: 253_402_300_799_999}}, 2
    one.push_changes({"journey"})
    assert totals(redis)["journey"][closes] == "253402300799999"
    one.views, one.sequence = {"journey": {}}, 3
    one.push_changes({"journey"})
    assert totals(redis)["journey"][closes] == "1700000000000"


def test_another_log_is_told_apart(redis: Redis) -> None:
    """Views that come from another log are not mixed with: the journey is dropped, then pushed in full."""
    pusher(redis, 0, views={"journey": {"total_entries": 5}}, sequence=100).push_whole()
    pusher(redis, 1, views={"journey": {"total_entries": 5}}, sequence=100).push_whole()
    new = pusher(redis, 0, "b", views={"journey": {"total_entries": 1}}, sequence=1, source="new log")
    assert new.push_changes({"journey"}) == "foreign"
    assert new.push_whole() == "ok"
    assert totals(redis)["journey"]["total_entries"] == "1"


@pytest.mark.parametrize("lost", ["journey", "views", "state:0"])
def test_a_lost_key_is_noticed_before_anything_is_written(redis: Redis, lost: str) -> None:
    """When somebody deletes a key of a journey, the next push says so and the journey is built anew."""
    one = pusher(redis, 0, views={"journey": {"total_entries": 5}}, sequence=1)
    two = pusher(redis, 1, views={"journey": {"total_entries": 3}}, sequence=1)
    one.push_whole()
    two.push_whole()
    redis.delete(f"{one.keys.base}:{lost}")
    one.views, one.sequence = {"journey": {"total_entries": 6}, "version:1": {"total_entries": 1}}, 2
    before = dump(redis)
    answer = one.push_changes({"journey", "version:1"}) if lost != "views" else one.push_whole()
    assert answer == "damaged" or lost == "views"
    if lost != "views":
        assert dump(redis) == before
        assert one.push_whole() == "ok"
    assert two.push_whole() == "ok"
    assert shown_sums(redis) == expected_sums([one.views, two.views])


def test_dropping_needs_every_key(redis: Redis) -> None:
    """A drop that does not name every key of the journey does nothing."""
    one = pusher(redis, 0, views={"journey": {"total_entries": 5}}, sequence=1)
    one.push_whole()
    assert drop(redis, one.name) == 1
    assert redis.keys("*") == []


FIELDS = (
    "total_entries",
    "entered_users",
    "open_active_entries",
    "conversion_values:EUR",
    "open_exits_closes_at_ms",
)
STEP_FIELDS = (
    "entered",
    "clicked_messages",
    "delivered_messages:email:none",
    "cost:sms:EUR",
)
VIEW_NAMES = ("journey", "version:1", "step:1:a", "dwell:1:a", "step:1:b/{}:", "dwell:1:b/{}:")


def mutate(target: Pusher, generator: random.Random) -> set[str]:
    """Fold something: a few fields of a few views change, and the sequence grows."""
    target.sequence += generator.randrange(1, 4)
    changed = set()
    for view in generator.sample(VIEW_NAMES, generator.randrange(1, 4)):
        fields = target.views.setdefault(view, {})
        of_kind = {"step": STEP_FIELDS, "dwell": ("3", "77")}.get(view.partition(":")[0], FIELDS)
        for name in generator.sample(of_kind, 2):
            money = name.startswith(("cost", "conversion_values"))
            value = generator.randrange(-(10**22), 10**22) if money else generator.randrange(0, 9)
            target.views[view] = fields = {**fields, name: value}
        changed.add(view)
    return changed


@pytest.mark.parametrize("most_views", [100, 2])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_totals_equal_the_sum_after_any_history_of_accidents(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, most_views: int, seed: int
) -> None:
    """Pushes repeated, stale, out of order, with lost answers, a flush, old dumps, two owners: all mend."""
    monkeypatch.setattr(calls, "MOST_VIEWS", most_views)
    redis.flushall()
    generator = random.Random(seed)
    owners = [pusher(redis, number, f"owner{number}", remembers=60) for number in range(3)]
    everyone, sent, dumps = list(owners), [], [dump(redis)]
    for turn in range(40):
        worker = generator.choice(everyone)
        accident = generator.random()
        if accident < 0.55:
            worker.push_and_mend(mutate(worker, generator), told=generator.random() > 0.1)
        elif accident < 0.65:
            old = generator.choice(everyone)
            sent += old.sent
            if sent:
                push(redis, generator.choice(sent))
        elif accident < 0.75:
            number = worker.number
            folded = generator.randrange(0, worker.sequence + 1)
            successor = pusher(redis, number, f"next{turn}", sequence=folded, epoch=turn + 2)
            mutate(successor, generator)
            successor.push_whole()
            owners[number] = successor
            everyone.append(successor)
        elif accident < 0.85:
            dumps.append(dump(redis))
        elif accident < 0.92:
            restore(redis, generator.choice(dumps))
        else:
            redis.flushall()
    latest = max(pushed.sequence for pushed in everyone) + 1
    for owner in owners:
        owner.sequence = latest
        assert owner.push_and_mend(mutate(owner, generator)) == "ok"
    # A push that found the journey damaged has dropped what the others pushed; their verification finds it.
    for owner in owners:
        assert owner.verified() or owner.push_whole() == "ok"
    assert shown_sums(redis) == expected_sums([owner.views for owner in owners])
