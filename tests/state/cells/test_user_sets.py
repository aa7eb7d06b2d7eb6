"""User sets: written as deltas, merged now and then, read as if they were one set."""

from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from wayfold.state.cells.user_sets import MERGE_AFTER, UserSetWriter, read_users
from wayfold.state.store import keys
from wayfold.state.store.memory_store import MemoryStore

SERIES, DAY = 7, 20_000
CHANGES = st.lists(st.lists(st.integers(min_value=-20, max_value=19), min_size=1, max_size=6), max_size=150)


def rows_in(store: MemoryStore) -> int:
    return len(list(store.scan(keys.USER_SET, keys.after(keys.USER_SET))))


def write(store: MemoryStore, writer: UserSetWriter, batch: int, persons: list[int], day: int = DAY) -> None:
    rows = dict(writer.rows(SERIES, keys.DAY_GRAIN, day, persons, batch))
    puts = [(key, value) for key, value in rows.items() if value is not None]
    store.write(puts, [key for key, value in rows.items() if value is None])


@given(CHANGES, st.integers(min_value=0, max_value=3))
def test_a_set_is_what_its_changes_make_it(batches: list[list[int]], recent_count: int) -> None:
    """Users put in and taken out in any batches, merged or not yet written, leave what a plain set holds."""
    store, wanted = MemoryStore(), set[int]()
    writer = UserSetWriter(store)
    written = max(0, len(batches) - recent_count)
    recent = {DAY: [person for persons in batches[written:] for person in persons]}
    for batch, persons in enumerate(batches, start=1):
        if batch <= written:
            write(store, writer, batch, persons)
        for person in persons:
            if person >= 0:
                wanted.add(person)
            else:
                wanted.discard(~person)
    assert set(read_users(store, SERIES, keys.DAY_GRAIN, (DAY, DAY + 1), recent)) == wanted
    assert rows_in(store) <= 2 * MERGE_AFTER


def test_a_set_of_many_batches_is_merged() -> None:
    """The batch that makes it many leaves one row with everybody."""
    store = MemoryStore()
    writer = UserSetWriter(store)
    for batch in range(1, MERGE_AFTER + 1):
        write(store, writer, batch, [batch])
    assert rows_in(store) == 1
    assert read_users(store, SERIES, keys.DAY_GRAIN, (DAY, DAY + 1)) == BitMap(range(1, MERGE_AFTER + 1))


def test_a_range_unites_its_days_and_only_those() -> None:
    """Somebody taken out of one day still counts in another of the range; days outside do not."""
    store = MemoryStore()
    writer = UserSetWriter(store)
    for batch, (day, persons) in enumerate(
        [(DAY, [1, 2]), (DAY + 1, [2, 3]), (DAY + 2, [4]), (DAY, [~2])], 1
    ):
        write(store, writer, batch, persons, day)
    assert list(read_users(store, SERIES, keys.DAY_GRAIN, (DAY, DAY + 1))) == [1]
    assert list(read_users(store, SERIES, keys.DAY_GRAIN, (DAY, DAY + 2))) == [1, 2, 3]
    recent = {DAY + 1: [~3, 5], DAY - 1: [6]}
    assert list(read_users(store, SERIES, keys.DAY_GRAIN, (DAY - 1, DAY + 2), recent)) == [1, 2, 5, 6]
