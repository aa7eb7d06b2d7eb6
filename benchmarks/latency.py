"""How long after it was made an event shows in Redis, while 10,000 events a second are folded.

Among the load go probes: events of journeys of their own, one journey for each partition. Redis is asked
again and again how many of them it shows, so the n-th probe of a place was there when its number reached n.
"""

import asyncio
import time
from collections import defaultdict
from typing import Any, Final

import redis.asyncio
import uvloop

from benchmarks.cluster import Process, running
from benchmarks.context import PARTITIONS, BenchError, Context, Figures, percentile
from benchmarks.corpus import publish
from benchmarks.load import EVENTS_PER_S, Load, running_load
from wayfold.agents.destinations.kafka import KafkaSink
from wayfold.agents.kafka.topics import ensure_topics
from wayfold.agents.sink import Outgoing, partition_of
from wayfold.exporters.redis_views.keys import JourneyName, Keys

PREFIX: Final = "latency"
PROBE_INTERVAL_S: Final = 0.05
POLL_INTERVAL_S: Final = 0.01
"""Probing is work too: every 20 ms, with looks every 4 ms, it took a fifth of a core itself."""
WARM_UP_S: Final = 15.0
SECONDS: Final = 40.0
LOAD_MARGIN_S: Final = 5.0
PATIENCE_S: Final = 10.0

Place = tuple[int, str]
"""(partition, topic kind)."""

SHOWN_AT: Final = {
    "entries": ("journey", "total_entries"),
    "steps": ("step:1:probe", "entered"),
    "messages": ("step:1:probe", "sent_events"),
}
"""By topic kind, the view and the field in which a probe shows."""


def measure(context: Context) -> Figures:
    """Measure with one worker process, all work on."""
    seconds = context.seconds(SECONDS)
    rate = EVENTS_PER_S if context.scale >= 1 else context.count(EVENTS_PER_S)
    ensure_topics(context.kafka(PREFIX))
    asyncio.run(publish(context, PREFIX, ()))
    with running(context, PREFIX, "worker") as worker:
        worker.wait_for(lambda: "partition_opened" in worker.tail(), "the partitions to be open")
        with running_load(context, PREFIX, rate, WARM_UP_S + seconds + LOAD_MARGIN_S) as load:
            load.wait_until_sending()
            time.sleep(context.seconds(WARM_UP_S))
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                latencies_ms = runner.run(_Probing(context).measure(seconds, worker, load))
            kept = load.finish()
    return {
        "load_events_per_s": round(kept),
        "probes": len(latencies_ms),
        "p50_ms": round(percentile(latencies_ms, 0.5), 1),
        "p90_ms": round(percentile(latencies_ms, 0.9), 1),
        "p99_ms": round(percentile(latencies_ms, 0.99), 1),
        "max_ms": round(max(latencies_ms), 1),
    }


class _Probing:
    """Sends probes and looks for them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._redis = redis.asyncio.Redis.from_url(context.redis_url)
        self._sent_s: dict[Place, list[float]] = defaultdict(list)
        self._shown: dict[Place, int] = defaultdict(int)
        self._latencies_ms: list[float] = []
        self._users = dict(_users())
        self._made = 0

    async def measure(self, seconds: float, worker: Process, load: Load) -> list[float]:
        """Probe for so long and give latencies in milliseconds; raises BenchError when some never show."""
        sink = await KafkaSink.open(self._context.kafka(PREFIX))
        looking = asyncio.create_task(self._look())
        try:
            until_s = time.perf_counter() + seconds
            next_s = time.perf_counter()
            while next_s < until_s:
                await asyncio.sleep(max(0.0, next_s - time.perf_counter()))
                await self._send(sink)
                next_s += PROBE_INTERVAL_S
            worker.check()
            load.check()
            deadline_s = time.perf_counter() + PATIENCE_S
            while self._missing() and time.perf_counter() < deadline_s:
                await asyncio.sleep(POLL_INTERVAL_S)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await sink.close()
            await self._redis.aclose()
        if self._missing():
            raise BenchError(f"{self._missing()} probes never showed in Redis")
        return self._latencies_ms

    async def _send(self, sink: KafkaSink) -> None:
        """Make a probe for every topic kind in one partition, and send each by itself."""
        self._made += 1
        number = self._made % PARTITIONS
        for kind in SHOWN_AT:
            record = _probe(kind, number, self._users[number], self._made)
            self._sent_s[number, kind].append(time.perf_counter())
            await sink.append([record])

    async def _look(self) -> None:
        keys = Keys(PREFIX)
        journeys = {number: keys.journey(JourneyName("default", f"probe-{number}")) for number in self._users}
        places = [(number, kind) for number in journeys for kind in SHOWN_AT]
        while True:
            pipeline: Any = self._redis.pipeline(transaction=False)
            for number, kind in places:
                view, field = SHOWN_AT[kind]
                pipeline.hget(journeys[number].view(view), field)
            answers = await pipeline.execute()
            now_s = time.perf_counter()
            for place, answer in zip(places, answers, strict=True):
                sent_s, shown = self._sent_s[place], int(answer or 0)
                self._latencies_ms += [(now_s - at_s) * 1e3 for at_s in sent_s[self._shown[place] : shown]]
                self._shown[place] = shown
            await asyncio.sleep(POLL_INTERVAL_S)

    def _missing(self) -> int:
        return sum(len(sent_s) - self._shown[place] for place, sent_s in self._sent_s.items())


def _users() -> list[tuple[int, str]]:
    """A user for each partition."""
    found: dict[int, str] = {}
    candidate = 0
    while len(found) < PARTITIONS:
        user = f"probe-user-{candidate}"
        found.setdefault(partition_of(user.encode(), PARTITIONS), user)
        candidate += 1
    return sorted(found.items())


def _probe(kind: str, number: int, user: str, made: int) -> Outgoing:
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    event = {
        "entries": '"type":"journey.entered"',
        "steps": '"type":"step.entered","step_id":"probe"',
        "messages": f'"type":"message.sent","step_id":"probe","message_id":"m{made}","channel":"sms"',
    }[kind]
    value = (
        f'{{{event},"event_id":"{kind}-{made}","occurred_at":"{at}","user_id":"{user}",'
        f'"journey_id":"probe-{number}","journey_version":1,"entry_id":"e{made}"}}'
    )
    return Outgoing(kind, user.encode(), value.encode())
