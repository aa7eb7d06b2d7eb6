"""Open windows close as their account's watermark moves on, whoever folds the event that moves it."""

import pytest
from redis import Redis

from tests.exporters.redis_views.fakes import FakeOpened, FakePartition, until
from tests.exporters.redis_views.pushing import run
from tests.exporters.redis_views.working import PREFIX, WELCOME, worker
from wayfold.exporters.redis_views import watermarks
from wayfold.exporters.redis_views.keys import JourneyName
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.exporters.redis_views.scripts import WATERMARK
from wayfold.exporters.redis_views.watermarks import JudgedAt, Watermarks
from wayfold.exporters.redis_views.windows import OpenWindows
from wayfold.settings import RedisSettings
from wayfold.state.reading.query import Query

pytestmark = pytest.mark.services

START_MS = 1_790_000_000_000
LATER_MS = START_MS + 500
ELSEWHERE = JourneyName("other/account", "welcome")


def with_open_window(number: int) -> FakePartition:
    """A partition with an exited entry inside its window in a journey of each of two accounts."""
    partition = FakePartition(number)
    for name in (WELCOME, ELSEWHERE):
        partition.commit(name, "journey", total_entries=2, open_entries=2, open_active_entries=1)
    partition.own_watermarks = {name.account_id: START_MS for name in (WELCOME, ELSEWHERE)}
    return partition


async def test_windows_close_by_the_watermark_of_their_account(redis: Redis, own_redis_url: str) -> None:
    """Another worker's event moves the account's watermark on here, and no other account's."""
    here, there = with_open_window(0), FakePartition(1)
    there.commit(WELCOME, "journey", total_entries=1)
    there.own_watermarks = {"acme": START_MS}
    async with worker(own_redis_url) as one, worker(own_redis_url) as two:
        opened = FakeOpened(there)
        one.committed(FakeOpened(here))
        two.committed(opened)
        assert await one.flush()
        assert await two.flush()
        assert here.judged_ms == {WELCOME: START_MS, ELSEWHERE: START_MS}
        there.own_watermarks = {"acme": LATER_MS}
        there.commit(WELCOME, "journey", total_entries=2)
        two.committed(opened)
        await until(lambda: here.judged_ms[WELCOME] == LATER_MS, what="the window is judged anew")
        assert here.judged_ms[ELSEWHERE] == START_MS
        assert await one.flush()
        shown = redis.hget(f"{PREFIX}:{{acme/welcome}}:journey", "watermark")
        assert shown == b"2026-09-21T14:13:20.500Z"
    reader = RedisReader(RedisSettings(url=own_redis_url, prefix=PREFIX))
    for account_id, expected_ms in (("acme", LATER_MS), (ELSEWHERE.account_id, START_MS), ("nobody's", -1)):
        assert (await reader.freshness(account_id)).watermark_ms == expected_ms
    await reader.close()


async def test_a_document_has_the_watermark_of_the_account_that_is_asked_for(
    redis: Redis, own_redis_url: str
) -> None:
    """Of one journey, of an account, and the greatest when all are asked for."""
    partition = with_open_window(0)
    partition.own_watermarks["acme"] = partition.watermark_ms = LATER_MS
    reader = RedisReader(RedisSettings(url=own_redis_url, prefix=PREFIX))
    async with worker(own_redis_url) as views:
        views.committed(FakeOpened(partition))
        assert await views.flush()
        for asked, expected in (
            (Query(account_id="acme", journey_id="welcome"), "2026-09-21T14:13:20.500Z"),
            (Query(account_id="other/account", journey_id="welcome"), "2026-09-21T14:13:20.000Z"),
            (Query(account_id="other/account"), "2026-09-21T14:13:20.000Z"),
            (Query(), "2026-09-21T14:13:20.500Z"),
        ):
            assert (await reader.document(asked))["watermark"] == expected
    await reader.close()


async def test_watermarks_come_back_after_a_flush(redis: Redis, own_redis_url: str) -> None:
    """What Redis loses of watermarks is told again though no event arrives."""
    key = f"{PREFIX}:{{acme/}}:watermark"
    async with worker(own_redis_url) as views:
        views.committed(FakeOpened(with_open_window(0)))
        assert await views.flush()
        redis.flushall()
        await until(
            lambda: redis.hget(key, "watermark_ms") == str(START_MS).encode(), what="it is told again"
        )


def test_a_watermark_of_a_log_never_goes_back(redis: Redis) -> None:
    """The greatest that any partition of one log has told is kept; another log begins anew."""

    def told(source: str, watermark_ms: int) -> int:
        return int(run(redis, WATERMARK, ["watermark"], [source, watermark_ms]))

    assert told("log", -1) == -1
    assert told("log", 70) == 70
    assert told("log", 60) == 70
    assert told("log", -1) == 70
    assert told("new log", -1) == -1
    assert told("new log", 5) == 5


def test_an_exchange_is_bounded_and_comes_to_every_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many accounts move or are awaited, each exchange is of some, and each account's turn comes."""
    monkeypatch.setattr(watermarks, "MOST_AT_ONCE", 10)
    known, awaited = Watermarks(), [f"awaited {number}" for number in range(15)]
    for number in range(25):
        known.note(f"moved {number}", number)
    seen: set[str] = set()
    for _ in range(4):
        due = known.due(awaited)
        assert len(due) == 10
        for account_id in due:
            known.exchanged(account_id, known.get(account_id, -1))
        seen.update(due)
    assert len(seen) == 40
    assert all(account_id in awaited for account_id in known.due(awaited))


def test_accounts_of_partitions_that_went_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of accounts is bounded by those of the partitions of this process."""
    monkeypatch.setattr(watermarks, "MOST_STRANGERS", 3)
    known = Watermarks()
    for number in range(5):
        known.note(str(number), number)
    known.forget_others({"0", "1"})
    assert len(known) == 5
    known.forget_others({"0"})
    assert dict(known) == {"0": 0}


def test_no_partition_judges_before_its_own_watermark() -> None:
    """The greatest that is known counts, and the partition's own when nobody has told a greater."""
    known = Watermarks()
    known.note("acme", 7)
    assert JudgedAt(known, lambda _: 5)["acme"] == 7
    assert JudgedAt(known, lambda _: 9).get("acme") == 9
    assert known["acme"] == 9
    assert JudgedAt(known, lambda _: -1)["unknown"] == -1


async def test_a_refused_watermark_holds_nothing_up(redis: Redis, own_redis_url: str) -> None:
    """With a string in the place of one account's watermark, the other's is told and numbers are pushed."""
    redis.set(f"{PREFIX}:{{acme/}}:watermark", "not a hash")
    async with worker(own_redis_url) as views:
        views.committed(FakeOpened(with_open_window(0)))
        assert await views.flush()
        other = f"{PREFIX}:{{other%2Faccount/}}:watermark"
        await until(lambda: redis.hget(other, "watermark_ms") is not None, what="the other is told")
        assert views.unready() == []


def test_windows_are_watched_though_others_are_active_without_any() -> None:
    """More active entries than open ones, in versions without goal, hide no window that is to close."""
    windows = OpenWindows()
    views = {
        "journey": {"total_entries": 9, "active_entries": 7, "open_entries": 2, "open_active_entries": 1}
    }
    windows.note(WELCOME, views, START_MS)
    assert list(windows.outdated({WELCOME.account_id: LATER_MS})) == [WELCOME]
    views["journey"]["open_entries"] = 1
    windows.note(WELCOME, views, START_MS)
    assert list(windows.outdated({WELCOME.account_id: LATER_MS})) == []
