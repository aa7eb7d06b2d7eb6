"""`wayfold serve` gives the same numbers as one process, by asking the workers that own the partitions."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from tests.exporters.api.conftest import no_metrics
from tests.exporters.partitions import fold_all, open_partitions
from tests.exporters.traffic import OracleSource, by_place, traffic
from wayfold.audit import oracle
from wayfold.exporters.api.cluster import ClusterNumbers
from wayfold.exporters.api.internal import create_internal_app
from wayfold.exporters.api.server import listen, serving
from wayfold.exporters.api.source import BadQuestionError, Freshness, KnownAccount, SourceUnavailableError
from wayfold.models.zone import Zone
from wayfold.state.partition import Partition
from wayfold.state.reading.query import Query

TOKEN = "a shared token"
SLICE = Query(account_id="acme", journey_id="welcome", start="2026-11-01", end="2026-11-02")


DAYS = (("2026-11-01", "2026-11-02"), ("2026-11-02", "2026-11-03"))


class FakeViews:
    """Stands for Redis: says who owns what, and answers plain reads with a mark."""

    def __init__(self) -> None:
        self.urls: dict[int, str | None] = {}
        self.asked = 0

    async def document(self, query: Query) -> Mapping[str, Any]:
        return {"from": "views"}

    async def owners(self) -> Mapping[int, str | None]:
        self.asked += 1
        return self.urls

    async def freshness(self, account_id: str | None = None) -> Freshness:
        return Freshness(as_of_ms=0, watermark_ms=0, lag_ms=40)

    async def state(self) -> str | None:
        return "some"

    async def accounts(self) -> list[KnownAccount]:
        return []

    async def unready(self) -> list[str]:
        return []


@pytest.fixture
def partitions(tmp_path: Path) -> Iterator[list[Partition]]:
    opened = open_partitions(tmp_path, 4)
    fold_all(opened, traffic())
    yield opened
    for partition in opened:
        partition.close()


@pytest.fixture
async def views(partitions: list[Partition]) -> AsyncIterator[FakeViews]:
    """Two workers on real ports, with two partitions each."""
    async with AsyncExitStack() as stack:
        found = FakeViews()
        for share in (partitions[:2], partitions[2:]):
            url = await stack.enter_async_context(serving(worker(share), listen("127.0.0.1", 0, "worker")))
            found.urls.update({partition.number: url for partition in share})
        yield found


def worker(share: Sequence[Partition]) -> Any:
    return create_internal_app(lambda: share, no_metrics, unready=list, token=TOKEN)


@pytest.fixture
async def source(views: FakeViews) -> AsyncIterator[ClusterNumbers]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield ClusterNumbers(views, session, zone=lambda _: Zone("UTC"), token=TOKEN)


async def test_a_slice_is_asked_of_all_workers(source: ClusterNumbers) -> None:
    """A range over all partitions of all workers is the oracle's."""
    expected = await OracleSource(traffic()).document(SLICE)
    found = await source.document(SLICE)
    assert oracle.differences(found, expected) == []
    assert (found["watermark"], found["lag_ms"]) == ("2026-11-02T10:00:07.000Z", 40)


@pytest.mark.parametrize(
    "query",
    [
        Query(account_id="acme", detail="summary", start="2026-11-01", end="2026-11-02"),
        Query(account_id="acme", journey_id="welcome", ranges=DAYS),
        Query(account_id="acme", journey_id="welcome", ranges=DAYS, step_id="mail"),
        Query(account_id="acme", ranges=DAYS, number="sent.messages"),
    ],
    ids=str,
)
async def test_many_ranges_are_one_question(
    source: ClusterNumbers, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker is asked once for all ranges, or all journeys, and the answer is the oracle's."""
    asked: list[str] = []
    ask_one = ClusterNumbers._ask_one

    async def counted(self: ClusterNumbers, url: str, *rest: Any) -> bytes:
        asked.append(url.rpartition("/")[2])
        return await ask_one(self, url, *rest)

    monkeypatch.setattr(ClusterNumbers, "_ask_one", counted)
    found = await source.document(query)
    expected = await OracleSource(traffic()).document(query)
    assert oracle.differences(by_place(found), by_place(expected)) == []
    assert sorted(asked) == ["partial", "partial", "partitions", "partitions"]


async def test_counts_that_there_are_not(source: ClusterNumbers) -> None:
    """A worker that is asked for counts of another number says so, and the reader is told."""
    with pytest.raises(BadQuestionError, match="none of total_entries") as caught:
        await source.document(Query(account_id="acme", ranges=DAYS, number="luck"))
    assert caught.value.parameter == "number"


async def test_numbers_without_filters_come_from_redis(source: ClusterNumbers) -> None:
    """A question for all of a journey does not trouble the workers."""
    assert await source.document(Query(account_id="acme", journey_id="welcome")) == {"from": "views"}
    assert await source.document(Query(clock="entry")) == {"from": "views"}
    assert await source.document(Query(account_id="acme", detail="summary")) == {"from": "views"}


async def test_lists_are_asked_of_all_workers(source: ClusterNumbers) -> None:
    """The users behind a number come from every partition, sorted."""
    query = Query(account_id="acme", journey_id="welcome")
    assert await source.users(query, "entered_users") == ["ann", "bob/1", "cem"]


async def test_what_became_of_records_is_asked_of_all_workers(
    source: ClusterNumbers, partitions: list[Partition]
) -> None:
    """Each partition's own offsets and counters come from the worker that has it; the ends are not known."""
    judged = await source.judged()
    assert {number: (one.offsets, one.counters, one.ends) for number, one in judged.items()} == {
        partition.number: (partition.offsets, partition.counters, None) for partition in partitions
    }


async def test_a_wrong_question_comes_back_as_one(source: ClusterNumbers) -> None:
    """What a worker finds wrong with a question is told to the reader, not called a failure."""
    with pytest.raises(BadQuestionError) as caught:
        await source.users(Query(account_id="acme", journey_id="welcome"), "luck")
    assert caught.value.parameter == "number"


async def test_a_partition_without_owner(source: ClusterNumbers, views: FakeViews) -> None:
    """Without an owner of a partition there is no answer, and the reason names the partition."""
    views.urls[3] = None
    with pytest.raises(SourceUnavailableError, match="partition 3 cannot be asked: no worker has all of it"):
        await source.document(SLICE)
    assert views.asked > 1


async def test_an_owner_that_is_gone(source: ClusterNumbers, views: FakeViews) -> None:
    """When a worker does not answer there is no answer, and the reason says which."""
    taken = listen("127.0.0.1", 0, "worker")
    views.urls[2] = f"http://127.0.0.1:{taken.getsockname()[1]}"
    taken.close()
    with pytest.raises(SourceUnavailableError, match=f"partition 2 .* at {views.urls[2]}.* does not answer"):
        await source.document(SLICE)


async def test_a_partition_that_has_moved(source: ClusterNumbers, views: FakeViews) -> None:
    """A worker that no longer has a partition says so, and the question is put again to its new owner."""
    right = dict(views.urls)
    views.urls[0] = right[3]

    async def owners() -> Mapping[int, str | None]:
        views.asked += 1
        return views.urls if views.asked == 1 else right

    views.owners = owners  # type: ignore[method-assign]
    found = await source.document(SLICE)
    assert found["journeys"][0]["numbers"]["total_entries"] == 2
    assert views.asked == 2


async def test_workers_answer_only_who_knows_the_token(views: FakeViews, partitions: list[Partition]) -> None:
    """Without the shared token a worker gives no numbers, but health and metrics."""
    async with httpx.AsyncClient(base_url=str(views.urls[0])) as client:
        refused = await client.get("/internal/partitions")
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        given = await client.get("/internal/partitions", headers={"x-wayfold-token": TOKEN})
        assert sorted(given.json()["partitions"]) == ["0", "1"]
        for path in ("/healthz", "/readyz", "/metrics"):
            assert (await client.get(path)).status_code == 200


async def test_serve_with_another_token(views: FakeViews) -> None:
    """A wrong token is told as what it is, with the setting to correct."""
    async with aiohttp.ClientSession() as session:
        source = ClusterNumbers(views, session, zone=lambda _: Zone("UTC"), token="another")
        with pytest.raises(SourceUnavailableError, match=r"worker\.token"):
            await source.document(SLICE)
