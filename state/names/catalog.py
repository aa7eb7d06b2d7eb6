"""Numbers for the names that keys are made of: accounts, journeys (scopes), series and kinds."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from xxhash import xxh3_64_intdigest

from wayfold.models.definition import JourneyDefinition
from wayfold.models.events import USER_TOPIC_KINDS
from wayfold.models.zone import Zone
from wayfold.state.histories.history import History
from wayfold.state.histories.pending import Pending
from wayfold.state.histories.rules import VersionRules
from wayfold.state.names.event_names import EventNames
from wayfold.state.names.plans import HOUR_BITS, HOUR_MASK, Name, Plans
from wayfold.state.store import keys

# Series in which users are numbers of their own, and where they are counted over all time: of a
# journey in the version and in version 0, of a step in the series over all variants.
USER_METRICS = frozenset(
    (
        "total_entries",
        "exited_entries@event",
        "exited_entries@entry",
        "converted_entries@event",
        "converted_entries@entry",
        "entered",
        "dropped@event",
        "dropped@entry",
    )
)

DAYS_LIMIT = 20_000  # facts whose day is remembered
ENTERED = "total_entries"  # the series of a version's entries
OPEN = "open"  # the series of exited entries whose window is open, of a version
DEFAULT_ACCOUNT = "default"
NO_TIME = -1  # of what has had no event
FIRST_SURROGATE, SURROGATES = 0xD800, 0x800
PLANE = 0x10000
FIRST_OF_PAIR = 15 * PLANE
SINGLE_MARKS = FIRST_OF_PAIR - SURROGATES

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class AccountScope:
    """An account in one partition: its number and time zone.

    `topic_times` has, by topic kind, the greatest time of the events that were merged, in milliseconds UTC,
    -1 before any; `engaged_ms` that of the entries topic as far as its events were counted in months, and
    `watermark_ms` the greatest of all topics as of the last commit. `names` are those of events outside
    journeys, `pending` goal events that wait to be merged, by user.
    """

    def __init__(self, number: int, account_id: str, zone: Zone) -> None:
        self.number = number
        self.account_id = account_id
        self.zone = zone
        self.key_prefix = keys.number_key(keys.USER, number)
        self.topic_times = dict.fromkeys(USER_TOPIC_KINDS, NO_TIME)
        self.engaged_ms = NO_TIME
        self.watermark_ms = NO_TIME
        self.names = EventNames.of_account(number)
        self.pending: Pending = {}

    def row(self) -> bytes:
        """The account's row: name, time zone, and topic times."""
        return _encode([self.account_id, self.zone.name, self.topic_times])

    def restore_times(self, topic_times: Mapping[str, int]) -> None:
        """Take up the topic times of a row."""
        self.topic_times.update(topic_times)
        self.engaged_ms = self.topic_times["entries"]
        self.watermark_ms = max(self.topic_times.values())


class JourneyScope:
    """A journey of an account in one partition (the journey "" is the account itself).

    `definitions` are the committed ones by version, `series` numbers the names that have been counted,
    `entered` has those of the versions' entries, by version. `names` are those of its events, `status` what
    its publisher last said of it, as committed. `pending` are events that wait to be merged, by user;
    `recent`, `older` and `dirty` are the cache of histories: two generations, and those changed since
    the last commit. While a late definition goes through the histories, `judged_by` is how those stand in the
    numbers that it has not reached, and `frozen` are the views from before, which readers see meanwhile.
    """

    def __init__(self, catalog: "Catalog", number: int, account: AccountScope, journey_id: str) -> None:
        self.catalog = catalog
        self.number = number
        self.account = account
        self.account_id = account.account_id
        self.journey_id = journey_id
        self.zone = account.zone
        self.key_prefix = keys.number_key(keys.HISTORY, number)
        self.series: dict[Name, int] = {}
        self.entered: dict[int, int] = {}
        self.definitions: dict[int, JourneyDefinition] = {}
        self.definition_conflicts: dict[int, int] = {}
        self.status: str | None = None
        self.judged_by: RuledScope | None = None
        self.frozen: dict[str, dict[str, int]] | None = None
        self.names = EventNames.of_journey(number) if journey_id else account.names
        self.plans = Plans(self.base, self.mark, self._new_kind)
        self.pending: Pending = {}
        self.recent: dict[str, History] = {}
        self.older: dict[str, History] = {}
        self.dirty: dict[str, History] = {}

    def series_id(self, name: Name) -> int:
        """Number of a series of this journey; a new one is written with the pending batch."""
        found = self.series.get(name)
        return self.catalog.new_series(self, name) if found is None else found

    def base(self, name: Name) -> int:
        """Base of a series: its number, shifted to leave room for an hour."""
        return self.series_id(name) << HOUR_BITS

    def mark(self, series: int) -> str:
        """The character that stands for one of this journey's series in its histories."""
        return self.catalog.marks[series]

    def closing_key(self, entry_id: str, person: int, version: int, closes_at_ms: int, hour: int) -> bytes:
        """Store key of the row that says when the window of an exited entry closes."""
        mark = xxh3_64_intdigest(entry_id.encode())
        return keys.closing_key(keys.CLOSING, self.number, version, closes_at_ms, hour, person, mark)

    def of_user(self, user_id: str) -> "JourneyScope | RuledScope":
        """By what a user's history stands in the numbers."""
        earlier = self.judged_by
        if earlier is None or (earlier.cursor is not None and user_id.encode() <= earlier.cursor):
            return self
        return earlier

    def _new_kind(self, words: Name) -> int:
        return self.catalog.new_kind(self, words)


class RuledScope:
    """A journey with other rules of one version; `cursor` is the last user for whom they hold no more."""

    def __init__(self, scope: JourneyScope, version: int, rules: VersionRules, cursor: bytes | None) -> None:
        self.zone = scope.zone
        self.plans = scope.plans.with_rules(version, rules)
        self.closing_key = scope.closing_key
        self.cursor = cursor


class CommittedScope:
    """What histories of a journey are judged by as of the last commit, and stays so."""

    def __init__(self, scope: JourneyScope) -> None:
        self.zone = scope.zone
        self.plans = scope.plans.committed()
        self.closing_key = scope.closing_key


class Catalog:
    """All names of a partition, each with the number that stands for it in keys and histories.

    New names collect in `rows` until the batch that brought them is written. `open_series` are those of
    open windows: journey, version and number.
    """

    def __init__(self, zone_of: Callable[[str], Zone]) -> None:
        self._zone_of = zone_of
        self.accounts: dict[str, AccountScope] = {}
        self.scopes: dict[tuple[str, str], JourneyScope] = {}
        self.numbered: list[JourneyScope] = []
        self.series: list[tuple[JourneyScope, Name]] = []
        self.marks: list[str] = []
        self.open_series: list[tuple[JourneyScope, int, int]] = []
        self.rows: dict[bytes, bytes] = {}
        self._next_kind = 0
        self._days: dict[int, int] = {}
        self.counters: Mapping[int, tuple[int, ...]] = _Counters(self)

    def load(self, scan: Callable[[bytes, bytes], Iterator[tuple[bytes, bytes]]]) -> None:
        """Read the names that earlier batches wrote."""
        for kind, add in (
            (keys.ACCOUNT, self._load_account),
            (keys.SCOPE, self._load_scope),
            (keys.SERIES, self._load_series),
            (keys.KIND, self._load_kind),
        ):
            for _, value in scan(kind, keys.after(kind)):
                add(_decode(value))
        for key, _ in scan(keys.NAME, keys.after(keys.NAME)):
            self._load_name(key)
        self.rows.clear()

    def account(self, account_id: str) -> AccountScope:
        """The account, a new one when the partition has not seen it."""
        found = self.accounts.get(account_id)
        if found is None:
            found = AccountScope(len(self.accounts), account_id, self._zone_of(account_id))
            self.accounts[account_id] = found
            self.rows[keys.number_key(keys.ACCOUNT, found.number)] = found.row()
        return found

    def scope(self, account_id: str, journey_id: str) -> JourneyScope:
        """The scope of a journey, a new one when the partition has not seen it."""
        found = self.scopes.get((account_id, journey_id))
        if found is None:
            found = JourneyScope(self, len(self.numbered), self.account(account_id), journey_id)
            self.scopes[account_id, journey_id] = found
            self.numbered.append(found)
            self.rows[keys.number_key(keys.SCOPE, found.number)] = _encode([account_id, journey_id])
        return found

    def new_series(self, scope: JourneyScope, name: Name) -> int:
        """Number a new series of a scope."""
        self.marks.append(mark_of(len(scope.series)))
        number = scope.series[name] = len(self.series)
        if name[0] == ENTERED and name[1]:
            scope.entered[int(name[1])] = number
        elif name[0] == OPEN:
            self.open_series.append((scope, int(name[1]), number))
        self.series.append((scope, name))
        self.rows[keys.number_key(keys.SERIES, number)] = _encode([scope.number, *name])
        return number

    def name_event(self, names: EventNames, place: int, name: str) -> None:
        """Let a name be known of the events of a journey, or of none; `place` is one of `NAME_SETS`."""
        self.rows[names.add(place, name)] = b""

    def new_kind(self, scope: JourneyScope, words: Name) -> int:
        """Number a new kind of arrival or message event."""
        number = self._next_kind
        self._next_kind += 1
        self.rows[keys.number_key(keys.KIND, number)] = _encode([scope.number, number, *words])
        return number

    def day_of(self, fact: int) -> int:
        """A fact's day, in the place of its hour."""
        day = self._days.get(fact)
        if day is None:
            series = fact >> HOUR_BITS
            zone = self.series[series][0].zone
            if len(self._days) >= DAYS_LIMIT:
                self._days.clear()
            day = self._days[fact] = series << HOUR_BITS | zone.day_of_hour(fact & HOUR_MASK)
        return day

    def _load_account(self, row: list[Any]) -> None:
        account = self.account(row[0])
        if account.zone.name != row[1]:
            raise TimeZoneChangedError(row[0], row[1], account.zone.name)
        account.restore_times(row[2])

    def _load_name(self, key: bytes) -> None:
        _, owner, number = keys.split_names_key(key)
        names = (
            self.numbered[number].names
            if owner == keys.OF_JOURNEY
            else list(self.accounts.values())[number].names
        )
        place = len(names.prefix)
        names.add(key[place], key[place + 1 :].decode())

    def _load_scope(self, row: list[str]) -> None:
        self.scope(row[0], row[1])

    def _load_series(self, row: list[Any]) -> None:
        self.new_series(self.numbered[row[0]], tuple(row[1:]))

    def _load_kind(self, row: list[Any]) -> None:
        plans = self.numbered[row[0]].plans
        self._next_kind = row[1] + 1
        words = tuple(row[2:])
        if len(words) == 3:
            plans.load_arrival(row[1], words)
        else:
            plans.load_message(row[1], words)


class _Counters(dict[int, tuple[int, ...]]):
    """By series, those in which its users are counted over all time; made when first asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def __missing__(self, series: int) -> tuple[int, ...]:
        scope, name = self._catalog.series[series]
        found: tuple[int, ...] = ()
        if name[0] in USER_METRICS:
            if len(name) == 2:
                found = (series, scope.series_id((name[0], 0)))
            else:
                found = (scope.series_id((f"{name[0]}*", name[1], name[2])),)
        self[series] = found
        return found


def mark_of(place: int) -> str:
    """The mark of a scope's series by its place among them: one character, or two beyond a million series.

    No mark is found within another, or across two that stand side by side: surrogates are no characters that
    could be stored, and the last two planes of characters are only used in pairs, one as the first of a pair
    and the other as the second.
    """
    if place < FIRST_SURROGATE:
        return chr(place)
    if place < SINGLE_MARKS:
        return chr(place + SURROGATES)
    first, second = divmod(place - SINGLE_MARKS, PLANE)
    return chr(FIRST_OF_PAIR + first) + chr(FIRST_OF_PAIR + PLANE + second)


class TimeZoneChangedError(Exception):
    """The settings give an account another time zone than the one its buckets were cut in."""

    def __init__(self, account_id: str, stored: str, asked: str) -> None:
        super().__init__(
            f"account {account_id!r} was counted in time zone {stored}, the settings say {asked}: set it "
            "back, or remove the state directory so that the numbers are folded again from the log"
        )
