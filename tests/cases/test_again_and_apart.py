"""People who pass through again in another month, side by side, or past their exit, and what it costs."""

from tests.cases.telling import Story

HOURS_48_MS = 48 * 3_600_000


def _passes() -> Story:
    """Six passes of three people; a window of two days.

    ann: a from 3 to 5 March, b from 6 to 20 March; a goal on 7 March at noon is the last that a can have.
    bob: a from 3 to 4 March; b from 1 to 2 April; goals on 6 March and on 3 April.
    cat: x and y at the same time, never ended; one goal on 25 March.
    """
    story = Story().define(window_ms=HOURS_48_MS)
    story.enter("ann", "2026-03-03T09:00:00Z", "a").leave(
        "ann", "2026-03-05T12:00:00Z", "a", reason="removed"
    )
    story.enter("ann", "2026-03-06T09:00:00Z", "b").leave("ann", "2026-03-20T09:00:00Z", "b")
    story.buy("ann", "2026-03-07T12:00:00Z", value="15.50", currency="EUR")
    story.enter("bob", "2026-03-03T09:00:00Z", "a").leave(
        "bob", "2026-03-04T09:00:00Z", "a", reason="removed"
    )
    story.buy("bob", "2026-03-06T09:00:00.001Z", value="1", currency="EUR")
    story.enter("bob", "2026-04-01T09:00:00Z", "b").leave("bob", "2026-04-02T09:00:00Z", "b")
    story.buy("bob", "2026-04-03T09:00:00Z", value="15.50", currency="EUR")
    story.enter("cat", "2026-03-10T09:00:00Z", "x").enter("cat", "2026-03-10T09:00:01Z", "y")
    return story.buy("cat", "2026-03-25T09:00:00Z", value="15.50", currency="EUR")


async def test_passes_are_not_people() -> None:
    """Five of six passes convert and all three people do, so that the rate is one and not more."""
    numbers = await _passes().journey()
    assert (numbers["total_entries"], numbers["entered_users"]) == (6, 3)
    # bob's first goal is a millisecond behind the window of his first pass.
    assert (numbers["converted_entries"], numbers["converted_users"]) == (5, 3)
    assert (numbers["conversion_events"], numbers["conversion_values"]) == (3, {"EUR": "46.5"})
    assert (numbers["total_exits"], numbers["active_entries"]) == (1, 2)
    assert numbers["conversion_rate"] == 1.0


async def test_each_month_has_its_own_people() -> None:
    """March has its two converted people of three by either clock, and April its one of one."""
    story = _passes()
    for clock in ("event", "entry"):
        march = await story.journey(start="2026-03-01", end="2026-04-01", clock=clock)
        april = await story.journey(start="2026-04-01", end="2026-05-01", clock=clock)
        assert [month["total_entries"] for month in (march, april)] == [5, 1]
        assert [month["exited_entries"] for month in (march, april)] == [3, 1]
        assert [month["converted_entries"] for month in (march, april)] == [4, 1]
        assert [month["converted_users"] for month in (march, april)] == [2, 1]
        assert [month["total_exits"] for month in (march, april)] == [1, 0]
        assert march["conversion_rate"] == 2 / 3
        assert april["conversion_rate"] == 1.0


async def test_who_goes_on_after_the_exit_dropped_where_they_went() -> None:
    """An entry's latest step is its latest, also a millisecond behind its exit."""
    story = Story().define(window_ms=0).enter("ann", "10:00:00").arrive("ann", "10:00:00", "hall")
    story.leave("ann", "10:00:00").arrive("ann", "10:00:00.001", "stairs")
    steps = await story.steps()
    assert (steps["hall"]["entered"], steps["hall"]["dropped"]) == (1, 0)
    assert (steps["stairs"]["entered"], steps["stairs"]["dropped"]) == (1, 1)
    assert steps["hall"]["dwell"] == {"count": 1, "p50_ms": 0, "p90_ms": 0, "p99_ms": 0}


async def test_an_entry_that_began_earlier_takes_an_earlier_goal() -> None:
    """A second `journey.entered` of an entry that is earlier than the first lets the goal between convert."""
    story = Story().define().enter("ann", "10:00:00").buy("ann", "09:45:00").enter("ann", "09:30:00")
    story.enter("bob", "10:00:00").buy("bob", "09:45:00")
    numbers = await story.journey()
    assert (numbers["total_entries"], numbers["converted_entries"]) == (2, 1)


async def test_costs_are_those_of_each_sent_event_once() -> None:
    """Thousandths of a cent add up exactly, each currency apart, and an event that comes again is free."""
    story = Story().enter("ann", "10:00:00")
    for number, (cost, currency) in enumerate(
        (("0.0637", "EUR"), ("0.0637", "EUR"), ("0.0637", "EUR"), ("0.0041", "USD"), ("0.0041", "USD"))
    ):
        story.message(
            *("sent", "ann", "10:00:01"),
            event_id=f"sms-{number}",
            message_id=f"m{number}",
            channel="sms",
            cost=cost,
            currency=currency,
        )
    story.events.append(story.events[-1])
    mail = (await story.steps())["mail"]
    assert mail["sent"]["messages"] == 5
    assert mail["cost"] == {"sms": {"EUR": "0.1911", "USD": "0.0082"}}


async def test_a_step_that_nobody_was_sent_anything_at_has_no_rates() -> None:
    """Nothing over nothing is no rate: an open without a delivery, and a step that was only passed."""
    story = Story().enter("ann", "10:00:00").arrive("ann", "10:00:01", "hall")
    story.message("opened", "ann", "10:00:02")
    steps = await story.steps()
    for step in ("hall", "mail"):
        assert (steps[step]["click_rate"], steps[step]["fail_rate"]) == (None, None)
