"""Time for the audit: RFC 3339 to milliseconds, and days, hours and months on an account's clock.

Standard library only, and none of it is shared with the fold.
"""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UTC = ZoneInfo("UTC")
_MILLISECOND = timedelta(milliseconds=1)
_DAY_MS = 86_400_000
_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_LOCAL = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2})(?::00)?)?")


def instant_ms(text: str) -> int:
    """Milliseconds UTC of an RFC 3339 time, floored; ValueError when it is none or outside 1970..9999."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError(f"not an RFC 3339 time with an offset: {text!r}")
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = found.groups()[6:]
    wall = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    at_ms = (wall - _EPOCH) // _MILLISECOND + int(((fraction or "") + "000")[:3])
    if sign is not None:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            raise ValueError(f"no such offset: {text!r}")
        offset_ms = (int(offset_hours) * 60 + int(offset_minutes)) * 60_000
        at_ms += offset_ms if sign == "-" else -offset_ms
    if not 0 <= at_ms <= _LAST_MS:
        raise ValueError(f"outside the years 1970 to 9999: {text!r}")
    return at_ms


def instant_text(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds and Z; what lies past the year 9999 is its last millisecond."""
    at_ms = min(at_ms, _LAST_MS)
    at = _EPOCH + timedelta(milliseconds=at_ms)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z" if at.year > 999 else at.isoformat()


def wall_clock(at_ms: int, zone: ZoneInfo) -> datetime:
    """What a clock in the zone shows at an instant, without its offset."""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    try:
        return at.astimezone(zone).replace(tzinfo=None)
    except OverflowError:  # the last hours of the year 9999, east of Greenwich
        return at.replace(tzinfo=None)


def month_of(at_ms: int, zone: ZoneInfo) -> str:
    """The calendar month on the zone's clock, as 2026-11."""
    wall = wall_clock(at_ms, zone)
    return f"{wall.year:04d}-{wall.month:02d}"


def bound_ms(text: str, zone: ZoneInfo) -> int:
    """The first instant at which the zone's clock shows this local date or hour, or a later one.

    So an hour that comes twice starts at its first coming, and one that the clock skips starts where the
    clock goes on. `text` is a date (its midnight) or an hour as 2026-11-01T13:00; ValueError otherwise.
    """
    found = _LOCAL.fullmatch(text)
    if found is None:
        raise ValueError(f"not a local date or hour: {text!r}")
    year, month, day, hour = (int(part or 0) for part in found.groups())
    wanted = datetime(year, month, day, hour)  # noqa: DTZ001 - a wall clock has no offset
    instants = [
        (wanted.replace(tzinfo=zone, fold=fold).astimezone(UTC) - _EPOCH) // _MILLISECOND for fold in (0, 1)
    ]
    low, high = min(instants), max(instants)
    if wall_clock(low, zone) >= wanted:
        return low
    while low < high:  # in a gap: the clock jumps over `wanted` somewhere between the two
        middle = (low + high) // 2
        if wall_clock(middle, zone) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low


def last_change_ms(since_ms: int, until_ms: int, zone: ZoneInfo) -> int | None:
    """The last instant after `since_ms`, up to `until_ms`, at which the zone's clock is put forward or back.

    From there on it shows another difference to UTC. None when there is no such instant.
    """
    high = until_ms
    while high > since_ms:
        low = max(since_ms, high - _DAY_MS)
        offset = _offset(high, zone)
        if _offset(low, zone) != offset:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if _offset(middle, zone) == offset else (middle, high)
            return high
        high = low
    return None


def _offset(at_ms: int, zone: ZoneInfo) -> timedelta:
    return wall_clock(at_ms, zone) - wall_clock(at_ms, _UTC)
