"""A record that the embedded host cannot count: named, skipped, kept, and skipped again in every rebuild."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from tests.agents.embedded.test_numbers import document_of, settings_of
from tests.poison import POISON, poisoned
from wayfold.agents.control.skipping import SkipRefusedError, SkipRequest
from wayfold.agents.embedded.control import read_local_control
from wayfold.agents.embedded.dead_letters import list_local_letters
from wayfold.agents.embedded.host import HostStoppedError
from wayfold.agents.embedded.letters_http import letters_router
from wayfold.agents.embedded.log import LogUnusableError
from wayfold.agents.embedded.open import (
    Opened,
    control_directory,
    letters_directory,
    open_host,
    partition_directory,
)
from wayfold.agents.embedded.skipping import skip_in_directory, skip_in_host
from wayfold.agents.sink import Outgoing
from wayfold.audit.oracle import differences, numbers
from wayfold.exporters.show.letters import read_lines
from wayfold.models.refusal import Reason

USERS = 200


def entered(number: int, poison: bool = False) -> Outgoing:
    user = f"user-{number}"
    event = {
        "type": "journey.entered",
        "event_id": f"{POISON}-{number}" if poison else f"e-{number}",
        "occurred_at": f"2026-11-20T10:{number % 60:02}:00Z",
        "user_id": user,
        "journey_id": "welcome",
        "journey_version": 1,
        "entry_id": "n",
    }
    return Outgoing("entries", user.encode(), json.dumps(event).encode())


GOOD = [entered(number) for number in range(USERS)]
BAD = entered(USERS, poison=True)
EXPECTED = numbers(record.value or b"" for record in GOOD)


async def stopped_at_poison(directory: Path) -> str:
    """Run a host into a record that raises; gives what it says."""
    opened = open_host(settings_of(directory))
    await opened.host.append([*GOOD[:120], BAD, *GOOD[120:]])
    opened.host.start()
    with pytest.raises(HostStoppedError) as stopped:
        await opened.host.failed()
    await opened.close()
    return str(stopped.value)


def request_of(message: str, **more: object) -> SkipRequest:
    """The request that the command in a host's message makes."""
    words = message.partition("`wayfold dead-letters skip ")[2].split()
    return SkipRequest(topic=words[0], partition=int(words[1]), offset=int(words[2]), note="why", **more)  # type: ignore[arg-type]


async def check(directory: Path) -> None:
    """Start a host: it has counted everything but the record that was skipped, which is a dead letter."""
    opened = open_host(settings_of(directory))
    opened.host.start()
    assert differences(await document_of(opened), EXPECTED) == []
    counted = [each.counters.get("refused_total:skipped", 0) for each in opened.partitions]
    assert sum(counted) == 1
    await opened.close()
    (letter,) = list_local_letters(letters_directory(directory))
    assert (letter.key, letter.value, letter.refusal.reason) == (BAD.key, BAD.value, Reason.SKIPPED)
    assert letter.refusal.message == "an operator skipped this record: why"


async def test_a_host_goes_on_behind_a_skipped_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops with the command, goes on after it, and leaves the record out when all is built again."""
    poisoned(monkeypatch)
    message = await stopped_at_poison(tmp_path)
    assert f"--data {tmp_path} --note WHY`" in message
    assert await stopped_again(tmp_path) == message
    await skip_in_directory(tmp_path, request_of(message))
    await check(tmp_path)
    for number in range(3):
        shutil.rmtree(partition_directory(tmp_path, number))
    await check(tmp_path)


async def stopped_again(directory: Path) -> str:
    opened = open_host(settings_of(directory))
    opened.host.start()
    with pytest.raises(HostStoppedError) as stopped:
        await opened.host.failed()
    await opened.close()
    return str(stopped.value)


async def test_a_skip_that_comes_too_late_is_refused_unless_it_is_meant(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A counted record stays in the numbers of now; forced, it is left out by what is built again."""
    opened = open_host(settings_of(tmp_path))
    opened.host.start()
    await opened.host.append(GOOD)
    await opened.host.caught_up()
    place = SkipRequest(topic="entries", partition=1, offset=0)
    with pytest.raises(SkipRefusedError, match=r"is counted up to offset .*force it"):
        await skip_in_host(opened, place)
    await opened.close()
    with pytest.raises(SkipRefusedError, match=r"is counted up to offset .*force it"):
        await skip_in_directory(tmp_path, place)
    await skip_in_directory(tmp_path, SkipRequest(topic="entries", partition=1, offset=0, force=True))

    assert await entries_of(tmp_path) == USERS
    assert "skipped_after_counting" in "".join(capfd.readouterr())
    shutil.rmtree(partition_directory(tmp_path, 1))
    assert await entries_of(tmp_path) == USERS - 1
    assert "skipped_after_counting" not in "".join(capfd.readouterr())


async def entries_of(directory: Path) -> int:
    opened = open_host(settings_of(directory))
    opened.host.start()
    document: Any = await document_of(opened)
    await opened.close()
    (journey,) = document["journeys"]
    total: int = journey["numbers"]["total_entries"]
    return total


async def test_a_running_host_skips_what_it_has_not_come_to(tmp_path: Path) -> None:
    """Over HTTP a record that waits to be folded is refused from the answer on, and after a restart too."""
    opened = open_host(settings_of(tmp_path))
    await opened.host.append([*GOOD[:120], BAD, *GOOD[120:]])
    place = place_of_bad(opened)
    router = letters_router(opened.dead_letters, opened.host, read_lines, partial(skip_in_host, opened))
    async with AsyncTestClient(Litestar([router])) as client:
        answer = await client.post("/v1/dead-letters/skip", json={**place, "note": "why", "by": "ann"})
        assert (answer.status_code, answer.json()) == (200, place)
        again = await client.post("/v1/dead-letters/skip", json=place)
        assert (again.status_code, "skipped already, at 20" in again.json()["detail"]) == (409, True)
        for wrong, said in (
            ({**place, "offset": 10_000}, "there is no record 10000 yet"),
            ({**place, "partition": 3}, "its partitions are 0 to 2"),
            ({**place, "topic": "entrys"}, "name one of entries"),
        ):
            answer = await client.post("/v1/dead-letters/skip", json=wrong)
            assert (answer.status_code, said in answer.json()["detail"]) == (409, True)
        for unreadable in ({}, {**place, "offset": -1}, {**place, "note": "x" * 100_000}):
            assert (await client.post("/v1/dead-letters/skip", json=unreadable)).status_code == 400
    opened.host.start()
    assert differences(await document_of(opened), EXPECTED) == []
    await opened.close()
    await check(tmp_path)


def place_of_bad(opened: Opened) -> dict[str, object]:
    for (kind, number), end in opened.host.log.next_offsets().items():
        for record in opened.host.log.read(kind, number, 0, end):
            if record.value == BAD.value:
                return {"topic": kind, "partition": number, "offset": record.offset}
    raise AssertionError("the record is not in the log")


async def test_a_directory_in_use_is_told_from_one_that_is_not(tmp_path: Path) -> None:
    """While a host runs its directory is not written by another; without a log there is nothing to skip."""
    place = SkipRequest(topic="entries", partition=0, offset=0)
    with pytest.raises(LogUnusableError, match="no event log"):
        await skip_in_directory(tmp_path / "gone", place)
    opened = open_host(settings_of(tmp_path))
    await opened.host.append(GOOD)
    with pytest.raises(SkipRefusedError, match=r"A host runs with .*--url"):
        await skip_in_directory(tmp_path, place)
    await opened.close()


async def test_dropping_old_files_of_events_drops_no_decision(tmp_path: Path) -> None:
    """What was decided lies in files of its own and is read by other programs too."""
    assert list(read_local_control(control_directory(tmp_path)).skips()) == []
    opened = open_host(settings_of(tmp_path))
    opened.host.start()
    await opened.host.append(GOOD)
    await opened.host.caught_up()
    await skip_in_host(opened, SkipRequest(topic="entries", partition=1, offset=0, note="why", force=True))
    opened.host.log.trim(opened.host.folded_offsets(), lambda timestamp_ms: True)
    (skip,) = read_local_control(control_directory(tmp_path)).skips()
    assert (skip.topic, skip.partition, skip.offset, skip.note) == ("entries", 1, 0, "why")
    await opened.close()
