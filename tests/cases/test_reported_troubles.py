"""Troubles that people reported of other systems, each worked out by hand and told in a few events."""

import pytest

from tests.cases.telling import Story


async def test_everything_in_one_moment_converts() -> None:
    """Entry, step, goal and exit of one millisecond are in this order, with a window of nothing too."""
    story = Story().define(window_ms=0)
    story.leave("ann", "10:00:00").buy("ann", "10:00:00").arrive("ann", "10:00:00", "a").enter(
        "ann", "10:00:00"
    )
    story.enter("bob", "10:00:00").leave("bob", "10:00:00").buy("bob", "10:00:00.001")
    story.buy("cat", "09:59:59.999").enter("cat", "10:00:00")
    numbers = await story.journey()
    assert (numbers["converted_entries"], numbers["total_exits"], numbers["active_entries"]) == (1, 1, 1)


async def test_of_two_steps_in_one_moment_the_greater_id_is_the_later() -> None:
    """Ids are texts: "9" comes after "10", so the entry stands at the step of the ninth event."""
    story = Story().enter("ann", "10:00:00")
    story.arrive("ann", "10:00:01", "basket", event_id="9").arrive("ann", "10:00:01", "door", event_id="10")
    steps = await story.steps()
    assert (steps["basket"]["current"], steps["door"]["current"]) == (1, 0)
    assert steps["door"]["dwell"] == {"count": 1, "p50_ms": 0, "p90_ms": 0, "p99_ms": 0}


async def test_who_comes_again_never_makes_a_rate_above_one() -> None:
    """Three passes of one person convert by one purchase, which counts once, of one person of two."""
    story = Story().define()
    for number, entry in enumerate("xyz"):
        story.enter("ann", f"1{number}:00:00", entry).leave("ann", f"1{number}:30:00", entry)
    story.buy("ann", "12:30:00", value="7", currency="EUR").enter("bob", "10:00:00")
    numbers = await story.journey()
    assert (numbers["total_entries"], numbers["entered_users"]) == (4, 2)
    # x left at 10:30 and y at 11:30: their windows ended at 11:30 and, to the millisecond, at 12:30.
    assert (numbers["converted_entries"], numbers["converted_users"]) == (2, 1)
    assert (numbers["conversion_events"], numbers["conversion_values"]) == (1, {"EUR": "7"})
    assert numbers["conversion_rate"] == 0.5


async def test_a_late_status_takes_no_other_back() -> None:
    """Delivered after clicked, sent last of all and failed beside: each is a fact of its own."""
    story = Story().enter("ann", "10:00:00")
    for status, at in (("clicked", "10:05:00"), ("failed", "10:03:00"), ("delivered", "10:02:00")):
        story.message(status, "ann", at)
    story.message("sent", "ann", "10:06:00").message("opened", "bob", "10:01:00")
    mail = (await story.steps())["mail"]
    for status in ("sent", "delivered", "clicked", "failed", "opened"):
        assert mail[status]["messages"] == 1
    assert (mail["click_rate"], mail["fail_rate"]) == (1.0, 1.0)
    assert (await story.journey())["active_users"] == 1  # nothing says that bob was sent anything


async def test_scanners_and_proxies_are_no_persons() -> None:
    """A scanner that follows links and a proxy that opens at once count apart and make nobody active."""
    story = Story()
    for user in ("ann", "bob"):
        story.enter(user, "10:00:00").message("sent", user, "10:00:01").message("delivered", user, "10:00:02")
        story.message("opened", user, "10:00:03", machine=True)
    for second in (4, 5, 6):
        story.message("clicked", "bob", f"10:00:0{second}", machine=True)
    story.message("clicked", "ann", "11:00:00", machine=False)
    mail = (await story.steps())["mail"]
    assert (mail["opened"]["events"], mail["machine_opened"]["messages"]) == (0, 2)
    assert (mail["clicked"]["events"], mail["machine_clicked"]["events"]) == (1, 3)
    assert mail["click_rate"] == 0.5
    assert (await story.journey())["active_users"] == 1


@pytest.mark.parametrize(
    ("day", "first", "last", "entries"),
    [
        # The clock goes forward on 8 March 2026 (23 hours) and back on 1 November (25 hours).
        ("2026-03-08", "2026-03-08T05:00:00Z", "2026-03-09T03:59:59.999Z", 2),
        ("2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59.999Z", 2),
    ],
)
async def test_days_of_23_and_25_hours(day: str, first: str, last: str, entries: int) -> None:
    """A day on which the clock changes has its own first and last millisecond, and its neighbours' not."""
    story = Story("detroit").enter("ann", first).enter("bob", last)
    before = first.replace("05:00:00Z", "04:59:59.999Z").replace("04:00:00Z", "03:59:59.999Z")
    after = last.replace("03:59:59.999Z", "04:00:00Z").replace("04:59:59.999Z", "05:00:00Z")
    story.enter("cat", before).enter("dan", after)
    year, month, number = map(int, day.split("-"))
    numbers = await story.journey(start=day, end=f"{year}-{month:02d}-{number + 1:02d}")
    assert numbers["total_entries"] == entries


async def test_a_repeated_hour_is_one_hour_of_two() -> None:
    """One o'clock comes twice: both are in the hour of that name, what follows is not."""
    story = Story("detroit")
    for user, at in (("ann", "05:10:00"), ("bob", "06:50:00"), ("cat", "07:00:00")):
        story.enter(user, f"2026-11-01T{at}Z")
    numbers = await story.journey(start="2026-11-01T01:00", end="2026-11-01T02:00")
    assert numbers["total_entries"] == 2


async def test_a_window_ends_with_its_last_millisecond() -> None:
    """The last millisecond counts, the next does not; digits beyond are cut; an earlier exit ends it."""
    story = Story().define(window_ms=3_600_000)
    for user in ("ann", "bob", "cat", "dan"):
        story.enter(user, "09:00:00").leave(user, "10:00:00")
    story.buy("ann", "11:00:00").buy("bob", "11:00:00.001").buy("cat", "11:00:00.000999")
    story.leave("dan", "09:30:00").buy("dan", "10:30:00.001")
    story.enter("eve", "09:00:00").buy("eve", "2026-12-24T09:00:00+02:00")
    numbers = await story.journey()
    assert (numbers["converted_entries"], numbers["total_exits"]) == (3, 2)


async def test_sums_are_exact_to_the_last_digit() -> None:
    """Tenths, a billionth, a refund to nothing, and sums beyond what a float holds, each in its currency."""
    story = Story().define().enter("ann", "09:00:00")
    for value, currency in (
        *(("0.1", "EUR"), ("0.2", "EUR"), ("0.000000001", "EUR")),
        *(("19.99", "USD"), ("-19.99", "USD")),
        *(("999999999999999.999999999", "KWD"), ("999999999999999.999999999", "KWD")),
        ("0.00005", "TND"),
    ):
        story.buy("ann", "10:00:00", value=value, currency=currency)
    values = (await story.journey())["conversion_values"]
    assert values == {"EUR": "0.300000001", "KWD": "1999999999999999.999999998", "TND": "0.00005"}


async def test_numbers_of_variants_add_up_to_the_steps() -> None:
    """A message has the variant of its entry's first arrival, also when the other comes round again."""
    story = Story()
    for user, variants in (("ann", "AB"), ("bob", "B")):
        story.enter(user, "09:00:00")
        for hour, variant in enumerate(variants, 10):
            story.arrive(user, f"{hour}:00:00", "mail", variant=variant)
            story.message("sent", user, f"{hour}:00:01", message_id=f"m{hour}")
            story.message("delivered", user, f"{hour}:00:02", message_id=f"m{hour}")
    story.message("clicked", "ann", "12:00:00", message_id="m11")
    whole = (await story.steps())["mail"]
    first = (await story.steps(variant="A"))["mail"]
    second = (await story.steps(variant="B"))["mail"]
    assert [part["entered"] for part in (first, second, whole)] == [1, 1, 2]
    assert [part["sent"]["messages"] for part in (first, second, whole)] == [2, 1, 3]
    assert [part["clicked"]["messages"] for part in (first, second, whole)] == [1, 0, 1]
    assert (first["click_rate"], second["click_rate"]) == (0.5, 0.0)


async def test_one_moment_in_many_spellings() -> None:
    """Offsets, lower case and digits name one moment: all of them fall into its hour."""
    story = Story()
    for number, at in enumerate(
        (
            *("2026-06-01T10:30:00Z", "2026-06-01t10:30:00z", "2026-06-01T12:30:00+02:00"),
            *("2026-06-01T10:30:00.000000Z", "2026-06-01T05:00:00-05:30", "2026-06-01T10:30:00.0001Z"),
        )
    ):
        story.enter(f"user-{number}", at)
    numbers = await story.journey(start="2026-06-01T10:00", end="2026-06-01T11:00")
    assert numbers["total_entries"] == 6


async def test_a_day_that_a_calendar_left_out() -> None:
    """Samoa had no 30 December 2011: the last moment of the 29th is followed by the 31st."""
    story = Story("samoa")
    story.enter("ann", "2011-12-30T09:59:59.999Z").enter("bob", "2011-12-30T10:00:00Z")
    days = [("29", "30", 1), ("30", "31", 0), ("31", None, 1)]
    for start, end, entries in days:
        until = {} if end is None else {"end": f"2011-12-{end}"}
        numbers = await story.journey(start=f"2011-12-{start}", **until)
        assert numbers["total_entries"] == entries
    [month] = (await story.document())["accounts"][0]["monthly_engaged_persons"]
    assert (month["month"], month["persons"]) == ("2011-12", 2)


async def test_one_message_id_for_many_people() -> None:
    """A provider that gives a whole batch one id still sent each person a message of their own."""
    story = Story()
    for user in ("ann", "bob", "cat"):
        story.enter(user, "09:00:00").message("sent", user, "10:00:00").message("delivered", user, "10:00:01")
    story.message("clicked", "ann", "10:05:00").message("clicked", "bob", "10:06:00")
    mail = (await story.steps())["mail"]
    assert (mail["sent"]["messages"], mail["sent"]["users"]) == (3, 3)
    assert mail["click_rate"] == pytest.approx(2 / 3)


async def test_what_can_still_change_is_said() -> None:
    """A window that ends at the watermark is open, one that ended a millisecond before is not."""
    story = Story().define(window_ms=3_600_000)
    story.enter("ann", "08:00:00").leave("ann", "09:00:00")
    story.enter("bob", "08:00:00").leave("bob", "08:59:59.999")
    story.buy("cat", "10:00:00")
    numbers = await story.journey()
    assert numbers["conversion_rate_open"] == {"entries": 1, "closes_at": "2026-06-01T10:00:00.000Z"}
    assert numbers["total_exits_open"] == {"entries": 1, "closes_at": "2026-06-01T10:00:00.000Z"}
