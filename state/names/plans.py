"""Which series an event of a kind counts in, looked up once per kind and then by number.

A kind is what events of a journey have in common: the version, step and variant of an arrival; the
status, version, step, channel and platform of a message event. Histories hold the numbers of kinds
instead of their words. A base is the number of a series in the place where a cell key wants it, so
that `base | hour` is a fact.
"""

from collections.abc import Callable
from copy import copy

from wayfold.state.histories.history import INTERACTIONS, STATUSES
from wayfold.state.histories.rules import UNDEFINED, VersionRules

HOUR_BITS = 32
HOUR_MASK = (1 << HOUR_BITS) - 1

Name = tuple[str | int, ...]
SeriesId = Callable[[Name], int]
SERIES_BYTES = 4


class VersionPlan:
    """Series of the entries of one journey version, as bases, and the version's rules.

    `committed_rules` are those of the last commit, by which what is read is judged.
    """

    __slots__ = (
        "active",
        "committed_rules",
        "converted_entry",
        "converted_event",
        "exited_entry",
        "exited_event",
        "exits_entry",
        "exits_event",
        "rules",
        "total",
        "version",
    )

    def __init__(self, base: SeriesId, version: int, rules: VersionRules) -> None:
        self.version = version
        self.rules = self.committed_rules = rules
        self.total = base(("total_entries", version))
        self.active = base(("active_entries", version))
        self.exited_event = base(("exited_entries@event", version))
        self.exited_entry = base(("exited_entries@entry", version))
        self.converted_event = base(("converted_entries@event", version))
        self.converted_entry = base(("converted_entries@entry", version))
        self.exits_event = base(("total_exits@event", version))
        self.exits_entry = base(("total_exits@entry", version))


class ArrivalKind:
    """Version, step and variant of an arrival, and its series as bases.

    `place` numbers the version and step alone.
    """

    __slots__ = (
        "current",
        "dropped_entry",
        "dropped_event",
        "dwell",
        "entered",
        "number",
        "place",
        "step_id",
        "variant",
        "version",
    )

    def __init__(self, base: SeriesId, number: int, version: int, step_id: str, variant: str) -> None:
        self.number = number
        self.version = version
        self.step_id = step_id
        self.variant = variant
        step = (version, step_id, variant)
        self.place = base(("entered*", version, step_id))
        self.entered = base(("entered", *step))
        self.current = base(("current", *step))
        self.dropped_event = base(("dropped@event", *step))
        self.dropped_entry = base(("dropped@entry", *step))
        self.dwell = base(("dwell", *step))


class MessageKind:
    """Status, version, step, channel and platform of a message event, and its series.

    `at_step` and `at_channel` are the series that count the users of the status over all time, at
    the step and by the channel and platform there; `active` those of active_users, in the version
    and in the journey (empty when the status is no interaction). A mark is a series' number as bytes.
    `place` is that of the step.
    """

    __slots__ = (
        "_costs",
        "active",
        "at_channel",
        "at_channel_mark",
        "at_step",
        "at_step_bytes",
        "at_step_mark",
        "channel",
        "number",
        "place",
        "platform",
        "status",
        "step_id",
        "variants",
        "version",
    )

    def __init__(
        self,
        base: SeriesId,
        mark: Callable[[int], str],
        number: int,
        words: tuple[int, int, str, str, str],
    ) -> None:
        status, version, step_id, channel, platform = words
        self.number = number
        self.status, self.version, self.step_id = status, version, step_id
        self.channel, self.platform = channel, platform
        name = STATUSES[status]
        self.place = base(("entered*", version, step_id)) if step_id else -1
        self.at_step = base((f"{name}*", version, step_id)) >> HOUR_BITS
        self.at_step_bytes = self.at_step.to_bytes(SERIES_BYTES, "big")
        self.at_step_mark = mark(self.at_step)
        self.at_channel = base((f"{name}+", version, step_id, channel, platform)) >> HOUR_BITS
        self.at_channel_mark = mark(self.at_channel)
        self.active: tuple[tuple[int, str], ...] = ()
        if status in INTERACTIONS:
            series = [base(("active_users", which)) >> HOUR_BITS for which in (version, 0)]
            self.active = tuple((number, mark(number)) for number in series)
        self.variants: dict[str, tuple[int, int]] = {}
        self._costs: dict[tuple[str, str], int] = {}

    def bases(self, base: SeriesId, variant: str) -> tuple[int, int]:
        """Bases of the status and of active_users (-1 when it is no interaction) in a variant."""
        found = self.variants.get(variant)
        if found is None:
            rest = (self.version, self.step_id, self.channel, self.platform, variant)
            active = base(("active_users", *rest)) if self.active else -1
            found = self.variants[variant] = (base((STATUSES[self.status], *rest)), active)
        return found

    def cost(self, base: SeriesId, variant: str, currency: str) -> int:
        """Base of the costs in a variant and currency."""
        found = self._costs.get((variant, currency))
        if found is None:
            rest = (self.version, self.step_id, self.channel, self.platform, variant, currency)
            found = self._costs[variant, currency] = base(("cost", *rest))
        return found


class Plans:
    """All kinds and versions of one journey.

    `base` gives the base of a series name, `mark` the character that stands for a series in a history,
    `new_kind` a number that stands for a new kind's words.
    `split_places` are the places with variants, `marks_at` the marks of the statuses at a place.
    """

    def __init__(self, base: SeriesId, mark: Callable[[int], str], new_kind: Callable[[Name], int]) -> None:
        self.base = base
        self._mark = mark
        self._new_kind = new_kind
        self.versions: dict[int, VersionPlan] = {}
        self.arrivals: dict[tuple[int, str, str], ArrivalKind] = {}
        self.messages: dict[tuple[int, int, str, str, str], MessageKind] = {}
        self.arrival_kinds: dict[int, ArrivalKind] = {}
        self.message_kinds: dict[int, MessageKind] = {}
        self.split_places: set[int] = set()
        self.marks_at: dict[int, set[str]] = {}

    def version(self, version: int) -> VersionPlan:
        """The plan of a version, with the rules `UNDEFINED` while it has no definition."""
        found = self.versions.get(version)
        if found is None:
            found = self.versions[version] = VersionPlan(self.base, version, UNDEFINED)
        return found

    def committed(self) -> "Plans":
        """These plans with the rules of the last commit, which stay as they are."""
        plans = copy(self)
        plans.versions = {version: copy(plan) for version, plan in self.versions.items()}
        for plan in plans.versions.values():
            plan.rules = plan.committed_rules
        return plans

    def with_rules(self, version: int, rules: VersionRules) -> "Plans":
        """These plans with other rules of one version."""
        plans = copy(self)
        plans.versions = {**self.versions, version: copy(self.version(version))}
        plans.versions[version].rules = rules
        return plans

    def arrival(self, version: int, step_id: str, variant: str) -> ArrivalKind:
        """The kind of an arrival."""
        words = (version, step_id, variant)
        found = self.arrivals.get(words)
        return self.load_arrival(self._new_kind(words), words) if found is None else found

    def message(self, words: tuple[int, int, str, str, str]) -> MessageKind:
        """The kind of a message event, by (status, version, step id, channel, platform)."""
        found = self.messages.get(words)
        return self.load_message(self._new_kind(words), words) if found is None else found

    def load_arrival(self, number: int, words: tuple[int, str, str]) -> ArrivalKind:
        """Take up a kind of arrival under its number."""
        kind = self.arrivals[words] = ArrivalKind(self.base, number, *words)
        self.arrival_kinds[number] = kind
        if kind.variant:
            self.split_places.add(kind.place)
        return kind

    def load_message(self, number: int, words: tuple[int, int, str, str, str]) -> MessageKind:
        """Take up a kind of message event under its number."""
        kind = self.messages[words] = MessageKind(self.base, self._mark, number, words)
        self.marks_at.setdefault(kind.place, set()).add(kind.at_step_mark)
        self.message_kinds[number] = kind
        return kind
