"""Records that a partition needs and that the log no longer has: what is lost, before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

START_AT_OLDEST = "--start-at-oldest"
"""The option of `wayfold run` and `wayfold worker` that goes on without what is lost."""
SHOWN = 20


class LostRecords(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one topic partition, offsets [start, end), that were not folded and are gone.

    `kept_from_ms` is the record time of the first that is kept, None when none is or it is not known.
    """

    kind: str
    partition: int
    start: int
    end: int
    kept_from_ms: int | None = None

    @property
    def text(self) -> str:
        """One line for a person."""
        at = ""
        if self.kept_from_ms is not None:
            moment = datetime.fromtimestamp(self.kept_from_ms / 1000, UTC)
            at = f", from before {moment.strftime('%Y-%m-%dT%H:%M:%SZ')}"
        return (
            f"{self.kind}, partition {self.partition}, from offset {self.start} on: the log begins at "
            f"offset {self.end}, {self.end - self.start} records are gone{at}"
        )


class LostRecordsError(Exception):
    """A start that would fold without records that are gone; the message says which and what to do."""

    def __init__(self, lost: Sequence[LostRecords], *, with_state: bool) -> None:
        """`with_state` tells whether there is state, which is behind what the log has."""
        self.lost = list(lost)
        self.with_state = with_state
        shown = [one.text for one in self.lost[:SHOWN]]
        if len(self.lost) > SHOWN:
            shown.append(f"and {len(self.lost) - SHOWN} more topic partitions")
        how = (
            f"move that partition's state away and start with {START_AT_OLDEST}"
            if with_state
            else f"start with {START_AT_OLDEST}"
        )
        what = "this state" if with_state else "any state that is here"
        head = (
            f"Records are gone that were never folded into {what}, and numbers without them would be wrong. "
            "Nothing was changed."
        )
        foot = (
            "Restore the records, the state, or the place of the snapshots (state.snapshot_url) that has one "
            f"that reaches so far; or, to count only what is still there, {how}."
        )
        super().__init__("\n".join((head, *shown, foot)))

    def at_times(self, kept_from_ms: Mapping[tuple[str, int], int]) -> LostRecordsError:
        """Give the same error with the record times of what is kept, by topic kind and partition."""
        lost = [
            msgspec.structs.replace(one, kept_from_ms=kept_from_ms.get((one.kind, one.partition)))
            for one in self.lost
        ]
        return LostRecordsError(lost, with_state=self.with_state)


def lost_records(
    partition: int, offsets: Mapping[str, int], begins: Mapping[str, int]
) -> Sequence[LostRecords]:
    """Find what lies between the offsets of a state and the first that the log still has."""
    return [
        LostRecords(kind=kind, partition=partition, start=offsets.get(kind, 0), end=begin)
        for kind, begin in begins.items()
        if offsets.get(kind, 0) < begin
    ]


def has_rest(offsets: Mapping[str, int], begins: Mapping[str, int]) -> bool:
    """Whether the log still has everything behind these offsets."""
    return not lost_records(0, offsets, begins)


def summary(lost: Iterable[LostRecords]) -> str:
    """Say in one sentence what is lost, to be added to another message."""
    return "; ".join(one.text for one in lost)
