"""Every number is a list: the users that the fold gives behind one are the oracle's, in any execution."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.generators.seeded import event_set, replay_hint, seeds
from tests.generators.strategies import RANGES
from tests.generators.world import GOALS, TIME_ZONES, Event
from tests.properties.executions import EXECUTIONS, Execution, run
from tests.state.draining import drained
from wayfold.audit import oracle
from wayfold.audit.oracle.events import STATUSES
from wayfold.state.partition import Partition
from wayfold.state.reading.query import Query

JOURNEY_NUMBERS = (
    *("total_entries", "entered_users", "active_entries", "exited_entries", "exited_users"),
    *("converted_entries", "converted_users", "conversion_events", "total_exits", "active_users"),
)
STEP_NUMBERS = ("entered", "entered_users", "current", "dropped", "dropped_users")
CHANNEL_FILTERS: tuple[dict[str, str], ...] = ({}, {"channel": "email"}, {"platform": "ios"})
MESSAGE_FILTERS: tuple[dict[str, str], ...] = (
    {},
    {"channel": "email"},
    {"platform": "ios"},
    {"variant": "A"},
    {"channel": "push", "variant": "B"},
)


def _questions(document: Event, generator: random.Random) -> Iterator[tuple[dict[str, Any], str]]:
    """Queries and numbers: every account, journey and step of the document, sliced by chance."""
    for account in document["accounts"]:
        query = {
            **_sliced({"account_id": account["account_id"]}, generator),
            **generator.choice(CHANNEL_FILTERS),
        }
        yield query, f"{generator.choice(STATUSES)}.{generator.choice(('events', 'messages', 'users'))}"
    for journey in document["journeys"]:
        place = {"account_id": journey["account_id"], "journey_id": journey["journey_id"]}
        yield _sliced(place, generator), generator.choice(JOURNEY_NUMBERS)
        for version in journey["versions"]:
            of_version = {**place, "version": version["journey_version"]}
            yield _sliced(of_version, generator), generator.choice(JOURNEY_NUMBERS)
            for step in version["steps"]:
                at_step = _sliced({**of_version, "step_id": step["step_id"]}, generator)
                yield at_step, generator.choice(STEP_NUMBERS)
                yield at_step, f"goals:{generator.choice(GOALS)}"
                status = f"{generator.choice(STATUSES)}.{generator.choice(('events', 'messages', 'users'))}"
                yield {**at_step, **generator.choice(MESSAGE_FILTERS)}, status


def _sliced(query: Mapping[str, Any], generator: random.Random) -> dict[str, Any]:
    clock = generator.choice(({}, {"clock": "entry"}))
    return {**query, **generator.choice(({}, *RANGES)), **clock}


def _users(partitions: Sequence[Partition], query: Mapping[str, Any], number: str) -> list[str]:
    asked = Query(**query)
    return sorted(user for partition in partitions for user in drained(partition.users(asked, number)))


@pytest.mark.parametrize("execution", EXECUTIONS, ids=lambda execution: execution.name)
@pytest.mark.parametrize("seed", seeds(3, first=100))
def test_users_behind_numbers(execution: Execution, seed: int) -> None:
    """Each user once over all partitions, for numbers of users, entries, messages and events alike."""
    events = event_set(seed, size=60)
    generator = random.Random(seed)
    bare = [event for _, event in events]
    try:
        partitions = run(events, execution, generator)
        for query, number in _questions(oracle.numbers(bare, TIME_ZONES), generator):
            expected = sorted(oracle.users(bare, TIME_ZONES, "UTC", query, number))
            assert _users(partitions, query, number) == expected, (query, number)
    except Exception as error:
        error.add_note(replay_hint(seed))
        raise


@pytest.mark.parametrize("seed", seeds(4, first=200))
def test_the_oracles_lists_are_as_long_as_its_numbers(seed: int) -> None:
    """The oracle keeps the promise itself: for any query the list's length is the number of the document."""
    events = [event for _, event in event_set(seed, size=80)]
    generator = random.Random(seed)
    for query, number in _questions(oracle.numbers(events, TIME_ZONES), generator):
        length = len(oracle.members(events, TIME_ZONES, "UTC", query, number))
        if "journey_id" not in query:
            continue  # an account's channel totals stand in rows of a channel and platform each
        journey = oracle.numbers(events, TIME_ZONES, "UTC", query)["journeys"][0]
        row = journey["versions"][0]["steps"][0] if "step_id" in query else journey
        assert length == _number(row["numbers"], number), (query, number, replay_hint(seed))


def _number(numbers: Mapping[str, Any], name: str) -> int:
    if name.startswith("goals:"):
        return (
            int(numbers["goals"].get(name.removeprefix("goals:"), {"events": 0})["events"])
            if "goals" in numbers
            else 0
        )
    status, _, what = name.partition(".")
    return int(numbers[status][what] if what else numbers[name])
