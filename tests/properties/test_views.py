"""What is pushed to readers: views that changed, absolute, add up to all views, in any execution."""

import random

import pytest

from tests.generators.logs import batches, interleaved, log_of
from tests.generators.seeded import event_set, replay_hint, seeds
from tests.generators.world import TIME_ZONES
from tests.properties.executions import fold_batch
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.views import JourneyView
from wayfold.state.store.memory_store import MemoryStore

Pushed = dict[tuple[str, str, str], dict[str, int]]


def _push(views: list[JourneyView], pushed: Pushed) -> None:
    for view in views:
        for name, fields in view.views.items():
            pushed.setdefault((view.account_id, view.journey_id, name), {}).update(fields)


def _settled(pushed: Pushed) -> Pushed:
    """Without zeros, and without the open windows: they close as the watermark moves, whatever changes."""
    kept = {
        key: {name: amount for name, amount in fields.items() if amount and not name.startswith("open_")}
        for key, fields in pushed.items()
    }
    return {key: fields for key, fields in kept.items() if fields}


@pytest.mark.parametrize("seed", seeds(6, first=600))
def test_changed_views_add_up_to_all_views(seed: int) -> None:
    """A reader that takes every change has what a reader that takes everything at the end has."""
    generator = random.Random(seed)
    [log] = log_of(event_set(seed, 120))
    partition = Partition(MemoryStore(0), 0, FoldSettings(account_time_zones=TIME_ZONES))
    pushed: Pushed = {}
    for batch in batches(interleaved(log, generator), generator, 8):
        fold_batch(partition, batch)
        partition.commit()
        if generator.random() < 0.7:
            _push(partition.changed_views(), pushed)
    _push(partition.changed_views(), pushed)
    everything: Pushed = {}
    _push(list(partition.all_views()), everything)
    assert _settled(pushed) == _settled(everything), replay_hint(seed)
