"""What the latest batches did to cells and user sets: one journal row each, until there is enough to settle.

A small batch adds one or two to each of some hundred cells. To write all of these took most of its time, so
what a batch does to them goes into one row of a journal, and is kept in memory. When enough has come
together it is settled: written to the cells, the sets and the totals, and the journal is empty again. A
batch that is large enough by itself is settled at once and never in the journal.

Readers add what is recent to what the rows say. A store that is opened reads its journal back.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import msgspec

from wayfold.state.cells.changes import Changes
from wayfold.state.cells.totals import Change
from wayfold.state.cells.values import Histogram, add_histogram
from wayfold.state.histories.facts import Fact
from wayfold.state.names.plans import HOUR_BITS, HOUR_MASK
from wayfold.state.store.keys import DAY_GRAIN, HOUR_GRAIN

Tally = list[Any]  # [first count, second count, persons], see Changes
Tallies = dict[Fact, Tally]
Number = int | str
GRAINS = (HOUR_GRAIN, DAY_GRAIN)


class Rolled:
    """Tallies and dwell times by grain: a series in an hour, or, in the hour's place, in a day."""

    __slots__ = ("dwells", "tallies")

    def __init__(self) -> None:
        self.tallies: dict[int, Tallies] = {grain: {} for grain in GRAINS}
        self.dwells: dict[int, dict[Fact, Histogram]] = {grain: {} for grain in GRAINS}

    def add(self, other: "Rolled") -> None:
        """Add what came later."""
        for grain in GRAINS:
            tallies = self.tallies[grain]
            for fact, (first, second, persons) in other.tallies[grain].items():
                tally = tallies.get(fact)
                if tally is None:
                    tallies[fact] = [first, second, list(persons)]
                else:
                    tally[0] += first
                    tally[1] += second
                    tally[2] += persons
            dwells = self.dwells[grain]
            for fact, histogram in other.dwells[grain].items():
                add_histogram(dwells.setdefault(fact, {}), histogram)


def roll(changes: Changes, day_of: Callable[[Fact], Fact]) -> Rolled:
    """What a batch does to hours, and with it to days."""
    rolled = Rolled()
    rolled.tallies[HOUR_GRAIN] = changes.tallies
    rolled.dwells[HOUR_GRAIN] = changes.dwells
    days = rolled.tallies[DAY_GRAIN]
    for fact, (first, second, persons) in changes.tallies.items():
        day = day_of(fact)
        tally = days.get(day)
        if tally is None:
            tally = days[day] = [0, 0, []]
        tally[0] += first
        tally[1] += second
        # Who moved between hours is in `days`, which has the last word on the day.
        tally[2] += persons if day not in changes.days else [person for person in persons if person >= 0]
    for day, moved in changes.days.items():
        days[day][2] += [person if inside else ~person for person, inside in moved.items()]
    dwells = rolled.dwells[DAY_GRAIN]
    for fact, histogram in changes.dwells.items():
        add_histogram(dwells.setdefault(day_of(fact), {}), histogram)
    return rolled


class Recent:
    """What is in the journal: of how many batches and records, and what they did."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew, once everything has been settled."""
        self.batches = self.records = 0
        self._rolled = Rolled()
        # By grain and series, the facts that there is anything of.
        self._facts: dict[int, dict[int, list[Fact]]] = {grain: {} for grain in GRAINS}
        self._dwell_facts: dict[int, dict[int, list[Fact]]] = {grain: {} for grain in GRAINS}

    def add(self, batch: Rolled, records: int) -> None:
        """Take in a batch that was written to the journal."""
        self.batches += 1
        self.records += records
        for grain in GRAINS:
            for known, fresh, facts in (
                (self._rolled.tallies[grain], batch.tallies[grain], self._facts[grain]),
                (self._rolled.dwells[grain], batch.dwells[grain], self._dwell_facts[grain]),
            ):
                for fact in fresh.keys() - known.keys():
                    facts.setdefault(fact >> HOUR_BITS, []).append(fact)
        self._rolled.add(batch)

    def with_batch(self, batch: Rolled) -> Rolled:
        """What there is and then a batch, all that is to be settled; `self` stays as it is."""
        if not self.batches:
            return batch
        rolled = Rolled()
        rolled.add(self._rolled)
        rolled.add(batch)
        return rolled

    def tallies(self, series: int, grain: int, buckets: tuple[int, int]) -> Iterator[tuple[int, Tally]]:
        """Buckets of [first, end) with their tallies."""
        tallies = self._rolled.tallies[grain]
        for fact in self._facts[grain].get(series, ()):
            bucket = fact & HOUR_MASK
            if buckets[0] <= bucket < buckets[1]:
                yield bucket, tallies[fact]

    def within(
        self, chosen: Collection[int], grain: int, first: int, end: int
    ) -> Iterator[tuple[int, int, int, int, tuple[int, ...]]]:
        """Series, bucket of [first, end), counts and persons of what there is of chosen series, as of now."""
        facts_of, tallies = self._facts[grain], self._rolled.tallies[grain]
        for series in chosen if len(chosen) < len(facts_of) else facts_of.keys() & set(chosen):
            for fact in facts_of.get(series, ()):
                bucket = fact & HOUR_MASK
                if first <= bucket < end:
                    one, other, persons = tallies[fact]
                    yield series, bucket, one, other, tuple(persons)

    def dwells_within(
        self, chosen: Collection[int], grain: int, first: int, end: int
    ) -> Iterator[tuple[int, int, Histogram]]:
        """Series, bucket of [first, end) and dwell times of what there is of chosen series, as of now."""
        facts_of, dwells = self._dwell_facts[grain], self._rolled.dwells[grain]
        for series in chosen if len(chosen) < len(facts_of) else facts_of.keys() & set(chosen):
            for fact in facts_of.get(series, ()):
                bucket = fact & HOUR_MASK
                if first <= bucket < end:
                    yield series, bucket, dict(dwells[fact])


class JournalRow(msgspec.Struct, array_like=True, frozen=True):
    """What one batch did, as it stands in the journal; numbers beyond 64 bits are text.

    `moved` says of a day which persons are in its set, `totals` gives two counts and users by series.
    """

    records: int
    tallies: list[tuple[Fact, Number, int, list[int]]]
    moved: dict[Fact, dict[int, bool]]
    dwells: dict[Fact, Histogram]
    totals: list[tuple[int, Number, int, int]]

    def restore(self, changes: Changes) -> dict[int, Change]:
        """Put what the batch did into fresh changes; gives what it added to the totals."""
        for fact, first, second, persons in self.tallies:
            changes.tallies[fact] = [int(first), second, persons]
        changes.days.update(self.moved)
        changes.dwells.update(self.dwells)
        return {series: Change(int(first), second, users) for series, first, second, users in self.totals}


_encode = msgspec.msgpack.Encoder().encode
decode_journal_row = msgspec.msgpack.Decoder(JournalRow).decode


def journal_row(records: int, changes: Changes, totals: Mapping[int, Change]) -> bytes:
    """Encode what a batch did."""
    tallies = [(fact, *tally) for fact, tally in changes.tallies.items()]
    added = [(series, change.first, change.second, change.users) for series, change in totals.items()]
    try:
        return _encode((records, tallies, changes.days, changes.dwells, added))
    except OverflowError:
        large = [(fact, str(first), *rest) for fact, first, *rest in tallies]
        summed = [(series, str(first), *others) for series, first, *others in added]
        return _encode((records, large, changes.days, changes.dwells, summed))
