"""A verdict follows from the log alone, however it is cut and whichever topic is read first."""

import random
from typing import Any

import pytest

from tests.generators.garbage import MALFORMED
from tests.generators.long_logs import Shape, long_log
from tests.generators.seeded import replay_hint, seeds
from tests.generators.world import HOUR_MS, TIME_ZONES
from tests.properties.executions import answer
from tests.properties.through_apply_batch import Cut, Outcome, folded, settings_of
from wayfold.audit import oracle
from wayfold.audit.oracle.limits import Limits as OracleLimits
from wayfold.state.limits import Limits

DAY_MS = 24 * HOUR_MS
LIMITS: dict[str, int] = {
    "steps": 3,
    "variants": 2,
    "channels": 3,
    "goal_names": 3,
    "nodes": 2,
    "user_events": 9,
}
SMALL = Shape(events=400, hours_apart=24, users=6, names=5, ids=40)
LARGE = Shape(events=12_000, hours_apart=1, users=900, names=4, ids=2_000)
CUTS = (
    Cut("one by one", 1),
    Cut("one by one, interleaved", 1, interleaved=True),
    Cut("fifty", 50),
    Cut("fifty, interleaved, restarted", 50, interleaved=True, restarts=True),
    Cut("at random", 90, at_random=True, interleaved=True, restarts=True),
    Cut("in one go", 1_000_000, interleaved=True),
)
LARGE_CUTS = (
    Cut("fifty", 50, interleaved=True),
    Cut("8,000", 8_000, interleaved=True),
    Cut("50,000", 50_000),
)


def _lumped(reasons: Any) -> dict[tuple[str, int], str]:
    return {place: "malformed" if reason in MALFORMED else reason for place, reason in reasons.items()}


def _check(found: Outcome, expected: oracle.Acceptance) -> None:
    assert _lumped(found.reasons) == _lumped(expected.reasons)
    assert found.counters.get("accepted_total", 0) == len(expected.accepted)
    assert found.counters.get("duplicate_total", 0) == expected.duplicates
    refused = sum(count for name, count in found.counters.items() if name.startswith("refused_total"))
    assert refused == sum(expected.refused.values())
    assert found.watermarks == expected.watermarks
    assert found.conflicts == expected.definition_conflicts
    rows: list[tuple[Any, ...]] = []
    for row in expected.consumption:
        person = (row.account_id, row.month, row.user_id)
        count = sum(other[:3] == person for other in rows[-5:])
        rows.append((*person, count, row.engaged_at_ms, row.billed_at_ms, row.journey_id, row.correction))
    assert list(found.consumption) == sorted(rows)


async def _compare(seed: int, shape: Shape, cuts: tuple[Cut, ...], limits: dict[str, int]) -> set[str]:
    """Fold a log in every cut and compare with the oracle; returns the reasons that occurred."""
    generator = random.Random(seed)
    partitions = 2
    logs = long_log(generator, shape, partitions)
    expected = [
        oracle.accept(
            [(topic, record.offset, record.timestamp, record.key, record.value) for topic, record in log],
            40 * DAY_MS,
            partition=number,
            partitions=partitions,
            limits=OracleLimits(**limits),
            time_zones=TIME_ZONES,
        )
        for number, log in enumerate(logs)
    ]
    numbers = oracle.numbers([event for one in expected for event in one.accepted], TIME_ZONES)
    for cut in cuts:
        settings = settings_of(
            partitions=partitions,
            retention_ms=40 * DAY_MS,
            limits=Limits(**limits),
            cache_histories=generator.choice((3, 8_000)),
            journal_records=generator.choice((0, 40, 10_000)),
            judged_histories=generator.choice((1, 20, 2_000)),
        )
        folds = [await folded(log, number, settings, cut, generator) for number, log in enumerate(logs)]
        for (_, found), wanted in zip(folds, expected, strict=True):
            _check(found, wanted)
        differences = oracle.differences(answer([partition for partition, _ in folds], {}), numbers)
        assert not differences, "\n".join([cut.name, *differences[:20]])
    return {reason for one in expected for reason in one.refused} | {
        "repeated" for one in expected if one.duplicates
    }


@pytest.mark.parametrize("seed", seeds(12, first=900))
async def test_small_logs(seed: int) -> None:
    """A year of events with a retention of 40 days and small limits: the oracle's verdicts in every cut."""
    try:
        reasons = await _compare(seed, SMALL, CUTS, LIMITS)
    except Exception as error:
        error.add_note(replay_hint(seed))
        raise
    assert reasons >= {"late", "limit", "repeated"}


async def test_a_large_log() -> None:
    """Many users over a year in batches of 50, 8,000 and 50,000: the oracle's verdicts, numbers and rows."""
    limits = {**LIMITS, "steps": 4, "user_events": 40}
    reasons = await _compare(7, LARGE, LARGE_CUTS, limits)
    assert reasons >= {"late", "limit", "repeated"}
