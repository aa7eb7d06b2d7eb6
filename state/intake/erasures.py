"""Which erasures of persons were asked for: every partition remembers all of them."""

from typing import Final

import msgspec
from xxhash import xxh3_128_digest

from wayfold.models.events import UserErased, occurred_ms
from wayfold.state.cells.changes import Changes
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader


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

    A new one becomes a row of `changes`, and is written with the batch or forgotten with it. Erasures
    go to every partition, also to those that have never seen the person; so they make no user there.
    """

    def __init__(self, store: StoreReader, changes: Changes) -> None:
        self._store = store
        self._changes = changes

    def add(self, event: UserErased) -> bool:
        """Remember an erasure; False when it is known already, by account, user and event id.

        Of two erasures with one event id the first counts, whatever the other says.
        """
        key = erasure_key(event.account_id, event.user_id, event.event_id)
        if key in self._changes.rows or self._store.get(key) is not None:
            return False
        erasure = Erasure(event.mode, occurred_ms(event.occurred_at), event.account_id, event.user_id)
        self._changes.rows[key] = encode_erasure(erasure)
        return True


def erasure_key(account_id: str, user_id: str, event_id: str) -> bytes:
    """Store key of an erasure."""
    # Identifiers have no control characters, so no two triples make the same text. Nothing but the key
    # tells repeats, and over all users there are many: 64 bits would one day take one person's for another's.
    return keys.ERASURE + xxh3_128_digest("\0".join((account_id, user_id, event_id)).encode())
