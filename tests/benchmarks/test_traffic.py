"""The events that benchmarks measure with."""

from collections import Counter
from itertools import pairwise

from benchmarks.context import PARTITIONS
from benchmarks.traffic import Traffic, definition_records

from wayfold.agents.sink import partition_of
from wayfold.models.decode import event_decoder
from wayfold.models.events import UserEvent
from wayfold.models.refusal import Refusal

COUNT = 5_000


def test_traffic_is_the_same_every_time() -> None:
    """A seed gives the same bytes in every run, so that results can be compared."""
    assert list(Traffic(1, COUNT)) == list(Traffic(1, COUNT))


def test_traffic_is_made_of_events_that_are_accepted() -> None:
    """Every event and definition decodes, has the id of its user as its key, and has an id of its own."""
    ids = set()
    for kind, key, value, _ in Traffic(1, COUNT):
        event = event_decoder(kind)(value, ())
        assert isinstance(event, UserEvent)
        assert event.user_id.encode() == key
        ids.add(event.event_id)
    assert len(ids) == COUNT
    for record in definition_records():
        assert not isinstance(event_decoder("definitions")(record.value, ()), Refusal)


def test_traffic_looks_like_live_traffic() -> None:
    """Events have about 270 bytes, are of all kinds and partitions, and neighbours of different users."""
    events = list(Traffic(1, COUNT))
    assert 250 < sum(len(value) for _, _, value, _ in events) / COUNT < 290
    kinds = Counter(kind for kind, _, _, _ in events)
    assert kinds["messages"] > kinds["steps"] > kinds["entries"] > kinds["conversions"] > 0
    assert {partition_of(key, PARTITIONS) for _, key, _, _ in events} == set(range(PARTITIONS))
    assert sum(one[1] == other[1] for one, other in pairwise(events)) < COUNT / 20
