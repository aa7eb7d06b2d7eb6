"""The committed numbers of one partition, as they are asked for."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from wayfold.state.names.catalog import DEFAULT_ACCOUNT, Catalog, JourneyScope
from wayfold.state.reading.lists import MESSAGES_SUFFIX, Found, Lists
from wayfold.state.reading.live_views import LiveViews
from wayfold.state.reading.query import Query
from wayfold.state.reading.reader import Reader
from wayfold.state.reading.views import JOURNEY, JourneyView, Views
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(dict[str, dict[str, str]]).decode


class JudgedAnewError(Exception):
    """A question that cannot be answered while a late definition goes through the journey's histories."""

    def __init__(self, journey_id: str) -> None:
        super().__init__(
            f"a definition of journey {journey_id!r} came after its events, and its users are judged by it "
            "now: ranges, slices and lists can be had when that is done; ask again in a moment"
        )


class KnownAccount(NamedTuple):
    """An account as a partition knows it: the name of its time zone, and the ids of its journeys."""

    time_zone: str
    journeys: set[str]


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
    def accounts(self) -> dict[str, KnownAccount]:
        """Account → its time zone and journeys, of those that have an event or a definition here."""
        found: dict[str, KnownAccount] = {}
        for scope in list(self._catalog.scopes.values()):
            account = found.get(scope.account_id)
            if account is None:
                account = found[scope.account_id] = KnownAccount(scope.zone.name, set())
            if scope.journey_id:
                account.journeys.add(scope.journey_id)
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
                self._reader.add_open(views, scope, None, None, _watermark_of(scope, watermarks))
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
    """What readers need of a journey's definitions, by version."""
    return {
        str(version): {
            "name": definition.name,
            "steps": [step.model_dump() for step in definition.steps],
            "conflicts": scope.definition_conflicts.get(version, 0),
        }
        for version, definition in scope.definitions.items()
    }


def _watermark_of(scope: JourneyScope, watermarks: Mapping[str, int] | None) -> int:
    """The watermark at which a journey's open windows are judged."""
    own_ms = scope.account.watermark_ms
    return own_ms if watermarks is None else watermarks.get(scope.account_id, own_ms)
