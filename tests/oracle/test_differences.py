"""Two documents compared: nothing is missed, percentiles may differ by 1 %, freshness does not count."""

from copy import deepcopy
from typing import Any

import pytest

from tests.oracle.story import defined, entered, exited, goal, message, step
from wayfold.audit import oracle

STORY = [
    defined(),
    entered("ann", "10:00"),
    step("ann", "mail", "10:01"),
    message("sent", "ann", "10:02", cost="0.1", currency="EUR"),
    exited("ann", "10:30"),
    goal("ann", "11:00", value=3, currency="EUR", journey="welcome", entry="first", step="mail"),
]


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [leaf for name, some in items for leaf in _leaves(some, (*path, name))]
    return below or ([path] if not isinstance(value, dict | list) else [])


def _changed(document: Any, path: tuple[Any, ...]) -> Any:
    copy = deepcopy(document)
    holder = copy
    for name in path[:-1]:
        holder = holder[name]
    old = holder[path[-1]]
    holder[path[-1]] = old * 2 + 1 if isinstance(old, int | float) else f"{old}x"
    return copy


def test_a_document_equals_itself() -> None:
    """No difference, also with other as_of and lag_ms."""
    document = oracle.numbers(STORY)
    assert oracle.differences({**document, "as_of": "x", "lag_ms": 3}, document) == []


def test_every_single_value_is_compared() -> None:
    """Whatever value of the document changes, it is reported."""
    document = oracle.numbers(STORY)
    leaves = _leaves(document)
    assert len(leaves) > 150
    for path in leaves:
        assert oracle.differences(_changed(document, path), document), path


def test_a_difference_says_where_it_is() -> None:
    """The path names accounts, journeys, versions and steps, not places in lists."""
    document = oracle.numbers(STORY)
    other = deepcopy(document)
    other["journeys"][0]["versions"][0]["steps"][0]["numbers"]["sent"]["users"] = 7
    assert oracle.differences(other, document) == [
        "journeys[default/welcome].versions[1].steps[mail].numbers.sent.users: got 7, expected 1"
    ]


def test_rows_that_are_missing_too_many_doubled_or_out_of_order_are_reported() -> None:
    """Lists are compared row by row and in their order."""
    document = oracle.numbers(STORY)
    steps = document["journeys"][0]["versions"][0]["steps"]
    for changed in (steps[1:], [*steps, {**steps[0], "step_id": "more"}], [*steps, steps[0]], steps[::-1]):
        other = deepcopy(document)
        other["journeys"][0]["versions"][0]["steps"] = changed
        assert len(oracle.differences(other, document)) == 1


@pytest.mark.parametrize(
    ("actual", "differs"), [(1000, 0), (1010, 0), (990, 0), (1011, 1), (989, 1), (None, 1)]
)
def test_percentiles_may_differ_by_one_percent(actual: int | None, differs: int) -> None:
    """Dwell is within one percent of exact; whether there is a value at all is exact."""
    expected = {"dwell": {"count": 1, "p50_ms": 1000}}
    assert len(oracle.differences({"dwell": {"count": 1, "p50_ms": actual}}, expected)) == differs
