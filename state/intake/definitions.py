"""What is said of journeys: their versions' definitions, and whether they run.

Definitions and statuses go to every partition. Their order of arrival decides nothing: of several definitions
of a version the earliest by (time, event id) holds, and of several statuses the latest.
"""

from typing import Final

import msgspec
from xxhash import xxh3_64_digest, xxh3_128_digest

from wayfold.models.events import Event, JourneyDefined, JourneyStatus, occurred_ms
from wayfold.state.cells.changes import Changes
from wayfold.state.histories.judging import Judgement, Judging, definition_of
from wayfold.state.histories.rules import rules_of
from wayfold.state.names.catalog import Catalog, JourneyScope
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

MAXIMUM_CONTENTS: Final = 100
"""How many different contents of one version are told apart; what comes beyond is not counted."""


class Held(msgspec.Struct, array_like=True, frozen=True):
    """The definition of a version that holds: its time in milliseconds UTC, event id, and content as JSON.

    `contents` has a hash of each different content that was published as this version, its own among them.
    """

    at_ms: int
    event_id: str
    content: bytes
    contents: tuple[bytes, ...]

    @property
    def conflicts(self) -> int:
        """How many other contents were published as this version."""
        return len(self.contents) - 1


class Status(msgspec.Struct, array_like=True, frozen=True):
    """What the publisher last said of a journey: its time in milliseconds UTC, event id, and the status."""

    at_ms: int
    event_id: str
    status: str


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_held: Final = msgspec.msgpack.Decoder(Held).decode
_decode_status: Final = msgspec.msgpack.Decoder(Status).decode


class Definitions:
    """Takes definitions and statuses in; what they come to is written with the batch or forgotten with it.

    Readers see definitions and statuses as of the last commit, in the catalog's scopes.
    """

    def __init__(self, store: StoreReader, catalog: Catalog, changes: Changes, judging: Judging) -> None:
        self._store = store
        self._catalog = catalog
        self._changes = changes
        self._judging = judging
        self._held: dict[tuple[JourneyScope, int], Held] = {}
        self._statuses: dict[JourneyScope, Status] = {}

    def load(self) -> None:
        """Take up what the store has; judgements that are on their way go on."""
        self._judging.load()
        for key, value in self._store.scan(keys.DEFINITION, keys.after(keys.DEFINITION)):
            number, version = keys.split_definition_key(key)
            scope, held = self._catalog.numbered[number], _decode_held(value)
            scope.definition_conflicts[version] = held.conflicts
            judgement = self._judging.first_of(scope, version)
            self._show(scope, version, held.content if judgement is None else judgement.old)
            if judgement is None or not judgement.begun:
                plan = scope.plans.version(version)
                plan.rules = plan.committed_rules
        for key, value in self._store.scan(keys.STATUS, keys.after(keys.STATUS)):
            scope = self._catalog.numbered[keys.split_number_key(key)]
            scope.status = _decode_status(value).status

    def add(self, event: JourneyDefined | JourneyStatus, timestamp_ms: int) -> bool:
        """Take in a definition or a status; False when it is a repeat, by journey, type and event id.

        `timestamp_ms` is the log's time of the record.
        """
        account_id, journey_id = journey_of(event)
        known = self._catalog.scopes.get((account_id, journey_id))
        if known is not None and self._is_known(_id_key(known, event)):
            return False
        scope = known or self._catalog.scope(account_id, journey_id)
        self._changes.rows[_id_key(scope, event)] = b""
        if isinstance(event, JourneyDefined):
            self._define(scope, event, timestamp_ms)
        else:
            self._say(scope, event)
        return True

    def committed(self) -> None:
        """Let readers see what the commit wrote."""
        for (scope, version), held in self._held.items():
            scope.definition_conflicts[version] = held.conflicts
        for judgement in self._judging.finished:
            self._show(self._catalog.numbered[judgement.scope_number], judgement.version, judgement.new)
        for scope, said in self._statuses.items():
            scope.status = said.status
        self._held, self._statuses = {}, {}

    def _define(self, scope: JourneyScope, event: JourneyDefined, timestamp_ms: int) -> None:
        version = event.definition.journey_version
        content = event.definition.model_dump_json().encode()
        digest = xxh3_64_digest(event.definition.content)
        new = Held(occurred_ms(event.occurred_at), event.event_id, content, (digest,))
        key = keys.definition_key(keys.DEFINITION, scope.number, version)
        row = self._row(key)
        old = None if row is None else _decode_held(row)
        if old is not None:
            new = _of_both(old, new)
            if new == old:
                return
        self._changes.rows[key] = _encode(new)
        self._held[scope, version] = new
        if old is None or old.content != new.content:
            before = None if old is None else old.content
            self._judging.add(Judgement(scope.number, version, before, new.content, timestamp_ms))

    def _say(self, scope: JourneyScope, event: JourneyStatus) -> None:
        said = Status(occurred_ms(event.occurred_at), event.event_id, event.status)
        key = keys.number_key(keys.STATUS, scope.number)
        row = self._row(key)
        if row is not None:
            old = _decode_status(row)
            if (old.at_ms, old.event_id) > (said.at_ms, said.event_id):
                return
        self._changes.rows[key] = _encode(said)
        self._statuses[scope] = said

    def _show(self, scope: JourneyScope, version: int, content: bytes | None) -> None:
        """Let a definition be the one that readers see and are answered by."""
        if content is None:
            return
        definition = scope.definitions[version] = definition_of(content)
        scope.plans.version(version).committed_rules = rules_of(definition)

    def _is_known(self, key: bytes) -> bool:
        return key in self._changes.rows or self._store.get(key) is not None

    def _row(self, key: bytes) -> bytes | None:
        return self._changes.rows.get(key) or self._store.get(key)


def _of_both(old: Held, new: Held) -> Held:
    """What holds when a version was defined once more."""
    contents = old.contents
    if new.contents[0] not in contents and len(contents) < MAXIMUM_CONTENTS:
        contents = (*contents, *new.contents)
    earlier = new if (new.at_ms, new.event_id) < (old.at_ms, old.event_id) else old
    return msgspec.structs.replace(earlier, contents=contents)


def journey_of(event: JourneyDefined | JourneyStatus) -> tuple[str, str]:
    """The account and journey that a control event is about."""
    if isinstance(event, JourneyDefined):
        return event.definition.account_id, event.definition.journey_id
    return event.account_id, event.journey_id


def _id_key(scope: JourneyScope, event: Event) -> bytes:
    """Store key of an event that was accepted."""
    return keys.number_key(keys.CONTROL_ID, scope.number) + xxh3_128_digest(
        f"{event.TYPE}\0{event.event_id}".encode()
    )
