"""`wayfold replay` says what counted, what was repeated and what was refused, also by its exit status."""

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.test_commands import ENTERED, WAYFOLD, running

Here = Callable[..., tuple[int, str]]


@pytest.fixture
def here(tmp_path: Path) -> Here:
    """Replay files in an empty directory: the exit status, and what is said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAYFOLD_")}

    def run(*arguments: str) -> tuple[int, str]:
        command = [WAYFOLD, "replay", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_replay_says_what_became_of_its_events(tmp_path: Path, here: Here) -> None:
    """Events counted, repeated, refused on the way and by the fold are told apart; some refused is exit 3."""
    entered = [
        {**ENTERED, "event_id": f"e-{day}", "entry_id": f"n-{day}", "occurred_at": f"2026-{day}T10:00:00Z"}
        for day in ("11-01", "11-02", "08-01", "08-02", "11-02")
    ]
    lines = [json.dumps(event) for event in entered]
    (tmp_path / "good.jsonl").write_text("\n".join(lines[:2]))
    (tmp_path / "all.jsonl").write_text("\n".join([*lines, "nonsense", lines[0].replace("2026", "2126")]))
    with running(tmp_path, "--set", "fold.retention_days=30") as (_, url):
        status, said = here("good.jsonl", "--to", url)
        assert (status, "2 counted, 0 repeated, 0 refused" in said) == (0, True), said
        status, said = here("all.jsonl", "--unsorted", "--to", url)
        assert status == 3
        assert "5 events sent" in said
        assert "0 counted, 3 repeated, 2 refused (2 late)" in said
        assert "2 rows were not taken: 1 unparseable, 1 future" in said
        status, said = here("good.jsonl", "--to", url, "--no-wait")
        assert (status, "--wait waits for it" in said, "repeated" in said) == (0, True, False)


def test_the_traffic_of_others_is_told_apart(tmp_path: Path, here: Here) -> None:
    """While a host makes traffic of its own, a replay hears of its own events and of no others."""
    entered = [
        {**ENTERED, "user_id": f"u-{number}", "event_id": f"e-{number % 150}"} for number in range(300)
    ]
    lines = [json.dumps({**event, "user_id": event["event_id"]}) for event in entered]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    with running(tmp_path, "--demo") as (_, url):
        status, said = here("events.jsonl", "--to", url)
        assert status == 0, said
        assert "150 counted, 150 repeated, 0 refused" in said
        assert "more" not in said


def test_replay_waits_only_where_something_is_judged(here: Here, tmp_path: Path) -> None:
    """A file judges nothing; a host that says nothing of verdicts ends the replay before anything is sent."""
    (tmp_path / "events.jsonl").write_text(json.dumps(ENTERED))
    assert "leave --wait out" in here("events.jsonl", "--to", "file:out.jsonl", "--wait")[1]
    with serving_nothing() as url:
        status, said = here("events.jsonl", "--to", url)
        assert status == 1
        assert "Nothing was sent" in said
        assert "--no-wait" in said


def test_a_replay_that_goes_on_tells_what_an_earlier_run_refused(tmp_path: Path, here: Here) -> None:
    """Exit 3 also when the part that an earlier run sent had rows that were not taken."""
    (tmp_path / "a.jsonl").write_text(json.dumps(ENTERED) + "\nnonsense\n")
    (tmp_path / "b.csv").write_text("no,events\n1,2\n")
    assert here("a.jsonl", "b.csv", "--to", "file:out.jsonl")[0] == 1
    (tmp_path / "b.csv").write_text("type\n")
    status, said = here("a.jsonl", "b.csv", "--to", "file:out.jsonl")
    assert status == 3
    assert "1 were sent by an earlier run" in said
    assert "1 rows were not taken by an earlier run: 1 unparseable" in said


@contextmanager
def serving_nothing() -> Iterator[str]:
    """A server that answers 404 to everything."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
