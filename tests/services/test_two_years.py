"""Two years of history, sent in one go: far longer than the retention, and every event of it counts."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_services import wait_until
from tests.agents.embedded.running import RunningHost
from tests.services.hosts import Hosts, wait_until_host_folded
from tests.services.processes import environment
from tests.services.verdict import entries_in_redis, redis_document, wait_until_folded
from wayfold.agents.kafka.topics import ensure_topics
from wayfold.settings import FoldSettings, Settings

WAYFOLD = str(Path(sys.executable).with_name("wayfold"))
PARTITIONS = 3
DAYS = 730
EVENTS = 3 * DAYS
WAIT_S = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.chaos]


def history() -> Iterator[Mapping[str, Any]]:
    """A person a day, oldest first: each enters, comes to a step, and exits a minute later."""
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(days=DAYS + 1)
    for day in range(DAYS):
        at = first + timedelta(days=day)
        base = {"user_id": f"person-{day}", "journey_id": "welcome", "journey_version": 1, "entry_id": "1"}
        for seconds, fields in (
            (0, {"type": "journey.entered"}),
            (30, {"type": "step.entered", "step_id": "hello"}),
            (60, {"type": "journey.exited", "reason": "completed"}),
        ):
            occurred = (at + timedelta(seconds=seconds)).isoformat()
            yield {**base, **fields, "event_id": f"{day}-{seconds}", "occurred_at": occurred}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The history as a file of JSON Lines."""
    file = tmp_path / "history.jsonl"
    file.write_text("".join(f"{json.dumps(event)}\n" for event in history()))
    return file


@pytest.fixture
def hosts(kafka: str, redis_url: str, topic_prefix: str, tmp_path: Path) -> Hosts:
    return Hosts(kafka, redis_url, topic_prefix, tmp_path, PARTITIONS, FoldSettings(batch_interval_ms=20))


def wayfold(settings: Settings, folder: Path, *arguments: str) -> str:
    """Run a command in a folder; gives what it said, and fails when its exit status is not 0."""
    done = subprocess.run(
        [WAYFOLD, *arguments],
        cwd=folder,
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"wayfold {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout


def require_all(document: Mapping[str, Any]) -> None:
    """Fail unless everybody entered, came to the step and exited."""
    (journey,) = document["journeys"]
    numbers = journey["numbers"]
    counted = (numbers["total_entries"], numbers["exited_entries"], numbers["active_entries"])
    assert counted == (DAYS, DAYS, 0)
    ((step,),) = (version["steps"] for version in journey["versions"])
    assert step["numbers"]["entered"] == DAYS


def test_an_embedded_host_counts_two_years(hosts: Hosts, file: Path) -> None:
    """Live, and again without its state: 730 entries, no dead letter, no difference in the audit."""

    def require_counted(host: RunningHost) -> None:
        wait_until_host_folded(host, EVENTS)
        assert hosts.embedded_letters() == []
        require_all(httpx.get(f"{host.url}/v1/numbers", timeout=30).json())
        wayfold(Settings(), hosts.folder, "audit", "--url", host.url, "--data", str(hosts.data))

    with hosts.embedded() as host:
        wayfold(Settings(), hosts.folder, "replay", str(file), "--to", host.url)
        require_counted(host)
    shutil.rmtree(hosts.data / "state")
    with hosts.embedded() as host:
        require_counted(host)


def test_a_cluster_counts_two_years(hosts: Hosts, file: Path) -> None:
    """Live, and again without its state: 730 entries, no dead letter, no difference in the audit."""

    def require_counted(settings: Settings) -> None:
        wait_until_folded(settings)
        assert hosts.cluster_letters() == []
        wait_until(
            lambda: entries_in_redis(settings) == DAYS, seconds=WAIT_S, what="Redis has what was folded"
        )
        require_all(asyncio.run(redis_document(settings.redis)))
        wayfold(settings, hosts.folder, "audit")

    settings = hosts.cluster
    ensure_topics(settings.kafka)
    with hosts.worker():
        wayfold(settings, hosts.folder, "replay", str(file), "--to", "kafka")
        require_counted(settings)
    shutil.rmtree(settings.state.directory)
    # Of what was before nothing is left: neither numbers in Redis nor offsets of the group.
    again = f"{settings.kafka.group}-again"
    changes = {
        "kafka": settings.kafka.model_copy(update={"group": again}),
        "redis": settings.redis.model_copy(update={"prefix": again}),
    }
    with hosts.worker(**changes):
        require_counted(settings.model_copy(update=changes))
