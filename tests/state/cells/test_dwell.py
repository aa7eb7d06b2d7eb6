"""Dwell times: percentiles from buckets that stay within one percent of the truth."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from wayfold.state.cells.dwell import bucket_of, dwell_of, percentile_ms

DWELLS_MS = st.integers(min_value=0, max_value=10**13)


@given(DWELLS_MS)
def test_a_bucket_stands_for_its_times_within_one_percent(dwell_ms: int) -> None:
    """What a bucket answers is at most 1 % away from every time in it."""
    assert abs(dwell_of(bucket_of(dwell_ms)) - dwell_ms) * 100 <= dwell_ms


@given(st.lists(DWELLS_MS, min_size=1, max_size=60), st.sampled_from([50, 90, 99]))
def test_a_percentile_is_within_one_percent_of_the_nearest_rank(dwells_ms: list[int], percent: int) -> None:
    """The percentile of a histogram is within 1 % of the exact nearest-rank percentile."""
    found = percentile_ms(Counter(map(bucket_of, dwells_ms)), percent)
    exact = sorted(dwells_ms)[-(-percent * len(dwells_ms) // 100) - 1]
    assert found is not None
    assert abs(found - exact) * 100 <= exact


def test_nothing_has_no_percentile() -> None:
    """Without a sample there is no percentile."""
    assert percentile_ms({}, 50) is None
