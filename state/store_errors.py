"""Why a store could not be opened, read or written, and what to do about it."""

import enum
from pathlib import Path


class StoreProblem(enum.StrEnum):
    """What is wrong with a store, as a word that a program can act on."""

    OTHER_FORMAT = "other_format"
    OTHER_PARTITION = "other_partition"
    DAMAGED = "damaged"
    LOCKED = "locked"
    NOT_A_STORE = "not_a_store"
    DISK = "disk"
    CLOSED = "closed"


class StoreError(Exception):
    """A store cannot do what was asked; the message says which store, what is wrong, what to do.

    `path` is the directory of the store, `problem` the kind of trouble, `detail` what was found
    and `remedy` one sentence with the next step for a person.
    """

    def __init__(self, path: Path | str, problem: StoreProblem, detail: str, remedy: str) -> None:
        super().__init__(f"The store at {path} {detail}. {remedy}")
        self.path = Path(path)
        self.problem = problem
        self.detail = detail
        self.remedy = remedy


class StoreRefusedError(StoreError):
    """The store was not opened, and nothing was read from it or changed in it."""


class StoreFailedError(StoreError):
    """An open store could not read or write; the answer or the batch that failed must not be used."""


REBUILD = (
    "Stop this worker, move the directory away and start again: the partition is restored from "
    "its latest snapshot and the event log is replayed from there"
)
FREE_DISK = "Check the disk (space, permissions, its own errors) and start the worker again"


def problem_of(message: str) -> tuple[StoreProblem, str]:
    """Name the problem that a message of RocksDB stands for, and the remedy for it.

    RocksDB reports every trouble as one text that starts with the name of its status code.
    """
    if "LOCK" in message and ("lock hold" in message or "While lock file" in message):
        return (
            StoreProblem.LOCKED,
            "Stop the other process that has it open, or give this one its own directory",
        )
    if message.startswith("IO error") and "No such file" not in message:
        return StoreProblem.DISK, FREE_DISK
    return StoreProblem.DAMAGED, REBUILD


def refused(path: Path | str, error: Exception) -> StoreRefusedError:
    """Build the refusal to open a store for an error that RocksDB raised."""
    message = str(error)
    problem, remedy = problem_of(message)
    detail = "is open elsewhere" if problem is StoreProblem.LOCKED else f"cannot be opened ({message})"
    return StoreRefusedError(path, problem, detail, remedy + ".")


def failed(path: Path | str, action: str, error: Exception) -> StoreFailedError:
    """Build the failure of an open store for an error that RocksDB raised during `action`."""
    message = str(error)
    problem, remedy = problem_of(message)
    return StoreFailedError(path, problem, f"could not {action} ({message})", remedy + ".")


def closed(path: Path | str) -> StoreFailedError:
    """Build the failure of a store that is used after it was closed."""
    return StoreFailedError(
        path, StoreProblem.CLOSED, "was used after it was closed", "Open it again before using it."
    )
