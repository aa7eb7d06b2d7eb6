"""Audits of logs in which not every record counts, and not every partition knows the same."""

import random
from typing import Any

import pytest

from tests.audit.folded import Folded, logs_of
from tests.generators.logs import Logged, interleaved
from tests.oracle.story import (
    broadcast,
    defined,
    entered,
    exited,
    goal,
    message,
    step,
)
from wayfold.audit import oracle
from wayfold.audit.audit import Difference
from wayfold.models.record import LogRecord
from wayfold.state.partition import Partition

USERS = [f"user-{number}" for number in range(12)]
OLD, NEW = "2025-01-01T00:00:00Z", "2026-02-07T00:00:00Z"
SCOPES: list[dict[str, Any]] = [
    {},
    {"journey_id": "welcome"},
    {"users_share": 0.5},
    {"users_share": 0.5, "journey_id": "welcome"},
]


def long_story() -> list[dict[str, Any]]:
    """Two years of which each half is late behind the other, ids that types share, repeats, many names."""
    story = [defined()]
    for number, user in enumerate(USERS):
        at = OLD if number % 3 else NEW
        story += [
            entered(user, at, event_id="x"),
            step(user, "mail", at, event_id="x", variant=f"v{number % 4}"),
            message("sent", user, at, event_id="x", channel=f"channel_{number}"),
            broadcast("sent", user, at, event_id="x", channel=f"channel_{number}"),
            goal(user, at, event_id="x"),
            exited(user, at, event_id="x"),
            exited(user, NEW, event_id="x"),
        ]
    return story


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("limits", [{}, {"channels": 3, "variants": 2, "user_events": 1}])
async def test_a_log_with_late_repeated_and_limited_records_is_equal(
    scope: dict[str, Any], limits: dict[str, int]
) -> None:
    """Whichever topic was folded first, and also where most of the log is not kept."""
    generator = random.Random(5)
    for turn in range(4):
        logs = logs_of(long_story())
        folded = Folded(logs=[interleaved(log, generator) if turn else log for log in logs], limits=limits)
        reasons = [name for one in folded.opened() for name in one.counters if name.startswith("refused")]
        assert "refused_total:late" in reasons
        assert ("refused_total:limit" in reasons) == bool(limits)
        verdict = await folded.audited(turn, **scope)
        assert (verdict.differences, verdict.notes) == ([], [])


async def test_a_record_that_was_wrongly_refused_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """No difference is excused because records are late: one late verdict too many shows."""
    right = Partition.fold

    def wrong(self: Partition, topic: str, records: list[LogRecord]) -> None:
        right(self, topic, [_spoilt(record) if _is_of(record, USERS[2]) else record for record in records])

    monkeypatch.setattr(Partition, "fold", wrong)
    folded = Folded(long_story())
    monkeypatch.undo()
    verdict = await folded.audited()
    assert any(difference.path.endswith("numbers.total_entries") for difference in verdict.differences)
    assert verdict.notes == []


def _is_of(record: LogRecord, user: str) -> bool:
    return record.key == user.encode() and b"journey.entered" in (record.value or b"")


def _spoilt(record: LogRecord) -> LogRecord:
    return LogRecord(record.offset, record.timestamp - 10**12, record.key, record.value)


async def test_each_account_is_judged_at_its_own_watermark() -> None:
    """Windows that are long over on another account's clock are open, now and later."""
    story = [
        *(defined(account=account) for account in ("slow", "fast")),
        *(entered("ann", "10:00", account=account) for account in ("slow", "fast")),
        *(exited("ann", "11:00", account=account) for account in ("slow", "fast")),
        entered("bob", "2026-12-24T10:00:00Z", account="fast"),
    ]
    folded = Folded(story)
    assert (await folded.audited()).differences == []
    said = await folded.audited(account_id="slow")
    assert (said.differences, said.equal) == ([], True)


def lacking(events: list[dict[str, Any]], number: int) -> list[list[Logged]]:
    """Logs of which one has no definitions."""
    logs = logs_of(events)
    logs[number] = [logged for logged in logs[number] if logged.topic != "definitions"]
    return logs


def visits() -> list[dict[str, Any]]:
    """Users of both partitions who enter and convert."""
    return [event for user in USERS for event in (entered(user, "10:00"), goal(user, "11:00"))]


@pytest.mark.parametrize("number", [0, 1])
async def test_a_partition_without_a_definition_is_judged_without_it(number: int) -> None:
    """The numbers are equal, and what to publish again is named with the partition."""
    folded = Folded(logs=lacking([defined(), *visits()], number))
    for scope in SCOPES:
        verdict = await folded.audited(**scope)
        assert verdict.differences == []
        [note] = verdict.notes
        assert f"partitions {number} lack the definition of version 1 of 'welcome'" in note
        assert "publish it again" in note
    homes = {oracle.partition_of(user.encode(), 2) for user in USERS}
    assert homes == {0, 1}


async def test_several_contents_of_a_version_are_noted() -> None:
    """The earliest holds in every partition, and the audit says how many there are."""
    others = [defined(goal=name, at="2026-11-01T00:00:01Z", event_id=name) for name in ("signup", "visit")]
    verdict = await Folded([*others, *visits(), defined()]).audited()
    assert verdict.differences == []
    [note] = verdict.notes
    assert "version 1 of 'welcome' (account 'default') was defined with 3 contents" in note


async def test_a_definition_that_is_not_the_earliest_is_a_difference() -> None:
    """What a partition judges by is compared with what its log holds, also where no number shows it."""
    wrong = logs_of([defined(name="Wrong"), *visits()])
    folded = Folded(logs=wrong)
    folded.logs = logs_of([defined(name="Right"), *visits()])
    found = (await folded.audited()).differences
    paths = {difference.path for difference in found}
    assert {f"partitions[{number}].definitions[default/welcome/1]" for number in (0, 1)} < paths
    [shown] = [one for one in found if one.path == "partitions[0].definitions[default/welcome/1]"]
    assert isinstance(shown, Difference)
    assert (shown.live["name"], shown.recomputed["name"]) == ("Wrong", "Right")


async def test_numbers_of_a_time_before_the_last_are_recounted_below_their_offsets() -> None:
    """A log that went on since the numbers were given is read up to where they stand only."""
    folded = Folded([defined(), *visits()])
    later = [entered(user, "20:00", entry="second") for user in USERS]
    folded.logs = logs_of([defined(), *visits(), *later])
    verdict = await folded.audited()
    assert verdict.differences == []
    assert verdict.watermark == oracle.numbers(visits())["watermark"]
