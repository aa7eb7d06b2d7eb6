"""A state directory belongs to one worker and to one set of topics."""

from pathlib import Path

import msgspec
import pytest

from wayfold.agents.worker.state_directory import StateDirectory, StateDirectoryError, StateIdentity

TOPICS = StateIdentity(partitions=4, partitioner="murmur2", topic_ids={"t.entries": "a", "t.steps": "b"})


def test_a_directory_is_used_by_one_worker_at_a_time(tmp_path: Path) -> None:
    """A second worker is told to take a directory of its own, until the first is done."""
    first = StateDirectory.open(tmp_path / "state", TOPICS)
    with pytest.raises(StateDirectoryError, match="in use by another worker"):
        StateDirectory.open(tmp_path / "state", TOPICS)
    first.close()
    StateDirectory.open(tmp_path / "state", TOPICS).close()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            StateIdentity(partitions=8, partitioner="murmur2", topic_ids=TOPICS.topic_ids),
            "partitions: 4 then, 8 now",
        ),
        (
            StateIdentity(partitions=4, partitioner="crc32", topic_ids=TOPICS.topic_ids),
            "partitioner: murmur2 then",
        ),
        (
            StateIdentity(partitions=4, partitioner="murmur2", topic_ids={"t.entries": "a", "t.steps": "c"}),
            "the topic t.steps was deleted and created again",
        ),
        (
            StateIdentity(partitions=4, partitioner="murmur2", topic_ids={"u.entries": "d"}),
            "it was folded from t.entries, t.steps",
        ),
    ],
)
def test_state_of_other_topics_is_refused(tmp_path: Path, other: StateIdentity, message: str) -> None:
    """State is never mixed with records that it does not belong to."""
    StateDirectory.open(tmp_path, TOPICS).close()
    with pytest.raises(StateDirectoryError, match=message):
        StateDirectory.open(tmp_path, other)
    StateDirectory.open(tmp_path, TOPICS).close()


def test_a_new_topic_may_come_to_known_ones(tmp_path: Path) -> None:
    """A later version that folds one topic more keeps its state."""
    StateDirectory.open(tmp_path, TOPICS).close()
    more = msgspec.structs.replace(TOPICS, topic_ids={**TOPICS.topic_ids, "t.calls": "x"})
    StateDirectory.open(tmp_path, more).close()
    with pytest.raises(StateDirectoryError, match=r"t\.calls was deleted"):
        StateDirectory.open(
            tmp_path,
            StateIdentity(partitions=4, partitioner="murmur2", topic_ids={"t.entries": "a", "t.calls": "y"}),
        )


def test_a_damaged_identity_is_refused(tmp_path: Path) -> None:
    """A directory that cannot say what it belongs to is not used."""
    (tmp_path / "worker.json").write_text("{")
    with pytest.raises(StateDirectoryError, match="cannot be read"):
        StateDirectory.open(tmp_path, TOPICS)


def test_held_partitions_are_those_with_a_store(tmp_path: Path) -> None:
    """What is told to the assignor are the stores that are there, with the time of their last write."""
    directory = StateDirectory.open(tmp_path, TOPICS)
    for number in (0, 3):
        directory.partition_path(number).mkdir()
        (directory.partition_path(number) / "000001.log").write_text("x")
    (tmp_path / "partition-new").mkdir()
    held = directory.held()
    assert set(held) == {0, 3}
    assert all(last_write_s > 0 for last_write_s in held.values())
    directory.close()
