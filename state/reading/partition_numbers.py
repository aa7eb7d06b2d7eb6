"""The committed numbers of one partition, as they are asked for."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from wayfold.state.names.catalog import DEFAULT_ACCOUNT, Catalog, JourneyScope
from wayfold.state.reading.counted import counted
from wayfold.state.reading.lists import MESSAGES_SUFFIX, Found, Lists
from wayfold.state.reading.live_views import LiveViews, summary_of
from wayfold.state.reading.query import Query
from wayfold.state.reading.reader import Reader
from wayfold.state.reading.spans import Spans
from wayfold.state.reading.views import JOURNEY, JourneyView, Views, own_view
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

Rows = Generator[None, None, dict[str, Any]]
"""Finds a partition's share of an answer in pieces, between which others may work; returns it."""
Pieces = Generator[None, None, list[dict[str, Any]]]
ALL_TIME: Final = Spans([None])

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(dict[str, dict[str, str]]).decode


class JudgedAnewError(Exception):
    """A question that cannot be answered while a late definition goes through the journey's histories."""

    def __init__(self, journey_id: str) -> None:
        super().__init__(
            f"a definition of journey {journey_id!r} came after its events, and its users are judged by it "
            "now: ranges, slices and lists can be had when that is done; ask again in a moment"
        )


class AccountShare(NamedTuple):
    """What a partition knows of an account beside its numbers: its zone's name, and its journeys here."""

    time_zone: str
    journey_ids: list[str]


class PartitionNumbers:
    """Answers questions from what was committed.

    While a late definition goes through a journey's histories its numbers are mixed: the views from before
    are what is answered with, and what they do not hold is not answered.
    """

    def __init__(self, catalog: Catalog, reader: Reader, live: LiveViews, lists: Lists) -> None:
        self._catalog = catalog
        self._reader = reader
        self._live = live
        self._lists = lists

    def load_frozen(self, store: StoreReader) -> None:
        """Take up the views from before judgements that are on their way."""
        for key, value in store.scan(keys.FROZEN, keys.after(keys.FROZEN)):
            self._catalog.numbered[keys.split_number_key(key)].frozen = decode_views(value)

    @property
    def watermarks(self) -> dict[str, int]:
        """Account → its watermark in this partition, of those that have one."""
        return {
            account.account_id: account.watermark_ms
            for account in list(self._catalog.accounts.values())
            if account.watermark_ms >= 0
        }

    @property
    def accounts(self) -> dict[str, AccountShare]:
        """Accounts by id, those without events included."""
        found: dict[str, AccountShare] = {}
        for scope in list(self._catalog.scopes.values()):
            share = found.setdefault(scope.account_id, AccountShare(scope.zone.name, []))
            if scope.journey_id:
                share.journey_ids.append(scope.journey_id)
        return found

    def partial(self, query: Query, watermarks: Mapping[str, int] | None) -> dict[str, Any]:
        """Rows of the journeys and accounts that a query asks about; see `Partition.partial`."""
        journeys, accounts = [], []
        for scope in list(self._catalog.scopes.values()):
            if query.account_id not in (None, scope.account_id):
                continue
            if not scope.journey_id:
                if query.journey_id is None:
                    row = {"account_id": scope.account_id, "time_zone": scope.zone.name}
                    accounts.append({**row, "views": self.views(scope, query, watermarks)})
            elif query.journey_id in (None, scope.journey_id):
                journeys.append(
                    {
                        "account_id": scope.account_id,
                        "journey_id": scope.journey_id,
                        "definitions": definitions_of(scope),
                        "views": self.views(scope, query, watermarks),
                    }
                )
        return {"watermarks": self.watermarks, "journeys": journeys, "accounts": accounts}

    def read(self, query: Query, watermarks: Mapping[str, int] | None) -> Rows:
        """The same in pieces, of the moment of the first; for summaries and for several ranges.

        A summary has no accounts. With `ranges` the `views` of a journey are a list of them, one for each;
        with a `number` it has `counts` instead.
        """
        if query.detail == "all" and not query.ranges:
            return self.partial(query, watermarks)
        known = self.watermarks
        scopes = [
            scope
            for scope in list(self._catalog.scopes.values())
            if scope.journey_id
            and query.account_id in (None, scope.account_id)
            and query.journey_id in (None, scope.journey_id)
        ]
        if query.is_plain:
            journeys = yield from self._summaries(scopes, watermarks)
        else:
            journeys = yield from self._within(scopes, query, watermarks)
        return {"watermarks": known, "journeys": journeys, "accounts": []}

    def _summaries(self, scopes: Sequence[JourneyScope], watermarks: Mapping[str, int] | None) -> Pieces:
        """Summaries over all time. What is kept in memory is taken at once, what is in rows in pieces."""
        taken = []
        for scope in scopes:
            if scope.frozen is None:
                views, chosen = self._reader.summary(scope, _watermark_of(scope, watermarks))
            else:
                views, chosen = summary_of(scope.frozen), None
            taken.append(({**self._row_of(scope, names_of(scope)), "views": views}, chosen))
        rows = self._reader.rows([], ALL_TIME)
        for row, chosen in taken:
            if chosen is not None and chosen.versions:
                self._reader.add_open_windows(row["views"], chosen, rows)
                row["views"] = {JOURNEY: row["views"][JOURNEY]}
                yield
        return [row for row, _ in taken]

    def _within(
        self, scopes: Sequence[JourneyScope], query: Query, watermarks: Mapping[str, int] | None
    ) -> Pieces:
        """What there is of journeys in ranges and slices, in pieces: first what to read is found, at once."""
        counts = None if query.number is None else counted(query)
        chosen, spans_of = [], {}
        for scope in scopes:
            if scope.frozen is not None:
                raise JudgedAnewError(scope.journey_id)
            if scope.account not in spans_of:
                spans_of[scope.account] = _spans_of(scope, query)
            if counts is not None:
                chosen.append(self._reader.choose_counted(scope, query, counts.metric))
            else:
                chosen.append(self._reader.choose(scope, query, _watermark_of(scope, watermarks)))
        rows_of = {
            account: self._reader.rows([one for one in chosen if one.scope.account is account], spans)
            for account, spans in spans_of.items()
        }
        taken = [self._row_of(one.scope, self._definitions(one.scope, query)) for one in chosen]
        for row, one in zip(taken, chosen, strict=True):
            rows = rows_of[one.scope.account]
            if counts is not None:
                row["counts"] = self._reader.counts(one, counts.slot, rows)
            elif query.ranges:
                row["views"] = self._reader.read(one, query, rows)
            else:
                views = self._reader.read(one, query, rows)[0]
                row["views"] = summary_of(views, own_view(query))
            yield
        return taken

    def _row_of(self, scope: JourneyScope, definitions: Mapping[str, Any]) -> dict[str, Any]:
        versions = set(scope.definitions)
        if scope.frozen is None:
            versions |= self._live.versions(scope)
        else:
            versions |= {int(view.split(":", 2)[1]) for view in scope.frozen if ":" in view}
        return {
            "account_id": scope.account_id,
            "journey_id": scope.journey_id,
            "definitions": definitions,
            "versions": sorted(versions),
        }

    def _definitions(self, scope: JourneyScope, query: Query) -> Mapping[str, Any]:
        """What the answer to a query shows of a journey's definitions."""
        if query.number is not None:
            return {}
        return definitions_of(scope) if query.ranges else names_of(scope)

    def views(self, scope: JourneyScope, query: Query, watermarks: Mapping[str, int] | None) -> Views:
        """The views of a journey or account for a query; raises `JudgedAnewError`."""
        if scope.frozen is None:
            return self._reader.views(scope, query, _watermark_of(scope, watermarks))
        if not query.is_plain:
            raise JudgedAnewError(scope.journey_id)
        return {view: dict(fields) for view, fields in scope.frozen.items()}

    def users(self, query: Query, number: str) -> Found:
        """User ids behind a number; see `Partition.users`."""
        account_id = query.account_id or DEFAULT_ACCOUNT
        scope = self._catalog.scopes.get((account_id, query.journey_id or ""))
        if scope is None:
            return []
        if scope.frozen is not None:
            raise JudgedAnewError(scope.journey_id)
        if scope.journey_id or not number.endswith(MESSAGES_SUFFIX):
            return (yield from self._lists.users(scope, query, number))
        # A message of the account is one of any of its journeys, or of none.
        journeys = [scope for scope in self._catalog.numbered if scope.account_id == account_id]
        found: set[str] = set()
        for users in [self._lists.users(each, query, number) for each in journeys]:
            found.update((yield from users))
        return sorted(found)

    def changed_views(self, watermarks: Mapping[str, int] | None) -> list[JourneyView]:
        """Views that changed since the last call, but for those of journeys that are judged in part."""
        found = []
        for scope, views in self._live.take_changed(lambda scope: scope.frozen is None):
            if JOURNEY in views:
                self._reader.add_open(views, scope, _watermark_of(scope, watermarks))
            found.append(JourneyView(scope.account_id, scope.journey_id, views))
        return found

    def all_views(self, watermarks: Mapping[str, int] | None) -> Iterator[JourneyView]:
        """Every view."""
        for scope in list(self._catalog.scopes.values()):
            views = scope.frozen or self._reader.all_time(scope, _watermark_of(scope, watermarks))
            yield JourneyView(scope.account_id, scope.journey_id, views)


def encode_views(views: Views) -> bytes:
    """Views as they are stored: sums of money do not fit into 64 bits, and stand as text."""
    return _encode(
        {view: {field: str(value) for field, value in fields.items()} for view, fields in views.items()}
    )


def decode_views(row: bytes) -> Views:
    """The views that `encode_views` stored."""
    return {
        view: {field: int(value) for field, value in fields.items()} for view, fields in _decode(row).items()
    }


def definitions_of(scope: JourneyScope) -> dict[str, dict[str, Any]]:
    """What readers need of a journey's definitions, by version; all but the window is as published."""
    return {
        str(version): {
            "name": definition.name,
            "steps": [step.model_dump() for step in definition.steps],
            "goal": None if definition.goal is None else definition.goal.model_dump(),
            "conversion_window_ms": definition.conversion_window_ms,
            "conflicts": scope.definition_conflicts.get(version, 0),
        }
        for version, definition in scope.definitions.items()
    }


def names_of(scope: JourneyScope) -> dict[str, dict[str, Any]]:
    """What a summary needs of a journey's definitions: the names, by version."""
    return {str(version): {"name": definition.name} for version, definition in scope.definitions.items()}


def _spans_of(scope: JourneyScope, query: Query) -> Spans:
    if not query.ranges:
        return Spans([scope.zone.span(query.start, query.end)])
    return Spans([scope.zone.span(start, end) for start, end in query.ranges])


def _watermark_of(scope: JourneyScope, watermarks: Mapping[str, int] | None) -> int:
    """The watermark at which a journey's open windows are judged."""
    own_ms = scope.account.watermark_ms
    return own_ms if watermarks is None else watermarks.get(scope.account_id, own_ms)
