"""The catalogue of numbers agrees with itself, and with the words of events and definitions."""

import re
from collections import Counter
from typing import get_args

import pytest

from wayfold.models.definition import StepType
from wayfold.models.events import MESSAGE_STATUSES
from wayfold.models.numbers.catalogue import BREAKDOWNS, NUMBERS, STEPS, field_of, numbers_of
from wayfold.models.numbers.entry import Filter, Scope, Time
from wayfold.models.numbers.of_messages import COUNTERS, STATUSES
from wayfold.models.numbers.words import CLOCKS, FILTERS, TIMES
from wayfold.state.histories import history
from wayfold.state.reading import field_numbers as reading
from wayfold.state.reading.counted import COUNTED
from wayfold.state.reading.query import Clock

SCOPES = get_args(Scope)


def test_a_number_is_there_once_in_each_scope() -> None:
    """No name has two meanings in one scope, and none is that of a table."""
    names = [
        (scope, entry.name)
        for entries in (NUMBERS, BREAKDOWNS)
        for entry in entries
        for scope in entry.scopes
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_titles_tell_numbers_apart() -> None:
    """In one scope no two numbers have the same title."""
    for scope in SCOPES:
        titles = Counter(number.title for number in numbers_of(scope).values())
        assert [title for title, count in titles.items() if count > 1] == []


@pytest.mark.parametrize("entry", [*NUMBERS, *BREAKDOWNS, *FILTERS, *CLOCKS, *TIMES])
def test_texts_are_for_people(entry: object) -> None:
    """Titles are in sentence case, meanings are sentences, and nothing is marked up."""
    title, meaning = getattr(entry, "title", ""), getattr(entry, "meaning", "")
    assert re.fullmatch(r"[A-Z][^.A-Z`]*", title)
    assert re.fullmatch(r"[A-Z][^`|]*\.", meaning)
    assert len(re.findall(r"\. [A-Z]", meaning)) < 3


def test_words_are_all_explained() -> None:
    """Every filter, clock and time that a number may have is in the answer, in the same order."""
    assert tuple(word.name for word in FILTERS) == get_args(Filter)
    assert tuple(word.name for word in CLOCKS) == get_args(Clock)
    assert tuple(word.name for word in TIMES) == get_args(Time)


def test_rates_are_of_numbers_beside_them() -> None:
    """Numerator and denominator of every share are numbers of the same scope with the same filters."""
    shares = [number for number in NUMBERS if number.unit == "share"]
    assert shares == [number for number in NUMBERS if number.numerator or number.denominator]
    for share in shares:
        parts = {share.numerator, share.denominator, *share.denominator_by_channel.values()}
        for scope in share.scopes:
            for name in parts:
                assert numbers_of(scope)[name or ""].filters == share.filters


def test_what_a_field_holds_takes_the_same_questions() -> None:
    """A field is named as a whole when it is left out, so its numbers have the same filters."""
    for scope in SCOPES:
        taken: dict[str, set[tuple[object, ...]]] = {}
        for number in numbers_of(scope).values():
            of_field = taken.setdefault(field_of(number.name), set())
            of_field.add((number.filters, number.placed_by is None))
        assert [field for field, questions in taken.items() if len(questions) > 1] == []


def test_every_kind_of_step_shows_something() -> None:
    """Each type has one row, a message one for each channel and one for all others; all show step numbers."""
    kinds = [(step.type, step.channel) for step in STEPS]
    assert len(set(kinds)) == len(kinds)
    assert {type_ for type_, channel in kinds if channel is None} == {*get_args(StepType), None}
    assert {type_ for type_, channel in kinds if channel is not None} == {"message"}
    for step in STEPS:
        assert step.numbers
        assert set(step.numbers) <= set(numbers_of("step"))


def test_the_words_of_messages_are_those_that_are_counted() -> None:
    """Statuses and counters are those that events and answers have."""
    assert set(MESSAGE_STATUSES) <= set(STATUSES)
    assert STATUSES == history.STATUSES
    assert COUNTERS == reading.COUNTERS


def test_numbers_of_many_journeys_at_once_are_those_of_a_journey() -> None:
    """What can be counted for many journeys and ranges is in the catalogue, with the same filters."""
    for name, counted in COUNTED.items():
        filters = tuple(dimension.removesuffix("_id") for dimension in counted.dimensions)
        assert numbers_of("journey")[name].filters == filters
