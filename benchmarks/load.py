"""A steady stream of events, made by a process of its own.

`python -m benchmarks.load CONTEXT TARGET RATE SECONDS`: TARGET is the prefix of the topics, or the address of
an embedded host. It prints a line when it begins to send, and a line of JSON with the rate that it kept at
its end.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import aiohttp
import msgspec

from benchmarks.context import BenchError, Context
from benchmarks.traffic import Event, Traffic
from wayfold.agents.destinations.kafka import KafkaSink
from wayfold.agents.sink import Outgoing

EVENTS_PER_S: Final = 10_000
TICK_S: Final = 0.02
AT_ONCE: Final = 8
"""Sends that may be under way together; a server that is slower than that is not kept up with."""

Send = Callable[[Sequence[Event]], Awaitable[None]]


class Load:
    """A running stream of events."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def wait_until_sending(self) -> None:
        """Return when it sends."""
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise BenchError("the load could not be made")

    def check(self) -> None:
        """Raise BenchError when it has ended."""
        if self._process.poll() is not None:
            raise BenchError("the load ended too soon")

    def finish(self) -> float:
        """Wait for its end; give the rate that it kept, in events a second."""
        assert self._process.stdout is not None
        told = self._process.stdout.read()
        if self._process.wait() != 0:
            raise BenchError("the load failed")
        return float(json.loads(told)["events_per_s"])


@contextmanager
def running_load(context: Context, target: str, rate: int, seconds: float) -> Iterator[Load]:
    """Send events from another process until the block ends, or for so many seconds."""
    told = msgspec.json.encode(context).decode()
    command = [sys.executable, "-m", "benchmarks.load", told, target, str(rate), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield Load(process)
    finally:
        process.kill()
        process.wait()


async def _send_steadily(events: list[Event], rate: int, send: Send) -> float:
    """Send on time, whatever became of what was sent before; give the rate that was kept."""
    at_once = asyncio.Semaphore(AT_ONCE)
    step = max(1, int(rate * TICK_S))
    began_s = time.perf_counter()

    async def send_part(first: int) -> None:
        async with at_once:
            await send(events[first : first + step])

    async with asyncio.TaskGroup() as group:
        for first in range(0, len(events), step):
            await asyncio.sleep(max(0.0, began_s + first / rate - time.perf_counter()))
            group.create_task(send_part(first))
    return len(events) / (time.perf_counter() - began_s)


async def _to_kafka(context: Context, prefix: str, events: list[Event], rate: int) -> float:
    sink = await KafkaSink.open(context.kafka(prefix))

    async def send(part: Sequence[Event]) -> None:
        await sink.append([Outgoing(kind, key, value) for kind, key, value, _ in part])

    try:
        print("sending", flush=True)
        return await _send_steadily(events, rate, send)
    finally:
        await sink.close()


async def _to_http(url: str, events: list[Event], rate: int) -> float:
    headers = {"content-type": "application/x-ndjson"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def send(part: Sequence[Event]) -> None:
            body = b"\n".join(value for _, _, value, _ in part)
            async with session.post(f"{url}/v1/events", data=body) as answer:
                if answer.status != 202:
                    raise BenchError(f"the events were answered with {answer.status}: {await answer.text()}")

        print("sending", flush=True)
        return await _send_steadily(events, rate, send)


def _main(told: str, target: str, rate: int, seconds: float) -> None:
    context = msgspec.json.decode(told, type=Context)
    events = list(Traffic(3, int(rate * seconds)))
    is_address = target.startswith("http://")
    sending = _to_http(target, events, rate) if is_address else _to_kafka(context, target, events, rate)
    print(json.dumps({"events_per_s": asyncio.run(sending)}), flush=True)


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
