"""Pushes what the partitions of this process commit: one push in flight, all partitions together."""

import time
from collections.abc import Iterator, Mapping

from wayfold.exporters.redis_views.calls import Push, PushBuilder, Said
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.exporters.redis_views.ledger import STAGED
from wayfold.exporters.redis_views.link import is_refusal, text
from wayfold.exporters.redis_views.loop import Loop
from wayfold.exporters.redis_views.member import NEVER_S, Member, Members
from wayfold.exporters.redis_views.shared import Shared


class PushLoop(Loop):
    """Reads what changed, at intervals that the machine can bear, and sends it.

    It never holds the fold up, nor is it held up: views are read without waiting for anything, also amid a
    batch, as of the last commit. What is committed while a push is in flight, or Redis away, goes with a
    later one.
    """

    def __init__(self, shared: Shared, members: Members, builder: PushBuilder) -> None:
        super().__init__(shared)
        self._members = members
        self._builder = builder
        self._unanswered: list[Push] = []
        self._push_at_s = self._histograms_at_s = 0.0
        self._collect_s = 0.0

    def committed(self, member: Member) -> None:
        """Note new committed numbers; reads them at once when that is due, and returns."""
        member.dirty = True
        idle = not self.busy and time.monotonic() >= self._push_at_s
        if idle and not self.failures and not member.verify_all:
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
        waiting = any(member.ledger.has_views or member.has_unread for member in members)
        push_at_s = self._push_at_s if waiting or self._unanswered else NEVER_S
        histograms = any(member.ledger.has_histograms for member in members)
        held_until_s = min((member.views.held_until_s for member in members), default=NEVER_S)
        return min(push_at_s, self._histograms_at_s if histograms else NEVER_S, held_until_s)

    async def turn(self) -> None:
        """Push what changed."""
        await self._send()
        for member in self._members.owned():
            if member.has_unread:
                self._collect(member)
        started_s = time.perf_counter()
        with_histograms = time.monotonic() >= self._histograms_at_s
        self._unanswered = list(self._pushes(with_histograms=with_histograms))
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
        self.shared.revisions.changed([member.number])  # slices and lists may have changed where no view has
        self._collect_s += time.perf_counter() - started_s

    def _pushes(self, *, with_histograms: bool) -> Iterator[Push]:
        said: dict[JourneyName, list[Said]] = {}
        for member in self._members.owned():
            ledger = member.ledger
            for name, views in ledger.take(with_histograms=with_histograms).items():
                watermark, previous = member.marks.get(name.account_id, ""), ledger.fences.get(name, "")
                one = Said(ledger.writer, member.stand, watermark, previous, views)
                said.setdefault(name, []).append(one)
        for name, several in said.items():
            push = self._builder.changed(self.shared.journey_keys(name), name, several)
            spoken = {part.writer.token for part in push.parts} if push is not None else set()
            for one in several:
                if one.writer.token not in spoken and one.writer.partition in self._members:
                    self._members[one.writer.partition].ledger.in_flight.discard(name)
            if push is not None:
                yield push

    async def _send(self) -> None:
        """Send what has not been answered, again if need be: the script knows what it has taken already."""
        self._unanswered, away = await send(self.shared, self._members, self._unanswered)
        if away is not None:
            raise away


async def send(
    shared: Shared, members: Mapping[int, Member], pushes: list[Push]
) -> tuple[list[Push], Exception | None]:
    """Send pushes and take in the answers; gives those that Redis could not be asked to take, and why.

    A push that Redis refuses, because of one of its keys or for want of memory, holds no other up: it is
    reported, and the journey is pushed in full some time later. Measures each sending, and counts failures.
    """
    if not pushes:
        return [], None
    try:
        with shared.telemetry.publish_seconds.timed():
            answers = iter(await shared.link.evaluate([call for push in pushes for call in push.calls]))
    except BaseException:
        shared.telemetry.publish_failures += 1
        raise
    finally:
        # Also when nobody knows whether they were taken; and only now, for a reader must not take what was
        # there before for what is there since.
        shared.revisions.changed(part.writer.partition for push in pushes for part in push.parts)
    await shared.revisions.tell()
    unsent: list[Push] = []
    away: Exception | None = None
    for push in pushes:
        answered = [next(answers) for _ in push.calls]
        error = next((answer for answer in answered if isinstance(answer, Exception)), None)
        if error is None:
            _take_in(members, push, answered)
        elif is_refusal(error):
            _refuse(shared, members, push, str(error))
        else:
            unsent.append(push)
            away = error
    shared.telemetry.publish_failures += away is not None
    return unsent, away


def _take_in(members: Mapping[int, Member], push: Push, answered: list[list[bytes]]) -> None:
    """Note what the scripts said: of a push in slices the swap decides, or the first that was not taken."""
    decisive = next((answer for answer in answered if text(answer[0]) != STAGED), answered[-1])
    for index, part in enumerate(push.parts):
        member = members.get(part.writer.partition)
        if member is not None and member.ledger.writer is part.writer:
            verdict, there = text(decisive[2 * index]), text(decisive[2 * index + 1])
            member.ledger.answered(push.name, part, verdict, there)


def _refuse(shared: Shared, members: Mapping[int, Member], push: Push, reason: str) -> None:
    """Note that Redis refuses a push."""
    shared.telemetry.publish_failures += 1
    for part in push.parts:
        member = members.get(part.writer.partition)
        if member is not None and member.ledger.writer is part.writer:
            member.refuse(push.name, reason)
