"""Group commit: every append is durable when it returns, and many share one synced write."""

import asyncio
import errno
import re
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from wayfold.agents.embedded.group_commit import GroupCommit
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.sink import Outgoing, SinkBusyError, SinkFailedError, SinkFullError


def entry(number: int) -> Outgoing:
    return Outgoing("entries", b"ada", b"event %d" % number)


class HeldLog(DurableLog):
    """A log whose appends wait until the test lets them go; it counts them."""

    gate: threading.Event
    groups: list[int]

    def append(self, records: Sequence[Outgoing], timestamp_ms: int | None = None) -> None:
        self.groups.append(len(records))
        assert self.gate.wait(10)
        super().append(records, timestamp_ms)


def held_log(directory: Path) -> HeldLog:
    log = HeldLog.open(directory, ("entries",), 1)
    assert isinstance(log, HeldLog)
    log.gate, log.groups = threading.Event(), []
    return log


async def test_appends_that_wait_share_one_write(tmp_path: Path) -> None:
    """While the disk is busy with one append, all that come meanwhile are written together."""
    log = held_log(tmp_path)
    commit = GroupCommit(log)
    tasks = [asyncio.create_task(commit.append([entry(0)]))]
    while not log.groups:
        await asyncio.sleep(0)
    tasks += [asyncio.create_task(commit.append([entry(number)])) for number in range(1, 50)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    log.gate.set()
    await asyncio.gather(*tasks)
    assert log.groups == [1, 49]
    assert [record.value for record in log.read("entries", 0, 0, 100)] == [b"event %d" % n for n in range(50)]


async def test_too_much_waiting_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """Beyond the limit a caller hears that it should come back, and what waited is still written."""
    log = held_log(tmp_path)
    commit = GroupCommit(log, waiting_bytes=20)
    first = asyncio.create_task(commit.append([entry(0)]))
    while not log.groups:
        await asyncio.sleep(0)
    waiting = asyncio.create_task(commit.append([entry(1)] * 3))
    await asyncio.sleep(0)
    with pytest.raises(SinkBusyError) as caught:
        await commit.append([entry(2)])
    assert caught.value.retry_after_s >= 1
    log.gate.set()
    await asyncio.gather(first, waiting)
    assert log.next_offsets() == {("entries", 0): 4}


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (OSError(errno.EIO, "Input/output error"), SinkFailedError, "Input/output error"),
        (OSError(errno.ENOSPC, "No space left on device"), SinkFullError, "is full.*Make room on the disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), SinkFullError, "is full.*Make room on the disk"),
    ],
)
async def test_a_failing_disk_is_told_to_everybody_who_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, kind: type[Exception], says: str
) -> None:
    """Nobody is told that an event is durable when its write failed, and a lack of room is told as that."""
    log = DurableLog.open(tmp_path, ("entries",), 1)

    def full(records: Sequence[Outgoing]) -> None:
        raise error

    monkeypatch.setattr(log, "append", full)
    commit = GroupCommit(log)
    results = await asyncio.gather(*(commit.append([entry(n)]) for n in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [kind] * 3
    assert re.search(says, str(results[0]))


async def test_a_caller_that_goes_away_takes_nothing_back(tmp_path: Path) -> None:
    """A cancelled request's events are written all the same, and others in its group are not disturbed."""
    log = held_log(tmp_path)
    commit = GroupCommit(log)
    gone = asyncio.create_task(commit.append([entry(0)]))
    stays = asyncio.create_task(commit.append([entry(1)]))
    while not log.groups:
        await asyncio.sleep(0)
    gone.cancel()
    log.gate.set()
    await stays
    assert gone.cancelled() or gone.cancelling()
    assert log.next_offsets() == {("entries", 0): 2}


async def test_a_record_without_place_is_its_senders_error_only(tmp_path: Path) -> None:
    """An unknown topic kind is refused to its caller, not to those in the same group."""
    commit = GroupCommit(DurableLog.open(tmp_path, ("entries",), 1))
    good, bad = await asyncio.gather(
        commit.append([entry(0)]),
        commit.append([Outgoing("nowhere", b"ada", b"")]),
        return_exceptions=True,
    )
    assert good is None
    assert isinstance(bad, ValueError)


async def test_closing_finishes_what_was_asked_for(tmp_path: Path) -> None:
    """Appends that were begun are durable after close, and later ones are refused."""
    log = DurableLog.open(tmp_path, ("entries",), 1)
    commit = GroupCommit(log)
    begun = asyncio.create_task(commit.append([entry(0)]))
    await asyncio.sleep(0)
    await commit.close()
    await begun
    assert log.next_offsets() == {("entries", 0): 1}
    with pytest.raises(SinkFailedError, match="shutting down"):
        await commit.append([entry(1)])
