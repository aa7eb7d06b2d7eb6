"""A watch says exactly what became of its sender's records, whoever else sends at the same time."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import httpx
import pytest
from litestar import Litestar

from wayfold.agents.embedded.group_commit import GroupCommit
from wayfold.agents.embedded.log import DurableLog
from wayfold.agents.embedded.open import open_host
from wayfold.agents.embedded.watches import MAXIMUM_WATCHES, Watches
from wayfold.agents.embedded.watches_http import watches_router
from wayfold.agents.ingest.http import ingest_router
from wayfold.agents.sink import EVENT_KINDS, Outgoing, SinkFailedError
from wayfold.models.record import LogRecord
from wayfold.settings import EmbeddedSettings, FoldSettings, Settings

PARTITIONS = 3


def entered(user: str, event_id: str, day: str) -> Outgoing:
    event = {"type": "journey.entered", "event_id": event_id, "occurred_at": f"2026-{day}T10:00:00Z"}
    event |= {"user_id": user, "journey_id": "welcome", "journey_version": 1, "entry_id": event_id}  # type: ignore[dict-item]
    return Outgoing("entries", user.encode(), json.dumps(event).encode())


async def test_a_watch_tells_its_own_records_from_others(tmp_path: Path) -> None:
    """Two watches and unwatched senders at once: each hears of its own counted, repeated and refused."""
    settings = Settings(
        embedded=EmbeddedSettings(directory=tmp_path, partitions=PARTITIONS),
        fold=FoldSettings(retention_days=30),
    )
    opened = open_host(settings)
    watches = opened.host.watches
    ours, theirs = watches.open(), watches.open()
    # Each sender has users of its own: a new event, the same again, one that is late, and one that is wrong.
    expected = {"counted": 40, "repeated": 40, "refused": {"late": 40, "unparseable": 40}}

    async def send(name: str, watch_id: str | None) -> None:
        for number in range(40):
            user = f"{name}-{number}"
            records = [entered(user, "a", "11-20"), entered(user, "a", "11-20"), entered(user, "b", "08-01")]
            records.append(Outgoing("steps", user.encode(), b"nonsense"))
            await opened.host.append(records, watch_id)

    # Everything late has something newer before it in its partition.
    await opened.host.append([entered(f"first-{number}", "x", "11-20") for number in range(40)])
    opened.host.start()
    await asyncio.gather(send("o", ours), send("t", theirs), send("n", None), send("u", "unknown"))
    await opened.host.caught_up()
    for watch_id in (ours, theirs):
        found = watches.of(watch_id)
        assert found is not None
        assert found.records == 160
        assert {
            "counted": found.counted,
            "repeated": found.repeated,
            "refused": dict(found.refused),
        } == expected
    assert not watches._ranges, "nothing is kept of what is judged"
    await opened.close()


class Mixed:
    """A log into which two watches and others write, and what of it was read."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.watches = Watches()
        self.ids = (self.watches.open(), self.watches.open())
        places = [(kind, number) for kind in EVENT_KINDS[:3] for number in range(PARTITIONS)]
        self.upcoming = {place: chance.randrange(5) for place in places}
        self.log: dict[tuple[str, int], list[tuple[int, str | None]]] = {place: [] for place in places}
        self.read = dict.fromkeys(places, 0)

    def write(self) -> None:
        """Append records of somebody; sometimes the disk refuses."""
        chance = self.chance
        watch_id = chance.choice((*self.ids, None, "unknown"))
        records = [
            Outgoing(kind, b"u", None, partition=number)
            for kind, number in chance.choices(list(self.log), k=chance.randrange(1, 6))
        ]
        noted = self.watches.expect([(records, watch_id)], self.upcoming, PARTITIONS)
        if chance.random() < 0.2:
            self.watches.withdraw(noted)
            return
        for record in records:
            place = (record.kind, record.partition or 0)
            self.log[place].append((self.upcoming[place], watch_id if watch_id in self.ids else None))
            self.upcoming[place] += 1

    def next(self, number: int) -> dict[str, list[tuple[int, str | None]]]:
        """Take some records of a partition, each with its watch."""
        taken = {}
        for (kind, home), log in self.log.items():
            start = self.read[kind, home]
            if home == number and (found := log[start : start + self.chance.randrange(8)]):
                taken[kind] = found
                self.read[kind, home] += len(found)
        return taken

    def is_read(self) -> bool:
        """Whether everything was taken."""
        return all(self.read[place] == len(log) for place, log in self.log.items())


@pytest.mark.parametrize("seed", range(20))
def test_shares_cut_records_where_the_watch_changes(seed: int) -> None:
    """Whatever the slices: every record comes once, in order, in a share of its own watch only."""
    mixed = Mixed(random.Random(seed))
    for _ in range(60):
        mixed.write()
    sizes: Counter[str | None] = Counter()
    while not mixed.is_read():
        number = mixed.chance.randrange(PARTITIONS)
        taken = mixed.next(number)
        came: dict[str, list[tuple[int, str | None]]] = {}
        by_kind = {
            kind: [LogRecord(offset, 0, b"u", None) for offset, _ in found] for kind, found in taken.items()
        }
        for watch_id, share in mixed.watches.shares(number, by_kind):
            size = sum(map(len, share.values()))
            sizes[watch_id] += size
            for kind, part in share.items():
                came.setdefault(kind, []).extend((one.offset, watch_id) for one in part)
            mixed.watches.judged(watch_id, number, share, {}, {"accepted_total": size})
        assert came == taken
    for watch_id in mixed.ids:
        of = mixed.watches.of(watch_id)
        assert of is not None
        assert of.records == of.counted == sizes[watch_id] > 0


async def test_what_cannot_be_written_belongs_to_no_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes back what a watch expected; the offsets go to whoever writes next."""
    log = DurableLog.open(tmp_path, EVENT_KINDS, 1)
    commit = GroupCommit(log)
    watch_id = commit.watches.open()
    with monkeypatch.context() as full:

        def refuse(records: object) -> None:
            raise OSError(28, "No space left on device")

        full.setattr(log, "append", refuse)
        with pytest.raises(SinkFailedError):
            await commit.append([Outgoing("steps", b"u", b"lost")], watch_id)
    await commit.append([Outgoing("steps", b"u", b"others")])
    found = commit.watches.of(watch_id)
    assert found is not None
    assert found.records == 0
    by_kind = {"steps": [LogRecord(0, 0, b"u", b"others")]}
    assert [share for share, _ in commit.watches.shares(0, by_kind)] == [None]
    await commit.close()
    log.close()


def test_the_oldest_watch_is_forgotten() -> None:
    """The number of watches has a limit; one that is looked at stays."""
    watches = Watches()
    first, second = watches.open(), watches.open()
    for _ in range(MAXIMUM_WATCHES - 2):
        watches.open()
    assert watches.of(first) is not None
    watches.open()
    assert watches.of(second) is None
    assert watches.of(first) is not None


async def test_a_watch_over_http(tmp_path: Path) -> None:
    """A sender opens a watch, names it with its events, and reads what became of them."""
    opened = open_host(Settings(embedded=EmbeddedSettings(directory=tmp_path)))
    opened.host.start()
    host = opened.host
    app = Litestar([ingest_router(host, watched=host.append), watches_router(host.watches)])
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://wayfold") as client:
        watch_id = (await client.post("/v1/watches")).json()["watch_id"]
        body = b"[" + b",".join(entered("ann", each, "11-20").value or b"" for each in "aab") + b"]"
        headers = {"content-type": "application/json", "x-wayfold-watch": watch_id}
        assert (await client.post("/v1/events", content=body, headers=headers)).status_code == 202
        del headers["x-wayfold-watch"]
        assert (await client.post("/v1/events", content=body, headers=headers)).status_code == 202
        await host.caught_up()
        assert (await client.get(f"/v1/watches/{watch_id}")).json() == {
            "watch_id": watch_id,
            "records": 3,
            "counted": 2,
            "repeated": 1,
            "refused": {},
        }
        gone = await client.get("/v1/watches/nobody")
        assert (gone.status_code, gone.json()["type"]) == (404, "urn:wayfold:problem:unknown-watch")
    await opened.close()
