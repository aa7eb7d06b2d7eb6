"""How a host uses Python's collector of reference cycles."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from wayfold.agents.collector import (
    YOUNG_OBJECTS,
    relax_collector,
    release_given_away,
    spare_what_is_there,
)


class Cycle:
    """Holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def callbacks() -> Iterator[list[object]]:
    """The callbacks before; the collector is as it was afterwards."""
    thresholds, before = gc.get_threshold(), list(gc.callbacks)
    yield list(before)
    gc.callbacks[:] = before
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_the_collector_looks_at_everything_once(callbacks: list[object]) -> None:
    """What was there, and what outlives a collection, is frozen; cycles that died before it are freed."""
    relax_collector()
    relax_collector()
    assert gc.get_threshold()[0] == YOUNG_OBJECTS
    assert len(gc.callbacks) == len(callbacks) + 1
    frozen = gc.get_freeze_count()
    stays = [[number] for number in range(1_000)]
    dies = weakref.ref(Cycle())
    gc.collect(0)
    assert dies() is None
    assert gc.get_freeze_count() >= frozen + len(stays)


def test_what_was_given_away_is_freed(callbacks: list[object]) -> None:
    """A cycle that was looked at while it lived is freed when everything is looked at again."""
    relax_collector()
    given_away = Cycle()
    gc.collect(0)
    dies = weakref.ref(given_away)
    del given_away
    gc.collect()
    assert dies() is not None
    release_given_away()
    assert dies() is None
    assert gc.get_freeze_count() > 0


def test_a_server_frees_the_cycles_of_its_requests(callbacks: list[object]) -> None:
    """What was there is frozen; a cycle that is made later is freed, also when it has lived for long."""
    stays = [[number] for number in range(1_000)]
    spare_what_is_there()
    assert gc.get_freeze_count() >= len(stays)
    assert gc.get_threshold()[0] == YOUNG_OBJECTS
    later = Cycle()
    gc.collect(0)
    gc.collect(1)
    dies = weakref.ref(later)
    del later
    gc.collect()
    assert dies() is None
