"""Monthly engaged persons: who entered any journey in a calendar month of the account's time zone."""

from collections import Counter

import msgspec

from wayfold.models.zone import month_name
from wayfold.state import keys
from wayfold.state.catalog import JourneyScope
from wayfold.state.changes import Changes
from wayfold.state.history import User, encode
from wayfold.state.plans import Name
from wayfold.state.store_reader import StoreReader


class ConsumptionRow(msgspec.Struct, array_like=True, frozen=True):
    """A person's row of a month: engaged at (first entry of the month), billed at, in which journey.

    `billed_at_ms` is the log's timestamp of the record that made the system count the person.
    `correction` marks a row that was added after the month had closed.
    """

    engaged_at_ms: int
    billed_at_ms: int
    journey_id: str
    correction: bool


decode_row = msgspec.msgpack.Decoder(ConsumptionRow).decode


class Engagement:
    """Keeps the months of users, the numbers made of them, and the consumption rows."""

    def __init__(self, store: StoreReader, changes: Changes) -> None:
        self._store = store
        self._changes = changes
        self.watermark_ms = -1

    def entered(self, scope: JourneyScope, user: User, at_ms: int, event_id: str, timestamp_ms: int) -> bool:
        """Fold a `journey.entered`; True when the user's record changed.

        Numbers stand in the series of the account's own scope: ("persons", month), and per journey
        ("persons_first", month, journey) and ("persons_only", month, journey).
        """
        month = scope.zone.place(at_ms).month
        journeys = user.months.get(month)
        before = _facts(month, journeys)
        first_before = _first(journeys)
        if journeys is None:
            journeys = user.months[month] = {}
        known = journeys.get(scope.journey_id)
        if known is not None and known <= (at_ms, event_id):
            return False
        journeys[scope.journey_id] = (at_ms, event_id)
        difference = Counter(_facts(month, journeys))
        difference.subtract(before)
        account = scope.catalog.scope(scope.account_id, "")
        for name, amount in difference.items():
            if amount:
                self._changes.add_users(account.series_id(name), amount)
        first = _first(journeys)
        if first != first_before:
            self._write_row(
                scope, user.person, month, ConsumptionRow(at_ms, timestamp_ms, scope.journey_id, False)
            )
        return True

    def _write_row(self, scope: JourneyScope, person: int, month: int, row: ConsumptionRow) -> None:
        """Write, mend or, in a closed month, append to the person's rows of the month."""
        closed = self.watermark_ms >= 0 and scope.zone.place(self.watermark_ms).month > month
        count, latest = 0, None
        while True:
            key = keys.engagement_key(keys.ENGAGEMENT, scope.account.number, month, person, count)
            found = self._changes.rows.get(key) or self._store.get(key)
            if found is None:
                break
            count, latest = count + 1, decode_row(found)
        if latest is not None and not closed:
            key = keys.engagement_key(keys.ENGAGEMENT, scope.account.number, month, person, count - 1)
            row = msgspec.structs.replace(row, billed_at_ms=latest.billed_at_ms, correction=latest.correction)
        elif closed:
            row = msgspec.structs.replace(row, correction=True)
        self._changes.rows[key] = encode(row)


def _first(journeys: dict[str, tuple[int, str]] | None) -> tuple[tuple[int, str], str] | None:
    return min((at, journey_id) for journey_id, at in journeys.items()) if journeys else None


def _facts(month: int, journeys: dict[str, tuple[int, str]] | None) -> list[Name]:
    first = _first(journeys)
    if not journeys or first is None:
        return []
    name = month_name(month)
    facts: list[Name] = [("persons", name), ("persons_first", name, first[1])]
    if len(journeys) == 1:
        facts.append(("persons_only", name, first[1]))
    return facts
