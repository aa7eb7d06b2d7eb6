"""Why a snapshot could not be made, found or restored, and what to do about it."""

import enum


class SnapshotProblem(enum.StrEnum):
    """What is wrong, as a word that a program can act on."""

    STORAGE = "storage"
    DAMAGED = "damaged"
    OTHER_FORMAT = "other_format"
    OTHER_PARTITION = "other_partition"
    OTHER_LOG = "other_log"
    OTHER_CALENDAR = "other_calendar"
    MISSING = "missing"
    OCCUPIED = "occupied"
    STOPPED = "stopped"


REFUSALS = {
    SnapshotProblem.DAMAGED,
    SnapshotProblem.MISSING,
    SnapshotProblem.OTHER_FORMAT,
    SnapshotProblem.OTHER_PARTITION,
    SnapshotProblem.OTHER_LOG,
    SnapshotProblem.OTHER_CALENDAR,
}
"""What is wrong with a snapshot itself, and not with the place where it is or goes."""


class SnapshotError(Exception):
    """A snapshot cannot be had; the message says which one, what is wrong, what to do.

    `where` names the snapshot or the place, `problem` the kind of trouble, `detail` what was found and
    `remedy` the next step for a person. Nothing was restored, and what was there before is as it was.
    """

    def __init__(self, where: str, problem: SnapshotProblem, detail: str, remedy: str) -> None:
        super().__init__(f"{where} {detail}. {remedy}")
        self.where = where
        self.problem = problem
        self.detail = detail
        self.remedy = remedy


USE_ANOTHER = (
    "Restore an older snapshot, or none: the events after it, or all of them, are then folded again. Delete "
    "this one so that no later snapshot builds on its files."
)


def damaged(where: str, detail: str) -> SnapshotError:
    """Build the refusal of a snapshot whose bytes are not those that were uploaded."""
    return SnapshotError(where, SnapshotProblem.DAMAGED, detail, USE_ANOTHER)
