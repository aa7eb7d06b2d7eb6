"""What a batch will do to cells and user sets, gathered in memory until its one atomic write."""

from collections.abc import Callable, Iterable, Mapping

from wayfold.state.cells.dwell import bucket_of
from wayfold.state.histories.facts import Dwell, Fact, Money
from wayfold.state.names.plans import HOUR_BITS

# A tally is what a batch adds to one fact (a series in an hour): [first count, second count,
# persons]. Of a status the two counts are events and messages; elsewhere the second is unused.
# Persons are numbers to put into the hour's user set; one to take out stands as its complement.
Tally = tuple[int, int, list[int]]


class Changes:
    """Pending changes of a partition; emptied by its commit.

    `users` are changes of users over all time by series, `new_users` the series that got one more.
    `closings` says of exited entries, by the key of their closing row, whether they converted, or None
    when the row is to go; `rows` are further rows to write.

    `counters` gives, for a series, those in which its users are counted over all time; `day_of` gives
    a fact's day in the place of its hour. Persons roll up from hours to days, but for those in
    `days`, {fact by day: {person: whether in the set}}: who moved between hours has the last word there.
    `movers` are the persons in any of these.
    """

    __slots__ = (
        "_counters",
        "_day_of",
        "closings",
        "days",
        "dwells",
        "movers",
        "new_users",
        "rows",
        "tallies",
        "users",
    )

    def __init__(self, counters: Mapping[int, tuple[int, ...]], day_of: Callable[[Fact], Fact]) -> None:
        self._counters = counters
        self._day_of = day_of
        self.days: dict[Fact, dict[int, bool]] = {}
        self.movers: set[int] = set()
        self.tallies: dict[Fact, list] = {}  # type: ignore[type-arg]  # a Tally that can change
        self.users: dict[int, int] = {}
        self.new_users: list[int] = []
        self.dwells: dict[Fact, dict[int, int]] = {}
        self.rows: dict[bytes, bytes | None] = {}
        self.closings: dict[bytes, bool | None] = {}

    def clear(self) -> None:
        """Forget what is pending."""
        self.tallies.clear()
        self.users.clear()
        self.new_users.clear()
        self.dwells.clear()
        self.days.clear()
        self.movers.clear()
        self.rows.clear()
        self.closings.clear()

    def tally(self, fact: Fact) -> list:  # type: ignore[type-arg]
        """The pending tally of a fact."""
        found = self.tallies.get(fact)
        if found is None:
            found = self.tallies[fact] = [0, 0, []]
        return found

    def add_users(self, series: int, amount: int) -> None:
        """Change the count of users that a series has over all time."""
        self.users[series] = self.users.get(series, 0) + amount

    def count(self, before: list[Fact], after: list[Fact], slot: int = 0) -> None:
        """Add the difference of two lists of facts to the counts."""
        old, new = set(before), set(after)
        if len(old) == len(before) and len(new) == len(after):
            self._add(new - old, 1, slot)
            self._add(old - new, -1, slot)
        else:
            self._add(after, 1, slot)
            self._add(before, -1, slot)

    def _add(self, facts: Iterable[Fact], amount: int, slot: int = 0) -> None:
        tallies = self.tallies
        for fact in facts:
            (tallies.get(fact) or self.tally(fact))[slot] += amount

    def money(self, before: Money, after: Money) -> None:
        """Add the difference of two mappings of sums, in 10⁻⁹ units."""
        for fact, amount in after.items():
            self.tally(fact)[0] += amount
        for fact, amount in before.items():
            self.tally(fact)[0] -= amount

    def dwell(self, before: list[Dwell], after: list[Dwell]) -> None:
        """Add the difference of two lists of dwell times to the histograms."""
        same = 0
        for old, new in zip(before, after, strict=False):
            if old != new:
                break
            same += 1
        for dwell in after[same:]:
            self._add_dwell(dwell, 1)
        for dwell in before[same:]:
            self._add_dwell(dwell, -1)

    def _add_dwell(self, dwell: Dwell, count: int) -> None:
        histogram = self.dwells.setdefault(dwell[0], {})
        bucket = bucket_of(dwell[1])
        histogram[bucket] = histogram.get(bucket, 0) + count

    def move(self, person: int, before: set[Fact], after: set[Fact]) -> None:
        """Put a person into the user sets that only `after` names, take it out of the others."""
        self._move(person, after - before, before - after, after)

    def _move(self, person: int, put_in: set[Fact], taken_out: set[Fact], after: set[Fact]) -> None:
        tallies = self.tallies
        for fact in put_in:
            (tallies.get(fact) or self.tally(fact))[2].append(person)
        for fact in taken_out:
            self.tally(fact)[2].append(~person)
        if taken_out or person in self.movers:
            self._move_days(person, put_in | taken_out, after)

    def _move_days(self, person: int, moved: set[Fact], after: set[Fact]) -> None:
        self.movers.add(person)
        series = {fact >> HOUR_BITS for fact in moved}
        days = {self._day_of(fact) for fact in after if fact >> HOUR_BITS in series}
        for fact in moved:
            day = self._day_of(fact)
            self.days.setdefault(day, {})[person] = day in days

    def stays(self, person: int, fact: Fact) -> None:
        """Let a person who moved, and is put in again, be in the day's set."""
        moved = self.days.get(self._day_of(fact))
        if moved is not None and person in moved:
            moved[person] = True

    def count_of_person(self, person: int, before: list[Fact], after: list[Fact]) -> None:
        """Count facts; move their person between the user sets of those series that have them.

        Both are all the facts, of the series concerned, that the whole history stands for. A person
        counts over all time where it is new in any hour.
        """
        old, new = set(before), set(after)
        put_in, taken_out = new - old, old - new
        if len(old) == len(before) and len(new) == len(after):
            once = 1
        else:
            once = 0
            self._add(after, 1)
            self._add(before, -1)
        gained = self._place(put_in, once, person)
        lost = self._place(taken_out, -once, ~person)
        if lost or person in self.movers:
            counters = self._counters
            users = {fact for fact in put_in | taken_out if counters[fact >> HOUR_BITS]}
            self._move_days(person, users, new)
        if gained or lost:
            self._count_person(gained, lost, old & new)

    def _place(self, facts: set[Fact], amount: int, person: int) -> set[int]:
        """Count facts and put the person into their user sets; where it then counts over all time."""
        tallies, counters = self.tallies, self._counters
        found: set[int] = set()
        for fact in facts:
            tally = tallies.get(fact) or self.tally(fact)
            tally[0] += amount
            series = counters[fact >> HOUR_BITS]
            if series:
                tally[2].append(person)
                found.update(series)
        return found

    def _count_person(self, gained: set[int], lost: set[int], kept: set[Fact]) -> None:
        counters = self._counters
        still = {series for fact in kept for series in counters[fact >> HOUR_BITS]}
        self.new_users += gained - lost - still
        for series in lost - gained - still:
            self.add_users(series, -1)
