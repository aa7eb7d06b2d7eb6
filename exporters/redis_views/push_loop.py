"""Pushes what the partitions of this process commit: one push in flight, all partitions together."""

import time
from collections.abc import Iterator, Mapping

import structlog

from wayfold.exporters.redis_views.calls import Call, CallBuilder, Said
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.exporters.redis_views.link import Evaluation, text
from wayfold.exporters.redis_views.loop import Loop
from wayfold.exporters.redis_views.member import NEVER_S, Member, Members
from wayfold.exporters.redis_views.scripts import PUSH
from wayfold.exporters.redis_views.shared import Shared

_log = structlog.get_logger(__name__)


class PushLoop(Loop):
    """Reads what changed, at intervals that the machine can bear, and sends it.

    It never holds the fold up: views are read between two batches, without waiting for anything. What is
    committed while a push is in flight, or Redis away, goes with a later one.
    """

    def __init__(self, shared: Shared, members: Members, builder: CallBuilder) -> None:
        super().__init__(shared)
        self._members = members
        self._builder = builder
        self._unanswered: list[Call] = []
        self._push_at_s = self._histograms_at_s = 0.0
        self._collect_s = 0.0

    def committed(self, member: Member) -> None:
        """Note new committed numbers; reads them at once when that is due, and returns."""
        member.dirty = True
        idle = not self.busy and time.monotonic() >= self._push_at_s
        if (member.wanted or idle) and not self.failures and not member.verify_all and member.may_read:
            self._collect(member)
        self.wake()

    def hurry(self) -> None:
        """Push what waits without waiting for more to push with it."""
        self._push_at_s = self._histograms_at_s = 0.0
        for member in self._members.owned():
            member.views.hurry()
        self.wake()

    def due_at_s(self) -> float:
        """When the next push is due."""
        members = self._members.owned()
        waiting = any(member.ledger.has_views for member in members)
        unread = any(member.has_unread and member.may_read for member in members)
        push_at_s = self._push_at_s if waiting or unread or self._unanswered else NEVER_S
        histograms = any(member.ledger.has_histograms for member in members)
        held_until_s = min((member.views.held_until_s for member in members), default=NEVER_S)
        return min(push_at_s, self._histograms_at_s if histograms else NEVER_S, held_until_s)

    async def turn(self) -> None:
        """Push what changed."""
        await self._send()
        for member in self._members.owned():
            if member.has_unread:
                if member.may_read:
                    self._collect(member)
                else:
                    member.wanted = True
        started_s = time.perf_counter()
        with_histograms = time.monotonic() >= self._histograms_at_s
        self._unanswered = list(self._calls(with_histograms=with_histograms))
        spent_s = time.perf_counter() - started_s + self._collect_s
        self._collect_s = 0.0
        await self._send()
        self._push_at_s = time.monotonic() + self.shared.pace.interval_s(spent_s)
        if with_histograms:
            self._histograms_at_s = time.monotonic() + self.shared.pace.histogram_interval_s(spent_s)

    def failed(self) -> None:
        """Compare everything with Redis again, because it is not known what was not pushed."""
        self._unanswered = []
        for member in self._members.owned():
            member.ledger.in_flight.clear()
            member.verify_all = True

    def _collect(self, member: Member) -> None:
        started_s = time.perf_counter()
        member.collect()
        self._collect_s += time.perf_counter() - started_s

    def _calls(self, *, with_histograms: bool) -> Iterator[Call]:
        said: dict[JourneyName, list[Said]] = {}
        for member in self._members.owned():
            ledger = member.ledger
            for name, views in ledger.take(with_histograms=with_histograms).items():
                one = Said(ledger.writer, member.stand, ledger.fences.get(name, ""), views)
                said.setdefault(name, []).append(one)
        for name, several in said.items():
            calls = self._builder.changed(self.shared.journey_keys(name), name, several)
            spoken = {part.writer.token for call in calls for part in call.parts}
            for one in several:
                if one.writer.token not in spoken and one.writer.partition in self._members:
                    self._members[one.writer.partition].ledger.in_flight.discard(name)
            yield from calls

    async def _send(self) -> None:
        """Send what has not been answered, again if need be: the script knows what it has taken already."""
        self._unanswered, refusal = await send(self.shared, self._members, self._unanswered)
        if refusal is not None:
            raise refusal


async def send(
    shared: Shared, members: Mapping[int, Member], calls: list[Call]
) -> tuple[list[Call], Exception | None]:
    """Send calls and take in the answers; gives the calls that Redis failed to run, and why it did.

    Measures each push, in full or of changes, and counts those that failed.
    """
    if not calls:
        return [], None
    try:
        with shared.telemetry.publish_seconds.timed():
            answers = await shared.link.evaluate(
                [Evaluation(PUSH, call.keys, call.arguments) for call in calls]
            )
    except BaseException:
        shared.telemetry.publish_failures += 1
        raise
    failed, refusal = [], None
    for call, answer in zip(calls, answers, strict=True):
        if isinstance(answer, Exception):
            failed.append(call)
            refusal = answer
            continue
        for index, part in enumerate(call.parts):
            member = members.get(part.writer.partition)
            if member is not None and member.ledger.writer is part.writer:
                verdict, there = text(answer[2 * index]), text(answer[2 * index + 1])
                member.ledger.answered(call.name, part, verdict, there)
    shared.telemetry.publish_failures += refusal is not None
    return failed, refusal
