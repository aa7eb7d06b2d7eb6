"""The id of a local log: made with its directory, so that a log that was made anew is known for another."""

import os
import uuid
from pathlib import Path
from typing import Final

from wayfold.agents.embedded.segment import sync_directory

ID_FILE: Final = "log-id"


def read_log_id(directory: Path) -> str:
    """Read the id of a log; empty when the directory has none."""
    try:
        return (directory / ID_FILE).read_text().strip()
    except FileNotFoundError:
        return ""


def make_log_id(directory: Path) -> str:
    """Read the id of a log, having made one when the directory has none."""
    found = read_log_id(directory)
    if found:
        return found
    made = uuid.uuid4().hex
    fresh = directory / f"{ID_FILE}.new"
    with fresh.open("w") as file:
        file.write(f"{made}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(directory / ID_FILE)
    sync_directory(directory)
    return made
