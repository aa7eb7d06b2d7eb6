"""Which worker gets which partition: whole partitions over all topics, where their state lies already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from wayfold.agents.kafka.topics import TopicsError

VERSION = 0
Held = Mapping[int, int]
"""Partition → how fresh the copy of its state is that a worker has; greater is fresher."""

_decode_held = msgspec.json.Decoder(dict[str, int]).decode


class CopartitionedAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """Gives a worker the same partition number of every topic.

    Kafka's own assignors deal each topic's partitions out for themselves (round robin), or cannot know
    where state lies (range). This one lets every member tell which partitions it has state of and how fresh
    it is, shares the partitions out evenly, and moves as few away from their freshest copy as it can.
    """

    name = "wayfold-copartitioned"

    def __init__(
        self,
        count_partitions: Callable[[Mapping[str, int]], int],
        held: Callable[[], Held],
        on_problem: Callable[[TopicsError], None],
    ) -> None:
        """Tell it how to check topics, what this worker holds, and whom to tell of topics that do not fit.

        `count_partitions` takes each topic's partition count and returns the one that all have, or raises
        `TopicsError`.
        """
        self._count_partitions = count_partitions
        self._held = held
        self._on_problem = on_problem

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Say what this worker reads and which partitions it has state of."""
        held = {str(number): freshness for number, freshness in self._held().items()}
        return ConsumerProtocolMemberMetadata(VERSION, sorted(topics), msgspec.json.encode(held))

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Share the partitions out; nobody gets any while the topics do not fit together."""
        topics = sorted({topic for metadata in members.values() for topic in metadata.subscription})
        counts = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        try:
            partitions = self._count_partitions(counts)
        except TopicsError as problem:
            self._on_problem(problem)
            partitions = 0
        shares = share_out(partitions, {member: _held_by(metadata) for member, metadata in members.items()})
        return {
            member: ConsumerProtocolMemberAssignment(
                VERSION, [(topic, numbers) for topic in topics] if numbers else [], b""
            )
            for member, numbers in shares.items()
        }

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Do nothing: what is held is looked up afresh each time."""


def share_out(partitions: int, held: Mapping[str, Held]) -> dict[str, list[int]]:
    """Give each member its partitions: numbers of partitions differ by one at most.

    Where the freshest copy of a partition's state lies, it stays, as long as that member has room.
    """
    members = sorted(held)
    shares: dict[str, list[int]] = {member: [] for member in members}
    least, larger = divmod(partitions, len(members))

    def has_room(member: str) -> bool:
        if len(shares[member]) < least:
            return True
        taken = sum(len(numbers) > least for numbers in shares.values())
        return len(shares[member]) == least and taken < larger

    copies = sorted(
        (-freshness, number, member)
        for member in members
        for number, freshness in held[member].items()
        if 0 <= number < partitions
    )
    placed: set[int] = set()
    for _, number, member in copies:
        if number not in placed and has_room(member):
            shares[member].append(number)
            placed.add(number)
    for number in range(partitions):
        if number not in placed:
            shares[next(filter(has_room, members))].append(number)
    return {member: sorted(numbers) for member, numbers in shares.items()}


def _held_by(metadata: ConsumerProtocolMemberMetadata) -> Held:
    try:
        return {int(number): freshness for number, freshness in _decode_held(metadata.user_data).items()}
    except (msgspec.MsgspecError, ValueError):
        return {}
