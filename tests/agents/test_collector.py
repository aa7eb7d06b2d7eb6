"""How a host uses Python's collector of reference cycles."""

import gc

from wayfold.agents.collector import THRESHOLDS, relax_collector


def test_the_collector_looks_seldom_and_not_at_what_stays() -> None:
    """After relaxing, what was there is frozen, the thresholds are ours, and cycles still go."""
    before = gc.get_threshold()
    try:
        relax_collector()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == THRESHOLDS
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        assert gc.collect() >= 1
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
