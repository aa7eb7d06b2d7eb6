"""What is read in pieces is of one commit, whatever is folded and committed meanwhile."""

import pytest

from tests.state.draining import drained
from tests.state.test_partition import DEFINITION, JOURNEY, entered, event, exited, fold, opened
from wayfold.state.partition import Partition
from wayfold.state.reading.partition_numbers import JudgedAnewError
from wayfold.state.reading.query import Query

JOURNEYS = [f"j{number}" for number in range(5)]
RANGES = (("2026-11-01", "2026-11-02"), ("2026-11-02", "2026-11-03"))
QUERIES = [
    Query(detail="summary"),
    Query(detail="summary", version=1),
    Query(detail="summary", start="2026-11-01", end="2026-11-04"),
    Query(ranges=RANGES),
    Query(ranges=RANGES, step_id="mail"),
    Query(ranges=RANGES, number="total_entries"),
    Query(ranges=RANGES, number="sent.messages"),
]


@pytest.fixture(params=[0, 10_000])
def partition(request: pytest.FixtureRequest) -> Partition:
    """Five journeys with entries, exits and messages, in cells or in the journal."""
    partition = opened(journal_records=request.param)
    for journey in JOURNEYS:
        fold(partition, "definitions", {**DEFINITION, "event_id": f"d-{journey}", "journey_id": journey})
    change(partition, "ann", "01")
    return partition


def change(partition: Partition, user: str, day: str) -> None:
    """Let a user enter each journey, be mailed and leave; the window is open until the next comes."""
    for journey in JOURNEYS:
        common = {"journey_id": journey}
        fold(partition, "entries", entered(f"e-{user}-{journey}", f"{day}T10:00:00", user, **common))
        message = {**JOURNEY, **common, "entry_id": f"n-{user}", "step_id": "mail", "channel": "email"}
        fold(
            partition,
            "messages",
            event("message.sent", f"s-{user}", f"{day}T10:00:00.500", user, message_id="m", **message),
        )
        left = {**exited(f"{day}T10:00:00", user), **common, "event_id": f"x-{user}"}
        fold(partition, "entries", left)


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_an_answer_is_that_of_the_commit_before_it_was_begun(partition: Partition, query: Query) -> None:
    """What is committed between its pieces is not in it."""
    before = drained(partition.read(query))
    pieces = partition.read(query)
    next(pieces)
    change(partition, "bob", "01")
    change(partition, "cem", "02")
    after = drained(partition.read(query))
    assert drained(pieces) == before
    assert after["offsets"] != before["offsets"]
    assert after["journeys"] != before["journeys"]


def test_a_journey_that_is_judged_anew(partition: Partition) -> None:
    """Meanwhile a summary shows the journey as it was, and a range or a series has no answer."""
    small = opened(judged_histories=1)
    for user in ("ann", "bob", "cem"):
        fold(small, "entries", entered(f"e-{user}", user=user))
    before = drained(small.read(Query(detail="summary")))["journeys"]
    fold(small, "definitions", DEFINITION)
    assert small.judging_since_ms is not None
    during = drained(small.read(Query(detail="summary")))["journeys"]
    assert [row["views"]["journey"]["total_entries"] for row in (*before, *during)] == [3, 3]
    for query in QUERIES[1:]:
        with pytest.raises(JudgedAnewError):
            drained(small.read(query))
