"""The catalogue of numbers, held against what is really answered."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final, cast

import httpx
import msgspec
import pytest

from tests.exporters.api.conftest import no_metrics
from tests.exporters.hourly_story import (
    ACCOUNT,
    FILTERS,
    HOURS,
    HOURS_OF,
    JOURNEY,
    STEP,
    local,
    status_hours,
    story,
)
from tests.exporters.partitions import fold_all, open_partitions
from wayfold.exporters.api import answers, number_types
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.catalogue import CatalogueAnswer
from wayfold.exporters.api.local import LocalNumbers
from wayfold.models.numbers.catalogue import NUMBERS, breakdowns_of, field_of, numbers_of
from wayfold.models.numbers.entry import CatalogueNumber, Scope, Time
from wayfold.models.zone import Zone
from wayfold.state.reading.query import Clock, Query

OPENAPI = json.loads((Path(__file__).parents[3] / "docs" / "openapi.json").read_text(encoding="utf-8"))
CLOCKS: Final[tuple[Clock, ...]] = ("event", "entry")
SCOPES: Final[tuple[Scope, ...]] = ("journey", "version", "step", "account")
RANGE: Final = {"from": "2026-11-01", "to": "2026-11-03"}
SHAPES: Final[dict[Scope, type[msgspec.Struct]]] = {
    "journey": number_types.JourneyNumbers,
    "version": number_types.JourneyNumbers,
    "step": number_types.StepNumbers,
    "account": answers.Account,
}
BY_KEY: Final = ("cost", "conversion_values")
"""Numbers whose keys are channels and currencies."""
LISTED: Final = [
    pytest.param(number, scope, id=f"{scope} {number.name}")
    for scope in SCOPES[::2]
    for number in numbers_of(scope).values()
]


@pytest.fixture(scope="module")
def numbers_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNumbers]:
    """Real partitions with the story folded in."""
    partitions = open_partitions(tmp_path_factory.mktemp("hourly"), 2)
    fold_all(partitions, story())
    yield LocalNumbers(lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    for partition in partitions:
        partition.close()


@pytest.fixture
async def reader(numbers_source: LocalNumbers) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a host with the story."""
    transport = httpx.ASGITransport(cast("Any", create_app(numbers_source, no_metrics)))
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        yield client


def rows_of(document: Mapping[str, Any], scope: Scope) -> list[dict[str, Any]]:
    """The numbers of everything of a scope in a numbers document."""
    if scope == "account":
        return [
            {name: value for name, value in row.items() if name not in ("account_id", "time_zone")}
            for row in document["accounts"]
        ]
    journeys = document["journeys"]
    versions = [version for journey in journeys for version in journey["versions"]]
    rows = {"journey": journeys, "version": versions}
    rows["step"] = [step for version in versions for step in version["steps"]]
    return [row["numbers"] for row in rows[scope]]


def leaves(numbers: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every single number with its name."""
    for field, value in numbers.items():
        if field == "channels":
            for row in value:
                yield from leaves({name: row[name] for name in row if name not in ("channel", "platform")})
        elif field == "monthly_engaged_persons":
            yield from _persons(field, value)
        elif field == "goals":
            for goal in value.values():
                yield from _below(field, goal)
        elif isinstance(value, dict) and field not in BY_KEY:
            yield from _below(field, value)
        elif field != "not_filterable":
            yield field, value


def _persons(field: str, months: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for month in months:
        yield f"{field}.persons", month["persons"]
        for journey in month["journeys"]:
            yield from _below(f"{field}.journeys", journey)


def _below(field: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if name != "journey_id":
            yield f"{field}.{name}", value


@pytest.mark.parametrize("scope", SCOPES)
async def test_answers_hold_what_the_catalogue_has(numbers_source: LocalNumbers, scope: Scope) -> None:
    """Every number of an answer is in the catalogue, and every one of the catalogue in an answer."""
    rows = rows_of(await numbers_source.document(Query()), scope)
    assert {name for row in rows for name, _ in leaves(row)} == set(numbers_of(scope))
    assert {"channels"} & {name for row in rows for name in row} == set(breakdowns_of(scope))


@pytest.mark.parametrize("scope", SCOPES)
def test_the_types_of_answers_have_what_the_catalogue_has(scope: Scope) -> None:
    """The OpenAPI document knows the same numbers."""
    typed = set(SHAPES[scope].__struct_fields__) - {"not_filterable", "account_id", "time_zone"}
    known = numbers_of(scope)
    if scope == "account":
        known = {name: number for name, number in known.items() if number.placed_by is None}
    assert typed == {field_of(name) for name in known} | set(breakdowns_of(scope))


@pytest.mark.parametrize("given", [names for size in range(6) for names in combinations(FILTERS, size)])
@pytest.mark.parametrize("ranged", [False, True])
async def test_what_is_not_filterable_is_what_the_catalogue_says(
    reader: httpx.AsyncClient, given: tuple[str, ...], ranged: bool
) -> None:
    """Of any filters and range together, answers leave out the numbers that lack one, and no others."""
    parameters = {"account": ACCOUNT, **(RANGE if ranged else {})}
    parameters.update((name, FILTERS[name]) for name in given)
    document = (await reader.get("/v1/numbers", params=parameters)).json()
    for scope in SCOPES:
        lacking = {
            field_of(number.name)
            for number in numbers_of(scope).values()
            if set(given) - set(number.filters) or (ranged and number.placed_by is None)
        }
        if scope == "account":
            lacking -= {field_of(name) for name in numbers_of("step")}  # they stand in channels
        lacking |= {table.name for table in breakdowns_of(scope).values() if set(given) - set(table.filters)}
        rows = rows_of(document, scope)
        assert rows
        for row in rows:
            assert sorted(row.get("not_filterable", [])) == sorted(lacking), scope
            assert not lacking & set(row)


def hours_of(number: CatalogueNumber, clock: Clock) -> set[int]:
    """The hours of the story in which the catalogue says that there is something to count."""
    assert number.placed_by is not None
    time: Time = getattr(number.placed_by, clock)
    status = "sent" if number.name == "cost" else field_of(number.name)
    if time == "status":
        return set(status_hours(status))
    return {status_hours(status)[0]} if time == "first_status" else HOURS_OF[time]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("scopes", sorted({number.scopes for number in NUMBERS}))
async def test_numbers_fall_in_a_range_by_what_the_catalogue_says(
    numbers_source: LocalNumbers, scopes: tuple[Scope, ...], clock: Clock
) -> None:
    """Each number has something just in the hours of the time that the catalogue names for the clock."""
    found: dict[str, set[int]] = {}
    for hour in HOURS:
        query = Query(account_id=ACCOUNT, start=local(hour), end=local(hour + 1), clock=clock)
        document = await numbers_source.document(query)
        for row in [row for scope in scopes for row in rows_of(document, scope)]:
            for name, value in leaves(row):
                if value or (value is not None and name.endswith("_rate")):
                    found.setdefault(name, set()).add(hour)
    known = numbers_of(scopes[0])
    for number in known.values():
        if number.placed_by is not None:
            # of a rate that is what it is divided by
            counted = known[number.denominator] if number.denominator else number
            assert found[number.name] == hours_of(counted, clock), number.name


@pytest.mark.parametrize(("number", "scope"), LISTED)
async def test_a_list_takes_what_the_catalogue_says(
    reader: httpx.AsyncClient, number: CatalogueNumber, scope: Scope
) -> None:
    """What is called listed can be had with each filter and range that it takes, and all else is a 400."""
    asked = {"account": ACCOUNT, "number": (number.list or number.name).replace("<name>", "purchase")}
    if scope == "step":
        asked |= {"step": STEP}

    async def ask(**more: str) -> Any:
        response = await reader.get(f"/v1/journeys/{JOURNEY}/users", params={**asked, **more})
        content = response.json()
        return content["users"] if response.is_success else (response.status_code, content["parameter"])

    everyone = await ask()
    if number.list is None:
        assert everyone == (400, "number")
        return
    assert everyone
    for name, value in FILTERS.items():
        if scope == "journey" and name == "step" and number.list in numbers_of("step"):
            continue  # that asks for the step's number
        found = await ask(**{name: value})
        if name not in number.filters:
            assert found == (400, name)
        else:
            others = await ask(version="2") if name == "version" else []
            assert sorted(found + others) == everyone
    for clock in CLOCKS:
        assert await ask(**RANGE, clock=clock) == everyone


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize(("number", "scope"), LISTED)
async def test_a_list_falls_in_a_range_like_its_number(
    numbers_source: LocalNumbers, number: CatalogueNumber, scope: Scope, clock: Clock
) -> None:
    """There are users behind a number in the hours in which there is the number."""
    if number.list is None:
        return
    name = number.list.replace("<name>", "purchase")
    query = Query(account_id=ACCOUNT, journey_id=JOURNEY, clock=clock)
    if scope == "step":
        query = msgspec.structs.replace(query, step_id=STEP)
    found = {
        hour
        for hour in HOURS
        if await numbers_source.users(
            msgspec.structs.replace(query, start=local(hour), end=local(hour + 1)), name
        )
    }
    assert found == hours_of(number, clock)


async def test_a_number_of_users_is_as_long_as_its_list(reader: httpx.AsyncClient) -> None:
    """The catalogue names for each number of users the list that has as many."""
    journey = (await reader.get(f"/v1/journeys/{JOURNEY}", params={"account": ACCOUNT})).json()
    steps = [step["numbers"] for version in journey["versions"] for step in version["steps"]]
    shown: dict[Scope, dict[str, Any]] = {
        "journey": dict(leaves(journey["numbers"])),
        "step": dict(leaves(steps[0])),
    }
    for scope, values in shown.items():
        for number in numbers_of(scope).values():
            if number.unit == "users" and number.list is not None:
                asked = {"account": ACCOUNT, "number": number.list}
                if scope == "step":
                    asked |= {"step": STEP, "version": "1"}
                found = (await reader.get(f"/v1/journeys/{JOURNEY}/users", params=asked)).json()
                assert found["total"] == values[number.name], number.name


async def test_the_catalogue_is_answered(reader: httpx.AsyncClient) -> None:
    """GET /v1/catalogue has every number, as the OpenAPI document describes it."""
    response = await reader.get("/v1/catalogue")
    assert response.headers["content-type"] == "application/json"
    typed = msgspec.convert(response.json(), CatalogueAnswer)
    assert typed.numbers == NUMBERS
    assert json.loads(msgspec.json.encode(typed)) == response.json()
    described = OPENAPI["components"]["schemas"]["CatalogueNumber"]
    assert set(described["required"]) == set(described["properties"]) == set(response.json()["numbers"][0])


async def test_the_catalogue_is_not_sent_twice(reader: httpx.AsyncClient) -> None:
    """Whoever has it already is told so, and what is another one's is sent anew."""
    first = await reader.get("/v1/catalogue")
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    again = await reader.get("/v1/catalogue", headers={"if-none-match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await reader.get("/v1/catalogue", headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_the_catalogue_takes_no_parameter(reader: httpx.AsyncClient) -> None:
    """A filter that would be ignored is refused."""
    response = await reader.get("/v1/catalogue", params={"version": "1"})
    assert (response.status_code, response.json()["parameter"]) == (400, "version")
