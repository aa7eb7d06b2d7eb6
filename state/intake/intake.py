"""Which records are folded: each is decoded and judged as it comes, and waits to be merged.

The verdict on a record follows from its own topic partition alone, in the order of offsets. The first of
these that applies decides; what is refused or a repeat leaves no trace for later verdicts:

1. wrong: not parseable, a wrong field, the key or partition of another user;
2. future: ahead of the record's own time in the log;
3. late: behind the topic time of its account;
4. repeated: the account, user, journey, type and id were accepted before;
5. limit: a name, or an event of its user and type, more than are taken.

1, 2 and, of what is known, 3 are found here, 4 and the rest of 1 when histories are merged, 5 here where an
event brings a name, else there. Where a verdict depends on what waits, that is merged first or looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wayfold.models.decode import event_decoder
from wayfold.models.events import GoalReached, JourneyDefined, JourneyStatus, UserErased, occurred_ms
from wayfold.models.record import Record
from wayfold.models.refusal import DeadLetter, Refusal
from wayfold.state.histories.marks import CODES, MARK_BYTES, count_of_type, holds, mark_of_event
from wayfold.state.histories.merging import Fold
from wayfold.state.histories.pending import Item
from wayfold.state.intake.definitions import Definitions
from wayfold.state.intake.erasures import Erasures
from wayfold.state.intake.refusals import FUTURE_LIMIT_MS, future, late, skipped_by_operator, wrong_key
from wayfold.state.limits import KNOWS, NAMED, Limits, Sets, too_many_names
from wayfold.state.names.catalog import NO_TIME, Catalog
from wayfold.state.names.event_names import NO_NAMES


class Intake:
    """Takes records in; what is not refused waits, by user and journey, until it is merged.

    `refused` and `counters` are those since the last commit; complete once all is merged.
    """

    def __init__(
        self,
        number: int,
        retention_ms: int,
        limits: Limits,
        catalog: Catalog,
        fold: Fold,
        definitions: Definitions,
        erasures: Erasures,
    ) -> None:
        self._number = number
        self._retention_ms = retention_ms
        self._limits = limits
        self._catalog = catalog
        self._fold = fold
        self._definitions = definitions
        self._erasures = erasures
        # By topic kind and account, the greatest time of all that came: the topic time or, while some of it
        # waits and may turn out to be a repeat, something later.
        self._latest_ms: dict[str, dict[str, int]] = {}
        self.refused: list[DeadLetter] = []
        self.counters: dict[str, int] = {}

    def take(self, topic: str, records: Sequence[Record]) -> None:
        """Decode, judge and gather records of a topic kind. Bad input never raises; it is refused."""
        decode = event_decoder(topic)
        knows = KNOWS[topic]
        scopes = self._catalog.scopes
        latest_of = self._latest_ms.setdefault(topic, {})
        account_id, latest_ms, retention_ms = "", NO_TIME, self._retention_ms
        for record in records:
            event: Any = decode(record.value, record.headers)  # the class tells which it is
            cls = event.__class__
            if cls in _NOT_GATHERED:
                self._take_control(topic, record, event)
                continue
            if event.account_id != account_id:
                account_id = event.account_id
                latest_ms = self._latest(topic, account_id)
            user_id, at_ms = event.user_id, occurred_ms(event.occurred_at)
            scope = scopes.get((account_id, event.journey_id or ""))
            if (
                scope is not None
                and record.key == user_id.encode()
                and latest_ms - retention_ms <= at_ms <= record.timestamp + FUTURE_LIMIT_MS
                and knows(scope.names.sets, event)
            ):
                pending = scope.account.pending if cls is GoalReached else scope.pending
                pending.setdefault(user_id, []).append((event, at_ms, record))
            else:
                is_taken = self._gather(topic, record, event, at_ms)
                latest_ms = self._latest(topic, account_id)  # what waited may have been merged
                if not is_taken:
                    continue
            if at_ms > latest_ms:
                latest_ms = latest_of[account_id] = at_ms

    def _gather(self, topic: str, record: Record, event: Any, at_ms: int) -> bool:
        """Judge an event with care, and let it wait or refuse it; False when it was refused."""
        refusal = self._refusal(topic, record, event, at_ms)
        if refusal is not None:
            self._refuse(topic, record, refusal)
            return False
        if event.__class__ is GoalReached:
            pending = self._catalog.account(event.account_id).pending
        else:
            pending = self._catalog.scope(event.account_id, event.journey_id or "").pending
        pending.setdefault(event.user_id, []).append((event, at_ms, record))
        return True

    def _refusal(self, topic: str, record: Record, event: Any, at_ms: int) -> Refusal | None:
        """Why an event is refused, in the order of the rules; None when it may wait to be merged."""
        if record.key != event.user_id.encode():
            return wrong_key(record, event)
        latest_ms = self._latest(topic, event.account_id)
        if not latest_ms - self._retention_ms <= at_ms <= record.timestamp + FUTURE_LIMIT_MS:
            refusal = self._out_of_time(record, event, at_ms)
            if refusal is not None:
                return refusal
        if not KNOWS[topic](self._names_of(event.account_id, event.journey_id or ""), event):
            return self._judge_names(event)
        if event.journey_id and (event.account_id, event.journey_id) not in self._catalog.scopes:
            # Where a journey is known the merge tells strangers from users; no stranger makes one known.
            return self._fold.people.stranger(event.user_id)
        return None

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
        for latest_of in self._latest_ms.values():
            latest_of.clear()
        for topic, record, refusal in fold.refused:
            self._refuse(topic, record, refusal)
        self._count("accepted_total", fold.accepted)
        self._count("duplicate_total", fold.duplicates)
        fold.accepted = fold.duplicates = 0
        fold.refused = []

    def committed(self) -> None:
        """Begin anew after a commit."""
        self._definitions.committed()
        self._erasures.committed()
        self.refused, self.counters = [], {}

    def _latest(self, topic: str, account_id: str) -> int:
        """The greatest time of an account in a topic, of all that came since the last merge and before."""
        found = self._latest_ms[topic].get(account_id)
        return self._topic_time(topic, account_id) if found is None else found

    def _topic_time(self, topic: str, account_id: str) -> int:
        """The greatest time of an account in a topic, of what was merged."""
        account = self._catalog.accounts.get(account_id)
        return NO_TIME if account is None else account.topic_times[topic]

    def _out_of_time(self, record: Record, event: Any, at_ms: int) -> Refusal | None:
        """Judge an event that is of the future, or late if all that waits is accepted."""
        stranger = self._fold.people.stranger(event.user_id)
        if stranger is not None:
            return stranger
        if at_ms > record.timestamp + FUTURE_LIMIT_MS:
            return future(event)
        topic, account_id = event.TOPIC, event.account_id
        if at_ms >= self._topic_time(topic, account_id) - self._retention_ms:
            self._settle()
            if at_ms >= self._topic_time(topic, account_id) - self._retention_ms:
                return None
        return late(event, self._retention_ms)

    def _names_of(self, account_id: str, journey_id: str) -> Sets:
        """The names of an account's events in a journey, or outside of all."""
        scope = self._catalog.scopes.get((account_id, journey_id))
        if scope is not None:
            return scope.names.sets
        account = None if journey_id else self._catalog.accounts.get(account_id)
        return NO_NAMES if account is None else account.names.sets

    def _judge_names(self, event: Any) -> Refusal | None:
        """Judge an event that brings a name; the names are known afterwards if it is accepted."""
        stranger = self._fold.people.stranger(event.user_id)
        if stranger is not None:
            return stranger
        if not self._is_new(event):
            return None  # it brings nothing: the merge finds it a repeat, or one too many of its user
        named = NAMED[event.TOPIC](event)
        refusal = too_many_names(
            self._names_of(event.account_id, event.journey_id or ""), named, self._limits
        )
        if refusal is not None:
            return refusal
        if event.journey_id:
            names = self._catalog.scope(event.account_id, event.journey_id).names
        else:
            names = self._catalog.account(event.account_id).names
        for place, name in named:
            if name not in names.sets[place]:
                self._catalog.name_event(names, place, name)
        return None

    def _is_new(self, event: Any) -> bool:
        """Whether an event is neither a repeat nor more than is taken of its user and type."""
        seen, waiting = self._traces(event)
        most = self._limits.user_events
        if len(seen) + len(waiting) * MARK_BYTES >= most * MARK_BYTES:
            self._settle()
            seen, waiting = self._traces(event)
            if count_of_type(seen, CODES[event.__class__]) >= most:
                return False
        if holds(seen, mark_of_event(event), MARK_BYTES):
            return False
        cls, event_id = event.__class__, event.event_id
        return not any(other.event_id == event_id and other.__class__ is cls for other, _, _ in waiting)

    def _traces(self, event: Any) -> tuple[bytes, Sequence[Item]]:
        """Marks of the user's events that were accepted where an event belongs, and those that wait."""
        people = self._fold.people
        if event.__class__ is GoalReached:
            account = self._catalog.accounts.get(event.account_id)
            if account is None:
                return b"", ()
            user = people.known_user(account, event.user_id)
            return b"" if user is None else user.seen, account.pending.get(event.user_id, ())
        scope = self._catalog.scopes.get((event.account_id, event.journey_id or ""))
        if scope is None:
            return b"", ()
        history = people.known_history(scope, event.user_id)
        return b"" if history is None else history.seen, scope.pending.get(event.user_id, ())

    def _settle(self) -> None:
        """Merge what waits, so that it is known what of it is accepted."""
        for _ in self.merge():
            pass

    def _take_control(self, topic: str, record: Record, event: Any) -> None:
        """Take what is no user's fact: refusals, definitions, statuses, and erasures."""
        verdict = event if isinstance(event, Refusal) else self._judge_control(record, event)
        if isinstance(verdict, Refusal):
            self._refuse(topic, record, verdict)
        else:
            self._count("accepted_total" if verdict else "duplicate_total", 1)

    def _judge_control(self, record: Record, event: Any) -> Refusal | bool:
        """A refusal, or whether the event is no repeat; control events are never late."""
        if isinstance(event, UserErased):
            if record.key != event.user_id.encode():
                return wrong_key(record, event)
            return self._fold.people.stranger(event.user_id) or self._erasures.add(event, record.timestamp)
        if occurred_ms(event.occurred_at) > record.timestamp + FUTURE_LIMIT_MS:
            return future(event)
        return self._definitions.add(event, record.timestamp)

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


_NOT_GATHERED = frozenset((Refusal, JourneyDefined, JourneyStatus, UserErased))
"""What no history is kept of: refusals, and control events."""
