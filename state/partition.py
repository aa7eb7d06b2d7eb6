"""One partition of the fold: records in, one atomic write out, numbers to read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

import msgspec

from wayfold.models.definition import JourneyDefinition
from wayfold.models.partitioner import PARTITIONERS, Partitioner
from wayfold.models.record import Record
from wayfold.models.refusal import DeadLetter
from wayfold.models.zone import Zone
from wayfold.state.cells.cells import CellWriter
from wayfold.state.cells.changes import Changes
from wayfold.state.cells.recent import Recent, Rolled, decode_journal_row, journal_row, roll
from wayfold.state.cells.totals import Change, Totals, dwells_of, totals_of
from wayfold.state.cells.values import Histogram, Row
from wayfold.state.histories.closings import Closings
from wayfold.state.histories.engagement import Engagement
from wayfold.state.histories.history import encode
from wayfold.state.histories.merging import Fold
from wayfold.state.histories.people import People
from wayfold.state.histories.rules import rules_of
from wayfold.state.intake.erasures import Erasures
from wayfold.state.intake.intake import Intake
from wayfold.state.intake.refusals import DAY_MS
from wayfold.state.names.catalog import Catalog
from wayfold.state.reading.lists import MESSAGES_SUFFIX, Found, Lists
from wayfold.state.reading.live_views import LiveViews
from wayfold.state.reading.query import Query
from wayfold.state.reading.reader import Reader
from wayfold.state.reading.views import JOURNEY, JourneyView
from wayfold.state.store import keys
from wayfold.state.store.ahead import CHUNK_ROWS, ReadAhead
from wayfold.state.store.reader import StoreReader

# Any order of topics gives the same numbers; in this one a batch has the fewest of them to take back.
FOLD_ORDER = ("definitions", "steps", "messages", "conversions", "calls", "entries", "users")
PREPARED_ROWS = 64  # how many rows are made in one piece
FREED_PIECE = 256  # how many forgotten histories are freed in one piece: more than come with its rows
DEFAULT_ACCOUNT = "default"


class FoldSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the fold is told from outside; the same for every partition of a system.

    `partitions` is the partition count of every topic; `cache_histories` bounds the histories kept
    decoded in memory, per partition; `read_ahead_rows` is how many rows of them are read together, ahead of
    the merge (`state/store/ahead.py`); `journal_records` is of how many records the changes of cells may
    wait to be settled (`state/cells/recent.py`).
    """

    partitions: int = 1
    time_zone: str = "UTC"
    account_time_zones: Mapping[str, str] = {}
    retention_ms: int = 400 * DAY_MS
    partitioner: Partitioner = "murmur2"
    cache_histories: int = 8_000
    read_ahead_rows: int = CHUNK_ROWS
    journal_records: int = 10_000


class PartitionStore(StoreReader, Protocol):
    """Where a partition keeps its state; `wayfold.state.store.store.Store` on disk."""

    def write(
        self,
        puts: Iterable[tuple[bytes, bytes]],
        deletes: Iterable[bytes] = (),
        ranges: Iterable[tuple[bytes, bytes]] = (),
    ) -> None:
        """Write all of it or nothing."""

    def close(self) -> None:
        """Let go of the files."""


class Meta(msgspec.Struct, array_like=True):
    """The partition's own row: what its numbers reflect."""

    offsets: dict[str, int] = {}
    counters: dict[str, int] = {}
    watermark_ms: int = -1
    next_person: int = 0
    batch: int = 0


class _Prepared:
    """What a commit will write, and how it changes what is in memory."""

    def __init__(self) -> None:
        self.puts: dict[bytes, bytes] = {}
        self.deletes: list[bytes] = []
        self.ranges: list[tuple[bytes, bytes]] = []
        self.changed: dict[int, Change] = {}
        self.dwells: dict[int, Histogram] = {}
        self.rolled = Rolled()
        self.records = 0
        self.settles = False
        self.meta = Meta()


_decode_meta = msgspec.msgpack.Decoder(Meta).decode


class Partition:
    """The histories of a partition's users, and every number made of them.

    `fold` gathers changes in memory, `commit` writes them in one atomic write with the offsets that
    they reflect, `discard` forgets them. `offsets`, `watermark_ms`, `counters` and all that is read
    are as of the last commit; `refused` are the refusals of the pending batch.
    """

    def __init__(self, store: PartitionStore, number: int, settings: FoldSettings) -> None:
        self.number = number
        self.settings = settings
        self.store = store
        self._zones: dict[str, Zone] = {}
        self._load()

    def _load(self) -> None:
        """Take up what the store holds; nothing is pending afterwards."""
        row = self.store.get(keys.META)
        self.meta = Meta() if row is None else _decode_meta(row)
        self.offsets = self.meta.offsets
        self.watermark_ms = self.meta.watermark_ms
        self.counters = self.meta.counters
        self.catalog = Catalog(self._zone_of)
        self.catalog.load(self.store.scan)
        self.totals = Totals()
        self.totals.load(self.store)
        self._recent = Recent()
        self._load_journal()
        self._changes = Changes(self.catalog.counters, self.catalog.day_of)
        ahead = ReadAhead(self.store, self.settings.read_ahead_rows)
        self._people = People(
            self.store, ahead, self.catalog, self.number, self._home, self.settings.cache_histories
        )
        self._people.next_person = self.meta.next_person
        self._engagement = Engagement(self.store, self._changes)
        self._fold = Fold(self.catalog, self._people, self._changes, self._engagement, self.watermark_ms)
        erasures = Erasures(self.store, self._changes)
        self._intake = Intake(self.number, self.settings.retention_ms, self.catalog, self._fold, erasures)
        self._cells = CellWriter(self.store, self.catalog)
        self._live = LiveViews(self.catalog, self.totals)
        self._closings = Closings(self.store, self.catalog, self.totals)
        self.reader = Reader(self.store, self.totals, self._recent, self._live, self._closings)
        self._lists = Lists(self.store, self.reader, self._live, self._people)
        self._load_definitions()
        self._prepared: _Prepared | None = None
        self._preparing: Iterator[None] = iter(())
        self._pending_offsets = dict(self.offsets)

    @property
    def sequence(self) -> int:
        """Records folded so far, over all topics: grows with every commit that folded one."""
        return sum(self.offsets.values())

    def fold(self, topic: str, records: Sequence[Record]) -> None:
        """Fold records of a topic kind ("entries", …), in offset order, in memory only.

        Records below the next offset are skipped: they are folded already. Bad input never raises;
        it is refused, with its reason, into `refused`.
        """
        self._intake.take(topic, self._unfolded(topic, records))

    def _unfolded(self, topic: str, records: Sequence[Record]) -> Sequence[Record]:
        """Those of the records that are not folded yet; they count as folded from now on."""
        next_offset = self._pending_offsets.get(topic, 0)
        if records and records[0].offset < next_offset:
            records = [record for record in records if record.offset >= next_offset]
        if records:
            self._pending_offsets[topic] = records[-1].offset + 1
        return records

    def begin_at(self, offsets: Mapping[str, int]) -> None:
        """Count records below these offsets as folded, with the next commit: they are gone for good."""
        for topic, offset in offsets.items():
            self._pending_offsets[topic] = max(offset, self._pending_offsets.get(topic, 0))

    @property
    def refused(self) -> list[DeadLetter]:
        """Refusals of the pending batch, once `prepare` has come to its end or `commit` is next."""
        for _ in self._intake.merge():
            pass
        return self._intake.refused

    def prepare(self) -> Iterator[None]:
        """Work towards the commit of what is pending, in pieces between which others may read.

        What is read stays as of the last commit. Nothing may be folded between this and `commit`,
        which does what of it was left undone.
        """
        if self._prepared is None:
            self._prepared = _Prepared()
            self._preparing = self._prepare(self._prepared)
        return self._preparing

    def commit(self) -> None:
        """Write everything that is pending, offsets included, in one atomic write."""
        for _ in self.prepare():
            pass
        prepared = self._prepared or _Prepared()
        self.store.write(prepared.puts.items(), prepared.deletes, prepared.ranges)
        if prepared.settles:
            self._recent.clear()
        else:
            self._recent.add(prepared.rolled, prepared.records)
        self.totals.apply(prepared.changed, prepared.dwells, written=prepared.settles)
        self._live.apply(prepared.changed, prepared.dwells)
        self._committed(prepared.meta)

    def _prepare(self, prepared: "_Prepared") -> Iterator[None]:
        self._people.free(FREED_PIECE)
        yield from self._intake.merge()
        self._cells.roll_up_accounts(self._changes)
        yield
        prepared.changed = totals_of(self._changes)
        prepared.dwells = dwells_of(self._changes)
        closings, prepared.ranges = yield from self._closings.rows(
            self._changes, self.watermark_ms, self._fold.watermark_ms, prepared.changed
        )
        batch = self.meta.batch + 1
        prepared.records = sum(self._pending_offsets.values()) - self.sequence
        prepared.settles = self._recent.records + prepared.records >= self.settings.journal_records
        prepared.rolled = roll(self._changes, self.catalog.day_of)
        rows = chain(
            closings,
            self._people.take_rows(),
            self._settled_rows(prepared, batch) if prepared.settles else self._journal_rows(prepared, batch),
            self._changes.rows.items(),
            self._definition_rows(),
        )
        for count, (key, value) in enumerate(rows, 1):
            if value is None:
                prepared.deletes.append(key)
            else:
                prepared.puts[key] = value
            if not count % PREPARED_ROWS:
                self._people.free(FREED_PIECE)
                yield
        prepared.puts.update(self.catalog.rows)
        counters = dict(self.counters)
        for name, amount in self._intake.counters.items():
            counters[name] = counters.get(name, 0) + amount
        prepared.meta = Meta(
            dict(self._pending_offsets), counters, self._fold.watermark_ms, self._people.next_person, batch
        )
        prepared.puts[keys.META] = encode(prepared.meta)

    def _settled_rows(self, prepared: "_Prepared", batch: int) -> Iterator[Row]:
        if self._recent.batches:
            prepared.ranges.append((keys.JOURNAL, keys.after(keys.JOURNAL)))
        yield from self._cells.rows(self._recent.with_batch(prepared.rolled), batch)
        yield from self.totals.rows(prepared.changed, prepared.dwells)

    def _journal_rows(self, prepared: "_Prepared", batch: int) -> Iterator[Row]:
        if self._changes.tallies or self._changes.dwells or prepared.changed:
            value = journal_row(prepared.records, self._changes, prepared.changed)
            yield keys.journal_key(keys.JOURNAL, batch), value

    def _load_journal(self) -> None:
        for _, value in self.store.scan(keys.JOURNAL, keys.after(keys.JOURNAL)):
            row = decode_journal_row(value)
            changes = Changes(self.catalog.counters, self.catalog.day_of)
            changed = row.restore(changes)
            self._recent.add(roll(changes, self.catalog.day_of), row.records)
            self.totals.apply(changed, dwells_of(changes), written=False)

    def _definition_rows(self) -> Iterator[tuple[bytes, bytes]]:
        for definition in self._intake.definitions:
            scope = self.catalog.scope(definition.account_id, definition.journey_id)
            key = keys.definition_key(keys.DEFINITION, scope.number, definition.journey_version)
            yield key, definition.model_dump_json().encode()

    def _committed(self, meta: Meta) -> None:
        self._prepared = None
        for definition in self._intake.definitions:
            scope = self.catalog.scope(definition.account_id, definition.journey_id)
            scope.definitions[definition.journey_version] = definition
            plan = scope.plans.version(definition.journey_version)
            plan.committed_rules = plan.rules
        self.meta = meta
        self.offsets, self.counters, self.watermark_ms = meta.offsets, meta.counters, meta.watermark_ms
        self._pending_offsets = dict(meta.offsets)
        self._changes.clear()
        self.catalog.rows.clear()
        self._intake.clear()
        self._people.trim()

    def partial(self, query: Query, watermark_ms: int | None = None) -> dict[str, Any]:
        """The partition's share of the answer to a query: plain data that adds over partitions.

        `watermark_ms` is the greatest watermark of all partitions, at which open windows are judged;
        the partition's own when it is not given. It says too which records it reflects ("offsets", by
        topic kind the next one) and what became of them ("counters"). Raises `RangeError` for a bad range.
        """
        watermark_ms = self.watermark_ms if watermark_ms is None else watermark_ms
        journeys, accounts = [], []
        for scope in list(self.catalog.scopes.values()):
            if query.account_id not in (None, scope.account_id):
                continue
            if not scope.journey_id:
                if query.journey_id is None:
                    row = {"account_id": scope.account_id, "time_zone": scope.zone.name}
                    accounts.append({**row, "views": self.reader.views(scope, query, watermark_ms)})
            elif query.journey_id in (None, scope.journey_id):
                journeys.append(
                    {
                        "account_id": scope.account_id,
                        "journey_id": scope.journey_id,
                        "definitions": {
                            str(version): {
                                "name": definition.name,
                                "steps": [step.model_dump() for step in definition.steps],
                            }
                            for version, definition in scope.definitions.items()
                        },
                        "views": self.reader.views(scope, query, watermark_ms),
                    }
                )
        return {
            "partition": self.number,
            "offsets": dict(self.offsets),
            "counters": dict(self.counters),
            "watermark_ms": self.watermark_ms,
            "journeys": journeys,
            "accounts": accounts,
        }

    def users(self, query: Query, number: str) -> Found:
        """User ids behind a number of the query's journey (of its step, when it names one), sorted.

        They are found in pieces, between which others may work and commits be made; they stay those of the
        last commit before the first piece.

        Raises `NoListError` for a number or a filter that has no list, `RangeError` for a bad range.
        """
        account_id = query.account_id or DEFAULT_ACCOUNT
        scope = self.catalog.scopes.get((account_id, query.journey_id or ""))
        if scope is None:
            return []
        if scope.journey_id or not number.endswith(MESSAGES_SUFFIX):
            return (yield from self._lists.users(scope, query, number))
        # A message of the account is one of any of its journeys, or of none.
        journeys = [scope for scope in self.catalog.numbered if scope.account_id == account_id]
        found: set[str] = set()
        for users in [self._lists.users(each, query, number) for each in journeys]:
            found.update((yield from users))
        return sorted(found)

    def changed_views(self, watermark_ms: int | None = None) -> list[JourneyView]:
        """Views that changed since the last call, absolute, as committed."""
        watermark_ms = self.watermark_ms if watermark_ms is None else watermark_ms
        found = []
        for scope, views in self._live.take_changed():
            if JOURNEY in views:
                self.reader.add_open(views, scope, None, None, watermark_ms)
            found.append(JourneyView(scope.account_id, scope.journey_id, views))
        return found

    def all_views(self, watermark_ms: int | None = None) -> Iterator[JourneyView]:
        """Every view, absolute, as committed."""
        watermark_ms = self.watermark_ms if watermark_ms is None else watermark_ms
        for scope in list(self.catalog.scopes.values()):
            yield JourneyView(scope.account_id, scope.journey_id, self.reader.all_time(scope, watermark_ms))

    def discard(self) -> None:
        """Forget what is pending: the partition stands as of its last commit."""
        self._load()

    def close(self) -> None:
        """Forget what is pending and let go of the store."""
        self.store.close()

    def _load_definitions(self) -> None:
        for _, value in self.store.scan(keys.DEFINITION, keys.after(keys.DEFINITION)):
            definition = JourneyDefinition.model_validate_json(value)
            scope = self.catalog.scope(definition.account_id, definition.journey_id)
            scope.definitions[definition.journey_version] = definition
            plan = scope.plans.version(definition.journey_version)
            plan.rules = plan.committed_rules = rules_of(definition)

    def _home(self, user_id: str) -> int:
        return PARTITIONERS[self.settings.partitioner](user_id.encode(), self.settings.partitions)

    def _zone_of(self, account_id: str) -> Zone:
        name = self.settings.account_time_zones.get(account_id, self.settings.time_zone)
        zone = self._zones.get(name)
        if zone is None:
            zone = self._zones[name] = Zone(name)
        return zone
