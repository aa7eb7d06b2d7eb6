"""A server as a child process: started, awaited, stopped, killed, paused; its port and its folder."""

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
# Below the range from which the kernel takes the ports of outgoing connections: otherwise a client that
# retries while a killed server is down can be given that server's port, and the server could not come back.
FIRST_PORT, LAST_PORT = 20_000, 31_999
POLL_SECONDS = 0.05
LOG_TAIL_LINES = 20


class ServiceError(RuntimeError):
    """A server could not be installed, started or reached; the message says why and what to do."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on now and that no outgoing connection will be given."""
    for _ in range(1_000):
        port = random.randint(FIRST_PORT, LAST_PORT)
        if port_is_free(port):
            return port
    raise ServiceError(f"No free port was found between {FIRST_PORT} and {LAST_PORT} on {HOST}.")


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Return as soon as `condition` holds, asking every 50 ms; an OSError (nobody listens yet) counts as no.

    Raises:
        ServiceError: it did not hold in `seconds`; the message names `what` was waited for.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError):
            if condition():
                return
        time.sleep(POLL_SECONDS)
    raise ServiceError(f"{what}: not within {seconds:.0f} s.")


class LocalServer(ABC):
    """A server process on 127.0.0.1 that keeps its port and its data folder over kills and restarts.

    Use it as a context manager, or call start() and, at the end, close(). A folder that is not given is a
    temporary one, removed by close(). The process is also ended when the Python process exits normally.
    """

    name = "server"
    start_seconds = 60.0
    stop_seconds = 15.0

    def __init__(self, folder: Path | None = None, port: int | None = None) -> None:
        self._folder_is_ours = folder is None
        self.folder = (
            Path(tempfile.mkdtemp(prefix=f"wayfold-{self.name}-")) if folder is None else folder.absolute()
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port() if port is None else port
        self.log_path = self.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line of the server, with everything it needs prepared in the folder."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server serves clients now; OSError counts as no."""

    @property
    def address(self) -> str:
        """Host and port, as in `127.0.0.1:9092`."""
        return f"{HOST}:{self.port}"

    @property
    def process_id(self) -> int:
        """The process id of the running server."""
        return self._running().pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives (a paused one does)."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True) -> Self:
        """Start the server; returns when it serves clients, or at once without `wait`.

        Raises:
            ServiceError: the port is taken, or the server ended or kept silent; the message has its log.
        """
        if self.is_running:
            raise ServiceError(f"{self.name} runs already at {self.address}.")
        if not port_is_free(self.port):
            raise ServiceError(
                f"Port {self.port} of {HOST} is taken: stop what uses it, or choose another port."
            )
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        atexit.register(self.close)
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Return as soon as the server serves clients; ServiceError when it ends or takes too long."""
        try:
            wait_until(self._answers_or_ended, seconds=self.start_seconds, what=f"{self.name} answers")
        except ServiceError as error:
            self.kill()
            raise ServiceError(f"{error} Its log ends with:\n{self.log_tail()}") from error

    def stop(self) -> None:
        """End the server in its orderly way (SIGTERM); the data stay. A server that hangs is killed."""
        process = self._process
        if process is not None and process.poll() is None:
            self.resume()
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(self.stop_seconds)
        self.kill()

    def kill(self) -> None:
        """End the server at once (SIGKILL); the data stay as they are. Does nothing when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Start again on the same port and data; a server that runs is stopped in its orderly way first."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the process (SIGSTOP); returns when all of it stands still.

        Connections stay open and nothing answers.
        """
        process_id = self._running().pid
        os.kill(process_id, signal.SIGSTOP)
        # A thread on another core runs on for some milliseconds: the parent is told once all have stopped.
        os.waitid(os.P_PID, process_id, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        os.kill(self._running().pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop the server, and remove its folder when it was a temporary one."""
        atexit.unregister(self.close)
        self.stop()
        if self._folder_is_ours:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self) -> str:
        """The last lines of the server's log."""
        if not self.log_path.exists():
            return "(no log)"
        return "\n".join(
            self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]
        )

    def _answers_or_ended(self) -> bool:
        status = self._running().poll()
        if status is not None:
            raise ServiceError(f"{self.name} ended with status {status}.")
        return self.answers()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ServiceError(f"{self.name} does not run: call start() first.")
        return self._process

    def __enter__(self) -> Self:
        try:
            return self if self.is_running else self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
