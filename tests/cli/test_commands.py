"""The command line: fast help, clear errors, and a host that runs, stops and goes on."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from typer.testing import CliRunner

from local_services import wait_until
from tests.state.snapshots.logs import LOG, log_like
from wayfold.agents.states.lost_records import START_AT_OLDEST
from wayfold.agents.states.state_directory import StateDirectory, StateDirectoryError
from wayfold.cli.commands import app, main
from wayfold.state.snapshots.objects import DirectoryObjects
from wayfold.state.snapshots.snapshots import Snapshots
from wayfold.state.store.store import Store, StoreMemory

REPOSITORY = Path(__file__).parents[2]
WAYFOLD = str(Path(sys.executable).with_name("wayfold"))
HEAVY = {
    "pydantic",
    "litestar",
    "rocksdict",
    "kafka",
    "aiokafka",
    "faust",
    "redis",
    "uvicorn",
    "structlog",
    "msgspec",
}
ENTERED = {
    "type": "journey.entered",
    "event_id": "e-1",
    "occurred_at": "2026-11-01T10:00:00Z",
    "user_id": "ann",
    "journey_id": "welcome",
    "journey_version": 1,
    "entry_id": "n-1",
}

LETTER: Any = {"seconds": 30, "what": "the dead letter"}

Here = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Here]:
    """Run a command in this process, in an empty directory: its exit status, output and errors."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WAYFOLD_")]:
        monkeypatch.delenv(name)

    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["wayfold", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    yield run
    structlog.reset_defaults()


@contextmanager
def running(cwd: Path, *arguments: str, command: str = "run") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the embedded host on a free port until the body ends; gives the process and its address."""
    process = subprocess.Popen(
        [WAYFOLD, command, "--port", "0", *arguments], cwd=cwd, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith(f"Wayfold {command}s at http://127.0.0.1:"), first
        yield process, first.split()[-1]
    finally:
        process.kill()
        process.communicate()


def test_help_imports_nothing_heavy() -> None:
    """`wayfold --help` needs neither servers, clients, stores nor models."""
    code = f"import sys, wayfold.cli; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_says_what_it_does() -> None:
    """Each command is listed with a sentence."""
    text = CliRunner().invoke(app, ["--help"], terminal_width=200).output
    names = [
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    ]
    for name in [*names, "dead-letters", "snapshots"]:
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0, name
        assert f" {name} " in text, name


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("show", "--url", "http://127.0.0.1:9"), "nothing answers at http://127.0.0.1:9"),
        (("settings", "--set", "http.port=99999"), "http.port (flag)"),
        (("settings", "--set", "http.prot=1"), "did you mean http.port?"),
        (("settings", "--set", "group"), "write NAME=VALUE"),
        (("settings", "--config", "gone.toml"), "gone.toml (--config): no such file"),
        (("run", "--host", "no such host"), "correct http.host"),
        (
            ("run", "--port", "0", "--data", "/proc/x"),
            "the data directory /proc/x cannot be used: No such file",
        ),
        (
            ("worker", "--set", "redis.url=rediss://127.0.0.1:9", "--set", "redis.tls_ca_file=gone.pem"),
            "redis.tls_ca_file: gone.pem cannot be read",
        ),
        (
            ("serve", "--set", "redis.url=rediss://127.0.0.1:9", "--set", "redis.tls_ca_file=gone.pem"),
            "redis.tls_ca_file: gone.pem cannot be read",
        ),
        (
            ("topics", "--set", "kafka.security_protocol=SSL", "--set", "kafka.tls_ca_file=gone.pem"),
            "kafka.tls_ca_file: gone.pem cannot be read",
        ),
        (("define", "gone.yaml"), "No such file or directory (gone.yaml)"),
        (("dead-letters", "list", "--data", "gone"), "gone"),
        (("dead-letters", "skip", "entries", "0", "0", "--data", "gone"), "no event log in gone"),
        (
            ("dead-letters", "skip", "entries", "0", "0", "--url", "http://127.0.0.1:9"),
            "Check that `wayfold run` runs there",
        ),
        (("snapshots", "list"), "state.snapshot_url is not set"),
        (
            ("snapshots", "list", "--set", "state.snapshot_url=ftp://x/y"),
            "unknown scheme; use a directory, file",
        ),
        (
            ("snapshots", "restore", "3", "out", "--set", "state.snapshot_url=none"),
            "partition 3 has no snapshot",
        ),
    ],
)
def test_errors_are_one_clear_line(here: Here, arguments: tuple[str, ...], expected: str) -> None:
    """What fails says why and what to do on standard error, without a traceback, and exits with 1."""
    status, _, errors = here(*arguments)
    assert status == 1
    assert expected in errors
    assert errors.startswith("wayfold: ")
    assert "Traceback" not in errors
    assert len(errors.splitlines()) == 1


def test_a_fault_of_ours_is_called_one(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is one line too, and says how to see where it happened."""
    monkeypatch.setattr("wayfold.exporters.show.client.urlopen", lambda *_, **__: 1 / 0)
    status, _, errors = here("show")
    assert status == 1
    assert errors.startswith("wayfold: unexpected ZeroDivisionError: division by zero.")
    assert "WAYFOLD_LOG_LEVEL=debug" in errors
    assert len(errors.splitlines()) == 1


def test_a_port_that_is_taken(here: Here) -> None:
    """A port in use is named with the way to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, errors = here("run", "--port", str(port))
    assert status == 1
    assert f"cannot listen on 127.0.0.1:{port}" in errors
    assert "http.port" in errors


def test_settings_as_json(here: Here, tmp_path: Path) -> None:
    """`wayfold settings --json` has name, value, source and meaning of each, and no secret."""
    (tmp_path / "wayfold.toml").write_text('[redis]\npassword = "hunter2"\n')
    _, printed, _ = here("settings", "--json", "--set", 'fold.account_time_zones={"acme": "Asia/Tokyo"}')
    rows = {row["name"]: row for row in json.loads(printed)}
    assert rows["fold.account_time_zones"]["value"] == {"acme": "Asia/Tokyo"}
    assert rows["fold.account_time_zones"]["source"] == "flag"
    assert rows["redis.password"]["source"] == "file wayfold.toml"
    assert rows["http.port"]["source"] == "default"
    _, table, _ = here("settings")
    assert "redis.password" in table
    assert "hunter2" not in printed + table


def test_version(here: Here) -> None:
    """`wayfold --version` prints the version."""
    assert here("--version")[1].startswith("wayfold 0.")


def total(url: str) -> int:
    journeys: list[Any] = httpx.get(f"{url}/v1/journeys").json()["journeys"]
    return sum(journey["numbers"]["total_entries"] for journey in journeys)


def test_a_host_runs_stops_and_goes_on(tmp_path: Path, here: Here) -> None:
    """Events sent to a running host are shown, and are there after SIGKILL, and SIGTERM ends it cleanly."""
    with running(tmp_path) as (process, url):
        assert httpx.post(f"{url}/v1/events", json=ENTERED).status_code == 202
        wait_until(lambda: total(url) == 1, seconds=30, what="the entry to be counted")
        document = json.loads(here("show", "--url", url, "--json")[1])
        assert document["journeys"][0]["numbers"]["entered_users"] == 1
        assert document["accounts"][0]["monthly_engaged_persons"][0]["month"] == "2026-11"
        assert here("show", "nope", "--url", url)[0] == 1
        assert "wayfold_journey_entries_total" in httpx.get(f"{url}/metrics").text
        process.kill()
    with running(tmp_path) as (process, url):
        wait_until(
            lambda: httpx.get(f"{url}/readyz").status_code == 200, seconds=30, what="the host to be ready"
        )
        assert httpx.post(f"{url}/v1/events", json=ENTERED).status_code == 202
        assert httpx.post(
            f"{url}/v1/events", json={**ENTERED, "event_id": "e-2", "entry_id": "n-2"}
        ).is_success
        wait_until(lambda: total(url) == 2, seconds=30, what="the second entry to be counted")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_a_demo_moves(tmp_path: Path) -> None:
    """With --demo the numbers move on their own."""
    with running(tmp_path, "--demo") as (process, url):
        wait_until(lambda: total(url) > 0, seconds=30, what="the first entries")
        before = total(url)
        wait_until(lambda: total(url) > before, seconds=30, what="more entries")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


def test_define_and_simulate_to_a_running_host(tmp_path: Path, here: Here) -> None:
    """Definitions and simulated traffic reach a host over HTTP and are counted."""
    (tmp_path / "journey.yaml").write_text(
        "journey_id: spring\njourney_version: 1\nname: Spring\nsteps:\n  - {step_id: end, type: end}\n"
    )
    with running(tmp_path) as (_, url):
        _, printed, errors = here("define", "journey.yaml", "--to", url)
        assert printed == "defined default/spring version 1: 1 steps\n", errors
        _, printed, errors = here("status", "spring", "paused", "--to", url)
        assert printed == "default/spring is paused\n", errors
        status, _, errors = here("simulate", "--count", "2000", "--to", url)
        assert status == 0, errors
        wait_until(lambda: total(url) > 0, seconds=30, what="the traffic to be counted")
        assert here("show", "spring", "--url", url)[1].startswith("Spring")


def test_a_status_is_published_as_an_event(here: Here) -> None:
    """`wayfold status` makes a new event each time; what cannot be said is refused before it is sent."""
    lines = [here("status", "spring", "paused", "--account", "acme", "--to", "-")[1] for _ in range(2)]
    first, second = (json.loads(line) for line in lines)
    assert (first["type"], first["journey_id"], first["status"]) == ("journey.status", "spring", "paused")
    assert first["account_id"] == "acme"
    assert first["event_id"] != second["event_id"]
    status, _, errors = here("status", "spring", "stopped", "--to", "-")
    assert status == 2
    assert "running" in errors
    status, _, errors = here("status", "x" * 300, "paused", "--to", "-")
    assert status == 1
    assert "`journey_id`" in errors


def test_a_server_without_ingest_says_how_to_start_one_that_has_it(tmp_path: Path, here: Here) -> None:
    """What is sent to `wayfold serve` without --ingest is refused with both ways to send it."""
    (tmp_path / "journey.yaml").write_text(
        "journey_id: spring\njourney_version: 1\nname: Spring\nsteps:\n  - {step_id: end, type: end}\n"
    )
    nowhere = "redis.url=redis://127.0.0.1:9"
    with running(tmp_path, "--set", nowhere, command="serve") as (_, url):
        status, _, errors = here("define", "journey.yaml", "--to", url)
        answer = httpx.post(f"{url}/v1/definitions", content=b"journey_id: spring")
    assert status == 1
    assert "wayfold serve --ingest" in errors
    assert "--to kafka" in errors
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "takes nothing at /v1/definitions" in answer.json()["detail"]


def test_replay_of_the_receipt_log(tmp_path: Path, here: Here) -> None:
    """The log in the repository goes through its mapping into a running host, twice with the same numbers."""
    example = REPOSITORY / "docs" / "examples" / "receipt"
    log = REPOSITORY / "tests" / "data" / "receipt.csv.gz"
    with running(tmp_path) as (_, url):
        assert here("define", str(example / "journey.yaml"), "--to", url)[0] == 0
        # It is longer than the retention, so that the second time its beginning is late.
        for expected, refused in ((0, "0 refused"), (3, " late)")):
            status, _, errors = here(
                "replay", str(log), "--mapping", str(example / "mapping.yaml"), "--to", url
            )
            assert status == expected, errors
            assert refused in errors
            assert "12,640 events sent" in errors
            assert total(url) == 1_434, "it ends when all is counted"


def test_replay_says_which_rows_are_wrong(tmp_path: Path, here: Here) -> None:
    """Rows that are no events are counted, named, and written down whole."""
    good = json.dumps(ENTERED)
    (tmp_path / "events.jsonl").write_text(f'{good}\n{{"type": "journey.entered"}}\nnonsense\n')
    status, _, errors = here("replay", "events.jsonl", "--to", "file:out.jsonl", "--problems", "bad.jsonl")
    assert status == 3
    assert "2 rows were not taken" in errors
    assert "events.jsonl row 3" in errors
    rows = [json.loads(line)["row"] for line in (tmp_path / "bad.jsonl").read_text().splitlines()]
    assert rows == [2, 3]
    assert (tmp_path / "out.jsonl").read_text() == f"{good}\n"


def test_snapshots_are_listed_and_restored(tmp_path: Path, here: Here) -> None:
    """Snapshots are listed with their logs and restored, of the log that is named where several have one."""
    memory = StoreMemory(32 * 1024 * 1024)
    store = Store.open(tmp_path / "partition-2", memory, partition=2)
    store.write([(b"key", b"value")])
    snapshots = Snapshots(DirectoryObjects(tmp_path / "kept"), LOG)
    taken = snapshots.take(store, {"entries": 1200, "steps": 34}, 1_793_613_607_000)
    name = snapshots.upload(taken).name
    store.close()
    place = ("--set", "state.snapshot_url=kept")
    (row,) = json.loads(here("snapshots", "list", "--json", *place)[1])
    assert (row["partition"], row["name"], row["records"]) == (2, name, 1234)
    assert row["watermark"] == "2026-11-02T10:00:07.000Z"
    assert "1,234" in here("snapshots", "list", *place)[1]
    assert here("snapshots", "restore", "2", "restored", *place)[0] == 0
    restored = Store.open(tmp_path / "restored", memory, partition=2)
    assert restored.get(b"key") == b"value"
    restored.close()
    other = Snapshots(
        DirectoryObjects(tmp_path / "kept"), log_like(log_id="two", topic_ids={"u.entries": "c"})
    )
    with Store.open(tmp_path / "partition-2", memory, partition=2) as store:
        other.upload(other.take(store, {"entries": 7}, 1_793_613_607_000))
    logs = {row["log"]: row["topics"] for row in json.loads(here("snapshots", "list", "--json", *place)[1])}
    assert sorted(logs.values()) == [["t.entries", "t.steps"], ["u.entries"]]
    status, _, errors = here("snapshots", "restore", "2", "state/partition-2", *place)
    assert status == 1
    assert "2 logs have snapshots of partition 2" in errors
    assert here("snapshots", "restore", "2", "state/partition-2", "--log", LOG.name, *place)[0] == 0
    StateDirectory.open(tmp_path / "state", LOG).close()
    with pytest.raises(StateDirectoryError):
        StateDirectory.open(tmp_path / "state", log_like(topic_ids={"u.entries": "c"}))


@pytest.mark.parametrize("command", ["run", "worker"])
def test_the_option_that_messages_name_is_there(here: Here, command: str) -> None:
    """Who is told to start with an option finds it in both hosts, by that name."""
    _, printed, _ = here(command, "--help")
    assert f"{START_AT_OLDEST} " in printed


def test_a_dead_letter_is_listed_mended_and_sent_again(tmp_path: Path, here: Here) -> None:
    """A record that was refused is listed with the reason, and counts once its value is mended."""
    late = {**ENTERED, "event_id": "e-late", "occurred_at": "2020-01-01T10:00:00Z"}
    with running(tmp_path) as (_, url):
        for event in (ENTERED, late):
            assert httpx.post(f"{url}/v1/events", json=event).status_code == 202
            wait_until(lambda: httpx.get(f"{url}/readyz").is_success, seconds=30, what="the host to count")
        wait_until(
            lambda: here("dead-letters", "list", "--data", "wayfold-data", "--json")[1] != "", **LETTER
        )
        lines = here("dead-letters", "list", "--data", "wayfold-data", "--json")[1]
        assert json.loads(lines)["refusal"]["reason"] == "late"
        mended = lines.replace("2020-01-01", "2026-10-31").replace("n-1", "n-2")
        (tmp_path / "letters.jsonl").write_text(mended)
        status, printed, errors = here("dead-letters", "resend", "letters.jsonl", "--url", url)
        assert (status, printed) == (0, "1 of 1 letters were sent again\n"), errors
        wait_until(lambda: total(url) == 2, seconds=30, what="the mended entry to be counted")
        assert here("dead-letters", "list", "--data", "wayfold-data", "--json")[1] == ""
