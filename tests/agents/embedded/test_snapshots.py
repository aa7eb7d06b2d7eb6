"""The embedded host takes snapshots, trims its log by them, and begins from them."""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wayfold.agents.embedded.log import LogUnusableError
from wayfold.agents.embedded.open import Opened, events_directory, open_host, state_directory
from wayfold.agents.sink import Outgoing
from wayfold.agents.states.lost_records import START_AT_OLDEST, LostRecordsError
from wayfold.agents.states.snapshotting import SnapshotTaker
from wayfold.agents.states.state_directory import StateDirectoryError
from wayfold.models.definition_file import parse_definition
from wayfold.settings import EmbeddedSettings, Settings, StateSettings
from wayfold.state.reading.query import Query

DAY_MS = 86_400_000
NOON_MS = 1_793_534_400_000  # 2026-11-01T12:00:00Z
DEFINITION = Outgoing(
    "definitions",
    None,
    parse_definition(
        b'{"journey_id":"welcome","journey_version":1,"name":"Welcome","goal":{"name":"bought"},'
        b'"conversion_window":"3d","steps":[{"step_id":"hello","name":"Hello","type":"wait"}]}'
    ).to_event(datetime(2026, 11, 1, tzinfo=UTC)),
)


def settings_of(directory: Path, **embedded: object) -> Settings:
    given = {"directory": directory / "data", "segment_bytes": 4_096, "partitions": 2, **embedded}
    return Settings(
        embedded=EmbeddedSettings.model_validate(given),
        state=StateSettings(snapshot_url=str(directory / "snapshots")),
    )


def entries(start: int, end: int) -> list[Outgoing]:
    """Entries of this many users, one each."""
    return [
        Outgoing(
            "entries",
            b"user-%d" % number,
            json.dumps(
                {
                    "type": "journey.entered",
                    "event_id": f"e-{number}",
                    "occurred_at": "2026-11-01T12:00:00Z",
                    "user_id": f"user-{number}",
                    "journey_id": "welcome",
                    "journey_version": 1,
                    "entry_id": f"n-{number}",
                }
            ).encode(),
        )
        for number in range(start, end)
    ]


def append(opened: Opened, records: Sequence[Outgoing]) -> None:
    """Append records in small groups, as of noon."""
    for start in range(0, len(records), 10):
        opened.host.log.append(records[start : start + 10], timestamp_ms=NOON_MS)


def shares(opened: Opened) -> list[object]:
    """What every partition answers."""
    return [partition.partial(Query(), {"default": NOON_MS}) for partition in opened.partitions]


def taker(opened: Opened) -> SnapshotTaker:
    assert opened.snapshots is not None
    return opened.snapshots


async def counted(settings: Settings, records: Sequence[Outgoing]) -> list[object]:
    """Start the host, count records, take snapshots and stop it; give the answers."""
    opened = open_host(settings)
    append(opened, records)
    opened.host.start()
    await opened.host.caught_up()
    await taker(opened).take_all()
    found = shares(opened)
    await opened.close()
    return found


async def opened_again(settings: Settings) -> tuple[list[object], dict[str, int]]:
    """Start the host, let it catch up and stop it; give the answers, and what it began with."""
    opened = open_host(settings)
    begun = {str(each.number): each.sequence for each in opened.partitions}
    opened.host.start()
    await opened.host.caught_up()
    found = shares(opened)
    await opened.close()
    return found, begun


async def test_state_that_is_gone_comes_back_from_a_snapshot(tmp_path: Path) -> None:
    """With state/ removed the host begins at the snapshot and folds only what came after it."""
    settings = settings_of(tmp_path)
    await counted(settings, [DEFINITION, *entries(0, 300)])
    opened = open_host(settings)
    append(opened, entries(300, 400))
    opened.host.start()
    await opened.host.caught_up()
    expected = shares(opened)
    await opened.close()
    shutil.rmtree(state_directory(settings.embedded.directory))
    found, begun = await opened_again(settings)
    assert found == expected
    assert sum(begun.values()) == 302


async def test_two_hosts_share_a_place_and_never_meet(tmp_path: Path) -> None:
    """Snapshots of another host at the address are not restored, not listed, and not deleted."""
    one, two = settings_of(tmp_path / "one"), settings_of(tmp_path / "two")
    place = StateSettings(snapshot_url=str(tmp_path / "shared"), snapshot_keep=1)
    one, two = (each.model_copy(update={"state": place}) for each in (one, two))
    expected = await counted(one, entries(0, 50))
    files = {path: path.read_bytes() for path in (tmp_path / "shared").rglob("*") if path.is_file()}
    for number in range(3):
        await counted(two, entries(100 + number, 101 + number))
    assert all(path.read_bytes() == data for path, data in files.items())
    shutil.rmtree(state_directory(one.embedded.directory))
    assert (await opened_again(one))[0] == expected


async def test_a_log_made_anew_takes_no_state_of_the_old_one(tmp_path: Path) -> None:
    """State and snapshots of a log that was deleted are refused and passed over: the new log counts."""
    settings = settings_of(tmp_path)
    await counted(settings, entries(0, 50))
    shutil.rmtree(events_directory(settings.embedded.directory))
    with pytest.raises(StateDirectoryError, match=r"deleted and created again.*Or move .* away"):
        open_host(settings)
    shutil.rmtree(state_directory(settings.embedded.directory))
    found, begun = await opened_again(settings)
    assert sum(begun.values()) == 0
    assert all(share["journeys"] == [] for share in found)  # type: ignore[index]


async def test_the_log_is_kept_for_ever_unless_told_otherwise(tmp_path: Path) -> None:
    """Without a retention no file of the log goes, however old and however many snapshots hold it."""
    settings = settings_of(tmp_path)
    await counted(settings, entries(0, 300))
    names = [path.name for path in events_directory(settings.embedded.directory).glob("*.log")]
    assert "00000000000000000000.log" in names
    assert len(names) > 5


async def test_a_trimmed_log_and_a_snapshot_are_as_good_as_the_whole(tmp_path: Path) -> None:
    """What was trimmed is in the snapshots: without state/ all numbers come back, and count on."""
    settings = settings_of(tmp_path, log_retention_days=1)
    expected = await counted(settings, [DEFINITION, *entries(0, 300)])
    directory = events_directory(settings.embedded.directory)
    assert not (directory / "00000000000000000000.log").exists()
    shutil.rmtree(state_directory(settings.embedded.directory))
    found, begun = await opened_again(settings)
    assert found == expected
    assert sum(begun.values()) == 302
    assert not (state_directory(settings.embedded.directory) / "snapshot-read-back").exists()


@pytest.mark.parametrize("damage", ["no snapshot", "a file of it is gone", "a file of it is another"])
async def test_nothing_is_trimmed_that_no_whole_snapshot_holds(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot is read back before the log is trimmed by it; one that is not whole counts for none."""
    settings = settings_of(tmp_path, log_retention_days=1)
    opened = open_host(settings)
    append(opened, entries(0, 300))
    opened.host.start()
    await opened.host.caught_up()
    trim = taker(opened).after
    snapshots = taker(opened)._snapshots

    async def later() -> None:
        """Do not trim yet."""

    taker(opened).after = later
    if damage != "no snapshot":
        await taker(opened).take_all()
        victim = max(
            (tmp_path / "snapshots").rglob("partition-1/files/*"), key=lambda path: path.stat().st_size
        )
        if damage == "a file of it is gone":
            victim.unlink()
        else:
            victim.write_bytes(b"?" * victim.stat().st_size)
    before = list(opened.host.log.segments)
    await trim()
    assert opened.host.log.segments == before
    if damage != "no snapshot":
        shutil.rmtree(tmp_path / "snapshots")
    monkeypatch.setattr(snapshots, "_hashes", {})
    taker(opened)._done.clear()
    await taker(opened).take_all()
    await trim()
    assert len(opened.host.log.segments) < len(before)
    await opened.close()


async def test_a_start_that_would_lack_records_says_which_and_stops(tmp_path: Path) -> None:
    """With state and snapshots gone, what is lost is told before anything is made; the option goes on."""
    settings = settings_of(tmp_path, log_retention_days=1)
    await counted(settings, [DEFINITION, *entries(0, 300)])
    state = state_directory(settings.embedded.directory)
    shutil.rmtree(tmp_path / "snapshots")
    shutil.rmtree(state)
    with pytest.raises(LostRecordsError) as caught:
        open_host(settings)
    message = str(caught.value)
    assert {(one.kind, one.partition, one.start) for one in caught.value.lost} == {
        ("entries", 0, 0),
        ("entries", 1, 0),
    }
    assert message.count("from before 2026-11-01T12:00:00Z") >= 1
    assert START_AT_OLDEST in message
    assert list(state.glob("partition-*")) == []
    lost = sum(one.end for one in caught.value.lost)
    opened = open_host(settings, start_at_oldest=True)
    opened.host.start()
    await opened.host.caught_up()
    assert opened.definition("default", "welcome", 1) is not None
    accepted = sum(each.counters.get("accepted_total", 0) for each in opened.partitions)
    assert accepted == 302 - lost
    await opened.close()
    assert (await opened_again(settings))[1] != {}


async def test_old_state_that_a_trimmed_log_cannot_continue_is_refused(tmp_path: Path) -> None:
    """State that was put back from before the log's beginning is left as it is, with what it lacks."""
    settings = settings_of(tmp_path, log_retention_days=1)
    opened = open_host(settings)
    opened.host.start()
    append(opened, entries(0, 20))
    await opened.host.caught_up()
    await opened.close()
    state = state_directory(settings.embedded.directory)
    shutil.copytree(state, tmp_path / "old")
    await counted(settings, entries(20, 300))
    shutil.rmtree(tmp_path / "snapshots")
    shutil.rmtree(state)
    shutil.copytree(tmp_path / "old", state)
    with pytest.raises(LostRecordsError, match="never folded into this state"):
        open_host(settings)
    with pytest.raises(LostRecordsError):
        open_host(settings, start_at_oldest=True)


async def test_a_log_that_lost_its_end_passes_over_snapshots_that_are_ahead(tmp_path: Path) -> None:
    """A restored older log is not continued from a snapshot of what it has not, once its state is away."""
    settings = settings_of(tmp_path)
    first = await counted(settings, entries(0, 100))
    shutil.copytree(settings.embedded.directory / "log", tmp_path / "older")
    await counted(settings, entries(100, 300))
    shutil.rmtree(settings.embedded.directory / "log")
    shutil.copytree(tmp_path / "older", settings.embedded.directory / "log")
    opened = open_host(settings)
    with pytest.raises(LogUnusableError, match="lost its end"):
        opened.host.start()
    await opened.close()
    shutil.rmtree(state_directory(settings.embedded.directory))
    assert (await opened_again(settings))[0] == first
