"""Simulated traffic: valid events only, seeded, of every kind that a real one has."""

import asyncio
import itertools
import time
from collections import Counter

from tests.agents.fakes import KeptRecords
from wayfold.agents.destinations.sink import SinkDestination
from wayfold.models.decode import decode_event
from wayfold.models.events import (
    EVENT_CLASSES,
    CallEnded,
    CallEvent,
    CallInputCollected,
    CallMenuReached,
    Event,
    GoalReached,
    JourneyDefined,
    JourneyExited,
    JourneyStatus,
    MessageClicked,
    MessageEvent,
    StepEntered,
    UserErased,
    occurred_ms,
)
from wayfold.models.refusal import Refusal
from wayfold.simulate.run import LIVE_SCALE, Simulation, definitions, history, live, simulate
from wayfold.simulate.traffic import Arrival


def arrivals_of(seed: int, count: int) -> list[Arrival]:
    return list(itertools.islice(itertools.chain.from_iterable(history(seed, count)), count))


def decoded(arrivals: list[Arrival]) -> list[tuple[Arrival, Event]]:
    found = []
    for arrival in arrivals:
        event = decode_event(arrival[1], arrival[3])
        assert not isinstance(event, Refusal), (arrival, event)
        found.append((arrival, event))
    return found


def test_every_event_is_valid_and_keyed_by_its_user() -> None:
    """Whatever is simulated decodes on its topic kind, and its key is the user it names."""
    for (_, _, key, _), event in decoded(arrivals_of(3, 20_000)):
        assert getattr(event, "user_id", "").encode() == key


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A history is a function of its seed and size; another seed gives another one."""
    assert arrivals_of(5, 5_000) == arrivals_of(5, 5_000)
    assert arrivals_of(5, 5_000) != arrivals_of(6, 5_000)


def test_events_come_in_the_order_of_their_arrival_and_some_are_late() -> None:
    """Arrival times rise; some events happened well before others that arrived earlier."""
    arrivals = arrivals_of(1, 20_000)
    times = [at_ms for at_ms, *_ in arrivals]
    assert times == sorted(times)
    latest = late = 0
    for _, event in decoded(arrivals):
        at_ms = occurred_ms(event.occurred_at)
        late += at_ms < latest - 3_600_000
        latest = max(latest, at_ms)
    assert 0.002 < late / len(arrivals) < 0.03


def test_some_events_are_repeated_and_no_id_is_used_twice() -> None:
    """A repeated event is the same bytes again; two different events never share an id."""
    arrivals = arrivals_of(1, 20_000)
    copies = Counter(value for *_, value in arrivals)
    repeated = sum(1 for count in copies.values() if count > 1)
    assert 0.002 < repeated / len(copies) < 0.02
    unique = {value: arrival for arrival in arrivals for value in [arrival[3]]}
    ids = Counter(event.event_id for _, event in decoded(list(unique.values())))
    assert max(ids.values()) == 1


def test_everything_that_happens_in_real_traffic_happens() -> None:
    """All event types but erasure, all channels, machines, failures, costs, currencies and variants occur."""
    events = [event for _, event in decoded(arrivals_of(2, 40_000))]
    assert {type(event) for event in events} == set(EVENT_CLASSES) - {UserErased} - {
        cls for cls in EVENT_CLASSES if cls.TOPIC == "definitions"
    }
    messages = [event for event in events if isinstance(event, MessageEvent)]
    assert {event.channel for event in messages} == {"email", "push", "sms", "in_app", "viber"}
    assert {event.platform for event in messages} == {"ios", "android", "web", "none"}
    assert any(event.journey_id is None for event in messages)
    assert any(getattr(event, "machine", False) for event in messages)
    assert {getattr(event, "currency", None) for event in messages} == {None, "EUR", "USD"}
    assert {event.account_id for event in events} == {"default", "acme"}
    assert {event.variant for event in events if isinstance(event, StepEntered)} == {"", "a", "b"}
    goals = [event for event in events if isinstance(event, GoalReached)]
    assert {event.currency for event in goals} == {None, "EUR", "PLN", "USD"}
    assert any(event.step_id for event in goals)
    assert any(isinstance(event.properties and event.properties.get("items"), list) for event in goals)
    assert len({event.link for event in events if isinstance(event, MessageClicked)} - {""}) > 5


def test_goals_fall_during_and_after_journeys_and_some_behind_the_window() -> None:
    """Goals convert entries on the way, after the exit, and some come too late."""
    windows = {definition.journey_id: definition.conversion_window_ms for definition in definitions()}
    exits: dict[str, tuple[int, int]] = {}
    goals: list[tuple[str, int]] = []
    for _, event in decoded(arrivals_of(4, 60_000)):
        number = event.event_id.partition("-")[0]
        at_ms = occurred_ms(event.occurred_at)
        if isinstance(event, JourneyExited):
            exits[number] = (at_ms, windows[event.journey_id])
        elif isinstance(event, GoalReached) and event.step_id is None and not number.endswith("s"):
            goals.append((number, at_ms))
    after = [(at_ms - exits[number][0], exits[number][1]) for number, at_ms in goals if number in exits]
    assert any(distance <= 0 for distance, _ in after)
    assert any(0 < distance <= window for distance, window in after)
    assert any(distance > window for distance, window in after)


def test_the_definitions_name_the_steps_of_the_events() -> None:
    """Every step that events name is in the definition of its version, with its channel."""
    steps = {
        (definition.journey_id, definition.journey_version, step.step_id): step.channel
        for definition in definitions()
        for step in definition.steps
    }
    for _, event in decoded(arrivals_of(2, 10_000)):
        if isinstance(event, StepEntered):
            assert (event.journey_id, event.journey_version, event.step_id) in steps
        elif isinstance(event, MessageEvent) and event.journey_id is not None:
            assert steps[event.journey_id, event.journey_version or 0, event.step_id or ""] == event.channel


def test_entries_go_the_ways_that_the_definitions_name() -> None:
    """Yes and no, variants, timeouts and answers are ways of the definitions, and each is taken."""
    ways: dict[tuple[str, int, str], set[str]] = {}
    names: set[str | None] = set()
    for definition in definitions():
        for step, following in itertools.zip_longest(definition.steps, definition.steps[1:]):
            place = (definition.journey_id, definition.journey_version, step.step_id)
            ways[place] = {way.step_id for way in step.next or ()}
            names |= {way.name for way in step.next or ()}
            if step.next is None and following is not None:
                ways[place] = {following.step_id}
    assert {"yes", "no", "a", "b", "timeout", "answered"} <= names
    arrivals: dict[str, list[tuple[int, StepEntered]]] = {}
    for _, event in decoded(arrivals_of(2, 40_000)):
        if isinstance(event, StepEntered):
            arrivals.setdefault(event.entry_id, []).append((occurred_ms(event.occurred_at), event))
    taken: dict[tuple[str, int, str], set[str]] = {}
    for of_entry in arrivals.values():
        way = [event for _, event in sorted(of_entry, key=lambda each: (each[0], each[1].event_id))]
        for one, other in itertools.pairwise(dict.fromkeys(each.step_id for each in way)):
            taken.setdefault((way[0].journey_id, way[0].journey_version, one), set()).add(other)
    assert taken == {place: targets for place, targets in ways.items() if targets}


def test_calls_go_through_the_nodes_of_their_step() -> None:
    """Calls name the step that makes them, its nodes, mostly inputs that it expects, and end in every way."""
    nodes = {
        (definition.journey_id, step.step_id): {node.node_id: node.inputs for node in step.nodes}
        for definition in definitions()
        for step in definition.steps
        if step.nodes
    }
    calls = [event for _, event in decoded(arrivals_of(2, 60_000)) if isinstance(event, CallEvent)]
    reached: set[str] = set()
    expected: list[bool] = []
    for event in calls:
        step = nodes[event.journey_id, event.step_id or ""]
        if isinstance(event, CallMenuReached):
            reached.add(event.node_id)
            assert event.parent_node_id in (None, *step)
        elif isinstance(event, CallInputCollected):
            expected.append(event.value in step[event.node_id])
    assert reached == {node for step in nodes.values() for node in step}
    assert 0.8 < sum(expected) / len(expected) < 1
    assert {event.outcome for event in calls if isinstance(event, CallEnded)} == {
        "completed",
        "dropped",
        "failed",
    }


def test_live_traffic_comes_at_its_rate_and_never_from_the_future() -> None:
    """After its beginning, live traffic has the rate that was asked for, give or take a tenth."""
    start_ms, rate = 1_790_000_000_000, 200.0
    traffic = live(1, rate, start_ms)
    counted = 0
    for arrivals in traffic:
        if traffic.until_ms > start_ms:
            counted += len(arrivals)
            assert all(occurred_ms(event.occurred_at) <= arrival[0] for arrival, event in decoded(arrivals))
        if traffic.until_ms >= start_ms + 60_000:
            break
    assert abs(counted / 60 - rate) < rate / 10
    assert LIVE_SCALE * 86_400 == 120


async def test_simulate_sends_definitions_first_and_exactly_as_many_events_as_asked() -> None:
    """The journeys are defined, and said to run, before their events; the summary counts the events."""
    sink = KeptRecords()
    summary = await simulate(SinkDestination(sink), Simulation(seed=1, count=2_500))
    journeys = {(each.account_id, each.journey_id) for each in definitions()}
    control = len(definitions()) + len(journeys)
    events = [decode_event(record.kind, record.value) for record in sink.records[:control]]
    assert [each.definition for each in events if isinstance(each, JourneyDefined)] == definitions()
    said = [each for each in events if isinstance(each, JourneyStatus)]
    assert {(each.account_id, each.journey_id, each.status) for each in said} == {
        (*journey, "running") for journey in journeys
    }
    kinds = [record.kind for record in sink.records[control:]]
    assert "definitions" not in kinds
    assert len(kinds) == summary.events == 2_500


async def test_live_simulation_ends_at_its_count() -> None:
    """A live run with a count sends that many events at its rate."""
    sink = KeptRecords()
    started = time.monotonic()
    summary = await asyncio.wait_for(
        simulate(SinkDestination(sink), Simulation(seed=1, rate=1_000, count=300)), 20
    )
    assert summary.events == 300
    assert time.monotonic() - started >= 0.2


def is_control(event: object) -> bool:
    return isinstance(event, JourneyDefined | JourneyStatus)


async def test_live_traffic_may_look_back() -> None:
    """Days before now come first, at an even pace, none in the future, defined at their beginning."""
    sink = KeptRecords()
    before_ms = time.time_ns() // 1_000_000
    simulation = Simulation(seed=1, rate=1_000, count=1, past_days=4)
    summary = await asyncio.wait_for(simulate(SinkDestination(sink), simulation), 20)
    decoded = [decode_event(record.kind, record.value) for record in sink.records]
    events = [event for event in decoded if not isinstance(event, Refusal)]
    assert len(events) == len(decoded)
    assert summary.events == len(events) - len([event for event in events if is_control(event)])
    times = [event.occurred_at.timestamp() * 1000 for event in events if not is_control(event)][:-1]
    begins_ms = before_ms - 4 * 86_400_000
    assert min(times) >= begins_ms
    assert max(times) <= before_ms + 1_000
    by_day = Counter(int((at_ms - begins_ms) // 86_400_000) for at_ms in times)
    # The first day has no journeys that began earlier.
    assert all(by_day[day] > 2_500 for day in (1, 2, 3))
    defined = [event for event in events if isinstance(event, JourneyDefined)]
    assert all(abs(event.occurred_at.timestamp() * 1000 - begins_ms) < 60_000 for event in defined)
