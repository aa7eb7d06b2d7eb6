"""The numbers and lists of accepted events, recomputed with the oracle, many questions to one event set."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from wayfold.audit.oracle.acceptance import Acceptance
from wayfold.audit.oracle.accounts import Journey, accounts_of
from wayfold.audit.oracle.document import account_document, journey_document, watermark_text
from wayfold.audit.oracle.events import STATUSES, event_set
from wayfold.audit.oracle.facts import Fact, Filter, users_of
from wayfold.audit.oracle.journeys import journey_numbers
from wayfold.audit.oracle.versions import conflicts, held_definitions
from wayfold.state.reading.query import Query

# The numbers whose users are compared, and the oracle's facts behind each.
JOURNEY_LISTS: Mapping[str, str] = {
    "entered_users": "total_entries",
    "active_entries": "active_entries",
    "exited_users": "exited_entries",
    "converted_users": "converted_entries",
    "conversion_events": "conversion_events",
    "total_exits": "total_exits",
    "active_users": "active_users",
}
STEP_LISTS: Mapping[str, str] = {
    "entered_users": "entered",
    "current": "current",
    "dropped_users": "dropped",
    **{f"{status}.users": f"{status}.events" for status in STATUSES},
}
OPEN_NUMBERS = ("conversion_rate_open", "total_exits_open")
GOALS = "goals:"
ASKED = ("account_id", "journey_id", "start", "end", "clock")


class Place(NamedTuple):
    """Where a number stands: a journey, one version of it, or a step of a version."""

    account_id: str
    journey_id: str
    version: int | None = None
    step_id: str | None = None

    @property
    def query(self) -> Query:
        """The question for its numbers."""
        return Query(**self._asdict())

    def __str__(self) -> str:
        """Spell it as the paths of differences do."""
        version = "" if self.version is None else f".versions[{self.version}]"
        step = "" if self.step_id is None else f".steps[{self.step_id}]"
        return f"journeys[{self.account_id}/{self.journey_id}]{version}{step}"


Lists = dict[tuple[Place, str], set[str]]
"""The users behind each number, by its place and name."""


class Recount:
    """What the oracle makes of the events that every partition accepted.

    Each partition is judged by the definitions that it holds. `time_zones` are the accounts' own. ValueError
    when an event cannot be read.
    """

    def __init__(
        self, partitions: Mapping[int, Acceptance], time_zones: Mapping[str, str], default_time_zone: str
    ) -> None:
        events = {number: event_set(partitions[number].accepted) for number in sorted(partitions)}
        self.watermarks: dict[str, int] = {}
        for acceptance in partitions.values():
            for account, at in acceptance.watermarks.items():
                self.watermarks[account] = max(at, self.watermarks.get(account, -1))
        self.defined = {number: held_definitions(some) for number, some in events.items()}
        """By partition and version the definition that holds there."""
        self.conflicts = conflicts(event for some in events.values() for event in some)
        """By version how many other contents were defined, where there are any."""
        self._accounts = accounts_of(events.values(), time_zones, default_time_zone)

    def watermark(self, query: Query) -> str | None:
        """The greatest time of all events, or of the account that is asked for; None without any."""
        return watermark_text(self.watermarks, query.account_id)

    def numbers(self, query: Query, judged_at: Mapping[str, int]) -> dict[str, Any]:
        """The numbers document of an account, a journey or all, over a range or all time.

        It says what `oracle.numbers` says, only that open windows are judged at the instants that are given
        for accounts: a running system may go on between choosing them and giving its numbers.
        """
        asked = {name: getattr(query, name) for name in ASKED}
        wheres = {name: Filter.of(asked, account.zone) for name, account in self._accounts.items()}
        return {
            "watermark": self.watermark(query),
            "accounts": [
                account_document(account, asked, wheres[name])
                for name, account in self._accounts.items()
                if query.account_id in (None, name) and query.journey_id is None
            ],
            "journeys": [
                journey_document(journey, asked, wheres[journey.account], self._judged_ms(journey, judged_at))
                for journey in self._journeys(query)
            ],
        }

    def open_numbers(self, query: Query, judged_at: Mapping[str, int]) -> dict[str, Any]:
        """How many windows are open at instants, over all time, as `open_numbers` of a document."""
        return {
            "journeys": [
                _open_numbers_of(journey, self._judged_ms(journey, judged_at))
                for journey in self._journeys(query)
            ]
        }

    def lists(self, query: Query) -> Lists:
        """The users behind the numbers of journeys, their versions and steps; empty lists are left out."""
        found: Lists = {}
        for journey in self._journeys(query):
            for place, number, facts in self._facts(Place(journey.account, journey.journey), journey):
                if facts:
                    found[place, number] = users_of(facts)
        return found

    def _judged_ms(self, journey: Journey, judged_at: Mapping[str, int]) -> int:
        """Where a journey's windows are judged: its account's watermark, when no instant is given."""
        return judged_at.get(journey.account, self.watermarks.get(journey.account, -1))

    def _journeys(self, query: Query) -> Iterator[Journey]:
        """The journeys that a query asks about."""
        for name, account in self._accounts.items():
            for journey_id, journey in account.journeys.items():
                if query.account_id in (None, name) and query.journey_id in (None, journey_id):
                    yield journey

    def _facts(self, whole: Place, journey: Journey) -> Iterator[tuple[Place, str, list[Fact]]]:
        for version in (None, *journey.versions()):
            counted = journey.entry_facts(Filter(version=version), self._judged_ms(journey, {}))
            for number, name in JOURNEY_LISTS.items():
                yield whole._replace(version=version), number, counted[name]
        counted = journey.step_facts(Filter())
        goals = {name: name for name in counted if name.startswith(GOALS)}
        for number, name in {**STEP_LISTS, **goals}.items():
            by_step: dict[Place, list[Fact]] = {}
            for fact in counted[name]:
                place = whole._replace(version=fact.version, step_id=fact.step)
                by_step.setdefault(place, []).append(fact)
            for place, here in by_step.items():
                yield place, number, here


def open_numbers(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a numbers document says of open windows, and nothing else."""
    return {
        "journeys": [
            {
                **{name: journey[name] for name in ("account_id", "journey_id")},
                "numbers": _kept(journey["numbers"]),
                "versions": [
                    {"journey_version": row["journey_version"], "numbers": _kept(row["numbers"])}
                    for row in journey["versions"]
                ],
            }
            for journey in document["journeys"]
        ]
    }


def _open_numbers_of(journey: Journey, judged_at_ms: int) -> dict[str, Any]:
    def numbers(version: int | None) -> dict[str, Any]:
        facts = journey.entry_facts(Filter(version=version), judged_at_ms)
        return _kept(journey_numbers(facts, journey.entries))

    return {
        "account_id": journey.account,
        "journey_id": journey.journey,
        "numbers": numbers(None),
        "versions": [
            {"journey_version": version, "numbers": numbers(version)} for version in journey.versions()
        ],
    }


def _kept(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: numbers[name] for name in OPEN_NUMBERS}


def places_of(document: Mapping[str, Any]) -> Iterator[tuple[Place, list[str]]]:
    """Every place of a numbers document with the names of its numbers that have lists."""
    for journey in document["journeys"]:
        whole = Place(journey["account_id"], journey["journey_id"])
        yield whole, list(JOURNEY_LISTS)
        for version in journey["versions"]:
            at_version = whole._replace(version=version["journey_version"])
            yield at_version, list(JOURNEY_LISTS)
            for step in version["steps"]:
                goals = [f"{GOALS}{name}" for name in step["numbers"]["goals"]]
                yield at_version._replace(step_id=step["step_id"]), [*STEP_LISTS, *goals]
