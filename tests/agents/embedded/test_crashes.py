"""The embedded host as a user runs it: killed under load, what it answered for is counted, once."""

import asyncio
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import httpx

from local_services import wait_until
from tests.agents.embedded.running import RunningHost, running_host
from wayfold.agents.definitions import definition_record
from wayfold.agents.destinations.destination import DestinationError
from wayfold.agents.destinations.http import HttpDestination
from wayfold.agents.embedded.dead_letters import list_local_letters
from wayfold.agents.embedded.open import letters_directory
from wayfold.agents.sink import Outgoing
from wayfold.audit.oracle import differences, numbers
from wayfold.models.refusal import Reason
from wayfold.simulate.run import definitions, history
from wayfold.simulate.traffic import outgoing

EVENTS = 6_000
BATCH = 200
KILLS = 2


def simulated_records() -> list[Outgoing]:
    records = [definition_record(definition) for definition in definitions()]
    for arrivals in history(11, EVENTS):
        records += outgoing(arrivals)
    return records


async def read_numbers(url: str) -> dict[str, Any]:
    """The numbers once nothing waits to be counted any more."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/v1/numbers") as response:
                document: dict[str, Any] = json.loads(await response.read())
            if document["lag_ms"] == 0:
                return document
            await asyncio.sleep(0.02)


async def send_until_killed(
    host: RunningHost, batches: Sequence[list[Outgoing]], kill_after: int | None
) -> int:
    """Send batches, kill the host while one of them is under way; gives how many were acknowledged."""
    destination = HttpDestination(host.url, patience_s=0.01)
    acknowledged = 0
    try:
        for batch in batches:
            sending = asyncio.create_task(destination.send(batch))
            if acknowledged == kill_after:
                await asyncio.sleep(random.random() / 100)
                host.kill()
            assert not await sending
            acknowledged += 1
    except DestinationError:
        pass
    finally:
        await destination.close()
    return acknowledged


async def test_kill_9_under_load_changes_no_number(tmp_path: Path) -> None:
    """After kills while events come in, every number equals the oracle's, as if nothing had happened."""
    records = simulated_records()
    batches = [records[start : start + BATCH] for start in range(0, len(records), BATCH)]
    waiting = list(batches)
    for kill in range(KILLS + 1):
        with running_host(tmp_path / "data") as host:
            kill_after = random.randrange(3, len(batches) // KILLS) if kill < KILLS else None
            done = await send_until_killed(host, waiting, kill_after)
            waiting = waiting[done:]
            if kill == KILLS:
                found = await read_numbers(host.url)
    assert not waiting
    expected = numbers(record.value or b"" for record in records)
    assert differences(found, expected) == []


def test_a_host_that_lost_its_state_begins_at_its_snapshot(tmp_path: Path) -> None:
    """`wayfold run` takes snapshots by itself, and with state/ deleted shows the same numbers from one."""
    data, place = tmp_path / "data", tmp_path / "snapshots"
    variables = {"WAYFOLD_STATE_SNAPSHOT_URL": str(place), "WAYFOLD_STATE_SNAPSHOT_INTERVAL_S": "1"}
    event = {
        "type": "journey.entered",
        "event_id": "e",
        "occurred_at": "2026-11-01T10:00:00Z",
        "user_id": "ann",
        "journey_id": "welcome",
        "journey_version": 1,
        "entry_id": "n",
    }
    with running_host(data, **variables) as host:
        assert httpx.post(f"{host.url}/v1/events", json=event).status_code == 202
        wait_until(lambda: any(place.rglob("latest.json")), seconds=60, what="there is a snapshot")
        assert "wayfold_last_snapshot_timestamp_seconds" in httpx.get(f"{host.url}/metrics").text
        host.kill()
    shutil.rmtree(data / "state")
    with running_host(data, **variables) as host:
        assert "snapshot_restored" in (tmp_path / "errors.txt").read_text()
        found = httpx.get(f"{host.url}/v1/journeys/welcome").json()
        assert found["numbers"]["total_entries"] == 1, found


async def test_dead_letters_survive_a_kill_and_are_listed_once(tmp_path: Path) -> None:
    """A refused event is in the dead letters of the data directory, while the host runs and after it died."""
    late = {
        "type": "goal.reached",
        "event_id": "old",
        "occurred_at": "2020-01-01T00:00:00Z",
        "user_id": "ada",
        "name": "n",
    }
    now = {**late, "event_id": "new", "occurred_at": "2026-10-01T00:00:00Z"}
    with running_host(tmp_path / "data") as host:
        destination = HttpDestination(host.url)
        for event in (now, late):
            await destination.send([Outgoing("conversions", b"ada", json.dumps(event).encode())])
        await destination.close()
        await read_numbers(host.url)
        listed = list(list_local_letters(letters_directory(tmp_path / "data")))
        host.kill()
    again = list(list_local_letters(letters_directory(tmp_path / "data")))
    assert listed == again
    (letter,) = again
    assert letter.refusal.reason == Reason.LATE
    assert json.loads(letter.value or b"") == late
    assert not list(list_local_letters(letters_directory(tmp_path / "data"), reason=Reason.FUTURE))
