"""How many names a journey may have in a topic partition, and how many events of a type a user."""

from typing import Any

import pytest

from tests.oracle.records import event_ids, log, record
from tests.oracle.story import broadcast, call, defined, entered, erased, exited, goal, message, status, step
from wayfold.audit import oracle
from wayfold.audit.oracle import Limits


def _refused(events: list[dict[str, Any]], **limits: int) -> dict[tuple[str, int], str]:
    return oracle.accept(log(*events), limits=Limits(**limits)).reasons


def _goal_at(step_id: str, name: str = "purchase", journey: str = "welcome") -> dict[str, Any]:
    return goal("ann", "10:00", name, journey=journey, entry="first", step=step_id)


def test_the_limits_when_none_are_given() -> None:
    """The contract's own."""
    assert Limits() == Limits(1_000, 100, 100, 1_000, 1_000, 10_000)


@pytest.mark.parametrize(
    ("kind", "most", "topic", "named"),
    [
        ("steps", 1_000, "steps", lambda name: step("ann", name, "10:00")),
        ("steps", 1_000, "messages", lambda name: message("sent", "ann", "10:00", step=name)),
        ("steps", 1_000, "conversions", _goal_at),
        ("steps", 1_000, "calls", lambda name: call("started", "ann", "10:00", step=name)),
        ("variants", 100, "steps", lambda name: step("ann", "mail", "10:00", variant=name)),
        ("channels", 100, "messages", lambda name: message("sent", "ann", "10:00", channel=name)),
        ("channels", 100, "messages", lambda name: broadcast("sent", "ann", "10:00", channel=name)),
        ("goal_names", 1_000, "conversions", lambda name: goal("ann", "10:00", name)),
        ("nodes", 1_000, "calls", lambda name: call("menu_reached", "ann", "10:00", node=name)),
        ("nodes", 1_000, "calls", lambda name: call("input_collected", "ann", "10:00", node=name)),
    ],
)
def test_one_name_more_than_there_may_be_is_refused(kind: str, most: int, topic: str, named: Any) -> None:
    """As many different names are accepted; the next one is not, while those that are known go on."""
    names = [f"n{number}" for number in range(most)]
    events = [named(name) for name in [*names, "other"]]
    events.append(named("n0") | {"event_id": "again"})
    result = oracle.accept(log(*events))
    assert result.reasons == {(topic, most): "limit"}
    assert event_ids(result.accepted)[-1] == "again"
    small = Limits(**{kind: 2})
    assert oracle.accept(log(*events[:4]), limits=small).reasons == {(topic, 2): "limit", (topic, 3): "limit"}


def test_names_count_by_account_and_journey() -> None:
    """Each journey of each account, and what is outside journeys, has all the room."""
    events = [
        step("ann", "a", "10:00"),
        step("ann", "b", "10:00", journey="winback"),
        step("ann", "c", "10:00", account="acme"),
        message("sent", "ann", "10:00", channel="email"),
        broadcast("sent", "ann", "10:00", channel="sms"),
        message("sent", "ann", "10:00", channel="push", journey="winback"),
    ]
    assert _refused(events, steps=1, channels=1) == {}


def test_names_count_by_topic() -> None:
    """A step that arrivals name is another name for messages: no topic knows of another's."""
    events = [step("ann", "a", "10:00"), message("sent", "ann", "10:00", step="b"), _goal_at("c")]
    assert _refused([*events, call("started", "ann", "10:00", step="d")], steps=1) == {}


def test_a_step_of_two_versions_is_one_name() -> None:
    """What is counted are names, which versions share."""
    events = [step("ann", "a", "10:00", version=version) for version in (1, 2, 3)]
    assert _refused(events, steps=1) == {}


def test_a_name_of_a_goal_counts_under_the_journey_that_it_names() -> None:
    """Under none, when it names none."""
    events = [goal("ann", "10:00", "a"), _goal_at("mail", "b"), _goal_at("mail", "c", "winback")]
    assert _refused(events, goal_names=1) == {}
    assert _refused([*events, _goal_at("mail", "d")], goal_names=1) == {("conversions", 3): "limit"}


def test_names_in_definitions_do_not_count() -> None:
    """A definition has as many steps as it likes, and leaves all the room to events."""
    steps = [{"step_id": f"s{number}", "type": "wait"} for number in range(5)]
    assert _refused([defined(steps=steps), step("ann", "other", "10:00")], steps=1) == {}


def test_what_names_nothing_takes_no_room() -> None:
    """No variant and an empty one are no names; fields that a type does not have are none either."""
    events = [
        step("ann", "mail", "10:00"),
        step("ann", "mail", "10:01", variant="a"),
        step("ann", "mail", "10:02", variant="b") | {"variant": ""},
        step("ann", "mail", "10:03", variant="c") | {"channel": 7, "name": [], "node_id": "x"},
    ]
    events += [call(what, "ann", "10:00") | {"node_id": what} for what in ("started", "ended")]
    assert _refused(events, variants=1, channels=0, goal_names=0, nodes=0) == {("steps", 3): "limit"}


def test_what_is_refused_or_repeats_takes_no_name() -> None:
    """A name is taken with an accepted event only, and all names of an event or none."""
    future = record(step("ann", "mail", "10:00", variant="a"), 0, delay_ms=-7_200_000)
    events = [
        step("ann", "mail", "10:00", variant="b", event_id="x"),
        step("ann", "mail", "10:00", variant="c", event_id="x"),
        step("ann", "other", "10:00", variant="d"),
        step("ann", "mail", "10:00", variant="d"),
        step("ann", "mail", "10:00", variant="e"),
    ]
    records = [future, *(record(event, offset) for offset, event in enumerate(events, 1))]
    result = oracle.accept(records, limits=Limits(steps=1, variants=2))
    # "other" has no room, so its variant "d" is taken by the next only; "a" and "c" never were.
    assert result.reasons == {("steps", 0): "future", ("steps", 3): "limit", ("steps", 5): "limit"}
    assert result.duplicates == 1


def test_events_of_one_user_and_type() -> None:
    """The ten-thousandth is accepted, the next is not, however old the others are by then."""
    events = [entered("ann", "10:00", event_id=str(number)) for number in range(10_000)]
    events += [
        entered("ann", "2028-01-01T00:00:00Z"),
        entered("bob", "10:00"),
        exited("ann", "10:00"),
        entered("ann", "10:00", journey="winback"),
        entered("ann", "10:00", account="acme"),
    ]
    result = oracle.accept(log(*events), 10**12)
    assert result.reasons == {("entries", 10_000): "limit"}


def test_repeats_and_refused_events_do_not_count_as_a_users() -> None:
    """A repeat is one also when the user has as many events as there may be."""
    first, second = entered("ann", "10:00"), entered("ann", "11:00")
    events = [first, first, entered("ann", "10:00") | {"journey_version": 0}, second, first]
    result = oracle.accept(log(*events), limits=Limits(user_events=2))
    assert (len(result.accepted), result.duplicates) == (2, 2)
    assert dict(result.refused) == {"wrong_field": 1}


def test_goals_of_a_user_count_together_whichever_journey_they_name() -> None:
    """A goal is bound to no journey; messages outside journeys count apart from a journey's."""
    events = [goal("ann", "10:00"), _goal_at("mail"), _goal_at("mail", journey="winback")]
    assert _refused(events, user_events=2) == {("conversions", 2): "limit"}
    events = [broadcast("sent", "ann", "10:00"), message("sent", "ann", "10:00")]
    assert _refused(events, user_events=1) == {}


def test_control_events_and_limits() -> None:
    """Definitions and statuses are no user's; erasures are."""
    events = [
        defined(),
        defined(version=2, event_id="2"),
        status("running", "10:00"),
        status("paused", "11:00"),
    ]
    events += [erased("ann", "10:00"), erased("ann", "11:00")]
    assert _refused(events, user_events=1) == {("users", 1): "limit"}
