"""What a batch will do to cells and user sets, gathered in memory until its one atomic write."""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from wayfold.state.facts import USER_METRICS, Fact, Money, Name

# A tally is what a batch adds to one series in one hour: [first count, second count, persons].
# Of a status the two counts are events and messages; elsewhere the second is unused. Persons are
# numbers to put in the hour's user set; a person to take out stands as its complement (~person).
Tally = list
HOUR_BITS = 32


class SeriesIds(Protocol):
    """Where series names get their numbers (a journey's scope)."""

    def series_id(self, name: Name) -> int:
        """Number of a series, a new one when the name is new."""


def rollup(name: Name) -> Name | None:
    """The coarser series over which users are counted once as well; None when there is none.

    Numbers of a journey roll up over versions (version 0), those of a step over variants.
    """
    metric = name[0]
    if len(name) == 2:
        return (metric, 0)
    if metric in USER_METRICS:
        return (f"{metric}*", name[1], name[2])
    return None


class Changes:
    """Pending changes of a partition; emptied by its commit."""

    __slots__ = ("rows", "tallies", "users")

    def __init__(self) -> None:
        self.tallies: dict[int, list] = {}  # type: ignore[type-arg]  # a mixed triple, see Tally
        self.users: dict[int, int] = {}
        self.rows: dict[bytes, bytes | None] = {}

    def clear(self) -> None:
        """Forget what is pending."""
        self.tallies.clear()
        self.users.clear()
        self.rows.clear()

    def tally(self, series: int, hour: int) -> list:  # type: ignore[type-arg]
        """The pending tally of a series in an hour."""
        key = series << HOUR_BITS | hour
        found = self.tallies.get(key)
        if found is None:
            found = self.tallies[key] = [0, 0, []]
        return found

    def add_users(self, series: int, amount: int) -> None:
        """Change the count of users that a series has over all time."""
        self.users[series] = self.users.get(series, 0) + amount

    def count(self, scope: SeriesIds, before: Iterable[Fact], after: Iterable[Fact], slot: int = 0) -> None:
        """Add the difference of two lists of facts to the counts."""
        difference = Counter(after)
        difference.subtract(before)
        for (name, hour), amount in difference.items():
            if amount:
                self.tally(scope.series_id(name), hour)[slot] += amount

    def money(self, scope: SeriesIds, before: Money, after: Money) -> None:
        """Add the difference of two mappings of sums, in 10⁻⁹ units."""
        for fact in before.keys() | after.keys():
            amount = after.get(fact, 0) - before.get(fact, 0)
            if amount:
                self.tally(scope.series_id(fact[0]), fact[1])[0] += amount

    def members(self, scope: SeriesIds, person: int, before: set[Fact], after: set[Fact]) -> None:
        """Put a person into the sets that only `after` holds, and take it out of the others.

        Both are all the facts, of the metrics concerned, that the whole history stands for.
        """
        for name, hour in after - before:
            self.tally(scope.series_id(name), hour)[2].append(person)
        for name, hour in before - after:
            self.tally(scope.series_id(name), hour)[2].append(~person)
        old_names, new_names = _counted_names(before), _counted_names(after)
        for name in new_names - old_names:
            self.add_users(scope.series_id(name), 1)
        for name in old_names - new_names:
            self.add_users(scope.series_id(name), -1)


def user_facts(facts: Iterable[Fact]) -> set[Fact]:
    """Those facts whose users are a number of their own."""
    return {fact for fact in facts if fact[0][0] in USER_METRICS}


def _counted_names(facts: set[Fact]) -> set[Name]:
    names = {fact[0] for fact in facts}
    for name in list(names):
        coarse = rollup(name)
        if coarse is not None:
            names.add(coarse)
    return names
