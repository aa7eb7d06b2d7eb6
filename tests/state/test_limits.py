"""Limits of names and events: reached and taken, one beyond and refused, for ever and in every cut."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from wayfold.models.record import LogRecord
from wayfold.state.limits import Limits
from wayfold.state.names.catalog import SINGLE_MARKS, mark_of
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.query import Query
from wayfold.state.store.memory_store import MemoryStore

NOW_MS = 1_796_000_000_000
JOURNEY = {"journey_id": "welcome", "journey_version": 1, "entry_id": "n"}
MOST = 3
LIMITS = Limits(
    steps=MOST, variants=MOST, channels=MOST, goal_names=MOST, nodes=MOST, user_events=MOST * MOST
)


def arrived(step: str, variant: str = "") -> dict[str, Any]:
    return {"type": "step.entered", **JOURNEY, "step_id": step, "variant": variant}


def sent(channel: str, step: str | None = None) -> dict[str, Any]:
    place = {} if step is None else {**JOURNEY, "step_id": step}
    return {"type": "message.sent", "message_id": "m", "channel": channel, **place}


def reached(name: str, step: str | None = None) -> dict[str, Any]:
    place = {} if step is None else {"journey_id": "welcome", "entry_id": "n", "step_id": step}
    return {"type": "goal.reached", "name": name, **place}


def called(node: str) -> dict[str, Any]:
    return {"type": "call.menu_reached", **JOURNEY, "call_id": "c", "node_id": node}


TOPICS = {"step": "steps", "message": "messages", "goal": "conversions", "call": "calls"}
NAMED = {
    "steps of arrivals": arrived,
    "variants": lambda name: arrived("s", name),
    "steps of messages": lambda name: sent("email", name),
    "channels": lambda name: sent(name, "s"),
    "channels outside journeys": sent,
    "steps of goals": lambda name: reached("bought", name),
    "goal names at steps": lambda name: reached(name, "s"),
    "goal names": reached,
    "menu nodes": called,
}


class Log:
    """Gives events their ids, users and offsets, and folds them."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.settings = FoldSettings(limits=limits)
        self.store = MemoryStore()
        self.partition = Partition(self.store, 0, self.settings)
        self.offsets: dict[str, int] = {}
        self.count = 0

    def fold(self, *events: dict[str, Any], commit: bool = True) -> list[str]:
        """Fold events in one batch; the reasons of those that were refused."""
        for event in events:
            self.count += 1
            own = {
                "event_id": f"e{self.count}",
                "user_id": f"user-{self.count}",
                "occurred_at": "2026-11-01T10:00:00Z",
            }
            fields = {**own, **event}
            topic = TOPICS[event["type"].partition(".")[0]]
            offset = self.offsets.get(topic, 0)
            self.offsets[topic] = offset + 1
            value = json.dumps(fields).encode()
            self.partition.fold(topic, [LogRecord(offset, NOW_MS, fields["user_id"].encode(), value)])
        refused = [letter.refusal.reason.value for letter in self.partition.refused]
        if commit:
            self.partition.commit()
        return refused

    def start_again(self) -> None:
        """Open what was committed anew."""
        self.store = self.store.restarted()
        self.partition = Partition(self.store, 0, self.settings)


@pytest.mark.parametrize("named", NAMED.values(), ids=NAMED.keys())
@pytest.mark.parametrize("cut", [(100,), (1,) * 8, (4, 4)])
def test_as_many_names_as_the_limit_are_taken(named: Any, cut: Sequence[int]) -> None:
    """The last name within the limit is taken, the next refused, also after a restart; known ones go on."""
    log = Log()
    events = [named(name) for name in ("a", "b", "c", "d", "a", "e", "c", "d")]
    refused = 0
    for size in cut:
        refused += len(log.fold(*events[:size]))
        events = events[size:]
        log.start_again()
    assert refused == 3
    assert log.partition.counters == {"accepted_total": 5, "refused_total:limit": 3}


def test_journeys_topics_and_accounts_are_counted_apart() -> None:
    """A name that is one too many here is not there: each journey, account and topic has room of its own."""
    log = Log()
    full = [arrived(name) for name in "abc"]
    others = [
        {**arrived("d"), "journey_id": "other"},
        {**arrived("d"), "account_id": "acme"},
        sent("email", "d"),
        reached("bought", "d"),
    ]
    assert log.fold(*full, arrived("d"), *others) == ["limit"]


def test_a_refused_name_takes_no_place() -> None:
    """An event whose variant is one too many leaves its step unknown, and its id free."""
    log = Log()
    log.fold(*(arrived("a", name) for name in "xyz"))
    refused = log.fold(
        {**arrived("b", "w"), "event_id": "twice", "user_id": "ann"},
        {**arrived("b", "x"), "event_id": "twice", "user_id": "ann"},
        arrived("c"),
        arrived("d"),
    )
    assert refused == ["limit", "limit"]
    assert log.partition.counters == {"accepted_total": 5, "refused_total:limit": 2}


def test_a_repeat_brings_no_name() -> None:
    """An event that came before with another name is a repeat, in its batch and later: no limit is asked."""
    log = Log()
    ann = {"event_id": "once", "user_id": "ann"}
    log.fold({**arrived("a"), **ann}, {**arrived("b"), **ann})
    log.fold({**arrived("c"), **ann}, arrived("d"), arrived("e"))
    assert log.partition.counters == {"accepted_total": 3, "duplicate_total": 2}
    assert log.fold(arrived("b")) == ["limit"]
    log.fold({**arrived("f"), **ann})
    assert log.partition.counters["duplicate_total"] == 3


def test_what_was_discarded_brings_no_name() -> None:
    """Names of a batch that was not committed are as new as before."""
    log = Log()
    log.fold(*(arrived(name) for name in "abc"), commit=False)
    log.partition.discard()
    log.offsets.clear()
    assert log.fold(*(arrived(name) for name in "def")) == []


@pytest.mark.parametrize("kind", ["step.entered", "message.sent", "goal.reached", "call.menu_reached"])
@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_user_has_no_more_events_of_a_type_than_are_taken(kind: str, size: int) -> None:
    """The limit's own event is taken and the next refused, whatever the batches; repeats are not."""
    log = Log()
    make: Any = {
        "step.entered": arrived,
        "message.sent": sent,
        "goal.reached": reached,
        "call.menu_reached": called,
    }[kind]
    most = LIMITS.user_events
    events = [{**make("a"), "user_id": "ann", "event_id": f"e{number}"} for number in range(most + 2)]
    events += [events[0], {**make("a"), "user_id": "bob"}]
    while events:
        log.fold(*events[:size])
        events = events[size:]
        log.start_again()
    assert log.partition.counters == {
        "accepted_total": most + 1,
        "duplicate_total": 1,
        "refused_total:limit": 2,
    }


def test_events_of_different_types_are_counted_apart() -> None:
    """Arrivals that are too many leave room for messages of the same user in the same journey."""
    log = Log()
    most = LIMITS.user_events
    arrivals = [{**arrived("a"), "user_id": "ann"} for _ in range(most + 1)]
    messages = [{**sent("email", "a"), "user_id": "ann"} for _ in range(most)]
    assert log.fold(*arrivals, *messages) == ["limit"]


def test_a_publisher_that_sends_ids_as_variants() -> None:
    """Of thousands of variants as many are taken as the limit says; the others are refused by name, and
    everything else is counted.
    """
    log = Log(Limits())
    log.fold(*(arrived("a", f"user-{number}") for number in range(3_000)), commit=False)
    letters = log.partition.refused
    assert {(letter.refusal.reason.value, letter.refusal.field) for letter in letters} == {
        ("limit", "variant")
    }
    assert "fold.limit_variants" in letters[0].refusal.message
    assert "'user-100'" in letters[0].refusal.message
    log.fold(arrived("a"), arrived("a", "user-7"))
    assert log.partition.counters == {"accepted_total": 102, "refused_total:limit": 2_900}
    document = finish([log.partition.partial(Query())], Query())
    assert document["journeys"][0]["versions"][0]["steps"][0]["numbers"]["entered"] == 102


def test_marks_are_found_only_where_they_are() -> None:
    """However many series a journey has, no mark lies in another, or across two side by side."""
    near = [0, 0xD7FF, 0xD800, 0xD801, SINGLE_MARKS - 1]
    pairs = [SINGLE_MARKS + place for place in (0, 1, 0xFFFF, 0x10000, 0x10001, 0xFFFF_FFFF)]
    marks = [mark_of(place) for place in (*near, *pairs)]
    assert len(set(marks)) == len(marks)
    for mark in marks:
        mark.encode()
        for first in marks:
            for second in marks:
                assert (mark in first + second) == (mark in (first, second))
