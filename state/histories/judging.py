"""Definitions that come late: the histories that they touch are judged again, some with each commit.

A definition of a journey with millions of histories would hold up everybody's numbers if it were applied at
once. So a judgement goes through the histories in the order of their users: those up to its cursor stand in
the numbers by the new rules, those behind it by the old ones, and every event is merged by the rules of its
user's side. In between the journey's numbers are no one's: readers see those from before (`frozen`), until a
commit with which all is judged. The cursor is in the store, so a restart goes on where it was.
"""

from collections import deque
from collections.abc import Generator, Iterator
from itertools import islice
from typing import Final

import msgspec

from wayfold.models.definition import JourneyDefinition
from wayfold.state.cells.changes import Changes
from wayfold.state.histories import difference
from wayfold.state.histories.facts import EntryFacts
from wayfold.state.histories.history import History
from wayfold.state.histories.people import People
from wayfold.state.histories.rules import UNDEFINED, VersionRules, rules_of
from wayfold.state.names.catalog import Catalog, JourneyScope, RuledScope
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

JUDGED_PIECE: Final = 16  # how many histories are looked at in one piece
TURNS: Final = 4  # how many journeys at least get a part of a commit's histories
_DONE: Final = object()


class Judgement(msgspec.Struct):
    """A version's new definition on its way through the histories.

    `old` and `new` are definitions as JSON, `old` None when there was none; `cursor` is the last user id that
    was judged, as bytes; `since_ms` the log's time of the definition's record, in milliseconds UTC.
    """

    scope_number: int
    version: int
    old: bytes | None
    new: bytes
    since_ms: int
    cursor: bytes | None = None
    begun: bool = False

    def rules(self) -> tuple[VersionRules, VersionRules]:
        """The old and the new rules."""
        old = UNDEFINED if self.old is None else rules_of(definition_of(self.old))
        return old, rules_of(definition_of(self.new))


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Judgement).decode


class Judging:
    """The judgements of a partition: up to `per_commit` histories are judged with each commit.

    Those of one journey come one after the other, and the journeys take turns, so that one with few histories
    does not wait for one with millions. `finished` are those that came to their end since the last commit.
    """

    def __init__(
        self, store: StoreReader, catalog: Catalog, people: People, changes: Changes, per_commit: int
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._people = people
        self._changes = changes
        self._per_commit = per_commit
        self._left = per_commit
        self._waiting: dict[int, deque[tuple[int, Judgement]]] = {}
        self._next = 0
        self._moved: dict[int, Judgement | None] = {}
        self._working: Iterator[None] | None = None
        self.finished: list[Judgement] = []

    def load(self) -> None:
        """Take up what the store has, after the definitions."""
        for key, value in self._store.scan(keys.JUDGEMENT, keys.after(keys.JUDGEMENT)):
            number, judgement = keys.split_journal_key(key), _decode(value)
            self._waiting.setdefault(judgement.scope_number, deque()).append((number, judgement))
            self._next = number + 1
            if judgement.begun:
                self._begin(judgement)

    @property
    def since_ms(self) -> int | None:
        """Since when the oldest definition is in the log that not all are judged by; None without any."""
        waiting = (judgement for queue in self._waiting.values() for _, judgement in queue)
        return min((judgement.since_ms for judgement in waiting), default=None)

    @property
    def judged(self) -> int:
        """How many histories were judged since the last commit."""
        return self._per_commit - self._left

    def first_of(self, scope: JourneyScope, version: int) -> Judgement | None:
        """The first judgement of a version that is not finished."""
        queue = self._waiting.get(scope.number, ())
        return next((judgement for _, judgement in queue if judgement.version == version), None)

    def add(self, judgement: Judgement) -> None:
        """Let a version's histories be judged."""
        self._waiting.setdefault(judgement.scope_number, deque()).append((self._next, judgement))
        self._moved[self._next] = judgement
        self._next += 1

    def work(self) -> Iterator[None]:
        """Judge, in pieces, until all is judged or enough for this commit.

        Starting again goes on where another left off.
        """
        self._working = self._working or self._work()
        while self._working is not None:
            if next(self._working, _DONE) is _DONE:
                self._working = None
            else:
                yield

    def touched(self) -> Iterator[JourneyScope]:
        """The journeys of which histories were judged since the last commit, or will be with the next."""
        numbers = {judgement.scope_number for judgement in self.finished} | self._waiting.keys()
        return (self._catalog.numbered[number] for number in sorted(numbers))

    def rows(self) -> Iterator[tuple[bytes, bytes | None]]:
        """What to write, or None to delete, with the commit."""
        for number, judgement in self._moved.items():
            row = None if judgement is None else _encode(judgement)
            yield keys.journal_key(keys.JUDGEMENT, number), row

    def committed(self) -> None:
        """Begin anew after a commit."""
        self._left = self._per_commit
        self._moved.clear()
        self.finished = []

    def _work(self) -> Iterator[None]:
        while self._waiting and self._left > 0:
            scope_number, queue = next(iter(self._waiting.items()))
            number, judgement = queue[0]
            if not judgement.begun:
                judgement.begun = True
                self._begin(judgement)
            is_last = yield from self._judge(judgement)
            self._moved[number] = None if is_last else judgement
            if is_last:
                queue.popleft()
                self._catalog.numbered[scope_number].judged_by = None
                self.finished.append(judgement)
            del self._waiting[scope_number]
            if queue:
                self._waiting[scope_number] = queue  # behind the others

    def _begin(self, judgement: Judgement) -> None:
        scope = self._catalog.numbered[judgement.scope_number]
        old, new = judgement.rules()
        scope.plans.version(judgement.version).rules = new
        scope.judged_by = RuledScope(scope, judgement.version, old, judgement.cursor)

    def _judge(self, judgement: Judgement) -> Generator[None, None, bool]:
        """Judge some histories; returns whether these were the last."""
        scope, version = self._catalog.numbered[judgement.scope_number], judgement.version
        old, new = judgement.rules()
        if new.judges_like(old):
            return True
        earlier = scope.judged_by or RuledScope(scope, version, old, judgement.cursor)
        most = min(self._left, max(1, self._per_commit // TURNS))
        people, boundary = self._some(scope, judgement.cursor, most)
        for count, (user_id, history) in enumerate(people, 1):
            history.facts = None
            if any(entry.version == version for entry in history.entries.values()):
                goals = self._people.goals_of(scope.account, user_id)
                before = EntryFacts(earlier, history, goals)
                after = EntryFacts(scope, history, goals)
                difference.compare_entries(self._changes, history.person, before, after)
            if not count % JUDGED_PIECE:
                yield
        self._left -= len(people)
        earlier.cursor = judgement.cursor = boundary
        return boundary is None

    def _some(
        self, scope: JourneyScope, cursor: bytes | None, most: int
    ) -> tuple[list[tuple[str, History]], bytes | None]:
        """The next histories behind a cursor, as they stand now, and the next cursor: None after the last."""
        prefix = scope.key_prefix
        start = prefix if cursor is None else prefix + cursor + b"\0"
        rows = list(islice(self._store.scan(start, keys.after(prefix)), most))
        boundary = rows[-1][0][len(prefix) :] if len(rows) == most else None
        found: dict[bytes, tuple[str, History]] = {}
        for key, row in rows:
            name = key[len(prefix) :]
            user_id = name.decode()
            cached = scope.recent.get(user_id) or scope.older.get(user_id)
            found[name] = user_id, cached or History.decode(row)
        for user_id, history in scope.dirty.items():
            name = user_id.encode()
            if (cursor is None or name > cursor) and (boundary is None or name <= boundary):
                found[name] = user_id, history
        return list(found.values()), boundary


def definition_of(content: bytes) -> JourneyDefinition:
    """A definition from its JSON."""
    return JourneyDefinition.model_validate_json(content)
