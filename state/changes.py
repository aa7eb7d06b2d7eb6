"""What a batch will do to cells and user sets, gathered in memory until its one atomic write."""

from collections.abc import Callable, Iterable

from wayfold.state.facts import Dwell, Fact, Money
from wayfold.state.plans import HOUR_BITS

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
    """

    __slots__ = (
        "_counters",
        "_day_of",
        "closings",
        "days",
        "dwells",
        "new_users",
        "rows",
        "tallies",
        "users",
    )

    def __init__(self, counters: Callable[[int], tuple[int, ...]], day_of: Callable[[Fact], Fact]) -> None:
        self._counters = counters
        self._day_of = day_of
        self.days: dict[Fact, dict[int, bool]] = {}
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

    def count(self, before: Iterable[Fact], after: Iterable[Fact], slot: int = 0) -> None:
        """Add the difference of two lists of facts to the counts."""
        tallies = self.tallies
        for fact in after:
            (tallies.get(fact) or self.tally(fact))[slot] += 1
        for fact in before:
            (tallies.get(fact) or self.tally(fact))[slot] -= 1

    def money(self, before: Money, after: Money) -> None:
        """Add the difference of two mappings of sums, in 10⁻⁹ units."""
        for fact, amount in after.items():
            self.tally(fact)[0] += amount
        for fact, amount in before.items():
            self.tally(fact)[0] -= amount

    def dwell(self, before: Iterable[Dwell | None], after: Iterable[Dwell | None]) -> None:
        """Add the difference of two lists of dwell times to the histograms."""
        for sign, dwells in ((1, after), (-1, before)):
            for dwell in dwells:
                if dwell is not None:
                    histogram = self.dwells.setdefault(dwell[0], {})
                    histogram[dwell[1]] = histogram.get(dwell[1], 0) + sign

    def move(self, person: int, before: set[Fact], after: set[Fact]) -> None:
        """Put a person into the user sets that only `after` names, take it out of the others."""
        put_in, taken_out = after - before, before - after
        tallies = self.tallies
        for fact in put_in:
            (tallies.get(fact) or self.tally(fact))[2].append(person)
        for fact in taken_out:
            self.tally(fact)[2].append(~person)
        if taken_out or self.days:
            days = {self._day_of(fact) for fact in after}
            for fact in put_in | taken_out:
                day = self._day_of(fact)
                self.days.setdefault(day, {})[person] = day in days

    def enter(self, person: int, fact: Fact) -> None:
        """Count a person's only fact of its kind: in the set, and once over all time."""
        tally = self.tallies.get(fact) or self.tally(fact)
        tally[0] += 1
        tally[2].append(person)
        if self.days:
            self.stays(person, fact)
        self.new_users += self._counters(fact >> HOUR_BITS)

    def stays(self, person: int, fact: Fact) -> None:
        """Let a person who moved, and is put in again, be in the day's set."""
        moved = self.days.get(self._day_of(fact))
        if moved is not None and person in moved:
            moved[person] = True

    def members(self, person: int, before: Iterable[Fact], after: Iterable[Fact]) -> None:
        """Move a person between user sets, and count it where it is new over all time.

        Both are all the facts, of the series concerned, that the whole history stands for.
        """
        old, new = set(before), set(after)
        if old == new:
            return
        self.move(person, old, new)
        counters = self._counters
        if not old:
            self.new_users.extend({series for fact in new for series in counters(fact >> HOUR_BITS)})
            return
        old_series = {series for fact in old for series in counters(fact >> HOUR_BITS)}
        new_series = {series for fact in new for series in counters(fact >> HOUR_BITS)}
        for series in new_series - old_series:
            self.add_users(series, 1)
        for series in old_series - new_series:
            self.add_users(series, -1)
