"""What the audit asks the running system: over all time, in ranges, and of open windows at later instants."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from wayfold.audit.gathering import Selection
from wayfold.audit.live import LiveNumbers, LiveSystem
from wayfold.audit.oracle.times import instant_text, last_change_ms, wall_clock
from wayfold.state.reading.query import Query

ALL_TIME: Final = ""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
CLOSES_AT: Final = "open_entries_closes_at_ms"
LATER_INSTANTS: Final = 4
DAY_MS: Final = 86_400_000
CHANGE_DAYS: Final = 400
"""How far before the watermark a clock's last change is looked for."""
FAR_DAYS: Final = 8
"""How many days a range of hours spans at most."""
NOTHING: Final = Query(account_id="", journey_id="-")
"""Asks how far the partitions are and for no numbers: no account has this id."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is audited: everything, an account, a journey, or only a share of the users (0 to 1)."""

    account_id: str | None = None
    journey_id: str | None = None
    users_share: float | None = None
    seed: int = 0

    @property
    def query(self) -> Query:
        """The question put to the partitions."""
        return Query(account_id=self.account_id, journey_id=self.journey_id)

    @property
    def selection(self) -> Selection:
        """What is needed of the log."""
        return Selection(journey_id=self.journey_id, users_share=self.users_share, seed=self.seed)


class Answer(msgspec.Struct, frozen=True):
    """What the system said to a question; with `only_open`, of which open windows alone are compared.

    `name` begins the paths of its differences.
    """

    name: str
    query: Query
    said: LiveNumbers
    only_open: bool = False


async def ask_all(live: LiveSystem, scope: Scope, zones: Sequence[ZoneInfo]) -> list[Answer]:
    """Ask for everything that is compared, all time first. Raises what asking the system raises.

    `zones` are those of the accounts that are audited.
    """
    plain = await live.numbers(scope.query)
    answers = [Answer(ALL_TIME, scope.query, plain)]
    for name, query in ranges(scope, plain.watermark_ms, zones):
        answers.append(Answer(name, query, await live.numbers(query)))
    for at_ms in later_instants(scope, plain):
        said = await live.numbers(scope.query, at_ms)
        name = f"open at {instant_text(said.watermark_ms)}: "
        answers.append(Answer(name, scope.query, said, only_open=True))
    return answers


def ranges(scope: Scope, watermark_ms: int, zones: Sequence[ZoneInfo]) -> list[tuple[str, Query]]:
    """The ranges that are compared beside all time, each with its name.

    One holds every day, by both clocks: it is answered from what is kept for each day. One, chosen by the
    seed, begins and ends in the middle of a day: it needs what is kept for each hour too. Where a clock of
    `zones` was changed lately, one more begins or ends there.
    """
    today = EPOCH + timedelta(milliseconds=max(0, watermark_ms))
    tomorrow = f"{today + timedelta(days=2):%Y-%m-%d}"
    days = msgspec.structs.replace(scope.query, start=f"{EPOCH:%Y-%m-%d}", end=tomorrow)
    found = [("by day", days)]
    for start, end in (_any_hours(scope.seed, today), *_hours_at_a_change(scope.seed, watermark_ms, zones)):
        found.append((f"{start} to {end}", msgspec.structs.replace(scope.query, start=start, end=end)))
    return [
        (f"{name}{clock}: ", query if not clock else msgspec.structs.replace(query, clock="entry"))
        for name, query in found
        for clock in ("", ", entry clock")
    ]


def _any_hours(seed: int, today: datetime) -> tuple[str, str]:
    """A range that begins and ends with any hours of the last weeks."""
    chance = Random(seed)  # noqa: S311 - nobody gains by guessing it
    last = today - timedelta(days=chance.randrange(max(1, min(30, (today - EPOCH).days - FAR_DAYS))))
    first = (
        last - timedelta(days=chance.randrange(FAR_DAYS))
        if last > EPOCH + timedelta(days=FAR_DAYS)
        else EPOCH
    )
    start, end = sorted((_hour_text(first, chance.randrange(24)), _hour_text(last, chance.randrange(24))))
    return start, end


def _hours_at_a_change(seed: int, watermark_ms: int, zones: Sequence[ZoneInfo]) -> Iterator[tuple[str, str]]:
    """A range with a bound at the last change of a clock: at the hours it cuts, or the one after them.

    There is none when no clock was changed in the last `CHANGE_DAYS`.
    """
    # The other bound may lie some days earlier, and days before 1970 cannot be asked for.
    since_ms = max((FAR_DAYS + 2) * DAY_MS, watermark_ms - CHANGE_DAYS * DAY_MS)
    changes = [(zone, last_change_ms(since_ms, watermark_ms, zone)) for zone in zones]
    changed = [(zone, at_ms) for zone, at_ms in changes if at_ms is not None]
    if not changed:
        return
    chance = Random(seed)  # noqa: S311 - nobody gains by guessing it
    zone, at_ms = chance.choice(changed)
    before, after = (
        wall_clock(moment_ms, zone).replace(minute=0, second=0, microsecond=0)
        for moment_ms in (at_ms - 1, at_ms)
    )
    bound = chance.choice(sorted({before, after, after + timedelta(hours=1)}))
    away = timedelta(days=chance.choice((-1, 1)) * chance.randrange(1, FAR_DAYS))
    start, end = sorted((_hour_text(bound, bound.hour), _hour_text(bound + away, chance.randrange(24))))
    yield start, end


def _hour_text(day: datetime, hour: int) -> str:
    return f"{day:%Y-%m-%d}T{hour:02d}:00"


def later_instants(scope: Scope, said: LiveNumbers) -> Sequence[int]:
    """Instants to come at which open windows are compared, in ms UTC, chosen by the seed.

    The numbers of now say how many windows are open and when the last one closes, and nothing of when the
    others do. Of the time until then one instant lies in the later half, one in the quarter before it, and
    so on, because most windows close soon.
    """
    last_ms = max(
        (
            fields.get(CLOSES_AT, -1)
            for partial in said.partials.values()
            for journey in partial["journeys"]
            for fields in journey["views"].values()
        ),
        default=-1,
    )
    chance = Random(scope.seed)  # noqa: S311 - nobody gains by guessing it
    left_ms = last_ms - max(0, min(said.watermarks.values(), default=0))
    if left_ms <= 0:
        return ()
    return sorted(
        last_ms - left_ms + int(left_ms / 2 ** (turn + chance.random())) for turn in range(LATER_INSTANTS)
    )
