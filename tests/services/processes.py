"""`wayfold worker` as processes that a test can kill, stop, continue and start again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

from local_services import wait_until
from tests.packaging.sources import REPOSITORY
from wayfold.settings import Settings

START_S = 60.0
# SIGUSR1 writes every thread's stack into the log, for finding out what a worker that hangs waits for.
PROGRAM = """
import faulthandler, signal
faulthandler.register(signal.SIGUSR1)
from wayfold.cli import main
main()
"""


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which `wayfold` has these settings."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("WAYFOLD_")}
    for group, fields in settings.model_dump(mode="json", exclude_unset=True, exclude_none=True).items():
        for name, value in fields.items():
            given[f"WAYFOLD_{group}_{name}".upper()] = value if isinstance(value, str) else json.dumps(value)
    return given


class WorkerProcess:
    """One `wayfold worker`, started again as often as a test likes, always with the same settings.

    `before` is Python that runs before it, in the repository.
    """

    def __init__(self, name: str, settings: Settings, log_folder: Path, before: str = "") -> None:
        self.name = name
        self.log_path = log_folder / f"{name}.log"
        self._environment = environment(settings)
        self._program = f"{before}\n{PROGRAM}"
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0
        self._log: IO[bytes] = self.log_path.open("ab")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; returns at once."""
        self._started_at = self.log_path.stat().st_size
        command = [sys.executable, "-c", self._program, "worker"]
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, env=self._environment, stdout=self._log, stderr=self._log
        )

    def wait(self) -> int:
        """Wait until it has ended by itself; returns the exit status."""
        return self._ended()

    def kill(self) -> None:
        """SIGKILL."""
        self._signal(signal.SIGKILL)
        self._ended()

    def pause(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        self._signal(signal.SIGTERM)
        return self._ended()

    def close(self) -> None:
        """End it however it stands, and let go of its log."""
        if self.is_running:
            self.kill()
        self._log.close()

    def log(self) -> str:
        """What it has said so far, all its lives together."""
        return self.log_path.read_text(errors="replace")

    def tail(self, lines: int = 30) -> str:
        """The end of its log, for the message of a failing test."""
        return "\n".join(self.log().splitlines()[-lines:])

    def wait_for_log(self, text: str) -> None:
        """Wait until it has said something since it was last started."""
        wait_until(
            lambda: text.encode() in self.log_path.read_bytes()[self._started_at :],
            seconds=START_S,
            what=f"{self.name} says {text!r}",
        )

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _ended(self) -> int:
        assert self._process is not None
        return self._process.wait(60)
