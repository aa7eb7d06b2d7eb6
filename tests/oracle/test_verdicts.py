"""Late, future, repeated and skipped records: each is judged by its own topic partition and account alone."""

import random
from itertools import groupby
from typing import Any

import pytest

from tests.oracle.records import Record, event_ids, log, record
from tests.oracle.story import (
    DAY_MS,
    HOUR_MS,
    broadcast,
    call,
    defined,
    entered,
    erased,
    exited,
    goal,
    message,
    status,
    step,
    when,
)
from wayfold.audit import oracle
from wayfold.audit.oracle.times import instant_ms


def test_good_records_are_accepted_once() -> None:
    """A repeat is counted and has no effect."""
    event = entered("ann", "10:00")
    result = oracle.accept([record(event, 0), record(event, 1), record(entered("bob", "11:00"), 2)])
    assert [some["user_id"] for some in result.accepted] == ["ann", "bob"]
    assert (result.duplicates, dict(result.refused)) == (1, {})
    assert result.watermark_ms == instant_ms(when("11:00"))


def test_more_than_the_retention_behind_the_topic_time_is_late() -> None:
    """Exactly the retention behind is accepted, one millisecond more is not."""
    events = [entered("ann", "10:00"), entered("bob", "09:00"), entered("cid", "08:59:59.999")]
    result = oracle.accept(log(*events), HOUR_MS)
    assert [some["user_id"] for some in result.accepted] == ["ann", "bob"]
    assert result.reasons == {("entries", 2): "late"}


def test_topic_time_is_of_smaller_offsets_only() -> None:
    """Old events that come first are not late: old logs replay into an empty system."""
    result = oracle.accept(log(entered("cid", "01:00"), entered("ann", "10:00")), HOUR_MS)
    assert result.reasons == {}


def test_each_topic_has_a_time_of_its_own() -> None:
    """An entry far ahead makes no step late; the step's own topic does."""
    old, new = "2025-09-20T10:00:00Z", "2026-11-01T10:00:00Z"
    assert oracle.accept(log(entered("ann", new), step("ann", "mail", old))).reasons == {}
    assert oracle.accept(log(entered("ann", old), step("ann", "mail", new))).reasons == {}
    behind = log(entered("ann", new), step("ann", "mail", new), step("bob", "mail", old))
    assert oracle.accept(behind).reasons == {("steps", 1): "late"}


def test_each_account_has_a_time_of_its_own() -> None:
    """What one account publishes makes nothing of another late, in the same topic partition too."""
    events = [
        entered("ann", "10:00", account="new"),
        entered("ann", "01:00", account="old"),
        entered("bob", "01:00", account="new"),
    ]
    result = oracle.accept(log(*events), HOUR_MS)
    assert result.reasons == {("entries", 2): "late"}
    assert result.watermarks == {"new": instant_ms(when("10:00")), "old": instant_ms(when("01:00"))}


def test_control_events_are_never_late_and_move_no_time() -> None:
    """Definitions, statuses and erasures of any time are accepted, and make nothing else late."""
    late = "2020-01-01T00:00:00Z"
    now = "2026-11-02T10:00:00Z"
    control = [
        defined(at=now),
        defined(at=late, version=2),
        status("running", now),
        status("paused", late),
        erased("ann", now),
        erased("ann", late),
    ]
    result = oracle.accept(log(*control, entered("ann", late)))
    assert (len(result.accepted), result.reasons) == (7, {})
    assert result.watermarks == {"default": instant_ms(late)}
    assert oracle.accept(log(*control)).watermarks == {}


def test_what_is_refused_or_repeats_moves_no_time() -> None:
    """A refused record and a repeat that claim a later time make nothing late."""
    moves = entered("ann", "10:00", event_id="x")
    repeat = entered("ann", "20:00", event_id="x")
    records = log(moves, repeat, entered("bob", "09:30"))
    assert oracle.accept(records, HOUR_MS).reasons == {}
    records = log(moves, entered("ann", "20:00") | {"journey_version": 0}, entered("bob", "09:30"))
    assert oracle.accept(records, HOUR_MS).reasons == {("entries", 1): "wrong_field"}
    future = record(entered("ann", "20:00"), 1, delay_ms=-2 * HOUR_MS)
    result = oracle.accept([record(moves), future, record(entered("bob", "09:30"), 2)], HOUR_MS)
    assert result.reasons == {("entries", 1): "future"}


def test_more_than_an_hour_ahead_of_the_record_is_future() -> None:
    """Exactly an hour ahead is accepted; another record's timestamp plays no part."""
    event = entered("ann", "10:00")
    assert oracle.accept([record(event, delay_ms=-HOUR_MS)]).reasons == {}
    result = oracle.accept(
        [record(entered("bob", "12:00")), record(event, 1, delay_ms=-HOUR_MS - 1), record(event, 2)]
    )
    assert (result.reasons, len(result.accepted)) == ({("entries", 1): "future"}, 2)


def test_definitions_and_statuses_may_be_future_and_erasures_may_not() -> None:
    """Only of an erasure is it said that it never is: it asks for nothing before its record."""
    early = -2 * HOUR_MS
    records = [
        record(defined(), 0, early),
        record(status("running", "10:00"), 1, early),
        record(erased("ann", "10:00"), 0, early),
    ]
    assert oracle.accept(records).reasons == {("definitions", 0): "future", ("definitions", 1): "future"}


def test_future_is_found_before_late_and_both_before_a_repeat() -> None:
    """The first rule that applies decides; a place that is wrong comes before all of them."""
    new, old = entered("ann", "10:00", event_id="x"), entered("ann", "01:00", event_id="x")
    early = record(old, 1, delay_ms=-2 * HOUR_MS)
    misplaced = ("entries", 3, early[2], b"bob", early[4])
    result = oracle.accept([record(new), early, record(old, 2), misplaced], HOUR_MS)
    assert list(result.reasons.values()) == ["future", "late", "wrong_key"]
    assert result.duplicates == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (entered("ann", "10:00", event_id="x"), entered("ann", "11:00", event_id="x", entry="other")),
        (broadcast("sent", "ann", "10:00", event_id="x"), broadcast("sent", "ann", "11:00", event_id="x")),
        (
            message("clicked", "ann", "10:00", event_id="x"),
            message("clicked", "ann", "11:00", event_id="x", machine=True, version=2),
        ),
        (
            goal("ann", "10:00", event_id="x"),
            goal("ann", "11:00", "other", event_id="x", journey="welcome", entry="first", step="mail"),
        ),
        (erased("ann", "10:00", event_id="x"), erased("ann", "11:00", event_id="x", mode="subtract")),
        (defined(event_id="x"), defined(event_id="x", version=2, name="Other")),
        (defined(event_id="x"), defined(event_id="x") | {"user_id": "ann"}),
        (status("running", "10:00", event_id="x"), status("paused", "11:00", event_id="x")),
    ],
)
def test_the_first_of_one_account_user_type_id_and_journey_counts(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Whatever else the second one says; goals are of no journey, definitions and statuses of no user."""
    result = oracle.accept(log(first, second))
    assert (result.accepted, result.duplicates, result.reasons) == ([first], 1, {})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (entered("ann", "10:00", event_id="x"), exited("ann", "10:00", event_id="x")),
        (entered("ann", "10:00", event_id="x"), step("ann", "mail", "10:00", event_id="x")),
        (message("sent", "ann", "10:00", event_id="x"), message("viewed", "ann", "10:00", event_id="x")),
        (call("started", "ann", "10:00", event_id="x"), call("ended", "ann", "10:00", event_id="x")),
        (defined(event_id="x"), status("running", "10:00", event_id="x")),
        (entered("ann", "10:00", event_id="x"), entered("bob", "10:00", event_id="x")),
        (entered("ann", "10:00", event_id="x"), entered("ann", "10:00", event_id="x", account="acme")),
        (entered("ann", "10:00", event_id="x"), entered("ann", "10:00", event_id="x", journey="winback")),
        (message("sent", "ann", "10:00", event_id="x"), broadcast("sent", "ann", "10:00", event_id="x")),
        (defined(event_id="x"), defined(event_id="x", journey="winback")),
        (defined(event_id="x"), defined(event_id="x", account="acme")),
        (erased("ann", "10:00", event_id="x"), erased("bob", "10:00", event_id="x")),
    ],
)
def test_another_type_user_account_or_journey_is_no_repeat(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Events of different types never compete for an id."""
    result = oracle.accept(log(first, second))
    assert (len(result.accepted), result.duplicates, result.reasons) == (2, 0, {})


def test_what_is_refused_takes_no_id() -> None:
    """An id is free until an event with it was accepted, and then taken for ever."""
    refused = record(entered("ann", "10:00", event_id="x"), 0, delay_ms=-2 * HOUR_MS)
    good = entered("ann", "10:00", event_id="x")
    after_years = entered("ann", "2036-11-02T10:00:00Z", entry="last")
    again = entered("ann", "2036-11-02T10:00:00Z", event_id="x")
    result = oracle.accept([refused, record(good, 1), record(after_years, 2), record(again, 3)], 400 * DAY_MS)
    assert event_ids(result.accepted) == ["x", after_years["event_id"]]
    assert (result.duplicates, result.reasons) == (1, {("entries", 0): "future"})


def test_a_record_that_an_operator_skipped_is_refused_before_anything_else() -> None:
    """Whatever is in it, and it takes no id, moves no time, and is no repeat."""
    events = [entered("ann", "20:00", event_id="x"), entered("ann", "10:00", event_id="x")]
    records = [*log(*events), ("entries", 2, 0, None, b"{"), *log(step("ann", "mail", "10:00"))]
    result = oracle.accept(records, HOUR_MS, skipped={("entries", 0), ("entries", 2), ("steps", 7)})
    assert result.reasons == {("entries", 0): "skipped", ("entries", 2): "skipped"}
    assert (result.accepted[0], len(result.accepted)) == (events[1], 2)


def test_how_topics_are_interleaved_makes_no_difference() -> None:
    """A log that has everything to refuse is judged alike whichever topic is read first."""
    pick = random.Random(3)
    records = log(
        *(_any_event(pick) for _ in range(400)), timestamp_ms=instant_ms(when("23:00")) + 90 * DAY_MS
    )
    limits = oracle.Limits(steps=3, variants=2, channels=2, goal_names=2, nodes=1, user_events=9)
    said = oracle.accept(records, 60 * DAY_MS, limits=limits)
    assert {*said.refused} == {"late", "future", "limit"}
    assert said.duplicates
    assert said.consumption
    assert said.definition_conflicts
    for _ in range(5):
        assert oracle.accept(_interleaved(records, pick), 60 * DAY_MS, limits=limits) == said


def _interleaved(records: list[Record], pick: random.Random) -> list[Record]:
    topics = [list(some) for _, some in groupby(sorted(records), key=lambda row: row[0])]
    mixed = []
    while topics := [topic for topic in topics if topic]:
        mixed.append(pick.choice(topics).pop(0))
    return mixed


def _any_event(pick: random.Random) -> dict[str, Any]:
    at = f"2026-{pick.choice(('08', '11', '11', '12'))}-{pick.randint(1, 28):02d}T10:00:00Z"
    if pick.random() < 0.02:
        at = "2027-06-01T00:00:00Z"
    user, event_id = pick.choice(("ann", "bob", "cid")), pick.choice("abcdefghijklmnopqrst")
    name = pick.choice("xyz")
    return pick.choice(
        (
            entered(user, at, event_id=event_id),
            exited(user, at, event_id=event_id),
            step(user, pick.choice("stuv"), at, variant=name, event_id=event_id),
            message("sent", user, at, channel=name, event_id=event_id),
            broadcast("clicked", user, at, channel=name, event_id=event_id),
            goal(user, at, name, event_id=event_id),
            call("menu_reached", user, at, node=name, event_id=event_id),
            defined(at=at, name=name, event_id=event_id),
            status("paused", at, event_id=event_id),
            erased(user, at, event_id=event_id),
        )
    )


A, B = "2025-01-01T00:00:00Z", "2026-02-07T00:00:00Z"


@pytest.mark.parametrize(
    ("events", "entries", "steps"),
    [
        ([entered("a", A), step("a", "mail", A), entered("b", B), step("b", "mail", B)], 2, 2),
        ([entered("p", B, event_id="x"), step("p", "mail", B, event_id="x")], 1, 1),
        ([entered("p", B), step("p", "mail", A)], 1, 1),
        ([entered("p", B), step("p", "mail", B), step("q", "mail", A)], 1, 1),
        ([entered("p", A), step("p", "mail", B)], 1, 1),
    ],
    ids=["in order over 402 days", "one id of two types", "an old step", "behind a new one", "an old entry"],
)
def test_logs_longer_than_the_retention(events: list[dict[str, Any]], entries: int, steps: int) -> None:
    """Five logs worked out by hand: in none does the other topic decide."""
    result = oracle.accept(log(*events))
    types = [event["type"] for event in result.accepted]
    assert (types.count("journey.entered"), types.count("step.entered")) == (entries, steps)
