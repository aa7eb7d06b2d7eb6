"""Open windows in an audit: how many there are now and later, and when they close."""

import re
from collections.abc import Callable, Iterator, Mapping
from struct import Struct

import pytest

from tests.audit.folded import Folded
from tests.oracle.story import DAY_MS, HOUR_MS, defined, entered, exited, goal
from wayfold.audit.oracle.times import instant_ms
from wayfold.audit.questions import Scope, later_instants
from wayfold.models.zone import MINUTE_MS
from wayfold.state.histories.closings import CONVERTED, UNCONVERTED
from wayfold.state.reading.query import Query
from wayfold.state.store import keys

LAST_MS = instant_ms("2026-11-08T09:00:00Z")
closing_fields = Struct(">cIQQIIQ").unpack
SEEDS = range(5)
OPEN_PATH = re.compile(r".*numbers\.(conversion_rate|total_exits)_open\.(entries|closes_at)")


def story() -> Iterator[dict[str, object]]:
    """Ten users whose windows close one after another, a day apart; every third has converted."""
    yield defined(window_ms=10 * DAY_MS)
    for number in range(10):
        day = f"2026-10-{20 + number}"
        yield entered(f"u{number}", f"{day}T08:00:00Z")
        yield exited(f"u{number}", f"{day}T09:00:00Z")
        if number % 3 == 0:
            yield goal(f"u{number}", f"{day}T08:30:00Z")


def closings(folded: Folded) -> list[tuple[int, bytes, bytes]]:
    """Rows of open windows, by when they close: the partition, the key, the value."""
    rows = [
        (number, key, value)
        for number, store in enumerate(folded.stores)
        for key, value in store.scan(keys.CLOSING, keys.after(keys.CLOSING))
    ]
    return sorted(rows, key=lambda row: closes_at_ms(row[1]))


Damage = Callable[[bytes, bytes], Mapping[bytes, bytes]]
"""What becomes of a row, from its key and value."""


def lost(key: bytes, value: bytes) -> Mapping[bytes, bytes]:
    return {}


def taken_for_the_other(key: bytes, value: bytes) -> Mapping[bytes, bytes]:
    return {key: UNCONVERTED if value == CONVERTED else CONVERTED}


def doubled(key: bytes, value: bytes) -> Mapping[bytes, bytes]:
    return {key: value, closing_later(key, MINUTE_MS): value}


def closing_among_the_last(key: bytes, value: bytes) -> Mapping[bytes, bytes]:
    return {closing_later(key, LAST_MS - HOUR_MS - closes_at_ms(key)): value}


def closing_later(key: bytes, later_ms: int) -> bytes:
    kind, scope, version, at_ms, *identity = closing_fields(key)
    return keys.closing_key(kind, scope, version, at_ms + later_ms, *identity)


def closes_at_ms(key: bytes) -> int:
    return int(closing_fields(key)[3])


@pytest.mark.parametrize("seed", SEEDS)
async def test_windows_are_equal_now_and_later(seed: int) -> None:
    """What is open at instants between the watermark and the last closing is compared, and is equal."""
    folded = Folded(story())
    said = await folded.numbers(Query())
    assert closes_at_ms(closings(folded)[-1][1]) == LAST_MS
    instants = later_instants(Scope(seed=seed), said)
    assert sorted(set(instants)) == list(instants)
    assert said.watermark_ms < instants[0] < instants[-1] <= LAST_MS
    assert later_instants(Scope(seed=seed), await folded.numbers(Query(), LAST_MS + 1)) == ()
    assert (await folded.audited(seed)).differences == []


@pytest.mark.parametrize("damage", [lost, taken_for_the_other, doubled, closing_among_the_last])
@pytest.mark.parametrize("place", [1, 3, 4])
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_damaged_window_is_found(damage: Damage, place: int, seed: int) -> None:
    """A window that is lost, doubled, converted or not, or closes too late, differs, and nothing else."""
    folded = Folded(story())
    number, key, value = closings(folded)[place]
    del folded.stores[number].pairs[key]
    folded.stores[number].write(list(damage(key, value).items()))
    found = (await folded.audited(seed)).differences
    assert found
    assert [difference.path for difference in found if not OPEN_PATH.fullmatch(difference.path)] == []
