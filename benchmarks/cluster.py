"""Wayfold's own processes as a bench starts them, and what it sees of them in Redis."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import redis

from benchmarks.context import BenchError, Context
from local_services import wait_until
from wayfold.agents.sink import EVENT_KINDS
from wayfold.exporters.redis_views.fences import read_fence
from wayfold.exporters.redis_views.keys import JourneyName, Keys

WAYFOLD: Final = str(Path(sys.executable).with_name("wayfold"))
START_S: Final = 60.0
STOP_S: Final = 60.0


class Process:
    """A running command of Wayfold."""

    def __init__(self, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)

    @property
    def process_id(self) -> int:
        """The process's id."""
        return self._process.pid

    def check(self) -> None:
        """Raise BenchError when it has ended by itself."""
        if self._process.poll() is not None:
            raise BenchError(f"the process ended with {self._process.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        """The end of what it said."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    def told(self, event: str) -> list[dict[str, Any]]:
        """What it logged under this name, in order."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if f'"event": "{event}"' in line]

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = START_S) -> None:
        """Wait until a condition holds, or raise BenchError: too late, or the process has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            try:
                if condition():
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise BenchError(f"not within {seconds:.0f} s: {what}\n{self.tail()}")

    def stop(self) -> None:
        """End it in its orderly way, or at once when that takes too long."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def environment(context: Context, prefix: str, **more: str) -> dict[str, str]:
    """The environment of Wayfold's processes; `prefix` names topics, group and Redis keys."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("WAYFOLD_")}
    return given | {
        "WAYFOLD_KAFKA_BOOTSTRAP_SERVERS": context.bootstrap_servers,
        "WAYFOLD_KAFKA_TOPIC_PREFIX": prefix,
        "WAYFOLD_KAFKA_GROUP": f"{prefix}-worker",
        "WAYFOLD_REDIS_URL": context.redis_url,
        "WAYFOLD_REDIS_PREFIX": prefix,
        "WAYFOLD_STATE_DIRECTORY": str(context.path / "state"),
        "WAYFOLD_WORKER_PORT": "0",
        **more,
    }


@contextmanager
def running(
    context: Context, prefix: str, *arguments: str, name: str | None = None, **more: str
) -> Iterator[Process]:
    """Run `wayfold` with these arguments until the block ends; `name` is that of its log, among several."""
    log = context.path / f"{name or arguments[0]}.log"
    process = Process([WAYFOLD, *arguments], environment(context, prefix, **more), log)
    try:
        yield process
    finally:
        process.stop()


def answers(url: str) -> bool:
    """Whether a GET succeeds; nobody listening counts as no."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Views:
    """The views of a cluster in Redis."""

    def __init__(self, context: Context, prefix: str) -> None:
        self.client = redis.Redis.from_url(context.redis_url)
        self.keys = Keys(prefix)

    def records(self, journeys: list[JourneyName]) -> dict[int, int]:
        """By partition, how many records of its log the views of some of these journeys reflect at least."""
        pipeline = self.client.pipeline(transaction=False)
        for name in journeys:
            pipeline.hgetall(self.keys.journey(name).fences)
        found: dict[int, int] = {}
        for fences in pipeline.execute():
            for partition, fence in fences.items():
                if partition.isdigit():
                    offsets = read_fence(fence.decode()).offsets
                    count = sum(offsets.get(kind, 0) for kind in EVENT_KINDS)
                    found[int(partition)] = max(found.get(int(partition), 0), count)
        return found

    def field(self, name: JourneyName, view: str, field: str) -> int:
        """A number of a journey; 0 when it is not there."""
        return int(self.client.hget(self.keys.journey(name).view(view), field) or 0)

    def close(self) -> None:
        """Let go of the connection."""
        self.client.close()


__all__ = ["Process", "Views", "answers", "environment", "running", "wait_until"]
