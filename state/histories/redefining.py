"""A definition that comes late: the histories that it touches are judged again, a few at a time."""

from collections.abc import Iterator

from wayfold.state.cells.changes import Changes
from wayfold.state.histories import difference
from wayfold.state.histories.facts import EntryFacts
from wayfold.state.histories.people import People
from wayfold.state.histories.rules import VersionRules
from wayfold.state.names.catalog import JourneyScope

JUDGED_PIECE = 16  # how many histories are looked at in one piece


def redefine(
    changes: Changes, people: People, scope: JourneyScope, version: int, rules: VersionRules
) -> Iterator[None]:
    """Give a version its rules, in pieces; nothing of the journey may be merged before the last.

    Every history of the version is compared with itself under the old and the new rules.
    """
    plan = scope.plans.version(version)
    old_rules = plan.rules
    if rules.judges_like(old_rules):
        plan.rules = rules
        return
    for cached in (scope.recent, scope.older, scope.dirty):
        for history in cached.values():
            history.facts = None
    for count, (user_id, history) in enumerate(people.histories_of(scope), 1):
        if any(entry.version == version for entry in history.entries.values()):
            goals = people.goals_of(scope.account, user_id)
            before = EntryFacts(scope, history, goals)
            plan.rules = rules
            after = EntryFacts(scope, history, goals)
            plan.rules = old_rules
            difference.compare_entries(changes, history.person, before, after)
        if not count % JUDGED_PIECE:
            yield
    plan.rules = rules
