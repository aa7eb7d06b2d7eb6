"""A journey read over HTTP from `wayfold serve`, while a worker folds 10,000 events a second."""

import asyncio
import re
import socket
import time
from collections.abc import Callable
from typing import Final

from benchmarks.cluster import answers, running
from benchmarks.context import BenchError, Context, Figures, percentile
from benchmarks.corpus import publish
from benchmarks.load import EVENTS_PER_S, running_load
from local_services.process import HOST, free_port
from wayfold.agents.kafka.topics import ensure_topics

PREFIX: Final = "reading"
READS_PER_S: Final = 50
WARM_UP_S: Final = 5.0
SECONDS: Final = 40.0
LOAD_MARGIN_S: Final = 3.0
TIMEOUT_S: Final = 10.0
PATH: Final = "/v1/journeys/journey-1"
MOST_BYTES: Final = 65_536

_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")


def measure(context: Context) -> Figures:
    """Measure in a cluster of one worker and one server."""
    ensure_topics(context.kafka(PREFIX))
    asyncio.run(publish(context, PREFIX, ()))
    port = free_port()
    with (
        running(context, PREFIX, "worker") as worker,
        running(context, PREFIX, "serve", "--port", str(port)) as server,
    ):
        worker.wait_for(lambda: answers(f"http://{HOST}:{port}/readyz"), "the cluster to be ready")

        def check() -> None:
            worker.check()
            server.check()

        return read_under_load(context, PREFIX, port, check)


def read_under_load(context: Context, target: str, port: int, check: Callable[[], None]) -> Figures:
    """Read a journey while events come in; `check` raises when the host is no more."""
    seconds = context.seconds(SECONDS)
    warm_up_s = context.seconds(WARM_UP_S)
    rate = EVENTS_PER_S if context.scale >= 1 else context.count(EVENTS_PER_S)
    with running_load(context, target, rate, warm_up_s + seconds + LOAD_MARGIN_S) as load:
        load.wait_until_sending()
        time.sleep(warm_up_s)
        latencies_ms = _read(port, seconds)
        check()
        load.check()
        kept = load.finish()
    return {
        "load_events_per_s": round(kept),
        "reads": len(latencies_ms),
        "p50_ms": round(percentile(latencies_ms, 0.5), 2),
        "p90_ms": round(percentile(latencies_ms, 0.9), 2),
        "p99_ms": round(percentile(latencies_ms, 0.99), 2),
        "max_ms": round(max(latencies_ms), 2),
    }


def _read(port: int, seconds: float) -> list[float]:
    """Read on time over one connection; a read that is late because of the one before it counts as late."""
    latencies_ms = []
    with socket.create_connection((HOST, port), TIMEOUT_S) as connection:
        began_s = time.perf_counter()
        for number in range(int(seconds * READS_PER_S)):
            due_s = began_s + number / READS_PER_S
            wait_s = due_s - time.perf_counter()
            if wait_s > 0:
                time.sleep(wait_s)
                due_s = time.perf_counter()  # the clock of this process is not what is measured
            answer = _get(connection)
            latencies_ms.append((time.perf_counter() - due_s) * 1e3)
            if not answer.startswith(b"HTTP/1.1 200 ") or b'"total_entries"' not in answer:
                raise BenchError(f"{PATH} was answered with {answer[:300]!r}")
    return latencies_ms


def _get(connection: socket.socket) -> bytes:
    """Read the journey with as little work as can be: the server is what is measured, not an HTTP library."""
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())
    answer = b""
    end = -1
    while end < 0 or len(answer) < end:
        part = connection.recv(MOST_BYTES)
        if not part:
            raise BenchError(f"the connection was closed after {answer[:300]!r}")
        answer += part
        head, blank, _ = answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if blank and length is not None:
            end = len(head) + len(blank) + int(length[1])
    return answer
