"""Servers that the processes of a run share."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import redis

from local_services import ServiceError
from tests.packaging.sources import REPOSITORY
from tests.services.shared import VARIABLE, served, shared_address

TWO_TESTS = '''
from pathlib import Path
from redis import Redis

def test_one(redis_url: str) -> None:
    """Leaves its address behind."""
    Path(__file__).with_name("one").write_text(redis_url)
    assert Redis.from_url(redis_url).ping()

def test_two(redis_url: str) -> None:
    """Leaves its address behind."""
    Path(__file__).with_name("two").write_text(redis_url)
    assert Redis.from_url(redis_url).ping()
'''


@pytest.fixture
def nobody_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run of this very test may be served."""
    monkeypatch.setenv(VARIABLE, "")


@pytest.mark.usefixtures("nobody_serves")
def test_a_server_is_started_once_when_it_is_asked_for() -> None:
    """All who ask get one address, nothing is started before that, and at the end it is ended."""
    said: list[str] = []

    @contextmanager
    def server() -> Iterator[str]:
        said.append("started")
        yield "here"
        said.append("ended")

    with served({"it": server}):
        assert said == []
        assert [shared_address("it"), shared_address("it")] == ["here", "here"]
        assert said == ["started"]
    assert said == ["started", "ended"]


@pytest.mark.usefixtures("nobody_serves")
def test_a_server_that_cannot_be_had_is_told_to_all() -> None:
    """Who asks for a server that cannot be started gets the reason, and it is tried only once."""
    tried: list[str] = []

    def server() -> AbstractContextManager[str]:
        tried.append("it")
        raise ServiceError("no Java")

    with served({"it": server}):
        for _ in range(2):
            with pytest.raises(ServiceError, match="no Java"):
                shared_address("it")
    assert tried == ["it"]


@pytest.mark.services
def test_processes_of_a_run_share_a_server(tmp_path: Path) -> None:
    """Two test processes get the same Redis, and it is gone when the run is over."""
    (tmp_path / "test_it.py").write_text(TWO_TESTS)
    given = {name: value for name, value in os.environ.items() if not name.startswith("WAYFOLD_")}
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-n", "2", f"--rootdir={tmp_path}"]
    done = subprocess.run(
        [*command, str(tmp_path)],
        cwd=REPOSITORY,
        env={**given, "PYTHONPATH": str(REPOSITORY / "deploy")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    address = (tmp_path / "one").read_text()
    assert (tmp_path / "two").read_text() == address
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(address).ping()
