"""Places for snapshots that tests can look into and make fail."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from wayfold.state.snapshots.objects import ObjectMissingError, ObjectStorageError


class ObjectsInMemory:
    """Objects in a dictionary. `before` is called with the name of each call and of its object."""

    url = "memory"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda call, name: None
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes) -> None:
        """Write an object."""
        self._note("put", name)
        self.objects[name] = data

    def put_file(self, name: str, file: Path) -> None:
        """Write an object with the content of a file."""
        self._note("put_file", name)
        self.objects[name] = file.read_bytes()

    def get(self, name: str) -> bytes:
        """Read an object."""
        self._note("get", name)
        try:
            return self.objects[name]
        except KeyError:
            raise ObjectMissingError(name) from None

    def get_file(self, name: str, file: Path) -> None:
        """Write the content of an object to a new file."""
        self._note("get_file", name)
        if name not in self.objects:
            raise ObjectMissingError(name)
        file.write_bytes(self.objects[name])

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """List names and sizes."""
        self._note("sizes", prefix)
        with self._lock:
            found = sorted(
                (name, len(data)) for name, data in self.objects.items() if name.startswith(prefix)
            )
        yield from found

    def delete(self, name: str) -> None:
        """Remove an object."""
        self._note("delete", name)
        self.objects.pop(name, None)

    def fail_from(self, count: int, *, times: int = 1_000_000) -> None:
        """Let `count` calls through from now on and fail the next `times`."""
        begin = len(self.calls)

        def fail(call: str, name: str) -> None:
            if begin + count < len(self.calls) <= begin + count + times:
                raise ObjectStorageError(f"cannot {call} {name}")

        self.before = fail

    def of_kind(self, kind: str) -> list[str]:
        """List the names of the files, snapshots or the pointer."""
        return sorted(name for name in self.objects if f"/{kind}" in name)

    def _note(self, call: str, name: str) -> None:
        self.calls.append((call, name))
        self.before(call, name)
