"""Tags over simulated traffic and hostile questions: kept answers hold, and errors never pass for them."""

import random
from collections.abc import Iterator

import httpx
import pytest

from tests.exporters.api.conftest import no_metrics
from tests.exporters.partitions import fold_all
from tests.exporters.polling import Poller
from tests.exporters.traffic import ZONES, OracleSource, definition, visit
from tests.generators.logs import batches, log_of
from tests.generators.seeded import event_set, seeds, with_repeats
from tests.generators.world import TIME_ZONES
from wayfold import __version__
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.local import LocalNumbers
from wayfold.models.zone import Zone
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.store.memory_store import MemoryStore

ONE = "/v1/journeys/welcome?account=acme"
TAG = f'"{__version__}-0"'
PARTITIONS = 3


@pytest.mark.parametrize("given", ["*", '"other"'])
@pytest.mark.parametrize(
    ("url", "status"),
    [
        (f"{ONE}&channel=E-MAIL", 400),
        (f"{ONE}&form=1", 400),
        ("/v1/nothing", 404),
    ],
)
async def test_errors_have_no_tag(client: httpx.AsyncClient, url: str, status: int, given: str) -> None:
    """A wrong question is told what is wrong, whatever tag it has."""
    answer = await client.get(url, headers={"if-none-match": given})
    assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store")
    assert "etag" not in answer.headers


async def test_nothing_there_is_not_anything(client: httpx.AsyncClient) -> None:
    """`*` of a journey that does not exist is 404: there is no answer that the caller could have."""
    answer = await client.get("/v1/journeys/nope?account=acme", headers={"if-none-match": "*"})
    assert answer.status_code == 404
    assert "etag" not in answer.headers


async def test_while_numbers_cannot_be_had(client: httpx.AsyncClient, source: OracleSource) -> None:
    """503 has no tag, and neither an old tag nor `*` passes for an answer."""
    source.available = False
    for given in ({}, {"if-none-match": TAG}, {"if-none-match": "*"}):
        for url in (ONE, "/v1/freshness"):
            answer = await client.get(url, headers=given)
            assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
            assert answer.headers["content-type"] == "application/problem+json"
            assert "etag" not in answer.headers


async def test_several_headers_and_anything(client: httpx.AsyncClient) -> None:
    """Tags may come in several headers, and `*` stands for any answer that there is."""
    tag = (await client.get(ONE)).headers["etag"]
    for given in ([("if-none-match", '"other"'), ("if-none-match", tag)], [("if-none-match", "*")]):
        answer = await client.get(ONE, headers=given)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert answer.headers["vary"] == "Accept-Encoding"
        assert not {"content-type", "content-length"} & answer.headers.keys()


class Embedded:
    """Partitions with a log still to be folded, and a client of the API over them."""

    def __init__(self, seed: int, size: int = 250, judged: int = 3) -> None:
        self.generator = random.Random(seed)
        events = list(with_repeats(event_set(seed, size), self.generator))
        settings = FoldSettings(partitions=PARTITIONS, account_time_zones=TIME_ZONES, judged_histories=judged)
        self.partitions = [Partition(MemoryStore(number), number, settings) for number in range(PARTITIONS)]
        logs = log_of(events, PARTITIONS)
        self.work = [
            (partition, iter(batches(log, self.generator, 25)))
            for partition, log in zip(self.partitions, logs, strict=True)
        ]
        journeys = sorted(
            {(event["account_id"], event["journey_id"]) for _, event in events if event.get("journey_id")}
        )
        self.account_id, self.journey_id = journeys[0]
        self.source = LocalNumbers(
            lambda: self.partitions,
            lag_ms=lambda: self.generator.randrange(1_000),
            unready=list,
            zone=lambda account_id: Zone(TIME_ZONES.get(account_id, "UTC")),
        )

    def commits(self) -> Iterator[None]:
        """Fold and commit, a batch of some partition at a time, then what late definitions still judge."""
        work = list(self.work)
        while work:
            at = self.generator.randrange(len(work))
            partition, rest = work[at]
            batch = next(rest, None)
            if batch is None:
                del work[at]
                continue
            for topic, record in batch:
                partition.fold(topic, [record])
            partition.commit()
            yield
        for partition in self.partitions:
            while partition.judging_since_ms is not None:
                partition.commit()
                yield


def urls_of(account_id: str, journey_id: str) -> list[str]:
    """Questions of every kind about an account and a journey of it."""
    journey = httpx.URL(f"/v1/journeys/{journey_id}")
    asked = {"account": account_id}
    days = {"from": "2026-01-01", "to": "2026-12-31", "bucket": "month"}
    return [
        "/v1/numbers",
        "/v1/accounts",
        str(httpx.URL("/v1/journeys", params=asked)),
        str(journey.copy_with(params=asked)),
        str(journey.copy_with(params={**asked, "channel": "email"})),
        str(httpx.URL(f"{journey}/steps", params=asked)),
        str(httpx.URL(f"{journey}/series", params={**asked, **days})),
        str(httpx.URL(f"{journey}/users", params={**asked, "number": "entered_users"})),
        f"/v1/accounts/{account_id}",
    ]


@pytest.mark.parametrize("seed", seeds(3))
async def test_a_tag_differs_after_any_commit_and_stays_without(seed: int) -> None:
    """Each commit changes every tag and the state, nothing else does, and what is kept still holds."""
    host = Embedded(seed)
    urls = urls_of(host.account_id, host.journey_id)
    transport = httpx.ASGITransport(create_app(host.source, no_metrics))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        poller = Poller(client, urls)
        states = []
        held = 0
        for _ in host.commits():
            statuses = await poller.check()
            assert 304 not in statuses.values()
            states.append((await client.get("/v1/freshness")).json()["state"])
            again = await poller.check()
            answered = {url for url, status in statuses.items() if status == 200}
            assert {url for url, status in again.items() if status == 304} == answered
            held += len(answered)
        assert len(set(states)) == len(states) > 10
        assert held > 50
        assert poller.kept.keys() == set(urls)
        assert all(states[-1] in tag for tag, _ in poller.kept.values())


async def test_what_a_late_definition_judges_is_not_kept_for_ever() -> None:
    """Commits that pass no record, as those that judge histories anew, are other states as well."""
    settings = FoldSettings(account_time_zones=ZONES, judged_histories=2)
    partition = Partition(MemoryStore(0), 0, settings)
    visits = [event for number in range(9) for event in visit(f"u{number}", f"2026-11-01T{number:02d}:00")]
    fold_all([partition], visits)
    source = LocalNumbers(lambda: [partition], lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    whole, slice_ = "/v1/journeys/welcome?account=acme", "/v1/journeys/welcome?account=acme&channel=email"
    transport = httpx.ASGITransport(create_app(source, no_metrics))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        poller = Poller(client, [whole, slice_])
        assert await poller.check() == {whole: 200, slice_: 200}
        before = dict(poller.kept)
        fold_all([partition], [definition("welcome")])
        sequence, judged = partition.sequence, 0
        while partition.judging_since_ms is not None:
            assert await poller.check() == {whole: 200, slice_: 503}
            partition.commit()
            judged += 1
        assert (partition.sequence, judged > 1) == (sequence, True)
        assert await poller.check() == {whole: 200, slice_: 200}
        assert await poller.check() == {whole: 304, slice_: 304}
        assert all(poller.kept[url][1] != said for url, (_, said) in before.items())
