"""Other threads read while one writes; a disk that fails stops the writing and loses nothing."""

import subprocess
import sys
import threading
from pathlib import Path

from wayfold.state.store.errors import StoreFailedError, StoreProblem
from wayfold.state.store.store import Store, StoreMemory

LIMITED_WRITER = """
import resource, sys
from pathlib import Path
from wayfold.state.store.store import Store, StoreMemory
from wayfold.state.store.errors import StoreFailedError

store = Store.open(Path(sys.argv[1]), StoreMemory(), partition=0)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
number = failures = 0
while failures < 2:
    try:
        store.write([(b"%05d-%02d" % (number, pair), bytes(1_000)) for pair in range(10)])
        number += 1
    except StoreFailedError as error:
        failures, last = failures + 1, error
print(number, last.problem, last, flush=True)
"""


def test_a_write_that_does_not_fit_the_disk_fails_and_is_not_there(scratch: Path) -> None:
    """When a file cannot grow, this batch and later ones fail as the disk's trouble; earlier ones stay."""
    command = [sys.executable, "-c", LIMITED_WRITER, str(scratch / "p0")]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    number, problem, message = output.split(" ", 2)
    assert problem == StoreProblem.DISK
    assert "Check the disk" in message
    with Store.open(scratch / "p0", StoreMemory(), partition=0) as store:
        found = [key for key, _ in store.scan(b"", b"\xff")]
    assert found == [b"%05d-%02d" % (batch, pair) for batch in range(int(number)) for pair in range(10)]
    assert int(number) > 50


def test_readers_on_other_threads_see_whole_values_until_the_store_closes(scratch: Path) -> None:
    """Reads of many keys and scans run beside writes; closing waits for them, and they then say so."""
    store = Store.open(scratch / "p0", StoreMemory(), partition=0)
    keys = [b"%04d" % number for number in range(2_000)]
    store.write([(key, b"0" * 100) for key in keys])
    wrong: list[object] = []
    ended: list[StoreProblem] = []
    reading = threading.Barrier(3)

    def read(by_scan: bool) -> None:
        reading.wait(30)
        try:
            while True:
                values = [value for _, value in store.scan(b"", b"\xff")] if by_scan else store.get_many(keys)
                wrong.extend(value for value in values if value is None or value != value[:1] * 100)
        except StoreFailedError as error:
            ended.append(error.problem)

    threads = [threading.Thread(target=read, args=(by_scan,)) for by_scan in (False, True)]
    for thread in threads:
        thread.start()
    reading.wait(30)
    for number in range(1, 40):
        store.write([(key, b"%d" % (number % 10) * 100) for key in keys])
    store.close()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    assert ended == [StoreProblem.CLOSED] * 2
    Store.open(scratch / "p0", StoreMemory(), partition=0).close()
