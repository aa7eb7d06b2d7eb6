"""What the store of partitions costs: `python -m benchmarks.store [RECORDS …]`.

For each number of records (100,000 and 2,000,000 when none is given) a process of its own fills four stores
with records of 500 bytes in random order, as histories come, and prints microseconds per operation, the
memory of the process and the size on disk. Random reads come from the system's page cache once that is
warm; "cold" ones come from the disk itself.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wayfold.state.store.store import Store, StoreMemory

PARTITIONS = 4
RECORD_BYTES = 500
BATCH_RECORDS = 5_000
SAMPLE_RECORDS = 40_000
ROUNDS = 60
COLD_RECORDS = 2_000
MIB = 1024 * 1024

Figures = dict[str, tuple[float, float]]
"""By name, the time on the clock and the processor time of this thread; or a figure twice."""


def key_of(record: int) -> bytes:
    """Name a record as histories are named: a letter, a number, a user."""
    return b"h\x00\x00\x00\x07user-%016x" % (record * 0x9E3779B97F4A7C15 % (1 << 64))


def seeded(seed: int) -> random.Random:
    """Make a source of chance that gives the same every time."""
    return random.Random(seed)


class Values:
    """Values of which half can be compressed, as in histories."""

    def __init__(self) -> None:
        source = seeded(7)
        words = b"welcome-mail email none variant-a " * 10
        self._pool = [source.randbytes(RECORD_BYTES // 2) + words[: RECORD_BYTES // 2] for _ in range(1_009)]

    def of(self, record: int) -> bytes:
        """Make the value of a record."""
        return b"%08d" % record + self._pool[record % 1_009][8:]


@contextmanager
def timed(figures: Figures, name: str, operations: int) -> Iterator[None]:
    """Add the microseconds that one of `operations` takes."""
    begin = time.perf_counter(), time.thread_time()
    yield
    so_far = figures.get(name, (0.0, 0.0))
    clock = so_far[0] + (time.perf_counter() - begin[0]) * 1e6 / operations
    figures[name] = clock, so_far[1] + (time.thread_time() - begin[1]) * 1e6 / operations


def open_stores(directory: Path, memory: StoreMemory) -> list[Store]:
    """Open the stores of all partitions."""
    return [Store.open(directory / f"p{number}", memory, partition=number) for number in range(PARTITIONS)]


def fill(stores: list[Store], records: int, figures: Figures) -> None:
    """Write every record once, in random order; record r goes to partition r modulo their number."""
    values, source = Values(), seeded(1)
    for number, store in enumerate(stores):
        order = list(range(number, records, PARTITIONS))
        source.shuffle(order)
        for begin in range(0, len(order), BATCH_RECORDS):
            pairs = [(key_of(record), values.of(record)) for record in order[begin : begin + BATCH_RECORDS]]
            with timed(figures, "fill", records):
                store.write(pairs)


def fold_like(stores: list[Store], records: int, figures: Figures) -> None:
    """Read random records and write them back in batches, as the fold does when no history is in memory."""
    values, source = Values(), seeded(2)
    size = min(BATCH_RECORDS, records // PARTITIONS)
    for turn in range(ROUNDS):
        number = turn % PARTITIONS
        chosen = [number + PARTITIONS * source.randrange(records // PARTITIONS) for _ in range(size)]
        keys = [key_of(record) for record in chosen]
        pairs = [(key_of(record), values.of(record)) for record in chosen]
        with timed(figures, "get_many, busy", ROUNDS * size):
            stores[number].get_many(keys)
        with timed(figures, "put", ROUNDS * size):
            stores[number].write(pairs)


def read(store: Store, keys: list[bytes]) -> None:
    """Read keys one by one."""
    get = store.get
    for key in keys:
        get(key)


def reads(stores: list[Store], records: int, figures: Figures) -> None:
    """Read records that are there, and ones that are not."""
    source = seeded(3)
    chosen = [PARTITIONS * source.randrange(records // PARTITIONS) for _ in range(SAMPLE_RECORDS)]
    hits, misses = [key_of(record) for record in chosen], [key_of(-record - 1) for record in chosen]
    ways: dict[str, Callable[[list[bytes]], object]] = {
        "get": lambda keys: read(stores[0], keys),
        "get, sorted keys": lambda keys: read(stores[0], sorted(keys)),
        "get_many": stores[0].get_many,
    }
    stores[0].get_many(hits)
    for name, way in ways.items():
        for kind, keys in (("hit", hits), ("miss", misses)):
            with timed(figures, f"{name}, {kind}", SAMPLE_RECORDS):
                way(keys)
    with timed(figures, "scan", records // PARTITIONS):
        for _ in stores[0].scan(b"h", b"i"):
            pass


def cold_reads(directory: Path, records: int, figures: Figures) -> None:
    """Reopen a store whose files are not in the page cache and read records from the disk."""
    for file in directory.rglob("*.sst"):
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    source = seeded(4)
    keys = [key_of(PARTITIONS * source.randrange(records // PARTITIONS)) for _ in range(COLD_RECORDS)]
    with timed(figures, "open, ms", 1_000):
        store = Store.open(directory / "p0", StoreMemory(), partition=0)
    with timed(figures, "get, cold", COLD_RECORDS):
        read(store, keys)
    with timed(figures, "checkpoint, ms", 1_000):
        store.checkpoint(directory / "checkpoint")
    store.close()


def process_mib(name: str) -> float:
    """Read a memory figure of this process from the system, in MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":"))


def measure(records: int) -> Figures:
    """Measure with one number of records, in this process."""
    figures: Figures = {}
    before_mib = process_mib("VmRSS")
    with tempfile.TemporaryDirectory(prefix="wayfold-bench-") as name:
        directory, memory = Path(name), StoreMemory()
        stores = open_stores(directory, memory)
        fill(stores, records, figures)
        fold_like(stores, records, figures)
        reads(stores, records, figures)
        figures["memory of the stores, MiB"] = (process_mib("VmRSS") - before_mib,) * 2
        figures["peak memory of the process, MiB"] = (process_mib("VmHWM"),) * 2
        figures["memory counted by the stores, MiB"] = (memory.used_bytes() / MIB,) * 2
        for store in stores:
            store.close()
        figures["on disk, MiB"] = (sum(file.stat().st_size for file in directory.rglob("*.sst")) / MIB,) * 2
        cold_reads(directory, records, figures)
    return figures


def main(arguments: list[str]) -> None:
    """Print a table: figures down, numbers of records across."""
    if arguments[:1] == ["--measure"]:
        print(json.dumps(measure(int(arguments[1]))))
        return
    counts = [int(argument.replace(",", "")) for argument in arguments] or [100_000, 2_000_000]
    columns: list[Figures] = []
    for count in counts:
        command = [sys.executable, "-m", "benchmarks.store", "--measure", str(count)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        columns.append(json.loads(output))
    print(f"{'µs (clock / processor), or as named':36}" + "".join(f"{count:>20,}" for count in counts))
    for name in columns[0]:
        print(f"{name:36}" + "".join(f"{_shown(*column[name]):>20}" for column in columns))


def _shown(clock: float, processor: float) -> str:
    return f"{clock:.2f}" if clock == processor else f"{clock:.2f} / {processor:.2f}"


if __name__ == "__main__":
    main(sys.argv[1:])
