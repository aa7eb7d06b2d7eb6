"""A plain Faust agent that counts the corpus's events by user into a table on RocksDB.

`python -m benchmarks.faust_table CONTEXT COUNT` is the agent's own process; it prints a line of JSON.
"""

import json
import os
import subprocess
import sys
import time
from typing import Final

import faust
import msgspec
from faust.app.base import BootStrategy

from benchmarks.context import PARTITIONS, Context, Figures
from wayfold.agents.kafka.topics import event_topics

EVENTS: Final = 60_000
WARM_UP_SHARE: Final = 0.1
LONGEST_S: Final = 240


def measure(context: Context) -> Figures:
    """Run the agent in a process of its own until it has counted enough."""
    count = context.count(EVENTS, least=2_000)
    command = [
        sys.executable,
        "-m",
        "benchmarks.faust_table",
        msgspec.json.encode(context).decode(),
        str(count),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=LONGEST_S)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _main(context: Context, count: int) -> None:
    class ConsumerAndProducer(BootStrategy):
        enable_web = False

    class PlainApp(faust.App):
        BootStrategy = ConsumerAndProducer

    app = PlainApp(
        f"{context.prefix}-faust",
        broker=f"kafka://{context.bootstrap_servers}",
        store="rocksdb://",
        datadir=str(context.path / "faust"),
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
    )
    events = app.topic(*event_topics(context.prefix), key_type=bytes, value_type=bytes)
    counts = app.Table(
        "counts", key_type=bytes, default=int, partitions=PARTITIONS, options={"driver": "rocksdict"}
    )
    warm_up = int(count * WARM_UP_SHARE)
    began_s = began_cpu_s = 0.0

    @app.agent(events, name="counter")
    async def counter(stream: faust.StreamT[bytes]) -> None:
        nonlocal began_s, began_cpu_s
        seen = 0
        async for event in stream.events():
            counts[event.key] += 1
            seen += 1
            if seen == warm_up:
                began_s, began_cpu_s = time.perf_counter(), time.process_time()
            if seen == count:
                counted = count - warm_up
                figures = {
                    "events": count,
                    "events_per_s": round(counted / (time.perf_counter() - began_s)),
                    "cpu_us_per_event": round((time.process_time() - began_cpu_s) / counted * 1e6, 2),
                }
                print(json.dumps(figures), flush=True)
                os._exit(0)  # an orderly stop would wait for this very event to be done with

    worker = faust.Worker(app, loglevel="WARNING", redirect_stdouts=False)
    worker.execute_from_commandline()


if __name__ == "__main__":
    _main(msgspec.json.decode(sys.argv[1], type=Context), int(sys.argv[2]))
