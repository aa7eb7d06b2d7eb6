"""Pushes are frequent while the numbers are fresh, and leave the time to the fold while they are not."""

from wayfold.exporters.redis_views.pace import (
    BEHIND_MS,
    LEAST_HISTOGRAM_INTERVAL_S,
    MOST_HISTOGRAM_INTERVAL_S,
    MOST_INTERVAL_S,
    Pace,
)


def test_a_backlog_slows_pushes_down() -> None:
    """The same push is repeated five times as seldom while any partition is behind."""
    lag_ms = {0: 0, 1: BEHIND_MS - 1}
    pace = Pace(0.01, lag_ms)
    fresh_s = pace.interval_s(0.012)
    lag_ms[1] = BEHIND_MS
    assert round(pace.interval_s(0.012) / fresh_s, 3) == 5


def test_intervals_have_bounds() -> None:
    """However cheap or dear a push was, the next comes within the bounds."""
    pace = Pace(0.05, {0: BEHIND_MS})
    assert pace.interval_s(0.0) == 0.05
    assert pace.interval_s(1.0) == MOST_INTERVAL_S
    assert pace.histogram_interval_s(0.0) == LEAST_HISTOGRAM_INTERVAL_S
    assert pace.histogram_interval_s(9.0) == MOST_HISTOGRAM_INTERVAL_S
