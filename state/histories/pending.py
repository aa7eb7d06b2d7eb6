"""Events that were accepted and wait to be merged into histories."""

from typing import Any

from wayfold.models.record import Record

Item = tuple[Any, int, Record]
"""An event, its time in milliseconds UTC, and the record that brought it."""

Pending = dict[str, list[Item]]
"""By user id, in the order they came."""
