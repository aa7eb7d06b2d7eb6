"""Answers have tags, and who has an answer that still holds is told so without a number being read."""

import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.exporters.api.conftest import no_metrics
from tests.exporters.partitions import fold_all, open_partitions
from tests.exporters.polling import Poller
from tests.exporters.traffic import ZONES, OracleSource, definition, visit
from tests.generators.logs import batches, log_of
from tests.generators.seeded import event_set, seeds, with_repeats
from tests.generators.world import TIME_ZONES
from wayfold import __version__
from wayfold.exporters.api.app import create_app
from wayfold.exporters.api.conditional import tags_of
from wayfold.exporters.api.local import LocalNumbers
from wayfold.models.zone import Zone
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.query import Query
from wayfold.state.store.memory_store import MemoryStore

READING = [
    "/v1/numbers",
    "/v1/journeys?account=acme",
    "/v1/journeys/welcome?account=acme",
    "/v1/journeys/welcome/steps?account=acme&channel=email",
    "/v1/journeys/welcome/steps/mail?account=acme",
    "/v1/journeys/welcome/series?account=acme&from=2026-11-01&to=2026-11-03",
    "/v1/journeys/welcome/users?account=acme&number=entered_users",
    "/v1/accounts",
    "/v1/accounts/acme",
]
ONE = READING[2]
TAG = f'"{__version__}-first"'
PARTITIONS = 3


@pytest.mark.parametrize("url", READING)
async def test_who_has_the_answer_is_told_so(
    client: httpx.AsyncClient, source: OracleSource, url: str
) -> None:
    """The tag of an answer brings 304 without a read, until the state is another one."""
    first = await client.get(url)
    assert first.headers["etag"] == f"W/{TAG}"
    cache_control = "no-store" if "/users" in url else "private, no-cache"
    assert (first.headers["cache-control"], first.headers["vary"]) == (cache_control, "Accept-Encoding")
    source.queries.clear()
    again = await client.get(url, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, source.queries) == (304, b"", [])
    for name in ("etag", "cache-control", "vary"):
        assert again.headers[name] == first.headers[name]
    assert "content-type" not in again.headers
    source.state_text = "second"
    changed = await client.get(url, headers={"if-none-match": first.headers["etag"]})
    assert (changed.status_code, changed.headers["etag"]) == (200, f'W/"{__version__}-second"')


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (TAG, 304),
        (f"W/{TAG}", 304),
        (f'"other", W/{TAG}', 304),
        (f'  "a,b" ,, {TAG} ,', 304),
        ("*", 304),
        ('"other"', 200),
        ("", 200),
        (TAG.strip('"'), 200),
        (f"w/{TAG}", 200),
        (f"{TAG} {TAG}", 200),
        (f'{TAG}, "open', 200),
        (f"{TAG}, *", 200),
        ('"' * 5_000, 200),
    ],
)
async def test_what_is_given_as_tags(client: httpx.AsyncClient, given: str, status: int) -> None:
    """Lists of tags, weak or not, and `*` are understood; what is none of these matches nothing."""
    answer = await client.get(ONE, headers={"if-none-match": given})
    assert answer.status_code == status
    assert answer.headers["etag"] == f"W/{TAG}"
    assert (answer.content == b"") == (status == 304)


async def test_tags_in_several_headers(client: httpx.AsyncClient) -> None:
    """A list may come in several headers."""
    answer = await client.get(ONE, headers=[("if-none-match", '"other"'), ("if-none-match", TAG)])
    assert answer.status_code == 304


def test_many_tags_are_read_once() -> None:
    """A list of any length is read from front to back."""
    assert len(tags_of(",".join(f'W/"{number}"' for number in range(20_000)))) == 20_000


@pytest.mark.parametrize("given", ["*", TAG])
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


async def test_how_fresh(client: httpx.AsyncClient, source: OracleSource) -> None:
    """Freshness has the state that tags end with, is never kept, and reads no numbers."""
    answer = await client.get("/v1/freshness?account=acme", headers={"if-none-match": TAG})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in answer.headers
    content = answer.json()
    assert (content["state"], content["watermark"], content["lag_ms"]) == (
        "first",
        "2026-11-02T10:00:07.000Z",
        0,
    )
    assert source.queries == []
    assert (await client.get("/v1/freshness?channel=sms")).status_code == 400


async def test_verdicts_are_asked_anew(client: httpx.AsyncClient) -> None:
    """What became of records has no tag, and no tag keeps it back."""
    answer = await client.get("/v1/verdicts", headers={"if-none-match": TAG})
    assert answer.status_code == 200
    assert "etag" not in answer.headers


async def test_which_accounts(client: httpx.AsyncClient, source: OracleSource) -> None:
    """Accounts stand by id with time zone, journeys and watermark, beside the account of one id."""
    answer = await client.get("/v1/accounts")
    assert answer.json()["accounts"] == [
        {
            "account_id": "acme",
            "time_zone": "Europe/Berlin",
            "journeys": 2,
            "watermark": "2026-11-02T10:00:07.000Z",
        }
    ]
    assert (await client.get("/v1/accounts/acme")).json()["account_id"] == "acme"


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


async def test_state_that_is_opened_again_has_another_tag() -> None:
    """A partition folded anew as far as before is another state: what it counts then may differ."""
    first, second = Embedded(1), Embedded(1)
    for _ in first.commits():
        pass
    for _ in second.commits():
        pass
    assert [one.commits for one in first.partitions] == [one.commits for one in second.partitions]
    before = await first.source.state()
    assert await first.source.state() == before
    first.partitions = second.partitions
    assert await first.source.state() != before


async def test_accounts_are_those_with_numbers_or_definitions() -> None:
    """The accounts of the catalog are those of the numbers document, and those that only have definitions."""
    host = Embedded(2)
    for _ in host.commits():
        pass
    document = await host.source.document(Query())
    accounts = await host.source.accounts()
    counted: dict[str, int] = {}
    for journey in document["journeys"]:
        counted[journey["account_id"]] = counted.get(journey["account_id"], 0) + 1
    assert {account.account_id: account.journeys for account in accounts if account.journeys} == counted
    zones = {account["account_id"]: account["time_zone"] for account in document["accounts"]}
    assert {account.account_id: account.time_zone for account in accounts}.items() >= zones.items()
    assert [account.account_id for account in accounts] == sorted(counted.keys() | zones.keys())
    for account in accounts:
        told = await host.source.freshness(account.account_id)
        assert told.watermark_ms == account.watermark_ms


async def test_an_account_with_a_definition_only(tmp_path: Path) -> None:
    """An account without any event is there, with its journey and no watermark."""
    partitions = open_partitions(tmp_path, 2)
    fold_all(partitions, [definition("welcome")])
    source = LocalNumbers(lambda: partitions, lag_ms=lambda: 0, unready=list, zone=lambda _: Zone("UTC"))
    (account,) = await source.accounts()
    assert (account.account_id, account.journeys, account.watermark_ms) == ("acme", 1, -1)
    assert account.time_zone == "Europe/Berlin"
    for partition in partitions:
        partition.close()
