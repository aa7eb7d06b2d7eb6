"""The journal: small batches leave the cells alone, and are settled when there is enough."""

from typing import Any

import pytest

from tests.state.draining import drained
from tests.state.settling import settle
from tests.state.test_partition import entered, exited, fold, opened
from wayfold.state.cells.changes import Changes
from wayfold.state.cells.recent import decode_journal_row, journal_row
from wayfold.state.cells.totals import totals_of
from wayfold.state.names.plans import HOUR_BITS
from wayfold.state.partition import Partition
from wayfold.state.reading.query import Query
from wayfold.state.store import keys
from wayfold.state.store.memory_store import MemoryStore

QUERIES = (
    Query(),
    Query(start="2026-11-01", end="2026-11-03"),
    Query(start="2026-11-01T10:00", end="2026-11-01T12:00"),
)


def rows_of(store: MemoryStore, kind: bytes) -> int:
    return len(list(store.scan(kind, keys.after(kind))))


def copy_of(store: MemoryStore) -> MemoryStore:
    return MemoryStore(0, dict(store.pairs))


def answers(partition: Partition) -> list[Any]:
    """Numbers over all time, days and hours, and a list."""
    numbers = [partition.partial(query)["journeys"] for query in QUERIES]
    return [*numbers, drained(partition.users(Query(journey_id="welcome"), "exited_users"))]


def test_small_batches_are_journaled_and_then_settled() -> None:
    """What is asked in between, after a restart, and after the settling has the same answer."""
    store = MemoryStore()
    partition = opened(store, journal_records=4)
    fold(partition, "entries", entered("e1"), entered("e2", user="bob"))
    fold(partition, "entries", exited("01T11:00:00"))
    assert (rows_of(store, keys.JOURNAL), rows_of(store, keys.CELL), rows_of(store, keys.TOTAL)) == (2, 0, 0)
    given = answers(partition)
    assert given[3] == ["ann"]
    assert given[0][0]["views"]["journey"]["exited_entries"] == 1
    assert answers(opened(copy_of(store))) == given
    settled = copy_of(store)
    settle(settled, 0)
    assert rows_of(settled, keys.CELL) > 0
    assert answers(opened(settled)) == given
    fold(partition, "entries", entered("e1"))
    assert rows_of(store, keys.JOURNAL) == 0
    assert answers(partition) == given
    assert answers(opened(copy_of(store))) == given


def test_a_large_batch_is_never_in_the_journal() -> None:
    """A batch that is enough by itself goes to the cells at once."""
    store = MemoryStore()
    fold(opened(store, journal_records=2), "entries", entered("e1"), entered("e2", user="bob"))
    assert rows_of(store, keys.JOURNAL) == 0
    assert rows_of(store, keys.CELL) > 0


@pytest.mark.parametrize("amount", [1, -5, 10**25, -(10**25)])
def test_a_row_holds_any_amount_of_money(amount: int) -> None:
    """Sums beyond 64 bits come back as they were, with everything else that the batch did."""
    fact = 3 << HOUR_BITS | 480_000
    changes = Changes({}, lambda fact: fact)
    changes.tallies[fact] = [amount, 2, [4, ~5]]
    changes.days[fact] = {5: False}
    changes.dwells[fact] = {7: -1}
    changes.new_users.append(3)
    row = decode_journal_row(journal_row(9, changes, totals_of(changes)))
    restored = Changes({}, lambda fact: fact)
    assert row.restore(restored) == totals_of(changes)
    assert row.records == 9
    assert restored.tallies == changes.tallies
    assert restored.days == changes.days
    assert restored.dwells == changes.dwells
