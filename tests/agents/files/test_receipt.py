"""The real log that comes with the repository, through the mapping in docs/examples."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.agents.fakes import KeptRecords
from wayfold.agents.definitions import load_definition
from wayfold.agents.destinations.sink import SinkDestination
from wayfold.agents.files.checkpoint import Checkpoint
from wayfold.agents.files.mapping import load_mapping
from wayfold.agents.files.replay import Replay
from wayfold.models.decode import decode_event
from wayfold.models.events import Event, GoalReached, JourneyExited, StepEntered, UserEvent
from wayfold.models.refusal import Refusal

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "receipt"
DATA = ROOT / "tests" / "data" / "receipt.csv.gz"


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """Everything that the replay sends."""
    sink = KeptRecords()
    mapping = load_mapping(EXAMPLE / "mapping.yaml")
    checkpoint = Checkpoint(None, destination="", mapping=mapping.fingerprint, is_sorted=True)
    replay = Replay(SinkDestination(sink), checkpoint, mapping=mapping)
    summary = asyncio.run(replay.run([DATA]))
    assert summary.problems == []
    found = [decode_event(record.kind, record.value) for record in sink.records]
    assert not [event for event in found if isinstance(event, Refusal)]
    return [event for event in found if not isinstance(event, Refusal)]


def test_cases_activities_goals_and_exits_become_events(events: list[Event]) -> None:
    """Every case enters once, every activity is a step, T05 is the goal, an end date is the exit."""
    assert Counter(event.TYPE for event in events) == {
        "journey.entered": 1_434,
        "step.entered": 8_577,
        "goal.reached": 1_300,
        "journey.exited": 1_329,
    }
    assert len({event.event_id for event in events}) == len(events)
    assert len({event.user_id for event in events if isinstance(event, UserEvent)}) == 1_434


def test_events_come_in_the_order_of_time(events: list[Event]) -> None:
    """The file is ordered by case over 16 months; what is sent is ordered by time."""
    times = [event.occurred_at for event in events]
    assert times == sorted(times)
    assert (times[-1] - times[0]).days > 400


def test_times_keep_their_offsets(events: list[Event]) -> None:
    """A time on the summer side of the clock change is the same instant in UTC."""
    steps = {event.event_id: event for event in events if isinstance(event, StepEntered)}
    assert steps["task-42933"].occurred_at.isoformat() == "2011-10-11T11:45:40.276000+00:00"
    assert steps["task-47958"].occurred_at.isoformat() == "2011-11-24T14:37:16.553000+00:00"
    assert not [
        event for event in events if isinstance(event, JourneyExited) and event.user_id == "case-11053"
    ]


def test_a_goal_names_its_step_and_properties(events: list[Event]) -> None:
    """A goal event shows at its step and carries what the mapping lists."""
    goal = next(event for event in events if isinstance(event, GoalReached) and event.user_id == "case-11053")
    assert goal.name == "confirmation_sent"
    assert goal.step_id == "T05 Print and send confirmation of receipt"
    assert goal.properties == {"channel": "Internet", "department": "General"}


def test_the_definition_has_every_step_of_the_log(events: list[Event]) -> None:
    """No activity is missing in the journey's definition."""
    definition = load_definition(EXAMPLE / "journey.yaml")
    steps = {step.step_id for step in definition.steps}
    assert {event.step_id for event in events if isinstance(event, StepEntered)} == steps
    assert definition.conversion_window_ms == 7 * 86_400_000
