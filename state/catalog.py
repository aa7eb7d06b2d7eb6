"""Numbers for the names that keys are made of: accounts, journeys (scopes) and series."""

from collections.abc import Callable, Iterator
from typing import cast

import msgspec
from xxhash import xxh3_64_intdigest

from wayfold.models.definition import JourneyDefinition
from wayfold.models.zone import Zone
from wayfold.state import keys
from wayfold.state.facts import Name
from wayfold.state.history import History
from wayfold.state.rules import UNDEFINED, VersionRules

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class JourneyScope:
    """A journey of an account in one partition (the journey "" is the account itself).

    `series` numbers the names that have been counted; `recent`, `older` and `dirty` are the cache of
    histories, two generations and those changed since the last commit.
    """

    def __init__(self, catalog: "Catalog", number: int, account: "AccountScope", journey_id: str) -> None:
        self.catalog = catalog
        self.number = number
        self.account = account
        self.account_id = account.account_id
        self.journey_id = journey_id
        self.zone = account.zone
        self.key_prefix = keys.number_key(keys.HISTORY, number)
        self.series: dict[Name, int] = {}
        self.versions: dict[int, VersionRules] = {}
        self.definitions: dict[int, JourneyDefinition] = {}
        self.recent: dict[str, History] = {}
        self.older: dict[str, History] = {}
        self.dirty: dict[str, History] = {}
        self._new_series = catalog.new_series

    def rules(self, version: int) -> VersionRules:
        """Rules of a version, `UNDEFINED` while it has no definition."""
        return self.versions.get(version, UNDEFINED)

    def series_id(self, name: Name) -> int:
        """Number of a series of this journey; a new one is written with the pending batch."""
        found = self.series.get(name)
        return self._new_series(self, name) if found is None else found

    def closing_key(self, entry_id: str, person: int, version: int, closes_at_ms: int, hour: int) -> bytes:
        """Store key of the row that says when the window of an exited entry closes."""
        mark = xxh3_64_intdigest(entry_id.encode())
        return keys.closing_key(keys.CLOSING, self.number, version, closes_at_ms, hour, person, mark)


class AccountScope:
    """An account in one partition: its number and time zone."""

    def __init__(self, number: int, account_id: str, zone: Zone) -> None:
        self.number = number
        self.account_id = account_id
        self.zone = zone
        self.key_prefix = keys.number_key(keys.USER, number)


class Catalog:
    """All names of a partition, each with the number that stands for it in keys.

    New names collect in `rows` until the batch that brought them is written.
    """

    def __init__(self, zone_of: Callable[[str], Zone]) -> None:
        self._zone_of = zone_of
        self.accounts: dict[str, AccountScope] = {}
        self.scopes: dict[tuple[str, str], JourneyScope] = {}
        self.series: list[tuple[JourneyScope, Name]] = []
        self.rows: dict[bytes, bytes] = {}

    def load(self, scan: Callable[[bytes, bytes], Iterator[tuple[bytes, bytes]]]) -> None:
        """Read the names that earlier batches wrote."""
        for kind, add in (
            (keys.ACCOUNT, self._load_account),
            (keys.SCOPE, self._load_scope),
            (keys.SERIES, self._load_series),
        ):
            for _, value in scan(kind, keys.after(kind)):
                add(_decode(value))
        self.rows.clear()

    def account(self, account_id: str) -> AccountScope:
        """The account, a new one when the partition has not seen it."""
        found = self.accounts.get(account_id)
        if found is None:
            found = AccountScope(len(self.accounts), account_id, self._zone_of(account_id))
            self.accounts[account_id] = found
            self.rows[keys.number_key(keys.ACCOUNT, found.number)] = _encode([account_id, found.zone.name])
        return found

    def scope(self, account_id: str, journey_id: str) -> JourneyScope:
        """The scope of a journey, a new one when the partition has not seen it."""
        found = self.scopes.get((account_id, journey_id))
        if found is None:
            found = JourneyScope(self, len(self.scopes), self.account(account_id), journey_id)
            self.scopes[account_id, journey_id] = found
            self.rows[keys.number_key(keys.SCOPE, found.number)] = _encode([account_id, journey_id])
        return found

    def new_series(self, scope: JourneyScope, name: Name) -> int:
        """Number a new series of a scope."""
        number = scope.series[name] = len(self.series)
        self.series.append((scope, name))
        self.rows[keys.number_key(keys.SERIES, number)] = _encode([scope.account_id, scope.journey_id, name])
        return number

    def _load_account(self, row: list[str]) -> None:
        account = self.account(row[0])
        if account.zone.name != row[1]:
            raise TimeZoneChangedError(row[0], row[1], account.zone.name)

    def _load_scope(self, row: list[str]) -> None:
        self.scope(row[0], row[1])

    def _load_series(self, row: list[object]) -> None:
        scope = self.scope(cast("str", row[0]), cast("str", row[1]))
        self.new_series(scope, tuple(cast("list[str | int]", row[2])))


class TimeZoneChangedError(Exception):
    """The settings give an account another time zone than the one its buckets were cut in."""

    def __init__(self, account_id: str, stored: str, asked: str) -> None:
        super().__init__(
            f"account {account_id!r} was counted in time zone {stored}, the settings now say {asked}: "
            f"set it back to {stored}, or remove the state directory so that the numbers are folded again from the log"
        )
