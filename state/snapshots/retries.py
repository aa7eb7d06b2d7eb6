"""Calls to the storage of snapshots, tried again when they fail."""

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from wayfold.state.snapshots.errors import SnapshotError, SnapshotProblem
from wayfold.state.snapshots.objects import ObjectStorageError

Answer = TypeVar("Answer")


class Retries:
    """Tries each call up to `attempts` times, with pauses of `pause_s` seconds at first that double.

    `url` names the storage in messages; once `stopped` is set a failure is final.
    """

    def __init__(self, url: str, stopped: threading.Event, attempts: int, pause_s: float) -> None:
        self._url = url
        self._stopped = stopped
        self._attempts = attempts
        self._pause_s = pause_s

    def call(self, action: Callable[[], Answer]) -> Answer:
        """Call the storage; raises `SnapshotError` when every attempt failed."""
        for attempt in range(1, self._attempts + 1):
            try:
                return action()
            except ObjectStorageError as error:
                if attempt == self._attempts or self._stopped.is_set():
                    raise SnapshotError(
                        f"The place of the snapshots, {self._url},",
                        SnapshotProblem.STORAGE,
                        f"failed {attempt} times, at last with: {error}",
                        "Check its address, login and state; the next snapshot tries again.",
                    ) from error
                pause_s = self._pause_s * 2 ** (attempt - 1)
                self._stopped.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311
        raise AssertionError("unreachable")
