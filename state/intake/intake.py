"""Which records are folded: each is decoded and judged as it comes, and waits to be merged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wayfold.models.decode import event_decoder
from wayfold.models.definition import JourneyDefinition
from wayfold.models.events import GoalReached, JourneyDefined, JourneyEntered, UserErased, occurred_ms
from wayfold.models.record import Record
from wayfold.models.refusal import DeadLetter, Refusal
from wayfold.state.histories.merging import DUPLICATE, Fold, Verdict
from wayfold.state.histories.pending import Pending
from wayfold.state.histories.people import WrongPartitionError
from wayfold.state.intake.erasures import Erasures
from wayfold.state.intake.refusals import FUTURE_LIMIT_MS, out_of_time, skipped_by_operator, wrong_key
from wayfold.state.names.catalog import Catalog


class Intake:
    """Takes records in; what is not refused waits, by user and journey, until it is merged.

    Whether an event is late is judged at the watermark, which only events move that turn out to be
    accepted; while some wait, that is not known for sure. So an event is judged at the greatest time
    of all that came, and what waits is merged first where the difference could matter.

    `refused`, `counters` and `definitions` are those since the last commit; complete once all is merged.
    """

    def __init__(
        self, number: int, retention_ms: int, catalog: Catalog, fold: Fold, erasures: Erasures
    ) -> None:
        self._number = number
        self._retention_ms = retention_ms
        self._catalog = catalog
        self._fold = fold
        self._erasures = erasures
        self._latest_ms = fold.watermark_ms
        self.refused: list[DeadLetter] = []
        self.counters: dict[str, int] = {}
        self.definitions: list[JourneyDefinition] = []

    def take(self, topic: str, records: Sequence[Record]) -> None:
        """Decode, judge and gather records of a topic kind. Bad input never raises; it is refused."""
        decode = event_decoder(topic)
        scopes = self._catalog.scopes
        latest_ms, retention_ms = self._latest_ms, self._retention_ms
        for record in records:
            event: Any = decode(record.value, record.headers)  # the class tells which it is
            cls = event.__class__
            if cls in _NOT_GATHERED:
                self._take_control(topic, record, event)
                latest_ms = self._latest_ms
                continue
            user_id = event.user_id
            if record.key != user_id.encode():
                self._refuse(topic, record, wrong_key(record, event))
                continue
            at_ms = occurred_ms(event.occurred_at)
            if not latest_ms - retention_ms <= at_ms <= record.timestamp + FUTURE_LIMIT_MS:
                latest_ms = self._settled_ms()
                if not latest_ms - retention_ms <= at_ms <= record.timestamp + FUTURE_LIMIT_MS:
                    self._refuse(topic, record, out_of_time(record, event, at_ms, retention_ms))
                    continue
            scope = None if cls is GoalReached else scopes.get((event.account_id, event.journey_id or ""))
            pending = self._new_pending(topic, record, event) if scope is None else scope.pending
            if pending is None:
                continue
            if at_ms < latest_ms and cls is JourneyEntered and self._may_be_corrected(event, at_ms):
                latest_ms = self._settled_ms()
            items = pending.get(user_id)
            if items is None:
                pending[user_id] = [(event, at_ms, record)]
            else:
                items.append((event, at_ms, record))
            if at_ms > latest_ms:
                latest_ms = self._latest_ms = at_ms

    def refuse_skipped(
        self, topic: str, records: Sequence[Record], notes: Mapping[int, str]
    ) -> Sequence[Record]:
        """Refuse, unread, the records whose offset has a note of an operator; gives the others."""
        others = [record for record in records if record.offset not in notes]
        if len(others) == len(records):
            return records
        for record in records:
            if record.offset in notes:
                self._refuse(topic, record, skipped_by_operator(notes[record.offset]))
        return others

    def merge(self) -> Iterator[None]:
        """Merge what waits, in pieces; afterwards it is known what was accepted and what refused."""
        fold = self._fold
        yield from fold.merge()
        self._latest_ms = fold.watermark_ms
        for topic, record, refusal in fold.refused:
            self._refuse(topic, record, refusal)
        self._count("accepted_total", fold.accepted)
        self._count("duplicate_total", fold.duplicates)
        fold.accepted = fold.duplicates = 0
        fold.refused = []

    def clear(self) -> None:
        """Begin anew after a commit."""
        self.refused, self.counters, self.definitions = [], {}, []

    def _new_pending(self, topic: str, record: Record, event: Any) -> Pending | None:
        """Where a goal, or the first event of a journey, waits; None when it is refused.

        Of journeys that are known only what is merged tells strangers from users: there they leave no trace.
        """
        if event.__class__ is GoalReached:
            return self._catalog.account(event.account_id).pending
        try:
            self._fold.people.check_home(event.user_id)
        except WrongPartitionError as error:
            self._refuse(topic, record, error.refusal)
            return None
        return self._catalog.scope(event.account_id, event.journey_id or "").pending

    def _settled_ms(self) -> int:
        """The watermark for sure: what waits is merged."""
        if self._latest_ms != self._fold.watermark_ms:
            for _ in self.merge():
                pass
        return self._latest_ms

    def _may_be_corrected(self, event: JourneyEntered, at_ms: int) -> bool:
        """Whether it depends on what waits if the month of an entry had closed when it came."""
        zone, watermark_ms = self._catalog.account(event.account_id).zone, self._fold.watermark_ms
        if self._latest_ms == watermark_ms:
            return False
        month = zone.place(at_ms).month
        return month < zone.place(self._latest_ms).month and (
            watermark_ms < 0 or month >= zone.place(watermark_ms).month
        )

    def _take_control(self, topic: str, record: Record, event: object) -> None:
        """Take what is no user's fact: refusals, definitions, and erasures."""
        if isinstance(event, Refusal):
            self._refuse(topic, record, event)
            return
        verdict: Verdict = None
        if isinstance(event, JourneyDefined):
            verdict = self._fold.define(event.definition)
            if verdict is None:
                self.definitions.append(event.definition)
        elif isinstance(event, UserErased) and not self._erasures.add(event):
            verdict = DUPLICATE
        if isinstance(verdict, Refusal):
            self._refuse(topic, record, verdict)
        else:
            self._count("duplicate_total" if verdict is DUPLICATE else "accepted_total", 1)

    def _count(self, name: str, amount: int) -> None:
        if amount:
            self.counters[name] = self.counters.get(name, 0) + amount

    def _refuse(self, topic: str, record: Record, refusal: Refusal) -> None:
        self._count(f"refused_total:{refusal.reason.value}", 1)
        self.refused.append(
            DeadLetter(
                topic,
                self._number,
                record.offset,
                record.timestamp,
                refusal,
                record.key,
                record.value,
                record.headers,
            )
        )


_NOT_GATHERED = frozenset((Refusal, JourneyDefined, UserErased))
