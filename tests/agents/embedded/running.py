"""A real `wayfold run` process to talk to, kill and start again."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

MAIN = "from wayfold.cli import main; main()"


class RunningHost:
    """The process and its address."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def kill(self) -> None:
        """SIGKILL, as a crash would end it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_host(
    directory: Path, command: Sequence[str] = (sys.executable, "-c", MAIN), **more: str
) -> Iterator[RunningHost]:
    """Start the embedded host on a free port; killed at the end when it still runs.

    `command` is what runs `wayfold`, `more` are settings as environment variables.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAYFOLD_")}
    process = subprocess.Popen(
        [*command, "run", "--port", "0", "--data", str(directory)],
        stdout=subprocess.PIPE,
        stderr=(directory.parent / "errors.txt").open("a"),
        text=True,
        env={**environment, **more},
    )
    try:
        assert process.stdout is not None
        yield RunningHost(process, _address(process.stdout))
    finally:
        process.kill()
        process.wait()


def _address(lines: IO[str]) -> str:
    for line in lines:
        if "http://" in line:
            return "http://" + line.partition("http://")[2].split()[0].rstrip("/")
    raise AssertionError("the host ended without saying where it runs")
