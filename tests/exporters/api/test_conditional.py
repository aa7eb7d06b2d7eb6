"""Answers that are still right are not given again, and no other is taken for right."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.exporters.api.conftest import no_metrics
from tests.exporters.partitions import fold_all, open_partitions
from tests.exporters.traffic import OracleSource, traffic
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.conditional import matches
from wayfold.exporters.api.local import LocalNumbers
from wayfold.models.zone import Zone
from wayfold.state.partition import Partition

RANGE = "from=2026-11-01&to=2026-11-03"
READ = (
    "/v1/numbers",
    "/v1/journeys?account=acme",
    f"/v1/journeys?account=acme&{RANGE}",
    "/v1/journeys/welcome?account=acme",
    "/v1/journeys/welcome/steps?account=acme",
    "/v1/journeys/welcome/steps/mail?account=acme",
    f"/v1/journeys/welcome/series?account=acme&{RANGE}",
    f"/v1/series?account=acme&number=sent.messages&{RANGE}",
    "/v1/accounts",
    "/v1/accounts/acme",
)
LISTS = ("/v1/journeys/welcome/users?account=acme&number=entered_users",)
VARY = {"as_of", "lag_ms"}


def numbers_of(response: httpx.Response) -> dict[str, Any]:
    """What an answer says, but for how fresh it is."""
    return {name: value for name, value in response.json().items() if name not in VARY}


@pytest.mark.parametrize("path", [*READ, *LISTS])
async def test_what_did_not_change_is_not_sent_again(client: httpx.AsyncClient, path: str) -> None:
    """The tag of an answer brings 304 without a body, under the same tag, for any question."""
    first = await client.get(path)
    tag = first.headers["etag"]
    again = await client.get(path, headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == first.headers["cache-control"]


async def test_304_is_answered_without_reading(client: httpx.AsyncClient, source: OracleSource) -> None:
    """A tag that matches costs no look at the numbers."""
    path = "/v1/journeys/welcome?account=acme"
    tag = (await client.get(path)).headers["etag"]
    source.queries.clear()
    assert (await client.get(path, headers={"if-none-match": tag})).status_code == 304
    assert source.queries == []


@pytest.mark.parametrize("path", [*READ, *LISTS])
async def test_another_state_has_another_tag(
    client: httpx.AsyncClient, source: OracleSource, path: str
) -> None:
    """After a commit the tag of before brings the whole answer again."""
    tag = (await client.get(path)).headers["etag"]
    source.commits += 1
    after = await client.get(path, headers={"if-none-match": tag})
    assert after.status_code == 200
    assert after.headers["etag"] != tag


async def test_who_may_keep_an_answer(client: httpx.AsyncClient, source: OracleSource) -> None:
    """Numbers may be kept by who asks again first, people and errors by nobody; errors have no tag."""
    for path in READ:
        assert (await client.get(path)).headers["cache-control"] == "private, no-cache"
    for path in (*LISTS, "/v1/freshness"):
        assert (await client.get(path)).headers["cache-control"] == "no-store"
    errors = [
        await client.get("/v1/journeys/nowhere?account=acme"),
        await client.get("/v1/journeys?clock=both"),
        await client.get("/v1/nothing"),
    ]
    source.available = False
    errors.append(await client.get("/v1/journeys?account=acme"))
    assert [error.status_code for error in errors] == [404, 400, 404, 503]
    for error in errors:
        assert error.headers["cache-control"] == "no-store"
        assert "etag" not in error.headers


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('W/"b", W/"a"', True),
        ('"b" ,"a"', True),
        ("", False),
        ('W/"b"', False),
        ("a", False),
        ('"a', False),
        ('b, "a"', False),
        ('W/"aa"', False),
        ('"b",' * 2000 + '"a"', False),
    ],
)
def test_tags_are_compared_as_clients_send_them(header: str, expected: bool) -> None:
    """Strong or weak, alone or in a list; what cannot be read, or is too long, matches nothing."""
    assert matches(header, "a") is expected


@pytest.fixture
def partitions(tmp_path: Path) -> Iterator[list[Partition]]:
    opened = open_partitions(tmp_path, 2)
    yield opened
    for partition in opened:
        partition.close()


async def test_who_asks_with_tags_sees_what_who_asks_without_sees(partitions: list[Partition]) -> None:
    """Over every commit of a shuffled log, definitions last, kept answers are those of a fresh read."""
    source = LocalNumbers(
        lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("Europe/Istanbul")
    )
    transport = httpx.ASGITransport(create_app(source, no_metrics))  # type: ignore[arg-type]
    shuffled = random.Random(7)
    events = sorted(traffic(), key=lambda event: (event["type"] == "journey.defined", shuffled.random()))
    paths = [path for path in READ if path in ("/v1/numbers", "/v1/accounts")]
    kept: dict[str, httpx.Response] = {}
    unchanged = 0
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        for event in events:
            fold_all(partitions, [event])
            while any(partition.judging_since_ms is not None for partition in partitions):
                for partition in partitions:
                    partition.commit()
            for path in [*paths, *paths]:
                known = kept.get(path)
                headers = {"if-none-match": known.headers["etag"]} if known else {}
                answered = await client.get(path, headers=headers)
                if answered.status_code == 304:
                    unchanged += 1
                else:
                    kept[path] = answered
                assert numbers_of(kept[path]) == numbers_of(await client.get(path))
    assert unchanged >= len(events) * len(paths)


async def test_histories_that_a_late_definition_judges_change_the_tag(partitions: list[Partition]) -> None:
    """Commits that fold no record but change numbers have tags of their own."""
    source = LocalNumbers(lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    states = {await source.state()}
    for count in (2, 3):
        partitions[0].commit()
        states.add(await source.state())
        assert len(states) == count


async def test_another_life_has_other_tags(partitions: list[Partition]) -> None:
    """A process that began anew never takes the tags of the one before for its own."""
    lives = [
        LocalNumbers(lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
        for _ in range(2)
    ]
    assert await lives[0].state() != await lives[1].state()


async def test_accounts(partitions: list[Partition]) -> None:
    """Each account has its zone, its journeys counted once over all partitions, and its watermark."""
    fold_all(partitions, traffic())
    source = LocalNumbers(lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    expected = await OracleSource(traffic()).accounts()
    found = await source.accounts()
    assert [(one.account_id, one.time_zone, one.journeys) for one in found] == [
        (one.account_id, one.time_zone, one.journeys) for one in expected
    ]
    for account in found:
        fresh = await source.freshness(account.account_id)
        assert account.watermark_ms == fresh.watermark_ms


async def test_freshness_says_whether_to_ask_again(client: httpx.AsyncClient, source: OracleSource) -> None:
    """GET /v1/freshness names the state that the tags name, and refuses what it does not know."""
    before = (await client.get("/v1/freshness")).json()
    assert before.keys() == {"as_of", "watermark", "lag_ms", "state"}
    assert (await client.get("/v1/freshness?account=acme")).json()["state"] == before["state"]
    source.commits += 1
    assert (await client.get("/v1/freshness")).json()["state"] != before["state"]
    assert (await client.get("/v1/freshness?journey=welcome")).status_code == 400
