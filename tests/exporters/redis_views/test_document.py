"""docs/redis.md against what is really in Redis, and what Redis really asks for."""

import re
from pathlib import Path

import pytest
from redis import Redis

from local_services import LocalRedis
from tests.exporters.redis_views.fakes import FakeOpened
from tests.generators.logs import log_of
from tests.generators.seeded import event_set
from tests.generators.world import TIME_ZONES
from wayfold.exporters.redis_views import RedisViews
from wayfold.exporters.redis_views.link import text
from wayfold.exporters.redis_views.reader import RedisReader
from wayfold.settings import RedisSettings
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.query import Query
from wayfold.state.store.memory_store import MemoryStore
from wayfold.state.telemetry import Telemetry

pytestmark = pytest.mark.services

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "redis.md").read_text(encoding="utf-8")
BOOKS = (":partitions", ":state:<partition>", ":latest")


def pattern(documented: str) -> re.Pattern[str]:
    """What a documented key or field stands for: `<anything>` is one part of it."""
    return re.compile(re.sub(r"<[a-z_]+>", r"[^/{}]+?", re.escape(documented)))


def table_below(heading: str) -> list[str]:
    """The names in the first column of the table below a heading."""
    section = DOCUMENT.split(f"\n{heading}\n")[1]
    names: list[str] = []
    for line in section.splitlines():
        if line.startswith("| `"):
            names.append(line.split("`")[1])
        elif names:
            break
    return names


KEYS = [pattern(key) for key in table_below("## Keys")]
FIELDS = {
    "journey": table_below("### `…:journey` and `…:version:<version>`"),
    "step": table_below("### `…:step:<version>:<step>`"),
    "dwell": table_below("### `…:step:<version>:<step>:dwell`"),
    "account": table_below("### `…:account`"),
    "month": table_below("### `…:month:<month>`"),
}


async def push_everything(url: str, **login: str) -> RedisSettings:
    """Fold a rich set of events into two partitions and push all of it."""
    settings = RedisSettings(url=url, **login)  # type: ignore[arg-type]
    views = RedisViews(settings, Telemetry(), partitions=2)
    folding = FoldSettings(partitions=2, account_time_zones=TIME_ZONES)
    async with views.running():
        for number, log in enumerate(
            log_of([event for seed in range(4) for event in event_set(seed, 600)], 2)
        ):
            partition = Partition(MemoryStore(number), number, folding)
            for topic, record in log:
                partition.fold(topic, [record])
            partition.commit()
            views.committed(FakeOpened(partition))
        assert await views.flush(20)
    return settings


def kind_of_key(key: str) -> str:
    """Which table of fields a key's hash is documented by; "" when by none."""
    end = key.partition("}:")[2]
    kind = "dwell" if end.endswith(":dwell") else end.partition(":")[0]
    return "journey" if kind == "version" else kind if kind in FIELDS else ""


async def test_every_key_and_field_is_documented(redis: Redis, own_redis_url: str) -> None:
    """Whatever stands in Redis after a rich set of events is in a table of docs/redis.md."""
    await push_everything(own_redis_url)
    books = [pattern(f"wayfold:{{<account>/<journey>}}{book}") for book in BOOKS]
    books += [pattern(f"wayfold:{{<account>/}}{book}") for book in (*BOOKS, ":views", ":metadata")]
    seen: dict[str, set[str]] = {kind: set() for kind in FIELDS}
    for key in sorted(text(key) for key in redis.keys("*")):
        assert any(known.fullmatch(key) for known in (*KEYS, *books)), f"{key} is not documented"
        kind = kind_of_key(key)
        if kind:
            known = [pattern(field) for field in FIELDS[kind]]
            for field in map(text, redis.hgetall(key)):
                matching = [one.pattern for one in known if one.fullmatch(field)]
                assert matching, f"{field} of {key} is not documented"
                seen[kind].update(matching)
    documented = {kind: {pattern(field).pattern for field in fields} for kind, fields in FIELDS.items()}
    for kind in ("journey", "step", "dwell", "month"):
        assert documented[kind] == seen[kind]


async def test_the_documented_rights_are_enough() -> None:
    """A worker and a reader with the access rights that docs/redis.md gives them can do their work."""
    worker, reader = re.findall(r"`(~wayfold:\* [^`]+)`", " ".join(DOCUMENT.split()))
    with LocalRedis(options={"user": f"worker on >one resetchannels {worker}"}) as server:
        await push_everything(server.url, username="worker", password="one")
        with Redis.from_url(server.url) as client:
            client.acl_setuser("reader", enabled=True, passwords=["+two"], reset=True)
            client.execute_command("ACL", "SETUSER", "reader", *reader.split())
        reading = RedisReader(RedisSettings(url=server.url, username="reader", password="two"))  # type: ignore[arg-type]
        document = await reading.document(Query())
        assert document["journeys"]
        await reading.close()
