"""Sets of users per series and day or hour: written as small deltas, merged now and then.

A set is the rows of one key prefix, in the order of the batches that wrote them: what each batch
took out, then what it put in. A batch thus writes only what it changed, and a reader unites rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from struct import unpack_from

from pyroaring import BitMap

from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

MERGE_AFTER = 64
COUNTED_LIMIT = 200_000


class UserSetWriter:
    """Turns what a batch did to user sets into rows, and merges sets that have many."""

    def __init__(self, store: StoreReader) -> None:
        self._store = store
        self._deltas: dict[tuple[int, int, int], int] = {}

    def rows(
        self, series: int, grain: int, bucket: int, persons: list[int], batch: int
    ) -> Iterator[tuple[bytes, bytes | None]]:
        """Rows to write (value None: to delete) for the changes of one set, in the order they came.

        A person number puts in, its complement takes out.
        """
        put_in, taken_out = split(persons)
        key = (series, grain, bucket)
        count = self._deltas.get(key, 0) + 1
        if count >= MERGE_AFTER:
            count = 0
            merged = BitMap()
            for row, users in self._scan(series, grain, bucket):
                _apply(merged, row, users)
                yield row, None
            put_in, taken_out = (merged - taken_out) | put_in, BitMap()
        elif len(self._deltas) >= COUNTED_LIMIT:
            self._deltas.clear()
        self._deltas[key] = count
        if taken_out:
            yield (
                keys.set_key(keys.USER_SET, series, grain, bucket, batch, keys.TAKEN_OUT),
                taken_out.serialize(),
            )
        if put_in:
            yield keys.set_key(keys.USER_SET, series, grain, bucket, batch, keys.PUT_IN), put_in.serialize()

    def _scan(self, series: int, grain: int, bucket: int) -> Iterator[tuple[bytes, bytes]]:
        start = keys.cell_key(keys.USER_SET, series, grain, bucket)
        return self._store.scan(start, keys.after(start))


def read_users(
    store: StoreReader,
    series: int,
    grain: int,
    buckets: tuple[int, int],
    recent: Mapping[int, Iterable[int]] | None = None,
) -> BitMap:
    """Users of a series in any of the buckets [first, end) of a grain.

    `recent` gives by bucket the changes that came after the rows.
    """
    start = keys.cell_key(keys.USER_SET, series, grain, buckets[0])
    end = keys.cell_key(keys.USER_SET, series, grain, buckets[1])
    union = BitMap()
    for _, users in users_by_bucket(store.scan(start, end), recent or {}):
        union |= users
    return union


def users_by_bucket(
    rows: Iterable[tuple[bytes, bytes]], recent: Mapping[int, Iterable[int]]
) -> Iterator[tuple[int, BitMap]]:
    """Buckets of a series with their users, from the rows of its sets in order.

    `recent` gives by bucket the changes that came after the rows.
    """
    waiting = dict(recent)
    current, bucket = BitMap(), -1
    for row, users in rows:
        (found,) = unpack_from(">I", row, 6)
        if found != bucket:
            if bucket >= 0:
                yield bucket, _changed(current, waiting.pop(bucket, ()))
            current, bucket = BitMap(), found
        _apply(current, row, users)
    if bucket >= 0:
        yield bucket, _changed(current, waiting.pop(bucket, ()))
    for left, persons in waiting.items():
        yield left, split(persons)[0]


def _changed(users: BitMap, persons: Iterable[int]) -> BitMap:
    put_in, taken_out = split(persons)
    return (users - taken_out) | put_in


def split(persons: Iterable[int]) -> tuple[BitMap, BitMap]:
    """What a list of changes comes to: (put in, taken out); the last word on a person holds."""
    persons = list(persons)
    if min(persons, default=0) >= 0:
        return BitMap(persons), BitMap()
    last: dict[int, bool] = {}
    for person in persons:
        last[person if person >= 0 else ~person] = person >= 0
    return (
        BitMap([person for person, inside in last.items() if inside]),
        BitMap([person for person, inside in last.items() if not inside]),
    )


def _apply(users: BitMap, row: bytes, value: bytes) -> None:
    if row[-1] == keys.PUT_IN:
        users |= BitMap.deserialize(value)
    else:
        users -= BitMap.deserialize(value)
