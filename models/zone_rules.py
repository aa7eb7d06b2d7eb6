"""Which rules of time zones this machine has: the version of its database, and the clock changes in it.

Days, months and hours are cut by these rules. They change several times a year, mostly for the future; a
state that was cut by other rules than those at hand would mix two calendars.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from typing import Final
from zoneinfo import TZPATH, ZoneInfo

Changes = tuple[tuple[int, int], ...]
"""The clock changes of a zone: (second UTC from which on it holds, seconds east of Greenwich), in order."""

UNKNOWN: Final = "unknown"
YEARS_AHEAD: Final = 2
_STEP_S: Final = 86_400
_VERSION: Final = re.compile(r"^# version (\S+)")


def database_version() -> str:
    """Name the version of the time zone database, such as 2025b; "unknown" where the system does not tell.

    The system's database goes before the package `tzdata`, as in `zoneinfo`.
    """
    for folder in map(Path, TZPATH):
        if not (folder / "UTC").is_file():
            continue
        for name in ("tzdata.zi", "+VERSION"):
            try:
                line = (folder / name).open(encoding="utf-8").readline()
            except OSError:
                continue
            found = _VERSION.match(line)
            return found[1] if found else line.strip() or UNKNOWN
        return UNKNOWN
    try:
        return str(import_module("tzdata").IANA_VERSION)
    except (ImportError, AttributeError):
        return UNKNOWN


def horizon_s(now_s: float) -> int:
    """Choose up to when changes are noted: a turn of a year that no event comes near soon."""
    return int(datetime(datetime.fromtimestamp(now_s, UTC).year + YEARS_AHEAD, 1, 1, tzinfo=UTC).timestamp())


@lru_cache(1_024)
def clock_changes(name: str, until_s: int) -> Changes:
    """List the clock changes of a zone from 1970 on, its first offset included, before `until_s`."""
    zone = ZoneInfo(name)
    before_s, offset = 0, _offset_s(zone, 0)
    changes = [(0, offset)]
    for at_s in (*range(_STEP_S, until_s - 1, _STEP_S), until_s - 1):
        there = _offset_s(zone, at_s)
        if there != offset:
            low_s, high_s = before_s, at_s
            while high_s - low_s > 1:
                middle_s = (low_s + high_s) // 2
                low_s, high_s = (
                    (middle_s, high_s) if _offset_s(zone, middle_s) == offset else (low_s, middle_s)
                )
            offset = there
            changes.append((high_s, offset))
        before_s = at_s
    return tuple(changes)


def differing_zone(
    some: Mapping[str, Changes], others: Mapping[str, Changes], until_s: float
) -> tuple[str, int] | None:
    """Find a zone of both whose clocks differ before `until_s`, and from when on; None when there is none."""
    for name in sorted(some.keys() & others.keys()):
        for one, other in zip_longest(some[name], others[name], fillvalue=(until_s, 0)):
            at_s = min(one[0], other[0])
            if at_s >= until_s:
                break
            if one != other:
                return name, int(at_s)
    return None


def _offset_s(zone: ZoneInfo, at_s: int) -> int:
    offset = datetime.fromtimestamp(at_s, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds())
