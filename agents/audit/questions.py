"""What the audit asks the running system: over all time, in ranges, and of open windows at later instants."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

import msgspec

from wayfold.agents.audit.gathering import Selection
from wayfold.agents.audit.live import LiveNumbers, LiveSystem
from wayfold.agents.audit.oracle_time import instant_text
from wayfold.state.reading.query import Query

ALL_TIME: Final = ""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
CLOSES_AT: Final = "open_entries_closes_at_ms"
LATER_INSTANTS: Final = 4
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


async def ask_all(live: LiveSystem, scope: Scope) -> list[Answer]:
    """Ask for everything that is compared, all time first. Raises what asking the system raises."""
    plain = await live.numbers(scope.query)
    answers = [Answer(ALL_TIME, scope.query, plain)]
    for name, query in ranges(scope, plain.watermark_ms):
        answers.append(Answer(name, query, await live.numbers(query)))
    for at_ms in later_instants(scope, plain):
        said = await live.numbers(scope.query, at_ms)
        name = f"open at {instant_text(said.watermark_ms)}: "
        answers.append(Answer(name, scope.query, said, only_open=True))
    return answers


def ranges(scope: Scope, watermark_ms: int) -> list[tuple[str, Query]]:
    """The ranges that are compared beside all time, each with its name.

    One holds every day, by both clocks: it is answered from what is kept for each day. One, chosen by the
    seed, begins and ends in the middle of a day: it needs what is kept for each hour too.
    """
    chance = Random(scope.seed)  # noqa: S311 - nobody gains by guessing it
    today = EPOCH + timedelta(milliseconds=max(0, watermark_ms))
    tomorrow = f"{today + timedelta(days=2):%Y-%m-%d}"
    last = today - timedelta(days=chance.randrange(max(1, min(30, (today - EPOCH).days - 8))))
    first = last - timedelta(days=chance.randrange(8)) if last > EPOCH + timedelta(days=8) else EPOCH
    start, end = sorted(
        f"{day:%Y-%m-%d}T{hour:02d}:00"
        for day, hour in ((first, chance.randrange(24)), (last, chance.randrange(24)))
    )
    days = msgspec.structs.replace(scope.query, start=f"{EPOCH:%Y-%m-%d}", end=tomorrow)
    hours = msgspec.structs.replace(scope.query, start=start, end=end)
    return [
        ("by day: ", days),
        ("by day, entry clock: ", msgspec.structs.replace(days, clock="entry")),
        (f"{start} to {end}: ", hours),
        (f"{start} to {end}, entry clock: ", msgspec.structs.replace(hours, clock="entry")),
    ]


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
    left_ms = last_ms - max(0, said.watermark_ms)
    if left_ms <= 0:
        return ()
    return sorted(
        last_ms - left_ms + int(left_ms / 2 ** (turn + chance.random())) for turn in range(LATER_INSTANTS)
    )
