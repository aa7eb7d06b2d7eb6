"""The embedded host: everything durable is folded once, in order, over restarts and failures."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.agents.fakes import KeptLetters, RememberingPartition
from wayfold.agents.embedded.host import EmbeddedHost, HostLimits, HostStoppedError
from wayfold.agents.embedded.log import DurableLog, LogUnusableError
from wayfold.agents.sink import EVENT_KINDS, Outgoing, SinkBusyError, SinkFailedError, partition_of
from wayfold.models.refusal import Reason

PARTITIONS = 3


def make_host(
    directory: Path, limits: HostLimits | None = None, letters: KeptLetters | None = None
) -> EmbeddedHost:
    log = DurableLog.open(directory / "log", EVENT_KINDS, PARTITIONS)
    partitions = [RememberingPartition(directory, number) for number in range(PARTITIONS)]
    return EmbeddedHost(log, partitions, letters or KeptLetters(), limits=limits)


def step(number: int) -> Outgoing:
    return Outgoing("steps", b"user-%d" % number, b"%d" % number)


def folded(directory: Path) -> list[str]:
    return [value for number in range(PARTITIONS) for value in RememberingPartition(directory, number).values]


async def test_what_is_appended_is_folded(tmp_path: Path) -> None:
    """Every record reaches the partition of its user, exactly once."""
    host = make_host(tmp_path)
    host.start()
    for start in range(0, 1_000, 100):
        await host.append([step(number) for number in range(start, start + 100)])
    await host.caught_up()
    assert host.behind_records() == 0
    await host.stop()
    assert sorted(map(int, folded(tmp_path))) == list(range(1_000))


async def test_a_restart_goes_on_behind_what_was_committed(tmp_path: Path) -> None:
    """Records that were durable and not folded are folded after the restart; none is folded twice."""
    host = make_host(tmp_path)
    await host.append([step(number) for number in range(50)])
    host.start()
    await host.caught_up()
    await host.stop()
    stopped = make_host(tmp_path)
    await stopped.append([step(number) for number in range(50, 80)])
    await stopped.stop()
    again = make_host(tmp_path)
    assert again.behind_records() == 30
    again.start()
    await again.caught_up()
    await again.stop()
    assert sorted(map(int, folded(tmp_path))) == list(range(80))


async def test_a_log_that_lost_folded_records_is_left_as_it_is(tmp_path: Path) -> None:
    """A host whose stores are ahead of a torn log refuses to start, and has not changed the log's files."""
    host = make_host(tmp_path)
    host.start()
    for number in range(5):
        await host.append([step(number)])
    await host.caught_up()
    await host.stop()
    [path] = (tmp_path / "log").glob("*.log")
    os.truncate(path, path.stat().st_size - 3)
    found = path.read_bytes()
    again = make_host(tmp_path)
    with pytest.raises(LogUnusableError, match=r"last \d+ bytes of 0+\.log cannot be read.*sent again"):
        again.start()
    await again.stop()
    assert path.read_bytes() == found


async def test_a_definition_reaches_every_partition(tmp_path: Path) -> None:
    """A control record is folded by each partition."""
    host = make_host(tmp_path)
    host.start()
    await host.append([Outgoing("definitions", None, b"journey")])
    await host.caught_up()
    await host.stop()
    assert folded(tmp_path) == ["journey"] * PARTITIONS


async def test_refused_records_are_dead_letters_before_the_commit(tmp_path: Path) -> None:
    """A refused record is handed to the dead letters with its place in the log and the reason."""
    letters = KeptLetters()
    host = make_host(tmp_path, letters=letters)
    host.start()
    await host.append([Outgoing("steps", b"ada", b"1"), Outgoing("steps", b"ada", b"bad")])
    await host.caught_up()
    await host.stop()
    (letter,) = letters.letters
    place = (letter.topic, letter.partition, letter.offset)
    assert place == ("steps", partition_of(b"ada", PARTITIONS), 1)
    assert (letter.key, letter.value, letter.refusal.reason) == (b"ada", b"bad", Reason.UNPARSEABLE)
    assert folded(tmp_path) == ["1"]


async def test_a_failing_fold_stops_the_host_and_says_so(tmp_path: Path) -> None:
    """Nothing is skipped: the host stops, takes nothing more, and a restart finds the record again."""
    host = make_host(tmp_path)
    host.start()
    await host.append([step(1)])
    await host.caught_up()
    await host.append([Outgoing("steps", b"ada", b"poison")])
    with pytest.raises(HostStoppedError, match="store is full"):
        await host.failed()
    with pytest.raises(HostStoppedError, match="store is full"):
        await host.caught_up()
    with pytest.raises(SinkFailedError, match="stopped counting"):
        await host.append([step(2)])
    await host.stop()
    assert make_host(tmp_path).behind_records() == 1


async def test_waiting_for_a_stopped_host_is_an_error(tmp_path: Path) -> None:
    """Nobody waits for ever for records that this process will not fold any more."""
    host = make_host(tmp_path)
    host.start()
    await host.append([step(1)])
    await host.caught_up()
    await host.stop()
    host.log.records_total = lambda: 5  # type: ignore[method-assign]
    with pytest.raises(HostStoppedError, match="was stopped"):
        await host.caught_up()


async def test_too_far_behind_is_refused_with_a_time_to_come_back(tmp_path: Path) -> None:
    """What waits for the fold is bounded; beyond it a sender is told when to try again."""
    host = make_host(tmp_path, HostLimits(behind_records=100))
    await host.append([step(number) for number in range(101)])
    with pytest.raises(SinkBusyError, match="101 events wait") as caught:
        await host.append([step(101)])
    assert 1 <= caught.value.retry_after_s <= 60
    host.start()
    await host.caught_up()
    await host.append([step(101)])
    await host.stop()


async def test_other_tasks_run_while_a_backlog_is_folded(tmp_path: Path) -> None:
    """The fold gives way after every slice, so that requests are answered in between."""
    host = make_host(tmp_path, HostLimits(slice_records=50))
    await host.append([step(number) for number in range(2_000)])
    host.start()
    turns = 0
    while host.behind_records():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= 2_000 // 50
    await host.stop()


async def test_a_store_without_its_log_is_refused_at_start(tmp_path: Path) -> None:
    """A log that was deleted under its stores is noticed, because numbers would be lost silently."""
    host = make_host(tmp_path)
    host.start()
    await host.append([step(1)])
    await host.caught_up()
    await host.stop()
    for path in (tmp_path / "log").iterdir():
        path.unlink()
    with pytest.raises(LogUnusableError, match="lost its end, was replaced"):
        make_host(tmp_path).start()


async def test_what_waits_has_a_lag(tmp_path: Path) -> None:
    """As long as one durable record is not counted the lag is above 0, also before the fold looks at it."""
    host = make_host(tmp_path, HostLimits(gather_ms=50))
    host.start()
    for number in range(20):
        await host.append([step(number)])
        assert host.lag_ms() > 0 or not host.behind_records()
        await asyncio.sleep(0)
    assert host.behind_records() > 0
    await host.caught_up()
    assert host.lag_ms() == 0
    await host.stop()


async def test_lag_is_measured_by_partition(tmp_path: Path) -> None:
    """Each partition says how many records wait, and for how long the oldest has been waiting."""
    host = make_host(tmp_path)
    await host.append([step(number) for number in range(30)])
    host.start()
    while any(host.telemetry.lag_records.get(number) != 0 for number in range(PARTITIONS)):
        await asyncio.sleep(0)
    assert host.lag_ms() == 0
    await host.stop()
