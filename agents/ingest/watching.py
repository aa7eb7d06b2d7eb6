"""How a request names the watch that its events belong to."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from wayfold.agents.sink import Outgoing

WATCH_HEADER: Final = "x-wayfold-watch"
"""Names the watch that the events of a request belong to; see `wayfold.agents.embedded.watches`."""

AppendWatched = Callable[[Sequence[Outgoing], str], Awaitable[None]]
"""Appends records that belong to a watch."""
