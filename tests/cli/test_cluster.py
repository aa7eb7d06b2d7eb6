"""The cluster as one starts it: topics, a worker and a server, with real Kafka and Redis."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_services import wait_until
from wayfold.audit import oracle
from wayfold.exporters.api.server import listen
from wayfold.exporters.dashboard.built import STATIC

WAYFOLD = str(Path(sys.executable).with_name("wayfold"))


class Cluster:
    """Commands of one cluster, in one directory."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WAYFOLD_")
        }
        self.environment.update(environment)

    def do(self, *arguments: str) -> str:
        done = subprocess.run(
            [WAYFOLD, *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def replay(self, *arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [WAYFOLD, "replay", *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout + done.stderr

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen([WAYFOLD, *arguments], cwd=self.directory, env=self.environment)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(kafka: str, redis_url: str, topic_prefix: str, tmp_path: Path) -> Cluster:
    return Cluster(
        tmp_path,
        {
            "WAYFOLD_KAFKA_BOOTSTRAP_SERVERS": kafka,
            "WAYFOLD_KAFKA_TOPIC_PREFIX": topic_prefix,
            "WAYFOLD_KAFKA_GROUP": topic_prefix,
            "WAYFOLD_REDIS_URL": redis_url,
            "WAYFOLD_REDIS_PREFIX": topic_prefix,
            "WAYFOLD_WORKER_PORT": "0",
            "WAYFOLD_WORKER_TOKEN": "shared",
            "WAYFOLD_LOG_LEVEL": "warning",
        },
    )


def free_port() -> int:
    with listen("127.0.0.1", 0, "http") as taken:
        port: int = taken.getsockname()[1]
    return port


def answers(url: str) -> bool:
    """Whether a GET succeeds; nobody listening counts as no."""
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def read(url: str, **parameters: str) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{url}/v1/numbers", params=parameters, timeout=30).json()
    return document


def test_a_cluster_serves_the_numbers_of_the_oracle(cluster: Cluster) -> None:
    """Simulated traffic through Kafka, a worker and Redis gives the oracle's numbers, whole and in slices."""
    cluster.do("topics", "create")
    assert "4 partitions each" in cluster.do("topics")
    cluster.do("simulate", "--count", "3000", "--to", "file:events.jsonl")
    events = (cluster.directory / "events.jsonl").read_bytes().splitlines()
    sliced = {"from": "2026-09-05", "to": "2026-09-20", "clock": "entry"}
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        cluster.running("worker") as worker,
        cluster.running("serve", "--port", str(port), "--ingest") as server,
    ):
        wait_until(lambda: answers(f"{url}/readyz"), seconds=60, what="the cluster to be ready")
        cluster.do("simulate", "--count", "3000", "--to", "kafka")
        expected = oracle.numbers(events)
        wait_until(
            lambda: oracle.differences(read(url), expected) == [],
            seconds=60,
            what="the numbers of the oracle",
        )
        query = {"start": sliced["from"], "end": sliced["to"], "clock": "entry"}
        assert oracle.differences(read(url, **sliced), oracle.numbers(events, query=query)) == []
        listed = httpx.get(f"{url}/v1/journeys/welcome/users", params={"number": "entered_users"}).json()
        assert listed["total"] == len(
            oracle.users(events, None, "UTC", {"journey_id": "welcome"}, "entered_users")
        )
        assert cluster.do("dead-letters", "list", "--json") == ""
        for process in (worker, server):
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0


def test_replay_waits_for_the_workers(cluster: Cluster) -> None:
    """Through Kafka and through the server a replay ends with what the workers made of its events."""
    cluster.environment["WAYFOLD_FOLD_RETENTION_DAYS"] = "30"
    cluster.do("topics", "create")
    entered = {"type": "journey.entered", "user_id": "ann", "journey_id": "welcome", "journey_version": 1}
    events: list[dict[str, Any]] = [
        {**entered, "event_id": day, "entry_id": day, "occurred_at": f"2026-{day}T10:00:00Z"}
        for day in ("11-01", "11-02", "08-01", "11-02")
    ]
    defined = {"event_id": "d", "occurred_at": "2026-11-01T00:00:00Z", "name": "Welcome", "steps": []}
    events.append({"type": "journey.defined", "journey_id": "welcome", "journey_version": 1, **defined})
    (cluster.directory / "events.jsonl").write_text("\n".join(map(json.dumps, events)))
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with cluster.running("worker"), cluster.running("serve", "--port", str(port), "--ingest"):
        wait_until(lambda: answers(f"{url}/readyz"), seconds=60, what="the cluster to be ready")
        # A definition is judged in each of the four partitions.
        for arguments, judged in (
            (("--to", "kafka", "--wait"), "6 counted, 1 repeated, 1 refused (1 late)"),
            (("--to", url), "0 counted, 7 repeated, 1 refused (1 late)"),
        ):
            status, said = cluster.replay("events.jsonl", "--unsorted", *arguments)
            assert status == 3
            assert judged in said
            assert "8 records, because 1 of the events are judged in every partition" in said
            assert "more events came" not in said
        status, said = cluster.replay("events.jsonl", "--unsorted", "--to", "kafka")
        assert (status, "--wait waits for it" in said) == (0, True)


def test_serve_says_what_is_missing(cluster: Cluster) -> None:
    """Without a worker the server runs, serves the page, is not ready, and answers nothing wrong."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with cluster.running("serve", "--port", str(port)):
        wait_until(lambda: answers(f"{url}/healthz"), seconds=30, what="the server to run")
        page = httpx.get(f"{url}/journeys")
        assert page.status_code == (200 if (STATIC / "index.html").is_file() else 503)
        assert "script-src 'self'" in page.headers["content-security-policy"]
        ready = httpx.get(f"{url}/readyz")
        assert ready.status_code == 503
        assert ready.json()["reasons"] == ["no worker has ever written to this Redis under this prefix"]
        sliced = httpx.get(f"{url}/v1/journeys/welcome", params={"channel": "email"})
        assert sliced.status_code == 503
        assert sliced.headers["content-type"] == "application/problem+json"
