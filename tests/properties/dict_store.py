"""A store in a dict: what a partition needs of one, with copies to roll back to."""

from collections.abc import Iterable, Iterator, Sequence


class DictStore:
    """Sorted rows of bytes in memory; every write is whole."""

    def __init__(self, rows: dict[bytes, bytes] | None = None) -> None:
        self.rows = {} if rows is None else rows

    def get(self, key: bytes) -> bytes | None:
        """Value of a key."""
        return self.rows.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Values of several keys."""
        return [self.rows.get(key) for key in keys]

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start ≤ key < end, as of now, in order."""
        return iter([(key, self.rows[key]) for key in sorted(self.rows) if start <= key < end])

    def write(
        self,
        puts: Iterable[tuple[bytes, bytes]],
        deletes: Iterable[bytes] = (),
        ranges: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Write all of it."""
        for start, end in ranges:
            for key in [key for key in self.rows if start <= key < end]:
                del self.rows[key]
        for key in deletes:
            self.rows.pop(key, None)
        self.rows.update(puts)

    def copy(self) -> "DictStore":
        """The rows as they are now, on their own."""
        return DictStore(dict(self.rows))

    def close(self) -> None:
        """Nothing to let go of."""
