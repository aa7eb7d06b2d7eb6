"""What the definitions of a journey say to the fold: goals and conversion windows."""

import msgspec

from wayfold.models.definition import DEFAULT_CONVERSION_WINDOW_MS, JourneyDefinition
from wayfold.models.definition import Goal as GoalRule
from wayfold.state.histories.history import Entry, Goal


class VersionRules(msgspec.Struct, frozen=True):
    """Rules of one journey version; `goal` None means that nothing converts.

    `is_defined` is false as long as the version has no definition, which may yet bring a goal.
    """

    goal: GoalRule | None
    window_ms: int
    is_defined: bool = True

    @property
    def may_convert(self) -> bool:
        """Whether entries of the version can convert, or may be found to have."""
        return self.goal is not None or not self.is_defined

    def judges_like(self, other: "VersionRules") -> bool:
        """Whether every entry comes to the same under both; to a goal's filter 1 and true differ."""
        return (self.window_ms, self.is_defined, _content(self.goal)) == (
            other.window_ms,
            other.is_defined,
            _content(other.goal),
        )


UNDEFINED = VersionRules(None, DEFAULT_CONVERSION_WINDOW_MS, is_defined=False)


def _content(goal: GoalRule | None) -> str | None:
    return None if goal is None else goal.model_dump_json()


def rules_of(definition: JourneyDefinition) -> VersionRules:
    """What a definition says to the fold."""
    return VersionRules(definition.goal, definition.conversion_window_ms)


def qualifies(entry: Entry, goal: Goal, rules: VersionRules) -> bool:
    """True when the goal event converts the entry; both ends of the window count."""
    if rules.goal is None or entry.entered_at_ms < 0 or goal.at_ms < entry.entered_at_ms:
        return False
    if entry.exited_at_ms >= 0 and goal.at_ms > entry.exited_at_ms + rules.window_ms:
        return False
    return rules.goal.matches(goal.name, goal.properties)


def first_conversion(entry: Entry, goals: list[Goal], rules: VersionRules) -> Goal | None:
    """The earliest goal event that converts the entry; `goals` stand by (time, event id)."""
    if rules.goal is None:
        return None
    for goal in goals:
        if qualifies(entry, goal, rules):
            return goal
    return None
