"""Which erasures of persons were asked for: each partition remembers those of its users."""

from typing import Final

import msgspec
from xxhash import xxh3_128_digest

from wayfold.models.events import UserErased, occurred_ms
from wayfold.models.refusal import Refusal
from wayfold.state.cells.changes import Changes
from wayfold.state.limits import too_many_events
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader

PERSON_BYTES: Final = 1 + 16
"""How much of an erasure's key says whose it is."""


class Erasure(msgspec.Struct, array_like=True, frozen=True):
    """A person who asked to be forgotten, how ("anonymise" or "subtract") and when, in milliseconds UTC."""

    mode: str
    at_ms: int
    account_id: str
    user_id: str


encode_erasure: Final = msgspec.msgpack.Encoder().encode
decode_erasure: Final = msgspec.msgpack.Decoder(Erasure).decode


class Erasures:
    """Tells a new erasure from one that came before, in the pending batch or in an earlier one.

    A new one becomes a row of `changes`, and is written with the batch or forgotten with it. A person of whom
    nothing else is known makes no user.
    """

    def __init__(self, store: StoreReader, changes: Changes, user_events: int) -> None:
        self._store = store
        self._changes = changes
        self._user_events = user_events
        self._counts: dict[bytes, int] = {}  # of those persons that the pending batch erases

    def add(self, event: UserErased, timestamp_ms: int) -> bool | Refusal:
        """Remember an erasure; False when it is known already, by account, user and event id.

        Of two erasures with one event id the first counts, whatever the other says. None is of the future: it
        counts from the log's time of its record, `timestamp_ms`, at the latest. A refusal when the person has
        as many as are taken.
        """
        key = erasure_key(event.account_id, event.user_id, event.event_id)
        if key in self._changes.rows or self._store.get(key) is not None:
            return False
        person = key[:PERSON_BYTES]
        count = self._counts.get(person)
        if count is None:
            count = sum(1 for _ in self._store.scan(person, keys.after(person)))
        if count >= self._user_events:
            return too_many_events(event.TYPE, self._user_events)
        self._counts[person] = count + 1
        at_ms = min(occurred_ms(event.occurred_at), timestamp_ms)
        self._changes.rows[key] = encode_erasure(Erasure(event.mode, at_ms, event.account_id, event.user_id))
        return True

    def committed(self) -> None:
        """Begin anew after a commit."""
        self._counts = {}


def erasure_key(account_id: str, user_id: str, event_id: str) -> bytes:
    """Store key of an erasure."""
    # Identifiers have no control characters, so no two pairs make the same text. Nothing but the key tells
    # repeats, and over all users there are many: 64 bits would one day take one person's for another's.
    person = xxh3_128_digest("\0".join((account_id, user_id)).encode())
    return keys.ERASURE + person + xxh3_128_digest(event_id.encode())
