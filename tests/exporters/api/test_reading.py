"""The endpoints give the numbers of the source, in the documented shape, with how fresh they are."""

from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from tests.exporters.traffic import ODD, OracleSource
from wayfold.exporters.api import answers
from wayfold.exporters.api.counts import CountsAnswer
from wayfold.state.reading.query import Query

WELCOME = "/v1/journeys/welcome"


async def read(client: httpx.AsyncClient, path: str, **parameters: object) -> Any:
    response = await client.get(path, params={"account": "acme", **parameters})  # type: ignore[dict-item]
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()


def is_a(shape: type[msgspec.Struct], content: Any) -> None:
    """Check content against its documented type: no field missing, none too many, all of the right type."""
    typed = msgspec.convert(content, shape)
    assert msgspec.to_builtins(typed) == content


async def test_the_list_of_journeys(client: httpx.AsyncClient) -> None:
    """GET /v1/journeys has each journey of the account, with its numbers and its versions."""
    content = await read(client, "/v1/journeys")
    assert [(journey["journey_id"], journey["versions"]) for journey in content["journeys"]] == [
        (ODD, [1]),
        ("welcome", [1, 2]),
    ]
    assert content["journeys"][1]["numbers"]["converted_users"] == 2
    assert content["journeys"][1]["numbers"]["sent"] == {"events": 3, "messages": 3}
    assert (content["as_of"], content["watermark"], content["lag_ms"]) == (
        "2026-11-03T00:00:00.000Z",
        "2026-11-02T10:00:07.000Z",
        0,
    )
    is_a(answers.JourneysAnswer, content)


async def test_a_journey_without_account_is_looked_for_in_the_default_one(client: httpx.AsyncClient) -> None:
    """Without the parameter account only the account called default is read."""
    response = await client.get("/v1/journeys")
    assert response.json()["journeys"] == []


async def test_a_list_asks_for_what_it_shows(client: httpx.AsyncClient, source: OracleSource) -> None:
    """A list of journeys asks for summaries: of thousands the numbers of every step would take seconds."""
    await read(client, "/v1/journeys")
    assert source.queries == [Query(account_id="acme", detail="summary")]


async def test_the_messages_of_a_journey(client: httpx.AsyncClient) -> None:
    """A journey has the messages of its steps together, and a filter restricts them."""
    numbers = (await read(client, WELCOME))["numbers"]
    assert numbers["clicked"] == {"events": 3, "messages": 3}
    assert [(row["channel"], row["platform"]) for row in numbers["channels"]] == [
        ("email", "ios"),
        ("email", "none"),
    ]
    assert (numbers["click_rate"], numbers["fail_rate"]) == (1.0, 0.0)
    assert numbers["cost"] == {"email": {"EUR": "0.036"}}
    restricted = (await read(client, WELCOME, platform="ios"))["numbers"]
    assert (restricted["clicked"]["messages"], restricted["sent"]["messages"]) == (3, 0)
    assert "sent" not in restricted["not_filterable"]


async def test_one_journey(client: httpx.AsyncClient, source: OracleSource) -> None:
    """GET /v1/journeys/{id} is the journey of the numbers document, unchanged."""
    content = await read(client, WELCOME)
    document = await source.document(Query(account_id="acme", journey_id="welcome"))
    journey = document["journeys"][0]
    assert {name: content[name] for name in journey} == journey
    is_a(answers.JourneyAnswer, content)


async def test_filters_reach_the_source(client: httpx.AsyncClient, source: OracleSource) -> None:
    """Every filter of a request is part of the query, under the meaning it has."""
    await read(
        client,
        WELCOME,
        version=1,
        channel="email",
        platform="ios",
        variant="A",
        clock="entry",
        **{"from": "2026-11-01", "to": "2026-11-02T13:00", "step": "mail"},
    )
    assert source.queries == [
        Query(
            account_id="acme",
            journey_id="welcome",
            version=1,
            step_id="mail",
            channel="email",
            platform="ios",
            variant="A",
            start="2026-11-01",
            end="2026-11-02T13:00",
            clock="entry",
        )
    ]


async def test_numbers_that_a_filter_cannot_restrict_are_named(client: httpx.AsyncClient) -> None:
    """With a channel, entry numbers are absent and named instead of unfiltered."""
    content = await read(client, WELCOME, channel="email")
    assert "total_entries" not in content["numbers"]
    assert "total_entries" in content["numbers"]["not_filterable"]
    assert "entered" in content["versions"][0]["steps"][0]["numbers"]["not_filterable"]
    is_a(answers.JourneyAnswer, content)


async def test_the_steps_of_a_journey(client: httpx.AsyncClient) -> None:
    """GET …/steps has the steps of each version in the order of its definition."""
    content = await read(client, f"{WELCOME}/steps")
    assert [(step["journey_version"], step["step_id"]) for step in content["steps"]] == [
        *((1, "mail"), (1, "wait/a day"), (1, "end")),
        *((2, "mail"), (2, "wait/a day"), (2, "end")),
    ]
    assert content["steps"][0]["numbers"]["clicked"]["users"] == 3
    is_a(answers.StepsAnswer, content)


@pytest.mark.parametrize("journey_id", ["welcome", ODD])
@pytest.mark.parametrize("step_id", ["mail", "wait/a day"])
async def test_ids_with_any_characters_stand_in_paths(
    client: httpx.AsyncClient, journey_id: str, step_id: str
) -> None:
    """An id with slashes, spaces, percent and question marks is found when it is percent-encoded."""
    content = await read(client, f"/v1/journeys/{quote(journey_id, safe='')}/steps/{quote(step_id, safe='')}")
    assert content["journey_id"] == journey_id
    assert {step["step_id"] for step in content["steps"]} == {step_id}
    is_a(answers.StepsAnswer, content)


async def test_one_account(client: httpx.AsyncClient) -> None:
    """GET /v1/accounts/{id} has its monthly engaged persons and the totals of its channels."""
    response = await client.get("/v1/accounts/acme")
    content = response.json()
    assert content["monthly_engaged_persons"][0]["persons"] == 4
    assert sum(row["sent"]["messages"] for row in content["channels"]) == 4
    is_a(answers.AccountAnswer, content)


async def test_all_numbers(client: httpx.AsyncClient, source: OracleSource) -> None:
    """GET /v1/numbers is the whole numbers document, for all accounts."""
    response = await client.get("/v1/numbers")
    assert response.json() == await source.document(Query())
    is_a(answers.NumbersAnswer, response.json())


async def test_a_series_adds_up_to_the_range(client: httpx.AsyncClient) -> None:
    """Entries per day are those of each local day, and together those of the range."""
    content = await read(client, f"{WELCOME}/series", **{"from": "2026-11-01", "to": "2026-11-04"})
    assert [(part["start"], part["numbers"]["total_entries"]) for part in content["series"]] == [
        ("2026-11-01", 2),
        ("2026-11-02", 1),
        ("2026-11-03", 0),
    ]
    assert content["series"][0]["starts_at"] == "2026-10-31T23:00:00.000Z"
    is_a(answers.SeriesAnswer, content)


async def test_a_series_of_a_step(client: httpx.AsyncClient) -> None:
    """With the parameter step each bucket has the numbers of that step."""
    content = await read(
        client,
        f"{WELCOME}/series",
        **{"from": "2026-11-01", "to": "2026-11-03", "step": "mail", "version": 1},
    )
    assert [part["steps"][0]["numbers"]["sent"]["users"] for part in content["series"]] == [2, 1]
    is_a(answers.SeriesAnswer, content)


@pytest.mark.parametrize(
    ("bucket", "start", "end", "expected"),
    [
        ("hour", "2026-03-29", "2026-03-29T05:00", ["00:00", "01:00", "03:00", "04:00"]),
        ("hour", "2026-10-25T01:00", "2026-10-25T04:00", ["01:00", "02:00", "03:00"]),
        ("day", "2026-11-01T12:00", "2026-11-03", ["2026-11-01T12:00", "2026-11-02"]),
        ("week", "2026-10-29", "2026-11-10", ["2026-10-29", "2026-11-02", "2026-11-09"]),
        ("week", "2026-11-02T05:00", "2026-11-09", ["2026-11-02T05:00"]),
        ("month", "2026-11-15", "2027-02-01", ["2026-11-15", "2026-12-01", "2027-01-01"]),
    ],
)
async def test_buckets_follow_the_local_calendar(
    client: httpx.AsyncClient, bucket: str, start: str, end: str, expected: list[str]
) -> None:
    """Buckets begin at local hours, days, Mondays and months, and the hour that spring skips has none."""
    content = await read(client, f"{WELCOME}/series", **{"from": start, "to": end, "bucket": bucket})
    starts = [part["start"] for part in content["series"]]
    assert [begin if bucket != "hour" else f"{begin}T00:00"[11:16] for begin in starts] == expected
    ends = [part["ends_at"] for part in content["series"]]
    assert ends[:-1] == [part["starts_at"] for part in content["series"]][1:]


async def test_a_series_is_one_question(client: httpx.AsyncClient, source: OracleSource) -> None:
    """All buckets are asked for at once, so that they are of one state."""
    await read(client, f"{WELCOME}/series", **{"from": "2026-11-01", "to": "2026-11-04"})
    assert [len(query.ranges) for query in source.queries] == [3]


async def test_a_series_without_time(client: httpx.AsyncClient) -> None:
    """A range that holds no time has no bucket."""
    content = await read(client, f"{WELCOME}/series", **{"from": "2026-11-01", "to": "2026-11-01"})
    assert content["series"] == []


@pytest.mark.parametrize(
    "filters",
    [
        {"number": "total_entries"},
        {"number": "exited_entries", "clock": "entry", "version": 1},
        {"number": "converted_entries", "bucket": "week"},
        {"number": "conversion_events", "bucket": "hour", "from": "2026-11-02", "to": "2026-11-03"},
        {"number": "sent.messages", "channel": "email"},
        {"number": "clicked.events", "step": "mail", "platform": "ios"},
    ],
)
async def test_counts_of_all_journeys_equal_their_series(
    client: httpx.AsyncClient, source: OracleSource, filters: dict[str, object]
) -> None:
    """GET /v1/series has of each journey what its own series has, but for journeys with only zeros."""
    asked = {"from": "2026-10-31", "to": "2026-11-04", **filters}
    content = await read(client, "/v1/series", **asked)
    is_a(CountsAnswer, content)
    assert len(source.queries) == 1
    expected = []
    for journey_id in (ODD, "welcome"):
        of_one = {name: value for name, value in asked.items() if name != "number"}
        series = (await read(client, f"/v1/journeys/{quote(journey_id, safe='')}/series", **of_one))["series"]
        bounds = [{name: part[name] for name in ("start", "end", "starts_at", "ends_at")} for part in series]
        assert content["buckets"] == bounds
        name, _, counter = str(filters["number"]).partition(".")
        values = [part["numbers"][name] for part in series]
        expected.append((journey_id, [value[counter] if counter else value for value in values]))
    found = [(journey["journey_id"], journey["counts"]) for journey in content["journeys"]]
    assert found == [(journey_id, counts) for journey_id, counts in expected if any(counts)]
    assert found


async def test_the_users_behind_a_number_page_by_page(client: httpx.AsyncClient) -> None:
    """Pages hold all users in order, and total is the number."""
    pages, cursor = [], None
    for _ in range(3):
        parameters: dict[str, object] = {"number": "entered_users", "limit": 2}
        content = await read(
            client, f"{WELCOME}/users", **parameters, **({"cursor": cursor} if cursor else {})
        )
        is_a(answers.UsersAnswer, content)
        assert content["total"] == 3
        pages.append(content["users"])
        cursor = content["next_cursor"]
        if cursor is None:
            break
    assert pages == [["ann", "bob/1"], ["cem"]]


async def test_the_users_behind_a_number_of_a_step(client: httpx.AsyncClient) -> None:
    """With step and version the list is of a number of that step."""
    content = await read(client, f"{WELCOME}/users", number="clicked.users", step="mail", version=1)
    assert content["users"] == ["ann", "bob/1", "cem"]
