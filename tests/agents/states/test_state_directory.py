"""A state directory belongs to one worker and to one set of topics."""

import os
from pathlib import Path

import pytest

from tests.state.snapshots.logs import LOG, calendar, log_like
from wayfold.agents.states import state_directory as module
from wayfold.agents.states.state_directory import StateDirectory, StateDirectoryError, note_log
from wayfold.state.snapshots.log_identity import LogIdentity


def test_a_directory_is_used_by_one_worker_at_a_time(tmp_path: Path) -> None:
    """A second worker is told to take a directory of its own, until the first is done."""
    first = StateDirectory.open(tmp_path / "state", LOG)
    with pytest.raises(StateDirectoryError, match="in use by another worker"):
        StateDirectory.open(tmp_path / "state", LOG)
    first.close()
    StateDirectory.open(tmp_path / "state", LOG).close()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            log_like(partitions=8),
            "partitions: 4 then, 8 now",
        ),
        (
            log_like(partitioner="crc32"),
            "partitioner: murmur2 then",
        ),
        (
            log_like(topic_ids={"t.entries": "a", "t.steps": "c"}),
            "t.steps was deleted and created again",
        ),
        (
            log_like(topic_ids={"u.entries": "d"}),
            "it was folded from t.entries, t.steps",
        ),
    ],
)
def test_state_of_other_topics_is_refused(tmp_path: Path, other: LogIdentity, message: str) -> None:
    """State is never mixed with records that it does not belong to."""
    StateDirectory.open(tmp_path, LOG).close()
    with pytest.raises(StateDirectoryError, match=message):
        StateDirectory.open(tmp_path, other)
    StateDirectory.open(tmp_path, LOG).close()


def test_a_new_topic_may_come_to_known_ones(tmp_path: Path) -> None:
    """A later version that folds one topic more keeps its state."""
    StateDirectory.open(tmp_path, LOG).close()
    more = log_like(topic_ids={**LOG.topic_ids, "t.calls": "x"})
    StateDirectory.open(tmp_path, more).close()
    with pytest.raises(StateDirectoryError, match=r"t\.calls was deleted"):
        StateDirectory.open(
            tmp_path,
            log_like(topic_ids={"t.entries": "a", "t.calls": "y"}),
        )


def test_a_damaged_identity_is_refused(tmp_path: Path) -> None:
    """A directory that cannot say what it belongs to is not used."""
    (tmp_path / "log.json").write_text("{")
    with pytest.raises(StateDirectoryError, match="cannot be read"):
        StateDirectory.open(tmp_path, LOG)


def test_held_partitions_are_those_with_a_store(tmp_path: Path) -> None:
    """What is told to the assignor are the stores that are there, with the time of their last write."""
    directory = StateDirectory.open(tmp_path, LOG)
    for number in (0, 3):
        directory.partition_path(number).mkdir()
        (directory.partition_path(number) / "000001.log").write_text("x")
    (tmp_path / "partition-new").mkdir()
    held = directory.held()
    assert set(held) == {0, 3}
    assert all(last_write_s > 0 for last_write_s in held.values())
    directory.close()


def test_state_that_does_not_say_its_log_is_refused(tmp_path: Path) -> None:
    """Stores without the file that names their log are not mixed with any log's records."""
    (tmp_path / "partition-0").mkdir()
    with pytest.raises(StateDirectoryError, match=r"has state \(partition-0\) and no log\.json"):
        StateDirectory.open(tmp_path, LOG)


def test_the_name_of_the_log_is_durable_before_it_is_relied_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rename that makes log.json appear is followed by a sync of its directory."""
    synced: list[list[str]] = []
    monkeypatch.setattr(
        module,
        "sync_directory",
        lambda directory: synced.append(sorted(path.name for path in directory.iterdir())),
    )
    note_log(tmp_path, LOG)
    assert synced == [["log.json"]]


def write_store(directory: Path, log: LogIdentity, last_write_s: int) -> None:
    """Make the state of a log, written last at this time."""
    StateDirectory.open(directory, log).close()
    (directory / "partition-0").mkdir()
    (directory / "partition-0" / "000001.log").write_text("x")
    os.utime(directory / "partition-0" / "000001.log", (last_write_s, last_write_s))


def test_rules_that_change_the_past_refuse_the_state(tmp_path: Path) -> None:
    """Days that were cut by one calendar are not mixed with days that another cuts differently."""
    then = log_like(calendar=calendar("2025a", (0, 3_600), (1_700_000_000, 7_200)))
    write_store(tmp_path, then, 1_750_000_000)
    now = log_like(calendar=calendar("2026b", (0, 3_600), (1_700_003_600, 7_200)))
    StateDirectory.open(tmp_path, then).close()
    with pytest.raises(
        StateDirectoryError, match=r"2025a then and is 2026b now.*Europe/Berlin from 2023-11-14T"
    ):
        StateDirectory.open(tmp_path, now)
    StateDirectory.open(tmp_path, then).close()


def test_rules_that_change_the_future_do_not_refuse_the_state(tmp_path: Path) -> None:
    """Another version of the time zone database is used when it cuts everything that was folded alike."""
    then = log_like(calendar=calendar("2025a", (0, 3_600)))
    now = log_like(calendar=calendar("2026b", (0, 3_600), (1_750_100_000, 7_200)))
    write_store(tmp_path, then, 1_750_000_000)
    StateDirectory.open(tmp_path, now).close()
    with pytest.raises(StateDirectoryError, match="2026b"):
        StateDirectory.open(tmp_path, log_like(calendar=calendar("2027a", (0, 0))))
