"""`wayfold audit` of an embedded host: equal when it is right, and what was damaged is found."""

import asyncio
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from local_services import wait_until
from tests.agents.embedded.running import RunningHost, running_host
from tests.audit.damage import change_rows, raise_count
from wayfold.agents.control.skipping import SkipRequest
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.embedded.open import events_directory, partition_directory
from wayfold.agents.embedded.skipping import skip_in_directory
from wayfold.agents.sink import EVENT_KINDS, Outgoing
from wayfold.audit.audit import Verdict
from wayfold.audit.live import AuditImpossibleError
from wayfold.audit.questions import Scope
from wayfold.cli.auditing import run_audit
from wayfold.settings import Settings
from wayfold.state.store import keys

WAYFOLD = str(Path(sys.executable).with_name("wayfold"))
EVENTS = 800
LATE = {
    "type": "journey.entered",
    "event_id": "late",
    "occurred_at": "2020-01-01T00:00:00Z",
    "user_id": "ann",
    "journey_id": "welcome",
    "journey_version": 1,
    "entry_id": "n-1",
}
SHARED = {
    **LATE,
    "type": "step.entered",
    "event_id": "twice",
    "occurred_at": "2026-09-20T00:00:01Z",
    "step_id": "mail",
}
ERASED = {
    "type": "user.erased",
    "event_id": "gone",
    "occurred_at": "2026-09-21T00:00:00Z",
    "user_id": "ann",
    "mode": "anonymise",
}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a host of 4 partitions that has counted traffic, late, repeated and erasing events.

    Two events of different types have one id.
    """
    folder = tmp_path_factory.mktemp("counted")
    with running_host(folder / "data", WAYFOLD_EMBEDDED_PARTITIONS="4") as host:
        simulated = ("simulate", "--count", str(EVENTS), "--seed", "5", "--to", host.url)
        subprocess.run([WAYFOLD, *simulated], check=True, capture_output=True, timeout=120)
        on_time = {**LATE, "occurred_at": "2026-09-20T00:00:00Z", "event_id": "twice"}
        assert httpx.post(f"{host.url}/v1/events", json=[LATE, on_time, on_time, SHARED]).status_code == 202
        assert httpx.post(f"{host.url}/v1/events", json=[ERASED, ERASED]).status_code == 202
        wait_until_counted(host)
        host.kill()
    return folder / "data"


@pytest.fixture
def data(counted: Path, tmp_path: Path) -> Path:
    """A copy of that directory, to run a host on and to damage."""
    copy = tmp_path / "data"
    subprocess.run(["cp", "-r", str(counted), str(copy)], check=True)
    return copy


def wait_until_counted(host: RunningHost) -> None:
    def is_counted() -> bool:
        numbers = httpx.get(f"{host.url}/v1/numbers", timeout=30)
        return numbers.is_success and numbers.json()["lag_ms"] == 0 and numbers.json()["journeys"] != []

    wait_until(is_counted, seconds=60, what="the host has counted everything")


def folded(host: RunningHost) -> int:
    partitions = httpx.get(f"{host.url}/internal/partitions", timeout=30).json()["partitions"]
    return sum(partition["sequence"] for partition in partitions.values())


def audited(host: RunningHost, data: Path, *, max_events: int = 100_000, **scope: object) -> Verdict:
    asked = Scope(**scope)  # type: ignore[arg-type]
    console = Console(file=io.StringIO())
    return run_audit(Settings(), asked, url=host.url, data=data, max_events=max_events, console=console)


def test_everything_is_equal(data: Path) -> None:
    """Numbers over all time, by day and by hour, and counts of refused and repeated records, are right."""
    with running_host(data) as host:
        wait_until_counted(host)
        verdict = audited(host, data)
        assert verdict.differences == []
        assert verdict.records > EVENTS
        assert verdict.compared > 1_000
        journey = audited(host, data, journey_id="welcome", account_id="default", seed=3)
        assert journey.differences == []
        assert 0 < journey.events < verdict.events
        some, all_users = (audited(host, data, users_share=share) for share in (0.2, 1.0))
        assert some.differences == all_users.differences == []
        assert 0 < some.events < all_users.events
        assert audited(host, data, users_share=0.5, journey_id="welcome").differences == []


def test_a_record_that_an_operator_skipped_is_left_out_by_both(data: Path) -> None:
    """The audit reads what was decided: a good record that was skipped is no difference."""
    log = DurableLog.open(events_directory(data), EVENT_KINDS, None)
    before = log.next_offsets()
    event = {**LATE, "occurred_at": "2026-09-20T01:00:00Z", "event_id": "skipped", "entry_id": "n-9"}
    log.append([Outgoing("entries", b"ann", json.dumps(event).encode())])
    [(kind, partition)] = [place for place, end in log.next_offsets().items() if end != before.get(place, 0)]
    log.close()
    request = SkipRequest(topic=kind, partition=partition, offset=before[kind, partition], note="why")
    asyncio.run(skip_in_directory(data, request))
    with running_host(data) as host:
        wait_until_counted(host)
        refused = httpx.get(f"{host.url}/internal/partitions", timeout=30).json()["partitions"]
        assert refused[str(partition)]["counters"]["refused_total:skipped"] == 1
        assert audited(host, data).differences == []


def test_numbers_that_move_are_compared_at_one_point(data: Path) -> None:
    """An audit is exact while events come in: it reads just the records that the numbers reflect."""
    with running_host(data) as host:
        command = [WAYFOLD, "simulate", "--rate", "50", "--seed", "6", "--to", host.url]
        traffic = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for scope in ({}, {"journey_id": "welcome"}, {"users_share": 0.5}):
                before = folded(host)
                wait_until(lambda before=before: folded(host) > before, seconds=60, what="more events")  # type: ignore[misc]
                assert audited(host, data, **scope).differences == [], scope
        finally:
            traffic.kill()
            traffic.wait()


@pytest.mark.parametrize(
    ("prefix", "change", "count"),
    [
        (keys.TOTAL, raise_count, 1),
        (keys.CELL, raise_count, 1),
        (keys.USER_SET, lambda _: None, 10),
        (keys.DWELL, lambda _: None, 1),
        (keys.CLOSING, lambda _: None, 1),
        (keys.DEFINITION, lambda value: re.sub(rb'"name":"[^"]', b'"name":"_', value), 1),
    ],
    ids=["total", "cell", "user set", "dwell", "open window", "definition"],
)
def test_a_damaged_row_is_found(
    data: Path, prefix: bytes, change: Callable[[bytes], bytes | None], count: int
) -> None:
    """What is wrong in the store of one partition, in rows of any kind, shows as a difference."""
    change_rows(data / "state", prefix, change, count)
    with running_host(data) as host:
        wait_until_counted(host)
        verdict = audited(host, data)
    assert not verdict.equal
    assert all(difference.live != difference.recomputed for difference in verdict.differences)


def test_a_lost_history_shows_in_the_lists(data: Path) -> None:
    """Lists are found among the histories, so an audit of users sees one that is gone."""
    change_rows(data / "state", keys.HISTORY, lambda _: None)
    with running_host(data) as host:
        wait_until_counted(host)
        verdict = audited(host, data, users_share=1.0)
    assert not verdict.equal
    assert any(str(difference.recomputed).startswith("also ") for difference in verdict.differences)


async def test_a_skipped_record_is_left_out(data: Path) -> None:
    """While the record is still in the numbers the audit differs; once they are built again it is equal."""
    await skip_in_directory(data, SkipRequest(topic="entries", partition=1, offset=0, force=True))
    with running_host(data) as host:
        wait_until_counted(host)
        found = await asyncio.to_thread(audited, host, data)
        skipped = [one for one in found.differences if one.path.endswith("refused_total:skipped")]
        assert {(one.live, one.recomputed) for one in skipped} == {(0, 1)}
    shutil.rmtree(partition_directory(data, 1))
    with running_host(data) as host:
        wait_until_counted(host)
        assert (await asyncio.to_thread(audited, host, data)).differences == []


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [WAYFOLD, "audit", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command_says_it_with_its_status(data: Path) -> None:
    """Status 0 means equal, 1 different and 2 not audited; the table and --json name what differs."""
    change_rows(data / "state", keys.TOTAL, raise_count)
    with running_host(data) as host:
        wait_until_counted(host)
        here = ("--url", host.url, "--data", str(data))
        wrong = command(*here)
        assert (wrong.returncode, "recomputed" in wrong.stdout) == (1, True), wrong.stderr
        printed = json.loads(command(*here, "--json").stdout)
        assert printed["equal"] is False
        assert set(printed["differences"][0]) == {"path", "live", "recomputed"}
        right = command(*here, "--users-sample", "0.1")
        assert (right.returncode, right.stdout.startswith("equal: ")) == (0, True), right.stdout
        unknown = command("nope", *here)
        assert unknown.returncode == 2
        assert "there is no journey 'nope'" in unknown.stderr
        for more in ((), ("--users-sample", "0.1")):
            unknown = command("--account", "nope", *more, *here)
            assert unknown.returncode == 2
            assert "there are no events of account 'nope'" in unknown.stderr
        assert command("--account", "acme", *here).returncode in (0, 1)
    away = command("--url", "http://127.0.0.1:9", "--data", str(data))
    assert (away.returncode, away.stdout) == (2, "")
    assert "nothing answers at http://127.0.0.1:9" in away.stderr


def test_too_many_events_are_refused_with_a_way_out(data: Path) -> None:
    """Beyond the limit the audit stops and says how a sample helps; the sample then goes through."""
    with running_host(data) as host:
        wait_until_counted(host)
        with pytest.raises(AuditImpossibleError, match="--users-sample"):
            audited(host, data, max_events=400)
        assert audited(host, data, max_events=400, users_share=0.1).differences == []


def test_another_log_is_not_taken_for_this_host_s(data: Path, tmp_path: Path) -> None:
    """A log that does not reach what the host has counted, or has other partitions, is refused."""
    for name, partitions, message in (("short", 4, "name the directory"), ("other", 3, "do not belong")):
        DurableLog.open(events_directory(tmp_path / name), EVENT_KINDS, partitions).close()
        with running_host(data) as host:
            wait_until_counted(host)
            with pytest.raises(AuditImpossibleError, match=message):
                audited(host, tmp_path / name)
