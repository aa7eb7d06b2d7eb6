"""Why a store could not be opened, read or written, and what to do about it."""

import enum
import errno
from pathlib import Path


class StoreProblem(enum.StrEnum):
    """What is wrong with a store, as a word that a program can act on."""

    OTHER_FORMAT = "other_format"
    OTHER_PARTITION = "other_partition"
    DAMAGED = "damaged"
    LOCKED = "locked"
    NOT_A_STORE = "not_a_store"
    DISK = "disk"
    FULL = "full"
    CLOSED = "closed"


class StoreError(Exception):
    """A store cannot do what was asked; the message says which store, what is wrong, what to do.

    `path` is the directory of the store, `problem` the kind of trouble, `detail` what was found and
    `remedy` the next step for a person.
    """

    def __init__(self, path: Path, problem: StoreProblem, detail: str, remedy: str) -> None:
        super().__init__(f"The store {path} {detail}. {remedy}")
        self.path = path
        self.problem = problem
        self.detail = detail
        self.remedy = remedy


class StoreRefusedError(StoreError):
    """The store was not opened; nothing of it was used."""


class StoreFailedError(StoreError):
    """An open store could not read or write; what was being folded must not go on."""


REBUILD = (
    "Stop what uses it, move the directory away and start again: the partition is then restored from its "
    "latest snapshot, if there is one, and the events after it are folded again."
)
FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says when there is no room."""
MAKE_ROOM = "Make room on the disk: delete or move what is not needed there, or give it more."
FREE_DISK = "Check the disk for space, permissions and faults, then start again."
STOP_OTHER = "Stop the other process that has it open, or give each its own directory."
REOPEN = "Open it again before using it."


_FULL = ("No space left on device", "Disk quota exceeded")


def problem_of(error: Exception) -> tuple[StoreProblem, str]:
    """Name the problem that an error of RocksDB or of the system stands for, and its remedy.

    RocksDB reports every trouble as one text that starts with the name of its status code.
    """
    message = str(error)
    if (isinstance(error, OSError) and error.errno in FULL_ERRNOS) or any(text in message for text in _FULL):
        return StoreProblem.FULL, MAKE_ROOM
    if isinstance(error, OSError):
        return StoreProblem.DISK, FREE_DISK
    if "lock hold by current process" in message or "While lock file" in message:
        return StoreProblem.LOCKED, STOP_OTHER
    if message.startswith("IO error") and "No such file" not in message:
        return StoreProblem.DISK, FREE_DISK
    return StoreProblem.DAMAGED, REBUILD


def refused(path: Path, error: Exception) -> StoreRefusedError:
    """Build the refusal to open a store for an error that RocksDB raised."""
    problem, remedy = problem_of(error)
    detail = "is open elsewhere" if problem is StoreProblem.LOCKED else f"cannot be opened ({error})"
    return StoreRefusedError(path, problem, detail, remedy)


def damaged(path: Path, detail: str) -> StoreRefusedError:
    """Build the refusal to open a store whose files are not what they were."""
    return StoreRefusedError(path, StoreProblem.DAMAGED, detail, REBUILD)


def failed(path: Path, action: str, error: Exception) -> StoreFailedError:
    """Build the failure of an open store for an error that RocksDB raised during `action`."""
    problem, remedy = problem_of(error)
    return StoreFailedError(path, problem, f"could not {action} ({error})", remedy)


def closed(path: Path) -> StoreFailedError:
    """Build the failure of a store that is used after it was closed."""
    return StoreFailedError(path, StoreProblem.CLOSED, "was used after it was closed", REOPEN)
