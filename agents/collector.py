"""How a host uses Python's collector of reference cycles."""

import gc
from collections.abc import Mapping
from typing import Final

YOUNG_OBJECTS: Final = 1_000
"""The collector looks at as many at a time, mostly in under a millisecond; ten times as many took ten."""
NEVER: Final = 1_000_000


def spare_what_is_there() -> None:
    """Let the collector look at what is made from now on only: a server that has started stays as it is."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def relax_collector() -> None:
    """Let the collector look at every object once, while it is young, and never again.

    The fold makes no cycles but very many objects, most of which stay: histories in memory. By default all
    of them are looked through again and again, which took 7 % of the fold's time. What dies in a cycle after
    it was looked at is freed by `release_given_away` only.
    """
    spare_what_is_there()
    gc.set_threshold(YOUNG_OBJECTS, NEVER, NEVER)
    if _keep_survivors not in gc.callbacks:
        gc.callbacks.append(_keep_survivors)


def release_given_away() -> None:
    """Look at everything once more: partitions that went to another worker are cycles that nobody holds."""
    if _keep_survivors in gc.callbacks:
        gc.unfreeze()
        gc.collect()


def _keep_survivors(phase: str, _: Mapping[str, int]) -> None:
    if phase == "stop":
        gc.freeze()
