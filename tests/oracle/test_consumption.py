"""Consumption rows: for whom and since when an account is billed, entry by entry of one partition."""

from tests.oracle.records import Record, log, record
from tests.oracle.story import defined, entered, exited, goal, step
from wayfold.audit import oracle
from wayfold.audit.oracle.times import instant_ms, instant_text

Row = tuple[str, str, str, str, str, bool]


def _rows(records: list[Record], time_zones: dict[str, str] | None = None) -> list[Row]:
    """Month, person, engaged at, billed at, journey and correction of each row; times as 11-02T10:00."""
    result = oracle.accept(records, time_zones=time_zones)
    return [
        (
            row.month,
            row.user_id,
            _minute(row.engaged_at_ms),
            _minute(row.billed_at_ms),
            row.journey_id,
            row.correction,
        )
        for row in result.consumption
    ]


def _minute(at_ms: int) -> str:
    return instant_text(at_ms)[5:16]


def _logged(*events: tuple[str, dict[str, object]]) -> list[Record]:
    """Events with the days of November or December on which they are logged, at noon."""
    return [
        (*record(event, offset)[:2], instant_ms(f"2026-{day}T12:00:00Z"), *record(event, offset)[3:])
        for offset, (day, event) in enumerate(events)
    ]


def test_a_person_has_one_row_a_month() -> None:
    """Of the first entry of each month, billed when its record was logged; later entries change nothing."""
    records = _logged(
        ("11-02", entered("ann", "2026-11-02T10:00:00Z")),
        ("11-03", entered("ann", "2026-11-03T10:00:00Z", journey="winback")),
        ("11-03", entered("bob", "2026-11-03T11:00:00Z")),
        ("12-01", entered("ann", "2026-12-01T10:00:00Z", journey="winback")),
    )
    assert _rows(records) == [
        ("2026-11", "ann", "11-02T10:00", "11-02T12:00", "welcome", False),
        ("2026-11", "bob", "11-03T11:00", "11-03T12:00", "welcome", False),
        ("2026-12", "ann", "12-01T10:00", "12-01T12:00", "winback", False),
    ]


def test_an_earlier_entry_amends_the_row_of_an_open_month() -> None:
    """When the person engaged and in which journey change; when they were first counted does not."""
    records = _logged(
        ("11-05", entered("ann", "2026-11-05T10:00:00Z")),
        ("11-06", entered("ann", "2026-11-03T10:00:00Z", journey="winback")),
        ("11-07", entered("ann", "2026-11-04T10:00:00Z", journey="third")),
    )
    assert _rows(records) == [("2026-11", "ann", "11-03T10:00", "11-05T12:00", "winback", False)]


def test_a_person_first_counted_after_the_month_closed_is_a_correction() -> None:
    """The month is closed for whoever comes, and those who were counted stay as they are."""
    records = _logged(
        ("11-05", entered("ann", "2026-11-05T10:00:00Z")),
        ("12-01", entered("bob", "2026-12-01T00:00:00Z")),
        ("12-02", entered("cid", "2026-11-30T23:59:59.999Z")),
    )
    assert _rows(records) == [
        ("2026-11", "ann", "11-05T10:00", "11-05T12:00", "welcome", False),
        ("2026-11", "cid", "11-30T23:59", "12-02T12:00", "welcome", True),
        ("2026-12", "bob", "12-01T00:00", "12-01T12:00", "welcome", False),
    ]


def test_an_earlier_entry_after_the_month_closed_adds_a_row() -> None:
    """It is billed when the entry that moved it was logged; what was written is not changed."""
    records = _logged(
        ("11-05", entered("ann", "2026-11-05T10:00:00Z")),
        ("12-01", entered("bob", "2026-12-01T10:00:00Z")),
        ("12-02", entered("ann", "2026-11-04T10:00:00Z", journey="winback")),
        ("12-03", entered("ann", "2026-11-04T11:00:00Z", journey="third")),
        ("12-04", entered("ann", "2026-11-03T10:00:00Z", journey="third")),
    )
    assert _rows(records)[:3] == [
        ("2026-11", "ann", "11-05T10:00", "11-05T12:00", "welcome", False),
        ("2026-11", "ann", "11-04T10:00", "12-02T12:00", "winback", True),
        ("2026-11", "ann", "11-03T10:00", "12-04T12:00", "third", True),
    ]


def test_a_month_is_open_until_the_first_instant_of_the_next_one() -> None:
    """One millisecond before it a month is open; the entry that closes it is judged before it counts."""
    amends = entered("ann", "2026-11-03T10:00:00Z", journey="winback")
    for last, rows in (("2026-11-30T23:59:59.999Z", 1), ("2026-12-01T00:00:00.000Z", 2)):
        records = log(entered("ann", "2026-11-05T10:00:00Z"), entered("bob", last), amends)
        written = [row for row in oracle.accept(records).consumption if row.user_id == "ann"]
        assert [row.correction for row in written] == [False, True][:rows]
    itself = log(entered("ann", "2026-12-01T00:00:00Z"), entered("ann", "2026-11-30T10:00:00Z", entry="x"))
    assert [(row.month, row.correction) for row in oracle.accept(itself).consumption] == [
        ("2026-11", True),
        ("2026-12", False),
    ]


def test_exits_close_a_month_and_other_topics_do_not() -> None:
    """Topic time is that of all events of the account in the topic of entries, and of no other topic."""
    counted, late = entered("ann", "2026-11-05T10:00:00Z"), entered("bob", "2026-11-05T10:00:00Z")
    december = "2026-12-01T10:00:00Z"
    others = [step("ann", "mail", december), goal("ann", december), defined(at=december)]
    assert [row.correction for row in oracle.accept(log(*others, counted, late)).consumption] == [
        False,
        False,
    ]
    closed = oracle.accept(log(counted, exited("ann", december), late))
    assert [row.correction for row in closed.consumption] == [False, True]


def test_each_account_closes_its_own_months() -> None:
    """On its own clock: at 23:30 UTC of 30 November it is December in Amsterdam."""
    at = "2026-11-30T23:30:00Z"
    counted = [entered("ann", "2026-11-30T10:00:00Z", account=account) for account in ("acme", "other")]
    records = log(entered("bob", at, account="acme"), entered("bob", at, account="other"), *counted)
    result = oracle.accept(records, time_zones={"acme": "Europe/Amsterdam"})
    assert [(row.account_id, row.month, row.user_id, row.correction) for row in result.consumption] == [
        ("acme", "2026-11", "ann", True),
        ("acme", "2026-12", "bob", False),
        ("other", "2026-11", "ann", False),
        ("other", "2026-11", "bob", False),
    ]
    default = oracle.accept(records, default_time_zone="America/New_York").consumption
    assert {row.month for row in default} == {"2026-11"}


def test_the_first_of_two_entries_in_one_millisecond() -> None:
    """By event id, then by journey: the lesser is the first."""
    at = "2026-11-05T10:00:00Z"
    story = [
        entered("ann", at, event_id="b", journey="a"),
        entered("ann", at, event_id="a", journey="z"),
        entered("ann", at, event_id="a", journey="welcome"),
    ]
    for events in (story, story[::-1], [story[1], story[2], story[0]]):
        assert [row.journey_id for row in oracle.accept(log(*events)).consumption] == ["welcome"]
    december = entered("bob", "2026-12-05T10:00:00Z")
    closed = oracle.accept(log(story[0], december, *story[1:])).consumption
    assert [(row.journey_id, row.correction) for row in closed if row.user_id == "ann"] == [
        ("a", False),
        ("z", True),
        ("welcome", True),
    ]


def test_only_accepted_entries_count() -> None:
    """Late, future, repeated and skipped ones neither make rows nor close months; merged ones do count."""
    counted = entered("ann", "2026-11-05T10:00:00Z", event_id="x")
    again = entered("ann", "2026-12-05T10:00:00Z", event_id="x")
    merged = entered("ann", "2026-11-04T10:00:00Z", event_id="y")
    records = log(
        counted, again, entered("bob", "2020-11-05T10:00:00Z"), merged, entered("cid", "2026-12-05T10:00:00Z")
    )
    result = oracle.accept(records, skipped={("entries", 4)})
    assert [(row.user_id, _minute(row.engaged_at_ms), row.correction) for row in result.consumption] == [
        ("ann", "11-04T10:00", False)
    ]
    assert (result.duplicates, dict(result.refused)) == (1, {"late": 1, "skipped": 1})


def test_the_last_month_that_there_is_never_closes() -> None:
    """No month follows December of the year 9999."""
    records = log(
        entered("ann", "9999-12-31T23:59:59.999Z"),
        entered("ann", "9999-12-01T00:00:00Z", entry="x"),
        timestamp_ms=2**60,
    )
    assert [(row.month, row.correction) for row in oracle.accept(records).consumption] == [("9999-12", False)]
