"""The assignor: whole partitions, evenly, and where their state is."""

from collections.abc import Mapping

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st

from wayfold.agents.kafka.topics import TopicsError, check_counts, event_topics
from wayfold.agents.worker.assignor import CopartitionedAssignor, share_out

MEMBERS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "e"]),
    st.dictionaries(st.integers(0, 12), st.integers(0, 5)),
    min_size=1,
)


class FakeCluster:
    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = counts

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self.counts[topic]))


def assignor(
    held: Mapping[int, int] | None = None, problems: list[TopicsError] | None = None
) -> CopartitionedAssignor:
    return CopartitionedAssignor(
        lambda counts: check_counts(counts, "t"),
        lambda: held or {},
        ([] if problems is None else problems).append,
    )


@given(partitions=st.integers(0, 12), held=MEMBERS)
def test_every_partition_has_one_owner_and_shares_are_even(
    partitions: int, held: dict[str, dict[int, int]]
) -> None:
    """Each partition is given to exactly one worker and no worker has two more than another."""
    shares = share_out(partitions, held)
    assert sorted(number for numbers in shares.values() for number in numbers) == list(range(partitions))
    sizes = [len(numbers) for numbers in shares.values()]
    assert max(sizes) - min(sizes) <= 1


def test_partitions_stay_where_their_freshest_state_is() -> None:
    """A rebalance moves no partition away from its freshest copy when the shares are even anyway."""
    shares = share_out(4, {"a": {0: 5, 1: 5, 2: 1}, "b": {2: 9, 3: 9, 0: 1}})
    assert shares == {"a": [0, 1], "b": [2, 3]}


def test_a_joining_worker_takes_only_its_share() -> None:
    """A worker without state takes what exceeds the other's share, and nothing more moves."""
    shares = share_out(4, {"a": {0: 1, 1: 1, 2: 1, 3: 1}, "b": {}})
    assert shares == {"a": [0, 1], "b": [2, 3]}


def test_a_worker_gets_the_same_partitions_of_every_topic() -> None:
    """Partitions are handed out whole, so that all that belongs to a user meets in one worker."""
    topics = event_topics("t")
    members = {
        name: ConsumerProtocolMemberMetadata(0, topics, assignor(held).metadata(topics).user_data)
        for name, held in {"a": {3: 1}, "b": {0: 1}, "c": {}}.items()
    }
    shares = assignor().assign(FakeCluster(dict.fromkeys(topics, 5)), members)
    by_member = {name: dict(assignment.assignment) for name, assignment in shares.items()}
    for numbers_of in by_member.values():
        assert set(numbers_of) == set(topics)
        assert len({tuple(numbers) for numbers in numbers_of.values()}) == 1
    assert 3 in by_member["a"][topics[0]]
    assert 0 in by_member["b"][topics[0]]


def test_topics_with_unequal_partition_counts_are_given_to_nobody() -> None:
    """A topic that was grown behind our back is reported, and no worker goes on counting wrong."""
    problems: list[TopicsError] = []
    topics = event_topics("t")
    counts = dict.fromkeys(topics, 4) | {"t.steps": 8}
    members = {"a": ConsumerProtocolMemberMetadata(0, topics, b"")}
    shares = assignor(problems=problems).assign(FakeCluster(counts), members)
    assert shares["a"].assignment == []
    assert "t.steps has 8" in str(problems[0])


def test_the_description_of_held_state_survives_the_wire() -> None:
    """What a worker says of its state is read back by the leader as it was said."""
    topics = event_topics("t")
    said = assignor({7: 123, 2: 456}).metadata(topics)
    members = {"a": said, "b": assignor({1: 999}).metadata(topics)}
    shares = assignor().assign(FakeCluster(dict.fromkeys(topics, 8)), members)
    assert {2, 7} <= set(dict(shares["a"].assignment)[topics[0]])
    assert 1 in dict(shares["b"].assignment)[topics[0]]
