"""The lock of a local log's directory: one process writes it at a time."""

import fcntl
import os
from pathlib import Path


class LogInUseError(Exception):
    """Another process has the log open for writing."""


def take_lock(directory: Path) -> int:
    """Lock a directory for writing; raises `LogInUseError`, which names the process that has it."""
    path = directory / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = path.read_text().strip() or "unknown"
        os.close(descriptor)
        raise LogInUseError(
            f"{directory} is in use by the process {owner}: stop it, or give this one another data directory."
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor
