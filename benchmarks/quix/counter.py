"""Keeps one counter per user with Quix Streams: `counter.py BROKER FOLDER COUNT TOPIC…`.

Runs in an environment of its own, which has Quix Streams and nothing of Wayfold. Records are taken as bytes
and not decoded; everything else is as Quix Streams has it by default. Prints a line of JSON.
"""

import json
import sys
import time

from quixstreams import Application
from quixstreams.state import State

WARM_UP_SHARE = 0.1


def main(broker: str, folder: str, count: int, topics: list[str]) -> None:
    """Count until `count` records were seen, over all topics."""
    application = Application(
        broker_address=broker,
        consumer_group=f"{topics[0]}-quix",
        auto_offset_reset="earliest",
        state_dir=folder,
        loglevel="WARNING",
    )
    seen = 0
    began_s = began_cpu_s = 0.0
    warm_up = int(count * WARM_UP_SHARE)

    def add(_: bytes, state: State) -> None:
        nonlocal seen, began_s, began_cpu_s
        state.set("count", state.get("count", 0) + 1)
        seen += 1
        if seen == warm_up:
            began_s, began_cpu_s = time.perf_counter(), time.process_time()
        elif seen == count:
            counted = count - warm_up
            figures = {
                "events": count,
                "events_per_s": round(counted / (time.perf_counter() - began_s)),
                "cpu_us_per_event": round((time.process_time() - began_cpu_s) / counted * 1e6, 2),
            }
            print(json.dumps(figures), flush=True)
            application.stop()

    for name in topics:
        topic = application.topic(name, key_deserializer="bytes", value_deserializer="bytes")
        application.dataframe(topic).update(add, stateful=True)
    application.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
