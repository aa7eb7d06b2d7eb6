"""Calendar of an account's time zone: which hour, day and month an instant falls in.

Hours are named by the minute they start in (since 1970 UTC), so that the repeated hour of an autumn night is
two hours. An hour in which the clock is put forward or back is two as well, of which the second starts
there. Days count from 1970-01-01 in local dates, the first having the end of 1969 as well; months count
from year 0.
"""

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SLOT_MS = 900_000  # zone offsets since 1973 change on quarter hours only
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
CACHE_LIMIT = 200_000
DATE_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}")
HOUR_PATTERN = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}(:00){0,2}")


class RangeError(ValueError):
    """A bound of a range that is neither a local date nor a full local hour."""


class Place(NamedTuple):
    """Where an instant falls: `hour` (the minute it starts in, since 1970 UTC), `day` and `month` numbers."""

    hour: int
    day: int
    month: int


class Span(NamedTuple):
    """A half-open range of instants, cut into whole local days and the hours at its two ends.

    `days` is [first, end) in day numbers; `hours` lists [first, end) ranges in hour numbers.
    """

    start_ms: int
    end_ms: int
    days: tuple[int, int]
    hours: tuple[tuple[int, int], ...]

    def has_hour(self, hour: int) -> bool:
        """Whether an hour is in the range, which begins and ends with hours."""
        return self.start_ms // MINUTE_MS <= hour < self.end_ms // MINUTE_MS


class Zone:
    """A time zone by its IANA name; raises `ValueError` for an unknown one.

    `hours` has, by slot (`at_ms // SLOT_MS`), the hours that `hour` was asked for lately: for loops.
    """

    def __init__(self, name: str) -> None:
        try:
            self._info = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"time zone {name!r} is not an IANA name such as Europe/Amsterdam") from error
        self.name = name
        self._places: dict[int, Place] = {}
        self.hours: dict[int, int] = {}

    def place(self, at_ms: int) -> Place:
        """Hour, day and month of an instant given in milliseconds UTC."""
        slot = at_ms // SLOT_MS
        place = self._places.get(slot)
        if place is None:
            place = self._compute(at_ms)
            # A slot with a change of offset inside (before 1973) has two answers: not remembered.
            if place == self._compute(slot * SLOT_MS) == self._compute(slot * SLOT_MS + SLOT_MS - 1):
                if len(self._places) >= CACHE_LIMIT:
                    self._places.clear()
                    self.hours.clear()
                self._places[slot] = place
                self.hours[slot] = place.hour
        return place

    def hour(self, at_ms: int) -> int:
        """Number of the local hour of an instant given in milliseconds UTC."""
        found = self.hours.get(at_ms // SLOT_MS)
        return self.place(at_ms).hour if found is None else found

    def day_of_hour(self, hour: int) -> int:
        """Number of the day that an hour is in."""
        # Before 1973 some clocks were behind by seconds: the hour starts somewhere in its minute.
        return self.place(hour * MINUTE_MS + MINUTE_MS - 1).day

    def day_start_ms(self, day: int) -> int:
        """First instant of a local day; the instant of the jump where a zone skips midnight."""
        return self._first_ms(datetime.combine(date.fromordinal(day + EPOCH_ORDINAL), time.min))

    def span(self, start: str | None, end: str | None) -> Span | None:
        """The range of two bounds; None when neither is given.

        Raises `RangeError` for a bound that is no local date or full hour, or an end before its start.
        """
        if start is None and end is None:
            return None
        start_ms = 0 if start is None else self._bound("from", start)
        end_ms = _milliseconds(datetime(9998, 1, 1, tzinfo=UTC)) if end is None else self._bound("to", end)
        if end_ms < start_ms:
            raise RangeError(f"to: {end} is before from: {start}")
        first, last = self.place(start_ms).day, self.place(end_ms).day
        # The first day has what lies before it too, where the clock still shows 1969.
        if first == 0 or self.day_start_ms(first) < start_ms:
            first += 1
        if first >= last:
            return Span(start_ms, end_ms, (first, first), ((start_ms // MINUTE_MS, end_ms // MINUTE_MS),))
        edges = [
            (low // MINUTE_MS, high // MINUTE_MS)
            for low, high in ((start_ms, self.day_start_ms(first)), (self.day_start_ms(last), end_ms))
            if low < high
        ]
        return Span(start_ms, end_ms, (first, last), tuple(edges))

    def _bound(self, name: str, text: str) -> int:
        if not (DATE_PATTERN.fullmatch(text) or HOUR_PATTERN.fullmatch(text)):
            raise RangeError(
                f"{name}: {text!r} is neither a local date (2026-11-01) nor hour (2026-11-01T13:00)"
            )
        try:
            local = datetime.fromisoformat(text)
        except ValueError as error:
            raise RangeError(f"{name}: {text!r} is no date of the calendar") from error
        if not 1970 <= local.year < 9998:
            raise RangeError(f"{name}: {text!r} is not within 1970 to 9997")
        return max(0, self._first_ms(local))

    def _first_ms(self, wanted: datetime) -> int:
        """First instant at which the clock shows this time, or, where it jumps over it, a later one."""
        low_s, high_s = sorted(
            int(wanted.replace(tzinfo=self._info, fold=fold).timestamp()) for fold in (0, 1)
        )
        jumps = self._local(low_s).replace(tzinfo=None) < wanted
        return 1000 * (self._change_s(low_s, high_s) if jumps else low_s)

    def _compute(self, at_ms: int) -> Place:
        at_s = at_ms // 1000
        local = self._local(at_s)
        start_s = at_s - local.minute * 60 - local.second
        if self._local(start_s).utcoffset() != local.utcoffset():
            start_s = self._change_s(start_s, at_s)
        day = local.toordinal() - EPOCH_ORDINAL
        return Place(max(0, start_s // 60), max(0, day), local.year * 12 + local.month - 1)

    def _local(self, at_s: int) -> datetime:
        at = datetime.fromtimestamp(at_s, UTC)
        try:
            return at.astimezone(self._info)
        except OverflowError:  # the last hours of the year 9999, east of Greenwich
            return at

    def _change_s(self, before_s: int, after_s: int) -> int:
        """The second from which on the clock has the offset of `after_s`, which it had not at `before_s`."""
        offset = self._local(after_s).utcoffset()
        while after_s - before_s > 1:
            middle_s = (before_s + after_s) // 2
            if self._local(middle_s).utcoffset() == offset:
                after_s = middle_s
            else:
                before_s = middle_s
        return after_s


@lru_cache(1_200)
def month_name(month: int) -> str:
    """A month number as text: `2026-11`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp()) * 1000
