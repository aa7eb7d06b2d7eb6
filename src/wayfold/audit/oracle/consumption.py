"""Consumption rows: for whom an account is billed in each month, and since when."""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from wayfold.audit.oracle.events import OracleEvent
from wayfold.audit.oracle.times import bound_ms, month_of


@dataclass(frozen=True, slots=True)
class ConsumptionRow:
    """A person counted in a month, as 2026-11, of the account's clock.

    `engaged_at_ms` and `journey_id` are those of the person's first entry of the month, as far as it was
    known; `billed_at_ms` is the log's time of the record that made the row. `correction` marks a row that
    was written when the month had closed.
    """

    account_id: str
    month: str
    user_id: str
    engaged_at_ms: int
    billed_at_ms: int
    journey_id: str
    correction: bool


Order = tuple[int, str, str]


class Consumption:
    """Writes the rows of one partition of the topic of entries, entry by entry in the order of offsets."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], list[ConsumptionRow]] = {}
        self._first: dict[tuple[str, str, str], Order] = {}

    def enter(self, event: OracleEvent, timestamp_ms: int, topic_time_ms: int, zone: ZoneInfo) -> None:
        """Take an accepted journey.entered.

        `timestamp_ms` is its record's own time, `topic_time_ms` the greatest time of the account before it.
        """
        month = month_of(event.at, zone)
        person = (event.account, month, event.user or "")
        order = (event.at, event.event_id, event.journey or "")
        if person in self._first and order >= self._first[person]:
            return
        self._first[person] = order
        closed = topic_time_ms >= _end_ms(month, zone)
        row = ConsumptionRow(*person, event.at, timestamp_ms, event.journey or "", closed)
        rows = self._rows.setdefault(person, [])
        if rows and not closed:
            rows[-1] = replace(rows[-1], engaged_at_ms=row.engaged_at_ms, journey_id=row.journey_id)
        else:
            rows.append(row)

    def rows(self) -> list[ConsumptionRow]:
        """All rows by account, month and person, and a person's in the order in which they were written."""
        return [row for person in sorted(self._rows) for row in self._rows[person]]


def _end_ms(month: str, zone: ZoneInfo) -> float:
    """The first instant of the next month; none comes after the year 9999."""
    year, number = divmod(int(month[:4]) * 12 + int(month[5:]), 12)
    return bound_ms(f"{year:04d}-{number + 1:02d}-01", zone) if year < 10_000 else float("inf")
