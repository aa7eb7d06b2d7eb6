"""What a reader may ask for: which journey, which slice of it, which range of time."""

from typing import Literal

import msgspec

Clock = Literal["event", "entry"]
Detail = Literal["all", "summary"]


class Query(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question about numbers; every part left out asks for all.

    `start` and `end` bound a half-open range in the account's time zone, as a local date
    (`2026-11-01`) or a local hour (`2026-11-01T13:00`). `clock` says which time places exits and
    conversions in the range: their own (`event`) or that of their entry (`entry`).

    `detail` "summary" asks of each journey for its numbers over all versions alone. `ranges` are several such
    ranges that do not overlap, each answered apart, in place of `start` and `end`; `number` asks for one
    number of journeys in each of them, which is one of `state/reading/counted.py`.
    """

    account_id: str | None = None
    journey_id: str | None = None
    version: int | None = None
    step_id: str | None = None
    channel: str | None = None
    platform: str | None = None
    variant: str | None = None
    start: str | None = None
    end: str | None = None
    clock: Clock = "event"
    detail: Detail = "all"
    ranges: tuple[tuple[str, str], ...] = ()
    number: str | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it asks for all of its journey, account or system over all time."""
        return self == Query(
            account_id=self.account_id, journey_id=self.journey_id, clock=self.clock, detail=self.detail
        )
