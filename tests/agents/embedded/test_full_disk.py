"""A full disk: events are refused with what to do, numbers are read on, and counting goes on with room."""

import asyncio
import errno
import json
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.agents.fakes import KeptLetters, RememberingPartition
from wayfold.agents.embedded import log as log_module
from wayfold.agents.embedded.host import EmbeddedHost, HostLimits, HostStoppedError
from wayfold.agents.embedded.letters_http import letters_router
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.embedded.open import Opened, open_host
from wayfold.agents.embedded.skipping import skip_in_host
from wayfold.agents.ingest.http import ingest_router
from wayfold.agents.sink import EVENT_KINDS, Outgoing, SinkFullError
from wayfold.exporters.show.letters import read_lines, write_line
from wayfold.models.refusal import DeadLetter, Reason, Refusal
from wayfold.settings import EmbeddedSettings, Settings
from wayfold.state.reading.query import Query
from wayfold.state.store.errors import failed

JSON = {"content-type": "application/json"}
FULL = OSError(errno.ENOSPC, "No space left on device")
DEFINITION = {
    "journey_id": "welcome",
    "journey_version": 1,
    "name": "Welcome",
    "steps": [{"step_id": "hello", "name": "Hello", "type": "wait"}],
}
QUICK = HostLimits(gather_ms=0, room_wait_ms=1, room_bytes=1)


class Usage(NamedTuple):
    """What the system says of a disk."""

    total: int
    used: int
    free: int


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return open_host(Settings(embedded=EmbeddedSettings(directory=tmp_path)), limits=QUICK)


def event(number: int) -> dict[str, Any]:
    return {
        "type": "journey.entered",
        "event_id": f"e-{number}",
        "occurred_at": "2026-11-01T12:00:00Z",
        "user_id": f"user-{number}",
        "journey_id": "welcome",
        "journey_version": 1,
        "entry_id": f"n-{number}",
    }


def write_half(descriptor: int, data: bytes) -> None:
    """Write as much as there is room for."""
    os.write(descriptor, data[: len(data) // 2])
    raise FULL


class SyncsEverySecond:
    """Refuses to sync what was appended, and syncs what is left when that was cut off again."""

    calls = 0

    def __call__(self, descriptor: int) -> None:
        self.calls += 1
        if self.calls % 2:
            raise FULL


@pytest.mark.parametrize(("name", "fault"), [("write_fully", write_half), ("sync_file", SyncsEverySecond())])
async def test_a_full_disk_answers_507_and_the_host_goes_on(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, name: str, fault: Any
) -> None:
    """Nothing is taken, the answer says what to do, what was counted is read, and with room all goes on."""
    opened.host.start()
    letters = letters_router(opened.dead_letters, opened.host, read_lines, partial(skip_in_host, opened))
    app = Litestar([ingest_router(opened.host), letters])
    letter = DeadLetter(
        "entries",
        0,
        7,
        1_793_534_400_000,
        Refusal(Reason.LATE, "occurred_at", "Too late."),
        b"ada",
        json.dumps(event(3)).encode(),
        (),
    )
    requests: list[tuple[str, bytes]] = [
        ("/v1/events", json.dumps(event(2)).encode()),
        ("/v1/definitions", json.dumps(DEFINITION).encode()),
        ("/v1/dead-letters/resend", write_line(letter)),
    ]
    async with AsyncTestClient(app) as client:
        assert (await client.post("/v1/events", json=event(1))).status_code == 202
        await opened.host.caught_up()
        with monkeypatch.context() as patch:
            patch.setattr(log_module, name, fault)
            for path, body in requests:
                answer = await client.post(path, content=body, headers=JSON)
                assert answer.status_code == 507, answer.text
                assert answer.headers["content-type"].startswith("application/problem+json")
                assert answer.json()["type"] == "urn:wayfold:problem:disk-full"
                assert "Make room on the disk" in answer.json()["detail"]
                assert "Then send the events again" in answer.json()["detail"]
            assert opened.host.failure is None
            assert len(opened.partitions[0].partial(Query())["journeys"]) == 1
        for path, body in requests:
            assert (await client.post(path, content=body, headers=JSON)).is_success
        await opened.host.caught_up()
    assert opened.partitions[0].offsets == {"entries": 3, "definitions": 1}
    await opened.close()


class FullPartition(RememberingPartition):
    """A partition whose store has no room for a while, and takes nothing more until it is opened again."""

    full: ClassVar[set[int]] = set()
    broken = False

    def commit(self) -> None:
        self.broken = self.broken or self.number in self.full
        if self.broken:
            raise failed(self._path, "write", Exception("IO error: No space left on device: x"))
        super().commit()

    def close(self) -> None:
        super().close()
        if self.broken:
            raise failed(self._path, "close", Exception("IO error: No space left on device: x"))


class FullLetters(KeptLetters):
    """Dead letters for which there is no room for a while."""

    full = True

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        if self.full:
            raise SinkFullError("no room for letters")
        await super().write(letters)


def make_host(directory: Path, letters: KeptLetters | None = None) -> EmbeddedHost:
    log = DurableLog.open(directory / "log", EVENT_KINDS, 2)
    return EmbeddedHost(
        log,
        [FullPartition(directory, number) for number in range(2)],
        letters or KeptLetters(),
        limits=QUICK,
        reopen=lambda number: FullPartition(directory, number),
    )


def step(number: int) -> Outgoing:
    return Outgoing("steps", b"user-%d" % number, b"%d" % number)


async def until_full(host: EmbeddedHost) -> None:
    async with asyncio.timeout(10):
        while host.full is None:
            await asyncio.sleep(0)


def folded(host: EmbeddedHost) -> list[int]:
    values: list[int] = []
    for opened in host.opened:
        assert isinstance(opened.partition, FullPartition)
        values += map(int, opened.partition.values)
    return sorted(values)


async def test_counting_waits_for_room_and_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that could not write is opened again once there is room, and the batch is folded then."""
    host = make_host(tmp_path)
    host.start()
    await host.append([step(number) for number in range(20)])
    await host.caught_up()
    before = [opened.partition for opened in host.opened]
    usage = Usage(100, 100, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(FullPartition, "full", {1})
    await host.append([step(number) for number in range(20, 60)])
    await until_full(host)
    assert [opened.partition for opened in host.opened] == before
    assert "No space left" in str(host.full)
    await host.append([step(60)])
    monkeypatch.setattr(FullPartition, "full", set())
    usage = Usage(100, 0, 100)
    await host.caught_up()
    assert host.full is None
    assert folded(host) == list(range(61))
    assert host.opened[0].partition is before[0]
    assert host.opened[1].partition is not before[1]
    await host.stop()


async def test_letters_wait_for_room_as_well(tmp_path: Path) -> None:
    """A record is not counted as refused before its letter is kept, and not skipped either."""
    letters = FullLetters()
    host = make_host(tmp_path, letters)
    host.start()
    await host.append([step(1), Outgoing("steps", b"user-1", b"bad"), step(2)])
    await until_full(host)
    assert folded(host) == []
    letters.full = False
    await host.caught_up()
    assert folded(host) == [1, 2]
    assert len(letters.letters) == 1
    await host.stop()


async def test_a_host_that_waits_for_room_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost by it: a later start with room folds what waited."""
    monkeypatch.setattr(FullPartition, "full", {0, 1})
    host = make_host(tmp_path)
    host.start()
    await host.append([step(number) for number in range(10)])
    await until_full(host)
    await host.stop()
    monkeypatch.setattr(FullPartition, "full", set())
    again = make_host(tmp_path)
    again.start()
    await again.caught_up()
    assert folded(again) == list(range(10))
    await again.stop()


async def test_another_trouble_of_a_store_still_stops_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a lack of room is waited for: a broken disk needs a person."""

    def broken(self: FullPartition) -> None:
        raise failed(self._path, "write", Exception("IO error: Input/output error"))

    monkeypatch.setattr(FullPartition, "commit", broken)
    host = make_host(tmp_path)
    host.start()
    await host.append([step(1)])
    with pytest.raises(HostStoppedError, match="Input/output error"):
        await host.failed()
    await host.stop()
