"""Values that no event may have: each is refused by its reason, and moves nobody's numbers."""

import math
from typing import Any

import pytest

from tests.cases.judging import judged
from tests.cases.telling import Story

NOW = "2026-06-02T00:00:00Z"


async def test_clocks_that_are_wrong_move_nothing() -> None:
    """A device that was never set is late, one that is years ahead is future, and neither moves the now."""
    story = Story().enter("ann", "10:00:00", event_id="right")
    story.enter("bob", "1970-01-01T00:41:00Z", event_id="never set")
    story.enter("cat", "2091-02-03T04:05:06Z", event_id="ahead")
    # An hour ahead of the log's clock is still taken, a millisecond more is not.
    story.enter("dan", "2026-06-02T01:00:00Z", event_id="an hour")
    story.enter("eve", "2026-06-02T01:00:00.001Z", event_id="more")
    reasons, numbers = await judged(story.events, NOW)
    assert reasons == {"never set": "late", "ahead": "future", "more": "future"}
    assert numbers["total_entries"] == 2
    assert numbers["watermark"] == "2026-06-02T01:00:00.000Z"


async def test_an_unset_clock_in_an_empty_log_is_history() -> None:
    """The first event of a topic is never late, and what comes decades later is not either."""
    story = Story().enter("ann", "1970-01-01T00:41:00Z").enter("bob", "10:00:00")
    reasons, numbers = await judged(story.events, NOW)
    assert (reasons, numbers["total_entries"]) == ({}, 2)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("0044-03-15T12:00:00Z", "wrong_field"),
        ("1969-12-31T23:59:59.999Z", "wrong_field"),
        ("2026-02-29T12:00:00Z", "wrong_field"),
        ("2026-05-31T24:00:00Z", "wrong_field"),
        ("2026-05-31T12:60:00Z", "wrong_field"),
        ("2026-05-31T12:00:00", "wrong_field"),
        ("2026-05-31T12:00:00+0200", "wrong_field"),
        ("2026-05-31T12:00:00+24:00", "wrong_field"),
        ("2026-05-31T12:00:00.Z", "wrong_field"),
        (" 2026-05-31T12:00:00Z", "wrong_field"),
        ("2026-05-31", "wrong_field"),
        ("", "wrong_field"),
        (1_780_000_000, "wrong_field"),
        (None, "missing_field"),
    ],
)
async def test_what_is_no_time(written: Any, reason: str) -> None:
    """Days and hours that do not exist, times without an offset, and numbers are refused alone."""
    story = Story().enter("ann", "10:00:00").enter("bob", "11:00:00", event_id="bad")
    story.events[-1][1]["occurred_at"] = written
    reasons, numbers = await judged(story.events, NOW)
    assert (reasons, numbers["total_entries"]) == ({"bad": reason}, 1)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"value": 0.1 + 0.2, "currency": "EUR"}, "wrong_field"),
        ({"value": "7,25", "currency": "EUR"}, "wrong_field"),
        ({"value": "2e2", "currency": "EUR"}, "wrong_field"),
        ({"value": 10**15, "currency": "EUR"}, "wrong_field"),
        ({"value": "7", "currency": "Eur"}, "wrong_field"),
        ({"value": "7"}, "missing_field"),
        ({"currency": "EUR"}, "missing_field"),
        ({"value": math.nan, "currency": "EUR"}, "unparseable"),
    ],
)
async def test_what_is_no_amount(fields: dict[str, Any], reason: str) -> None:
    """An amount that is not exactly what was meant neither adds to a sum nor converts."""
    story = Story().define().enter("ann", "09:00:00").buy("ann", "10:00:00", event_id="bad", **fields)
    story.buy("ann", "10:00:01", value=200.5, currency="EUR").buy(
        "ann", "10:00:02", value=2e2, currency="JPY"
    )
    reasons, numbers = await judged(story.events, NOW)
    assert reasons == {"bad": reason}
    assert numbers["conversion_events"] == 2
    assert numbers["conversion_values"] == {"EUR": "200.5", "JPY": "200"}


async def test_a_text_is_no_truth() -> None:
    """An open whose `machine` is a text is refused, and is neither a person's nor a machine's."""
    story = Story().enter("ann", "10:00:00").message("sent", "ann", "10:00:01")
    story.message("opened", "ann", "10:00:02", machine="true", event_id="text")
    reasons, numbers = await judged(story.events, NOW)
    assert (reasons, numbers["active_users"]) == ({"text": "wrong_field"}, 0)
    story.message("opened", "ann", "10:00:03", machine=None)
    reasons, numbers = await judged(story.events, NOW)
    assert (reasons, numbers["active_users"]) == ({"text": "wrong_field"}, 1)


OLD, NEW = "2024-08-01T06:00:00Z", "2025-10-01T06:00:00Z"  # 426 days; the retention is 400


@pytest.mark.parametrize(
    ("told", "late", "entries"),
    [
        (
            (("enter", "ann", OLD), ("arrive", "ann", OLD), ("enter", "bob", NEW), ("arrive", "bob", NEW)),
            0,
            2,
        ),
        ((("enter", "ann", NEW), ("arrive", "ann", OLD)), 0, 1),
        ((("enter", "ann", OLD), ("arrive", "ann", NEW)), 0, 1),
        ((("arrive", "bob", NEW), ("enter", "ann", NEW), ("arrive", "ann", OLD)), 1, 1),
        ((("enter", "ann", NEW), ("arrive", "ann", NEW), ("enter", "bob", OLD)), 1, 1),
    ],
    ids=["in order", "an old step first", "an old entry first", "an old step behind", "an old entry behind"],
)
async def test_only_its_own_topic_makes_a_record_late(
    told: tuple[tuple[str, str, str], ...], late: int, entries: int
) -> None:
    """A log longer than the retention is judged alike at every cut and whichever topic is read first."""
    story = Story()
    for kind, user, at in told:
        if kind == "enter":
            story.enter(user, at)
        else:
            story.arrive(user, at, "hall")
    reasons, numbers = await judged(story.events, NOW)
    assert ([*reasons.values()], numbers["total_entries"]) == (["late"] * late, entries)


async def test_one_id_of_two_types_is_no_repeat() -> None:
    """An entry and a step of one event id both count, and only the same type again is a repeat."""
    story = Story().enter("ann", "10:00:00", event_id="same")
    story.arrive("ann", "10:00:01", "hall", event_id="same").enter("ann", "11:00:00", "m", event_id="same")
    reasons, numbers = await judged(story.events, NOW)
    assert (reasons, numbers["total_entries"]) == ({}, 1)
    assert (await judged(story.events[:2], NOW))[1]["active_entries"] == 1
