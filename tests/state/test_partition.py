"""One partition of the fold, rule by rule, over a store in memory."""

import gc
import json
from typing import Any

import pytest

from wayfold.models.events import END_OF_TIME_MS
from wayfold.models.partitioner import PARTITIONERS
from wayfold.models.record import LogRecord
from wayfold.state.histories.history import History
from wayfold.state.names.catalog import TimeZoneChangedError
from wayfold.state.partition import FoldSettings, Partition
from wayfold.state.reading.numbers import finish
from wayfold.state.reading.query import Query
from wayfold.state.store import keys
from wayfold.state.store.memory_store import MemoryStore

NOW_MS = 1_796_000_000_000
DAY_MS = 86_400_000
JOURNEY = {"journey_id": "welcome", "journey_version": 1}
DEFINITION = {
    **JOURNEY,
    "type": "journey.defined",
    "event_id": "d",
    "occurred_at": "2026-11-01T00:00:00Z",
    "name": "Welcome",
    "steps": [],
    "goal": {"name": "bought"},
    "conversion_window_ms": 1_000,
}


def event(kind: str, event_id: str, at: str, user: str = "ann", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "event_id": event_id, "occurred_at": f"2026-11-{at}Z", "user_id": user, **fields}


def entered(event_id: str, at: str = "01T10:00:00", user: str = "ann", **fields: Any) -> dict[str, Any]:
    return event("journey.entered", event_id, at, user, **{**JOURNEY, "entry_id": f"n-{user}", **fields})


def exited(at: str, user: str = "ann") -> dict[str, Any]:
    return event("journey.exited", "x", at, user, **JOURNEY, entry_id=f"n-{user}", reason="completed")


def record(offset: int, fields: dict[str, Any], key: bytes | None = None) -> LogRecord:
    own = fields["user_id"].encode() if "user_id" in fields else None
    return LogRecord(offset, NOW_MS, own if key is None else key, json.dumps(fields).encode())


def opened(store: MemoryStore | None = None, number: int = 0, **settings: Any) -> Partition:
    return Partition(store or MemoryStore(), number, FoldSettings(**settings))


def fold(partition: Partition, topic: str, *events: dict[str, Any], commit: bool = True) -> None:
    first = partition._pending_offsets.get(topic, 0)
    partition.fold(topic, [record(first + place, fields) for place, fields in enumerate(events)])
    if commit:
        partition.commit()


def journey_of(partition: Partition) -> dict[str, Any]:
    numbers: dict[str, Any] = finish([partition.partial(Query())], Query())["journeys"][0]["numbers"]
    return numbers


def reasons(partition: Partition) -> list[str]:
    return [letter.refusal.reason.value for letter in partition.refused]


def test_what_was_discarded_never_was() -> None:
    """After a discard numbers, offsets and counters stand as of the last commit, and records fold anew."""
    partition = opened()
    fold(partition, "entries", entered("e1"))
    before = partition.partial(Query())
    fold(partition, "entries", entered("e2", user="bob"), commit=False)
    partition.discard()
    assert partition.partial(Query()) == before
    fold(partition, "entries", entered("e2", user="bob"))
    assert journey_of(partition)["total_entries"] == 2


def test_another_process_finds_what_was_committed() -> None:
    """A partition that is opened again on the same store says the same, and folds on."""
    store = MemoryStore()
    partition = opened(store)
    fold(partition, "definitions", DEFINITION)
    fold(partition, "entries", entered("e1"), exited("01T11:00:00"))
    before = partition.partial(Query())
    again = opened(store.restarted())
    assert again.partial(Query()) == before
    fold(again, "entries", entered("e1"))
    assert again.counters["duplicate_total"] == 1


def test_a_failed_write_leaves_nothing_behind() -> None:
    """When the disk refuses a commit, nothing of the batch is in the store."""
    store = MemoryStore()
    partition = opened(store)
    fold(partition, "entries", entered("e1"), commit=False)
    store.fail_next_write(OSError("no space left"))
    with pytest.raises(OSError, match="no space"):
        partition.commit()
    assert opened(store.restarted()).sequence == 0


def test_records_below_the_offset_are_skipped() -> None:
    """A batch that comes again, or overlaps, counts only what is new, and no duplicates."""
    partition = opened()
    records = [record(offset, entered(f"e{offset}", user=f"user-{offset}")) for offset in range(4)]
    partition.fold("entries", records[:3])
    partition.commit()
    partition.fold("entries", records[1:])
    partition.commit()
    assert partition.offsets == {"entries": 4}
    assert partition.counters["accepted_total"] == 4
    assert partition.counters.get("duplicate_total", 0) == 0


def test_offsets_without_records_are_passed_for_good() -> None:
    """Offsets that were reached are committed and found again; what stands below them is folded already."""
    store = MemoryStore()
    partition = opened(store)
    fold(partition, "entries", entered("e"), commit=False)
    partition.reach("entries", 4)
    partition.reach("steps", 2)
    partition.commit()
    assert opened(store).offsets == {"entries": 4, "steps": 2}
    partition.reach("entries", 3)
    partition.fold("entries", [record(2, entered("f", user="bob"))])
    partition.commit()
    assert partition.offsets == {"entries": 4, "steps": 2}
    assert finish([partition.partial(Query())], Query())["journeys"][0]["numbers"]["total_entries"] == 1


def test_a_user_in_a_partition_of_others_is_refused() -> None:
    """A record in another partition than its user's is a dead letter and counts nothing."""
    home = PARTITIONERS["murmur2"](b"ann", 4)
    partition = opened(number=(home + 1) % 4, partitions=4)
    fold(partition, "entries", entered("e1"), commit=False)
    assert reasons(partition) == ["wrong_partition"]
    partition.commit()
    assert partition.counters["refused_total:wrong_partition"] == 1
    assert partition.watermark_ms == -1
    assert partition.partial(Query())["journeys"] == []


@pytest.mark.parametrize("key", [b"bob", b"", b"\xff"])
def test_a_record_keyed_by_something_else_is_refused(key: bytes) -> None:
    """The key must be the user id, or the user's events would lie in several partitions."""
    partition = opened()
    partition.fold("entries", [record(0, entered("e1"), key)])
    assert reasons(partition) == ["wrong_key"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("restarts", [False, True])
def test_the_earliest_definition_of_a_version_holds(order: tuple[int, ...], restarts: bool) -> None:
    """Whatever comes first, the earliest by time and event id decides, and another content is a conflict."""
    without_goal = {name: value for name, value in DEFINITION.items() if name != "goal"}
    events = (
        {**DEFINITION, "event_id": "a", "occurred_at": "2026-11-01T00:00:01Z"},
        DEFINITION,
        {**without_goal, "event_id": "e", "name": "Farewell"},
    )
    store = MemoryStore()
    partition = opened(store)
    fold(partition, "entries", entered("e1"))
    fold(partition, "conversions", event("goal.reached", "g1", "01T10:00:01", name="bought"))
    for place in order:
        fold(partition, "definitions", events[place])
        if restarts:
            store = store.restarted()
            partition = opened(store)
    fold(partition, "definitions", *events)
    assert partition.counters["duplicate_total"] == 3
    assert finish([partition.partial(Query())], Query())["journeys"][0]["name"] == "Welcome"
    assert journey_of(partition)["converted_entries"] == 1
    [scope] = [scope for scope in partition.catalog.numbered if scope.journey_id]
    assert scope.definition_conflicts == {1: 1}


@pytest.mark.parametrize(("after_ms", "count"), [(999, 1), (1_000, 1), (1_001, 0)])
def test_a_window_is_open_until_its_last_millisecond(after_ms: int, count: int) -> None:
    """A window of a second that began with the exit is open at the very end of that second, not after it."""
    partition = opened()
    fold(partition, "definitions", DEFINITION)
    fold(partition, "entries", entered("e1"), exited("01T11:00:00"))
    judged_ms = partition.watermark_ms + after_ms
    numbers = finish([partition.partial(Query(), {"default": judged_ms})], Query())["journeys"][0]["numbers"]
    assert numbers["total_exits_open"]["entries"] == count
    assert numbers["conversion_rate_open"]["entries"] == count


def test_money_is_exact_beyond_64_bits() -> None:
    """Sums far beyond 64 bits of billionths stay exact to the last decimal, over all time and in a range."""
    partition = opened()
    fold(partition, "definitions", DEFINITION)
    fold(partition, "entries", entered("e1"))
    paid = {"name": "bought", "value": "999999999999999.999999999", "currency": "EUR"}
    fold(
        partition, "conversions", *(event("goal.reached", f"g{n}", "02T10:00:00", **paid) for n in range(40))
    )
    for query in (Query(), Query(start="2026-11-02", end="2026-11-03")):
        numbers = finish([partition.partial(query)], query)["journeys"][0]["numbers"]
        assert numbers["conversion_values"] == {"EUR": "39999999999999999.99999996"}


def test_a_small_cache_changes_no_number() -> None:
    """With room for a few histories only, every number is what it is with room for all."""
    small, large = opened(cache_histories=4), opened(cache_histories=10_000)
    for partition in (small, large):
        fold(partition, "definitions", DEFINITION)
        for number in range(60):
            user = f"user-{number * 7 % 30}"
            entry = {"entry_id": f"n-{number}"}
            fold(partition, "entries", entered(f"e{number}", user=user, **entry))
        fold(partition, "entries", *(exited("02T10:00:00", f"user-{number}") for number in range(30)))
    assert small.partial(Query()) == large.partial(Query())
    sliced = Query(start="2026-11-01", end="2026-11-02", clock="entry")
    assert small.partial(sliced) == large.partial(sliced)


@pytest.mark.parametrize(("batches", "size", "most"), [(60, 50, 1_000), (4, 3_000, 3_000)])
def test_what_a_cache_forgets_is_freed(batches: int, size: int, most: int) -> None:
    """However many users come, the cache holds two generations, and a few small ones wait to be freed."""

    def alive() -> int:
        gc.collect()
        return sum(isinstance(found, History) for found in gc.get_objects())

    before, partition = alive(), opened(cache_histories=50)
    for batch in range(batches):
        users = [f"user-{batch}-{number}" for number in range(size)]
        fold(partition, "entries", *(entered(f"e-{user}", user=user) for user in users))
    assert alive() - before <= most


@pytest.mark.parametrize("time_zone", ["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_the_first_and_the_last_instant_are_counted(time_zone: str) -> None:
    """An event of the first or the last second there is stops no worker, whatever the clock there shows."""
    for at in ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        partition = opened(time_zone=time_zone, journal_records=0)
        fields = {**entered("e"), "occurred_at": at}
        partition.fold("entries", [LogRecord(0, END_OF_TIME_MS - 1, b"ann", json.dumps(fields).encode())])
        partition.commit()
        assert journey_of(partition)["total_entries"] == 1


def test_another_time_zone_is_refused() -> None:
    """Hours and days were cut by one clock: opening the store with another is refused, with the way out."""
    store = MemoryStore()
    fold(opened(store, time_zone="Europe/Amsterdam"), "entries", entered("e1"))
    with pytest.raises(TimeZoneChangedError, match="Europe/Amsterdam"):
        opened(store.restarted(), time_zone="Asia/Tokyo")


def test_late_and_future_are_judged_to_the_millisecond() -> None:
    """As old as the retention is taken and a millisecond more is late; an hour ahead is just taken."""
    partition = opened(retention_ms=DAY_MS)
    fold(
        partition,
        "entries",
        entered("e1", "03T10:00:00"),
        entered("e2", "02T10:00:00", "bob"),
        entered("e3", "02T09:59:59.999", "eve"),
        commit=False,
    )
    assert reasons(partition) == ["late"]
    hour_ahead = LogRecord(
        3,
        1_793_700_000_000 - 3_600_000,
        b"joe",
        json.dumps(entered("e4", "03T10:00:00", "joe")).encode(),
    )
    too_far = LogRecord(4, hour_ahead.timestamp - 1, b"joe", hour_ahead.value)
    partition.fold("entries", [hour_ahead, too_far])
    assert reasons(partition) == ["late", "future"]


def test_a_partial_says_what_it_reflects() -> None:
    """A share of the numbers comes with the offsets and counters of the same commit."""
    partition = opened()
    fold(partition, "entries", entered("e1"), entered("e1"))
    fold(partition, "entries", entered("e2", user="bob"), commit=False)
    partial = partition.partial(Query())
    assert (partial["partition"], partial["offsets"]) == (0, {"entries": 2})
    assert partial["counters"] == {"accepted_total": 1, "duplicate_total": 1}


def test_shares_of_partitions_add_up() -> None:
    """Users spread over partitions give the document that one partition with all of them gives."""
    whole, parts = opened(), [opened(number=number, partitions=3) for number in range(3)]
    for number in range(20):
        user = f"user-{number}"
        home = parts[PARTITIONERS["murmur2"](user.encode(), 3)]
        for partition in (whole, home):
            fold(partition, "entries", entered(f"e{number}", user=user), exited("01T12:00:00", user))
    document = finish([part.partial(Query(), whole.watermarks) for part in parts], Query())
    assert document == finish([whole.partial(Query())], Query())


def test_windows_that_passed_leave_no_rows_after_a_restart() -> None:
    """A version without a definition closes its windows too when another process goes on with it."""
    store = MemoryStore()
    fold(opened(store), "entries", entered("e1"), exited("01T11:00:00"))
    again = opened(store.restarted())
    fold(again, "conversions", event("goal.reached", "g1", "20T10:00:00", name="bought"))
    assert list(again.store.scan(keys.CLOSING, keys.after(keys.CLOSING))) == []
