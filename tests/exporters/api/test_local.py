"""Reading partitions of this process gives the numbers of the oracle, whatever is asked."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.exporters.partitions import fold_all, open_partitions
from tests.exporters.traffic import ODD, OracleSource, by_place, definition, traffic
from wayfold.audit import oracle
from wayfold.exporters.api import local
from wayfold.exporters.api.journeys import read_journey
from wayfold.exporters.api.local import LocalNumbers
from wayfold.exporters.api.problems import NotKnownError
from wayfold.exporters.api.source import BadQuestionError, SourceUnavailableError
from wayfold.models.zone import Zone
from wayfold.state.partition import Partition
from wayfold.state.reading import lists
from wayfold.state.reading.query import Query

DAYS = (("2026-11-01", "2026-11-02"), ("2026-11-02", "2026-11-03"))
AT_ONCE = (
    Query(account_id="acme", detail="summary"),
    Query(account_id="acme", detail="summary", start="2026-11-01", end="2026-11-02"),
    Query(account_id="acme", journey_id="welcome", ranges=DAYS),
    Query(account_id="acme", journey_id="welcome", ranges=DAYS, step_id="mail", version=1),
    Query(account_id="acme", ranges=DAYS, number="sent.messages"),
)
"""Questions that are read in one pass and in turns."""
WITHOUT_CLOCK = ("as_of", "lag_ms")


@pytest.fixture
def partitions(tmp_path: Path) -> Iterator[list[Partition]]:
    opened = open_partitions(tmp_path, 3)
    fold_all(opened, traffic())
    yield opened
    for partition in opened:
        partition.close()


@pytest.fixture
def source(partitions: list[Partition]) -> LocalNumbers:
    return LocalNumbers(lambda: partitions, lag_ms=lambda: 7, unready=list, zone=lambda _: Zone("UTC"))


def timeless(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in WITHOUT_CLOCK}


@pytest.mark.parametrize(
    "query",
    [
        Query(),
        Query(account_id="acme", journey_id="welcome"),
        Query(account_id="acme", journey_id=ODD),
        Query(account_id="acme", journey_id="welcome", version=1),
        Query(account_id="acme", journey_id="welcome", start="2026-11-01", end="2026-11-02"),
        Query(account_id="acme", journey_id="welcome", channel="email", platform="ios"),
        Query(journey_id="welcome", start="2026-11-01T11:00", end="2026-11-01T12:00", clock="entry"),
        Query(account_id="nobody"),
        *AT_ONCE,
    ],
)
async def test_a_document_equals_the_oracles(source: LocalNumbers, query: Query) -> None:
    """The document over all partitions is the oracle's over all events."""
    expected = await OracleSource(traffic()).document(query)
    found = await source.document(query)
    assert oracle.differences(by_place(timeless(found)), by_place(timeless(expected))) == []


async def test_what_only_events_know_exists_outside_of_its_time_too(tmp_path: Path) -> None:
    """A version and a step that no definition names are there also where a filter leaves nothing of them."""
    partitions = open_partitions(tmp_path, 2)
    fold_all(partitions, [event for event in traffic() if event["type"] != "journey.defined"])
    source = LocalNumbers(lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    early = Query(account_id="acme", journey_id="welcome", start="2026-01-01", end="2026-01-02")
    for known in ({"version": 1}, {"step_id": "mail"}, {"version": 1, "step_id": "mail"}):
        _, journey = await read_journey(source, replace(early, **known))
        assert journey["journey_id"] == "welcome"
    for unknown in ({"version": 2}, {"step_id": "nope"}, {"version": 2, "step_id": "mail"}):
        with pytest.raises(NotKnownError):
            await read_journey(source, replace(early, **unknown))


async def test_what_became_of_records(partitions: list[Partition]) -> None:
    """Every partition says what it made of its records, up to which offsets, and where the log ends."""
    ends = {("steps", 0): 7, ("entries", 0): 9, ("steps", 2): 1}
    source = LocalNumbers(
        lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"), ends=lambda: ends
    )
    judged = await source.judged()
    assert {number: dict(one.offsets) for number, one in judged.items()} == {
        partition.number: dict(partition.offsets) for partition in partitions
    }
    for one in judged.values():
        judged_records = one.counters["accepted_total"] + one.counters.get("duplicate_total", 0)
        assert judged_records == sum(one.offsets.values())
    assert [one.ends for one in judged.values()] == [{"steps": 7, "entries": 9}, {}, {"steps": 1}]


async def test_how_fresh_an_answer_is(source: LocalNumbers) -> None:
    """An answer has the time of reading, the greatest watermark of all partitions, and the lag."""
    document = await source.document(Query())
    fresh = await source.freshness()
    assert document["watermark"] == "2026-11-02T10:00:07.000Z"
    assert document["lag_ms"] == fresh.lag_ms == 7
    assert document["as_of"] > "2026-01-01"
    assert fresh.watermark_ms == 1_793_613_607_000


async def test_an_unknown_number_is_named_once(source: LocalNumbers) -> None:
    """The error of a number that has no list does not begin with the parameter, which is named beside it."""
    with pytest.raises(BadQuestionError, match=r"^'luck' is none of ") as refused:
        await source.users(Query(account_id="acme", journey_id="welcome"), "luck")
    assert refused.value.parameter == "number"


async def test_without_any_event(tmp_path: Path) -> None:
    """Empty partitions give an empty document without a watermark."""
    empty = open_partitions(tmp_path, 1)
    source = LocalNumbers(lambda: empty, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    document = await source.document(Query())
    assert timeless(document) == {"watermark": None, "accounts": [], "journeys": []}
    empty[0].close()


async def test_with_a_definition_only(tmp_path: Path) -> None:
    """A journey that was defined and has no event yet is there with zeros."""
    partitions = open_partitions(tmp_path, 2)
    fold_all(partitions, [definition("welcome")])
    source = LocalNumbers(lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    document = await source.document(Query())
    assert document["watermark"] is None
    assert document["journeys"][0]["name"] == "The welcome journey"
    assert document["journeys"][0]["numbers"]["total_entries"] == 0
    for partition in partitions:
        partition.close()


async def test_open_windows_are_judged_at_the_watermark_of_all(source: LocalNumbers) -> None:
    """An entry of a partition that is behind is open or closed as of the greatest watermark of all."""
    document = await source.document(Query(account_id="acme", journey_id="welcome"))
    expected = await OracleSource(traffic()).document(Query(account_id="acme", journey_id="welcome"))
    numbers, known = document["journeys"][0]["numbers"], expected["journeys"][0]["numbers"]
    assert numbers["conversion_rate_open"] == known["conversion_rate_open"]
    assert numbers["total_exits_open"] == known["total_exits_open"]


@pytest.mark.parametrize(
    ("number", "step_id", "expected"),
    [
        ("entered_users", None, ["ann", "bob/1", "cem"]),
        ("converted_users", None, ["ann", "cem"]),
        ("clicked.users", "mail", ["ann", "bob/1", "cem"]),
        ("current", "mail", ["bob/1"]),
    ],
)
async def test_the_users_behind_a_number(
    source: LocalNumbers, number: str, step_id: str | None, expected: list[str]
) -> None:
    """The list over all partitions is sorted and as long as the number."""
    query = Query(account_id="acme", journey_id="welcome", version=1, step_id=step_id)
    assert await source.users(query, number) == expected


async def test_others_work_while_a_list_is_made(
    source: LocalNumbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another task has its turn before a list of many pieces is complete."""
    monkeypatch.setattr(local, "TURN_S", 0.0)
    monkeypatch.setattr(lists, "PIECE_ROWS", 1)
    query = Query(account_id="acme", journey_id="welcome")
    listing = asyncio.create_task(source.users(query, "active_entries"))
    for _ in range(3):
        await asyncio.sleep(0)
        assert not listing.done()
    assert len(await listing) > 0


@pytest.mark.parametrize("query", AT_ONCE, ids=str)
async def test_others_work_while_many_numbers_are_read(
    source: LocalNumbers, monkeypatch: pytest.MonkeyPatch, query: Query
) -> None:
    """Another task has its turn between two journeys of one partition, and the answer is the same."""
    expected = await source.document(query)
    monkeypatch.setattr(local, "TURN_S", 0.0)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(others())
    found = await source.document(query)
    running.cancel()
    # Three partitions with a turn after each, and a turn for each journey that is finished at the least.
    assert turns > 3 + 3 + len(found["journeys"])
    assert timeless(found) == timeless(expected)


async def test_a_partition_that_goes_away_while_a_list_is_made(
    source: LocalNumbers, partitions: list[Partition], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader is told to ask again; no part of a list passes for all of it."""
    monkeypatch.setattr(local, "TURN_S", 0.0)
    monkeypatch.setattr(lists, "PIECE_ROWS", 1)
    query = Query(account_id="acme", journey_id="welcome")
    listing = asyncio.create_task(source.users(query, "active_entries"))
    await asyncio.sleep(0)
    for partition in partitions:
        partition.close()
    with pytest.raises(SourceUnavailableError, match="ask again"):
        await listing


async def test_a_number_without_a_list(source: LocalNumbers) -> None:
    """An unknown number is a question that cannot be answered, not an empty list."""
    with pytest.raises(BadQuestionError) as caught:
        await source.users(Query(account_id="acme", journey_id="welcome"), "luck")
    assert caught.value.parameter == "number"
