"""The two hosts as processes whose page is looked at: filled over HTTP, killed and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from local_services import wait_until
from local_services.process import free_port
from tests.browser.dataset import ZONES
from tests.services.processes import WorkerProcess
from wayfold.settings import Settings

WAYFOLD: Final = str(Path(sys.executable).with_name("wayfold"))
BATCH: Final = 5_000
START_S: Final = 60.0
CAUGHT_UP_S: Final = 60.0
COMMON: Final = {
    "WAYFOLD_FOLD_ACCOUNT_TIME_ZONES": json.dumps(dict(ZONES)),
    "WAYFOLD_LOG_LEVEL": "warning",
}


class Host(ABC):
    """A running host: where its page is, what it has counted, and how it is killed and started again."""

    kind: str

    def __init__(self, directory: Path, **more: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.prefix = more.get("WAYFOLD_HTTP_PATH_PREFIX", "")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WAYFOLD_")},
            **COMMON,
            **more,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._records = 0

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address of page and API, without a slash at the end."""
        return self.origin + self.prefix

    @property
    @abstractmethod
    def arguments(self) -> Sequence[str]:
        """What `wayfold` is started with for the process that serves the page."""

    @abstractmethod
    def copies(self) -> int:
        """How many partitions a definition goes to."""

    def start(self) -> None:
        """Start what serves the page, and wait until it answers."""
        with (self.directory / f"{self.kind}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [WAYFOLD, *self.arguments, "--port", str(self.port)],
                cwd=self.directory,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, seconds=START_S, what=f"{self.kind} host to be ready")

    def kill(self) -> None:
        """SIGKILL what serves the page."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End everything that was started."""
        self.kill()

    def send(self, events: Sequence[bytes], definitions: Sequence[bytes] = ()) -> None:
        """Send definitions and events, and wait until they are counted."""
        self.publish(events, definitions)
        wait_until(self._is_caught_up, seconds=CAUGHT_UP_S, what=f"{self._records} records to be counted")

    def publish(self, events: Sequence[bytes], definitions: Sequence[bytes] = ()) -> None:
        """Send definitions and events."""
        lines = [*definitions, *events]
        for start in range(0, len(lines), BATCH):
            answer = httpx.post(
                f"{self.url}/v1/events",
                content=b"\n".join(lines[start : start + BATCH]),
                headers={"content-type": "application/x-ndjson"},
                timeout=60,
            )
            assert answer.status_code == 202, answer.text
            assert answer.json()["rejected"] == []
        self._records += len(events) + len(definitions) * self.copies()

    def read(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """Ask the API; raises for an answer that is none."""
        answer = httpx.get(f"{self.url}{path}", params=parameters, timeout=30)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / f"{self.kind}.log").read_text()
        try:
            return httpx.get(f"{self.url}/readyz").is_success
        except httpx.TransportError:
            return False

    def _is_caught_up(self) -> bool:
        judged = self.read("/v1/verdicts")["partitions"]
        counted = sum(one["accepted"] + one["repeated"] + sum(one["refused"].values()) for one in judged)
        return bool(counted >= self._records)


class EmbeddedHost(Host):
    """`wayfold run`."""

    kind = "embedded"

    @property
    def arguments(self) -> Sequence[str]:
        return ("run", "--data", str(self.directory / "data"))

    def copies(self) -> int:
        return 1


class ClusterHost(Host):
    """A worker on a real Kafka and Redis, and `wayfold serve --ingest` in front of it."""

    kind = "cluster"
    PARTITIONS = 2

    def __init__(self, directory: Path, kafka: str, redis_url: str, **more: str) -> None:
        prefix = f"test-{uuid.uuid4().hex[:12]}"
        super().__init__(
            directory,
            WAYFOLD_KAFKA_BOOTSTRAP_SERVERS=kafka,
            WAYFOLD_KAFKA_TOPIC_PREFIX=prefix,
            WAYFOLD_KAFKA_GROUP=prefix,
            WAYFOLD_KAFKA_TOPIC_PARTITIONS=str(self.PARTITIONS),
            WAYFOLD_REDIS_URL=redis_url,
            WAYFOLD_REDIS_PREFIX=prefix,
            WAYFOLD_STATE_DIRECTORY=str(directory / "state"),
            WAYFOLD_WORKER_PORT="0",
            # A worker that stands still is given up soon, so that what the page says of it can be tested.
            WAYFOLD_HTTP_TIMEOUT_MS="1000",
            **more,
        )
        self.worker = Worker("worker", self.environment, directory)

    @property
    def arguments(self) -> Sequence[str]:
        return ("serve", "--ingest")

    def copies(self) -> int:
        return self.PARTITIONS

    def start(self) -> None:
        if not self.worker.is_running:
            subprocess.run(
                [WAYFOLD, "topics", "create"], cwd=self.directory, env=self.environment, check=True
            )
            self.worker.start()
        super().start()

    def close(self) -> None:
        super().close()
        self.worker.close()


class Worker(WorkerProcess):
    """`wayfold worker` with the environment of its cluster."""

    def __init__(self, name: str, environment: Mapping[str, str], log_folder: Path) -> None:
        super().__init__(name, Settings(), log_folder)
        self._environment = dict(environment)


@contextmanager
def running(host: Host) -> Iterator[Host]:
    """Run a host until the block ends."""
    try:
        host.start()
        yield host
    finally:
        host.close()
