"""Monthly engaged persons: who entered any journey in a calendar month of the account's time zone."""

import msgspec

from wayfold.models.zone import month_name
from wayfold.state.cells.changes import Changes
from wayfold.state.histories.history import User, encode
from wayfold.state.names.catalog import JourneyScope
from wayfold.state.names.plans import Name
from wayfold.state.store import keys
from wayfold.state.store.reader import StoreReader


class ConsumptionRow(msgspec.Struct, array_like=True, frozen=True):
    """A person's row of a month: engaged at (first entry of the month), billed at, in which journey.

    `billed_at_ms` is the log's timestamp of the record that made the system count the person, of a correction
    that which brought it. `correction` marks a row that was added after the month had closed.
    """

    engaged_at_ms: int
    billed_at_ms: int
    journey_id: str
    correction: bool


First = tuple[tuple[int, str], str]
"""A person's first `journey.entered` of a month: its (time, event id), and the journey."""

decode_row = msgspec.msgpack.Decoder(ConsumptionRow).decode


class Engagement:
    """Keeps the months of users, the numbers made of them, and the consumption rows."""

    def __init__(self, store: StoreReader, changes: Changes) -> None:
        self._store = store
        self._changes = changes

    def entered(self, scope: JourneyScope, user: User, at_ms: int, event_id: str, timestamp_ms: int) -> bool:
        """Fold a `journey.entered`; True when the user's record changed.

        Numbers stand in the series of the account's own scope: ("persons", month), and per journey
        ("persons_first", month, journey) and ("persons_only", month, journey).
        """
        month = scope.zone.place(at_ms).month
        journeys = user.months.get(month)
        if journeys is None:
            journeys = user.months[month] = {}
        known = journeys.get(scope.journey_id)
        if known is not None and known <= (at_ms, event_id):
            return False
        first_before = _first(journeys)
        before = _facts(month, journeys, first_before)
        journeys[scope.journey_id] = (at_ms, event_id)
        first = _first(journeys)
        after = _facts(month, journeys, first)
        account = scope.catalog.scope(scope.account_id, "")
        for name in after:
            if name not in before:
                self._changes.add_users(account.series_id(name), 1)
        for name in before:
            if name not in after:
                self._changes.add_users(account.series_id(name), -1)
        if first != first_before:
            row = ConsumptionRow(at_ms, timestamp_ms, scope.journey_id, False)
            if first_before is None:
                self._append_row(scope, user.person, month, row)
            else:
                self._mend_row(scope, user.person, month, row)
        return True

    def _append_row(self, scope: JourneyScope, person: int, month: int, row: ConsumptionRow) -> None:
        """Write the person's first row of the month."""
        row = msgspec.structs.replace(row, correction=_is_closed(scope, month))
        self._changes.rows[self._key(scope, person, month, 0)] = encode(row)

    def _mend_row(self, scope: JourneyScope, person: int, month: int, row: ConsumptionRow) -> None:
        """Mend the person's latest row of the month; in a closed month append one to it."""
        count, latest = 0, row
        while found := self._row(self._key(scope, person, month, count)):
            count, latest = count + 1, decode_row(found)
        if _is_closed(scope, month):
            row = msgspec.structs.replace(row, correction=True)
        else:
            count -= 1
            row = msgspec.structs.replace(row, billed_at_ms=latest.billed_at_ms, correction=latest.correction)
        self._changes.rows[self._key(scope, person, month, count)] = encode(row)

    def _key(self, scope: JourneyScope, person: int, month: int, count: int) -> bytes:
        return keys.engagement_key(keys.ENGAGEMENT, scope.account.number, month, person, count)

    def _row(self, key: bytes) -> bytes | None:
        return self._changes.rows.get(key) or self._store.get(key)


def _is_closed(scope: JourneyScope, month: int) -> bool:
    """Whether the account's events of the entries topic, as far as they were counted, passed the month."""
    at_ms = scope.account.engaged_ms
    return at_ms >= 0 and scope.zone.place(at_ms).month > month


def _first(journeys: dict[str, tuple[int, str]]) -> First | None:
    if len(journeys) < 2:  # as nearly always
        return next(((at, journey_id) for journey_id, at in journeys.items()), None)
    return min((at, journey_id) for journey_id, at in journeys.items())


def _facts(month: int, journeys: dict[str, tuple[int, str]], first: First | None) -> list[Name]:
    if first is None:
        return []
    name = month_name(month)
    facts: list[Name] = [("persons", name), ("persons_first", name, first[1])]
    if len(journeys) == 1:
        facts.append(("persons_only", name, first[1]))
    return facts
