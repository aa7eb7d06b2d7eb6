"""One partition of the fold: records in, one atomic write out, numbers to read."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from wayfold.models.partitioner import PARTITIONERS, Partitioner
from wayfold.models.record import Record
from wayfold.models.refusal import DeadLetter
from wayfold.models.zone import Zone
from wayfold.state.cells.cells import CellWriter
from wayfold.state.cells.changes import Changes
from wayfold.state.cells.recent import Recent, decode_journal_row, journal_row, roll
from wayfold.state.cells.totals import Totals, dwells_of, totals_of
from wayfold.state.cells.values import Row
from wayfold.state.commit import Meta, PartitionStore, Prepared, decode_meta
from wayfold.state.control import Skipped
from wayfold.state.histories.closings import Closings
from wayfold.state.histories.engagement import Engagement
from wayfold.state.histories.history import encode
from wayfold.state.histories.judging import Judging
from wayfold.state.histories.merging import Fold
from wayfold.state.histories.people import People
from wayfold.state.intake.definitions import Definitions
from wayfold.state.intake.erasures import Erasures
from wayfold.state.intake.intake import Intake
from wayfold.state.intake.refusals import DAY_MS
from wayfold.state.limits import Limits
from wayfold.state.names.catalog import Catalog, JourneyScope
from wayfold.state.reading.lists import Found, Lists
from wayfold.state.reading.live_views import LiveViews
from wayfold.state.reading.partition_numbers import AccountShare, PartitionNumbers, Rows, encode_views
from wayfold.state.reading.query import Query
from wayfold.state.reading.reader import Reader
from wayfold.state.reading.views import JourneyView, Views
from wayfold.state.store import keys
from wayfold.state.store.ahead import CHUNK_ROWS, ReadAhead

# Any order of topics gives the same verdicts and numbers; in this one a batch has the fewest to take back.
FOLD_ORDER = ("definitions", "steps", "messages", "conversions", "calls", "entries", "users")
PREPARED_ROWS = 64  # how many rows are made in one piece
FREED_PIECE = 256  # how many forgotten histories are freed in one piece: more than come with its rows
DEFAULT_ACCOUNT = "default"


class FoldSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the fold is told from outside; the same for every partition of a system.

    `partitions` is the partition count of every topic; `cache_histories` bounds the histories kept
    decoded in memory, per partition; `limits` says how many names and events are taken; `read_ahead_rows` is
    how many rows are read together, ahead of the merge (`state/store/ahead.py`); `journal_records` is of how
    many records the changes of cells may wait to be settled (`state/cells/recent.py`); `judged_histories` is
    how many histories are judged by late definitions with one commit (`state/histories/judging.py`).
    """

    partitions: int = 1
    time_zone: str = "UTC"
    account_time_zones: Mapping[str, str] = {}
    retention_ms: int = 400 * DAY_MS
    partitioner: Partitioner = "murmur2"
    limits: Limits = Limits()
    cache_histories: int = 8_000
    read_ahead_rows: int = CHUNK_ROWS
    journal_records: int = 10_000
    judged_histories: int = 2_000


class Partition:
    """The histories of a partition's users, and every number made of them.

    `fold` gathers changes in memory, `commit` writes them in one atomic write with the offsets that
    they reflect, `discard` forgets them. `offsets`, `watermark_ms`, `counters` and all that is read
    are as of the last commit; `refused` are the refusals of the pending batch.
    """

    def __init__(
        self, store: PartitionStore, number: int, settings: FoldSettings, skipped: Skipped | None = None
    ) -> None:
        """`skipped` are the records that are refused unread; it may grow while the partition is open."""
        self.number = number
        self.settings = settings
        self.store = store
        self.skipped = {} if skipped is None else skipped
        self._zones: dict[str, Zone] = {}
        self._load()

    def _load(self) -> None:
        """Take up what the store holds; nothing is pending afterwards."""
        row = self.store.get(keys.META)
        self.meta = Meta() if row is None else decode_meta(row)
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
        limits = self.settings.limits
        self._judging = Judging(
            self.store, self.catalog, self._people, self._changes, self.settings.judged_histories
        )
        self._fold = Fold(
            self.catalog, self._people, self._changes, self._engagement, self._judging, limits.user_events
        )
        definitions = Definitions(self.store, self.catalog, self._changes, self._judging)
        definitions.load()
        self._intake = Intake(
            self.number,
            self.settings.retention_ms,
            limits,
            self.catalog,
            self._fold,
            definitions,
            Erasures(self.store, self._changes, limits.user_events),
        )
        self._cells = CellWriter(self.store, self.catalog)
        self._live = LiveViews(self.catalog, self.totals)
        self._closings = Closings(self.store, self.catalog, self.totals)
        self.reader = Reader(self.store, self.totals, self._recent, self._live, self._closings)
        lists = Lists(self.store, self.reader, self._live, self._people)
        self._numbers = PartitionNumbers(self.catalog, self.reader, self._live, lists)
        self._numbers.load_frozen(self.store)
        self._prepared: Prepared | None = None
        self._preparing: Iterator[None] = iter(())
        self._pending_offsets = dict(self.offsets)

    @property
    def sequence(self) -> int:
        """Offsets passed so far, over all topics: grows with every commit that passed one."""
        return sum(self.offsets.values())

    @property
    def commits(self) -> int:
        """How many commits there were: grows also with one that only judges histories by a definition."""
        return self.meta.batch

    def fold(self, topic: str, records: Sequence[Record]) -> None:
        """Fold records of a topic kind ("entries", …), in offset order, in memory only.

        Records below the next offset are skipped: they are folded already. Bad input never raises;
        it is refused, with its reason, into `refused`.
        """
        records = self._unfolded(topic, records)
        notes = self.skipped.get(topic)
        if notes:
            records = self._intake.refuse_skipped(topic, records, notes)
        self._intake.take(topic, records)

    def _unfolded(self, topic: str, records: Sequence[Record]) -> Sequence[Record]:
        """Those of the records that are not folded yet; they count as folded from now on."""
        next_offset = self._pending_offsets.get(topic, 0)
        if records and records[0].offset < next_offset:
            records = [record for record in records if record.offset >= next_offset]
        if records:
            self._pending_offsets[topic] = records[-1].offset + 1
        return records

    def reach(self, topic: str, offset: int) -> None:
        """Take `offset` for the next of a topic kind: what lies before it and was not folded is no record."""
        self._pending_offsets[topic] = max(offset, self._pending_offsets.get(topic, 0))

    def begin_at(self, offsets: Mapping[str, int]) -> None:
        """Count records below these offsets as folded, with the next commit: they are gone for good."""
        for topic, offset in offsets.items():
            self.reach(topic, offset)

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
            self._prepared = Prepared()
            self._preparing = self._prepare(self._prepared)
        return self._preparing

    def commit(self) -> None:
        """Write everything that is pending, offsets included, in one atomic write."""
        for _ in self.prepare():
            pass
        prepared = self._prepared or Prepared()
        self.store.write(prepared.puts.items(), prepared.deletes, prepared.ranges)
        if prepared.settles:
            self._recent.clear()
        else:
            self._recent.add(prepared.rolled, prepared.records)
        self.totals.apply(prepared.changed, prepared.dwells, written=prepared.settles)
        self._live.apply(prepared.changed, prepared.dwells)
        self._committed(prepared.meta, prepared.frozen)

    def _prepare(self, prepared: Prepared) -> Iterator[None]:
        self._people.free(FREED_PIECE)
        yield from self._intake.merge()
        self._cells.roll_up_accounts(self._changes)
        yield
        prepared.changed = totals_of(self._changes)
        prepared.dwells = dwells_of(self._changes)
        moved = {account: max(account.topic_times.values()) for account in self._fold.moved}
        closings, prepared.ranges = yield from self._closings.rows(self._changes, moved, prepared.changed)
        batch = self.meta.batch + 1
        # A history that a late definition judged changes about as much as a record.
        prepared.records = sum(self._pending_offsets.values()) - self.sequence + self._judging.judged
        prepared.settles = self._recent.records + prepared.records >= self.settings.journal_records
        prepared.rolled = roll(self._changes, self.catalog.day_of)
        rows = chain(
            closings,
            self._people.take_rows(),
            self._judging.rows(),
            self._frozen_rows(prepared),
            self._settled_rows(prepared, batch) if prepared.settles else self._journal_rows(prepared, batch),
            self._changes.rows.items(),
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
        prepared.puts.update(
            (keys.number_key(keys.ACCOUNT, account.number), account.row()) for account in moved
        )
        counters = dict(self.counters)
        for name, amount in self._intake.counters.items():
            counters[name] = counters.get(name, 0) + amount
        watermark_ms = max((self.watermark_ms, *moved.values()))
        prepared.meta = Meta(
            dict(self._pending_offsets), counters, watermark_ms, self._people.next_person, batch
        )
        prepared.puts[keys.META] = encode(prepared.meta)

    def _settled_rows(self, prepared: Prepared, batch: int) -> Iterator[Row]:
        if self._recent.batches:
            prepared.ranges.append((keys.JOURNAL, keys.after(keys.JOURNAL)))
        yield from self._cells.rows(self._recent.with_batch(prepared.rolled), batch)
        yield from self.totals.rows(prepared.changed, prepared.dwells)

    def _journal_rows(self, prepared: Prepared, batch: int) -> Iterator[Row]:
        if self._changes.tallies or self._changes.dwells or prepared.changed:
            value = journal_row(prepared.records, self._changes, prepared.changed)
            yield keys.journal_key(keys.JOURNAL, batch), value

    def _frozen_rows(self, prepared: Prepared) -> Iterator[Row]:
        """Keep the views of a journey that will be judged in part, and let them go when it is whole again."""
        for scope in self._judging.touched():
            is_judged = scope.judged_by is not None
            if is_judged == (scope.frozen is not None):
                continue
            views = self.reader.all_time(scope, scope.account.watermark_ms) if is_judged else None
            prepared.frozen[scope] = views
            yield keys.number_key(keys.FROZEN, scope.number), None if views is None else encode_views(views)

    def _load_journal(self) -> None:
        for _, value in self.store.scan(keys.JOURNAL, keys.after(keys.JOURNAL)):
            row = decode_journal_row(value)
            changes = Changes(self.catalog.counters, self.catalog.day_of)
            changed = row.restore(changes)
            self._recent.add(roll(changes, self.catalog.day_of), row.records)
            self.totals.apply(changed, dwells_of(changes), written=False)

    def _committed(self, meta: Meta, frozen: Mapping[JourneyScope, Views | None]) -> None:
        self._prepared = None
        for account in self._fold.moved:
            account.watermark_ms = max(account.topic_times.values())
        self._fold.moved.clear()
        for scope, views in frozen.items():
            scope.frozen = views
        self.meta = meta
        self.offsets, self.counters, self.watermark_ms = meta.offsets, meta.counters, meta.watermark_ms
        self._pending_offsets = dict(meta.offsets)
        self._changes.clear()
        self.catalog.rows.clear()
        self._intake.committed()
        self._judging.committed()
        self._people.trim()

    @property
    def watermarks(self) -> dict[str, int]:
        """Account → greatest accepted time of its users' events here, in milliseconds UTC, as committed."""
        return self._numbers.watermarks

    @property
    def accounts(self) -> dict[str, AccountShare]:
        """Accounts by id, with their zone and journeys here."""
        return self._numbers.accounts

    @property
    def definition_conflicts(self) -> int:
        """How many journey versions were defined with several contents."""
        return sum(
            map(bool, (n for scope in self.catalog.numbered for n in scope.definition_conflicts.values()))
        )

    @property
    def judging_since_ms(self) -> int | None:
        """Since when the oldest definition is in the log that not all histories are judged by; None without.

        While there is one, commits without records go on with it.
        """
        return self._judging.since_ms

    def partial(self, query: Query, watermarks: Mapping[str, int] | None = None) -> dict[str, Any]:
        """The partition's share of the answer to a query: plain data that adds over partitions.

        `watermarks` are those of accounts over all partitions, at which open windows are judged; of an
        account that they do not name it is the partition's own. It says too which records it reflects
        ("offsets", by topic kind the next one) and what became of them ("counters"). Raises `RangeError` for
        a bad range, and `JudgedAnewError` for a range or slice of a journey that a late definition judges.
        """
        return {**self._reflected(), **self._numbers.partial(query, watermarks)}

    def read(self, query: Query, watermarks: Mapping[str, int] | None = None) -> Rows:
        """The same in pieces, between which others may work and commits be made; of the moment of the first.

        For summaries and for questions of several ranges; see `PartitionNumbers.read`.
        """
        reflected = self._reflected()
        found = yield from self._numbers.read(query, watermarks)
        return {**reflected, **found}

    def _reflected(self) -> dict[str, Any]:
        """Which records the numbers reflect."""
        return {
            "partition": self.number,
            "offsets": dict(self.offsets),
            "counters": dict(self.counters),
            "watermark_ms": self.watermark_ms,
            "judging_since_ms": self.judging_since_ms,
        }

    def users(self, query: Query, number: str) -> Found:
        """User ids behind a number of the query's journey (of its step, when it names one), sorted.

        They are found in pieces, between which others may work and commits be made; they stay those of the
        last commit before the first piece.

        Raises `NoListError` for a number or a filter that has no list, `RangeError` for a bad range, and
        `JudgedAnewError` while the journey is judged by a late definition.
        """
        return self._numbers.users(query, number)

    def changed_views(self, watermarks: Mapping[str, int] | None = None) -> list[JourneyView]:
        """Views that changed since the last call, absolute, as committed; `watermarks` as in `partial`."""
        return self._numbers.changed_views(watermarks)

    def all_views(self, watermarks: Mapping[str, int] | None = None) -> Iterator[JourneyView]:
        """Every view, absolute, as committed; `watermarks` as in `partial`."""
        return self._numbers.all_views(watermarks)

    def discard(self) -> None:
        """Forget what is pending: the partition stands as of its last commit."""
        self._load()

    def close(self) -> None:
        """Forget what is pending and let go of the store."""
        self.store.close()

    def _home(self, user_id: str) -> int:
        return PARTITIONERS[self.settings.partitioner](user_id.encode(), self.settings.partitions)

    def _zone_of(self, account_id: str) -> Zone:
        name = self.settings.account_time_zones.get(account_id, self.settings.time_zone)
        zone = self._zones.get(name)
        if zone is None:
            zone = self._zones[name] = Zone(name)
        return zone
