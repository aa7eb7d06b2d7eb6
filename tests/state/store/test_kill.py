"""A process that is killed while it writes loses nothing that it answered for, and tears nothing."""

import contextlib
import os
import random
import select
import subprocess
import sys
import time
from pathlib import Path

from wayfold.state.store.store import Store, StoreMemory

WRITER = """
import os, sys
from pathlib import Path
from wayfold.state.store.store import Store, StoreMemory

memory = StoreMemory(16 * 1024 * 1024)
os.write(1, b"0\\n")
store = Store.open(Path(sys.argv[1]), memory, partition=0)
number = int(store.get(b"latest") or 0)
while True:
    number += 1
    pairs = [(b"%d-%02d" % (number % 500, pair), b"%d " % number * 60) for pair in range(40)]
    store.write([*pairs, (b"latest", b"%d" % number)], deletes=[b"gone-%d" % (number - 1)])
    os.write(1, b"%d\\n" % number)
"""


def answered_until_killed(path: Path, random_source: random.Random) -> int:
    """Run a writer, kill it at a random moment, and tell the last batch that it had answered for."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        output = process.stdout.fileno()
        text = os.read(output, 2)
        deadline = time.monotonic() + random_source.choice([0.02, 0.2, 0.5]) * random_source.random()
        while (left := deadline - time.monotonic()) > 0:
            if select.select([output], [], [], left)[0]:
                text = text[-100:] + os.read(output, 65_536)
        process.kill()
        with contextlib.suppress(BlockingIOError):
            while more := os.read(output, 65_536):
                text = text[-100:] + more
    return int(text.split(b"\n")[-2])


def test_what_was_answered_for_outlives_kills(scratch: Path) -> None:
    """After each of many kills, the store holds every batch up to the last answered for, or a later one."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    random_source = random.Random(seed)
    memory = StoreMemory(16 * 1024 * 1024)
    latest, moved = 0, 0
    for _ in range(12):
        answered = answered_until_killed(scratch / "p0", random_source)
        with Store.open(scratch / "p0", memory, partition=0) as store:
            found = int(store.get(b"latest") or 0)
            assert found >= max(answered, latest)
            for number in range(max(1, found - 499), found + 1):
                keys = [b"%d-%02d" % (number % 500, pair) for pair in range(40)]
                assert store.get_many(keys) == [b"%d " % number * 60] * 40
        moved += found > latest
        latest = found
    assert moved > 0
    assert [entry.name for entry in scratch.iterdir()] == ["p0"]
