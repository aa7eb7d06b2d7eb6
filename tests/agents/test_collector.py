"""How a host uses Python's collector of reference cycles."""

import gc

from wayfold.agents.collector import YOUNG_OBJECTS, relax_collector


def test_the_collector_looks_at_everything_once() -> None:
    """What was there, and what outlives a collection, is frozen; cycles that died before it are freed."""
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    try:
        relax_collector()
        relax_collector()
        assert gc.get_threshold()[0] == YOUNG_OBJECTS
        assert len(gc.callbacks) == len(callbacks) + 1
        frozen = gc.get_freeze_count()
        stays = [[number] for number in range(1_000)]
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        assert gc.collect(0) >= 1
        assert gc.get_freeze_count() >= frozen + len(stays)
    finally:
        gc.callbacks[:] = callbacks
        gc.unfreeze()
        gc.set_threshold(*thresholds)
